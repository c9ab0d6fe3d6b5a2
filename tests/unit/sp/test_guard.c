#include "base/alloc.h"
#include "base/text.h"
#include "sp/guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static char folder[64];
static char path[96];
static char url[128];

static int make_folder(void **state)
{
    (void)state;
    (void)trivet_text_copy(folder, sizeof(folder), "/tmp/trivet-guard-XXXXXX");
    if (!mkdtemp(folder)) {
        return -1;
    }
    (void)trivet_text_format(path, sizeof(path), "%s/s", folder);
    (void)trivet_text_format(url, sizeof(url), "ipc://%s", path);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    char lock[112];
    (void)trivet_text_format(lock, sizeof(lock), "%s.lock", path);
    (void)unlink(path);
    (void)unlink(lock);
    return rmdir(folder);
}

static void only_one_serves_a_path(void **state)
{
    (void)state;
    struct trivet_sp_guard *first;
    struct trivet_sp_guard *second = NULL;
    struct trivet_error err;
    assert_int_equal(trivet_sp_guard_take(url, &first, NULL), TRIVET_OK);
    assert_int_equal(trivet_sp_guard_take(url, &second, &err), TRIVET_FAILED_PRECONDITION);
    assert_null(second);
    assert_non_null(strstr(err.message, path));
    trivet_sp_guard_release(first);
    assert_int_equal(trivet_sp_guard_take(url, &second, &err), TRIVET_OK);
    trivet_sp_guard_release(second);
    trivet_sp_guard_release(NULL);
}

static void a_socket_left_behind_is_removed(void **state)
{
    (void)state;
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    assert_true(trivet_text_copy(address.sun_path, sizeof(address.sun_path), path));
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    close(fd);
    assert_int_equal(access(path, F_OK), 0);
    struct trivet_sp_guard *guard;
    assert_int_equal(trivet_sp_guard_take(url, &guard, NULL), TRIVET_OK);
    assert_int_not_equal(access(path, F_OK), 0);
    trivet_sp_guard_release(guard);
}

static void a_folder_of_others_is_refused(void **state)
{
    (void)state;
    struct trivet_sp_guard *guard;
    assert_int_equal(chmod(folder, 0770), 0);
    assert_int_equal(trivet_sp_guard_take(url, &guard, NULL), TRIVET_FAILED_PRECONDITION);
    assert_int_equal(chmod(folder, 0700), 0);
}

static void other_urls(void **state)
{
    (void)state;
    char long_url[200] = "ipc:///";
    struct trivet_sp_guard *guard = (struct trivet_sp_guard *)folder;
    memset(long_url + 7, 'a', 107);
    assert_int_equal(trivet_sp_guard_take(long_url, &guard, NULL), TRIVET_INVALID_ARGUMENT);
    assert_int_equal(trivet_sp_guard_take("ipc://a", &guard, NULL), TRIVET_INVALID_ARGUMENT);
    assert_int_equal(trivet_sp_guard_take("tcp://127.0.0.1:1", &guard, NULL), TRIVET_OK);
    assert_null(guard);
    trivet_alloc_fail_at(1);
    assert_int_equal(trivet_sp_guard_take(url, &guard, NULL), TRIVET_RESOURCE_EXHAUSTED);
    trivet_alloc_fail_at(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_one_serves_a_path),
        cmocka_unit_test(a_socket_left_behind_is_removed),
        cmocka_unit_test(a_folder_of_others_is_refused),
        cmocka_unit_test(other_urls),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
