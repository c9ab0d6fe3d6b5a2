#include "base/log.h"
#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CAPTURE_BYTES (1 << 20)

static char captured[CAPTURE_BYTES];

static int capture_begin(int *saved)
{
    char path[] = "test_log-XXXXXX"; /* in the test's working directory */
    int file = mkstemp(path);
    assert_true(file >= 0);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(fcntl(file, F_SETFL, O_APPEND), 0);
    *saved = dup(STDERR_FILENO);
    assert_true(*saved >= 0);
    assert_true(dup2(file, STDERR_FILENO) >= 0);
    return file;
}

/* What went to stderr since, as text in `captured`. */
static void capture_end(int file, int saved)
{
    assert_true(dup2(saved, STDERR_FILENO) >= 0);
    close(saved);
    ssize_t n_bytes = pread(file, captured, sizeof(captured) - 1, 0);
    assert_true(n_bytes >= 0);
    captured[n_bytes] = '\0';
    close(file);
}

#define CAPTURE(call)                                                                              \
    do {                                                                                           \
        int saved;                                                                                 \
        int file = capture_begin(&saved);                                                          \
        call;                                                                                      \
        capture_end(file, saved);                                                                  \
    } while (0)

/* A record after its time, which is 24 bytes long. */
static const char *after_time(void)
{
    assert_int_equal(captured[23], 'Z');
    return captured + 24;
}

static void text_records_read_well(void **state)
{
    (void)state;
    trivet_log_configure("trivetd", TRIVET_LOG_INFO, false);
    CAPTURE(trivet_log(TRIVET_LOG_INFO, "job_done", "job=%s seconds=%.1f", "j1", 2.5));
    assert_string_equal(after_time(), " info trivetd job_done job=j1 seconds=2.5\n");
    CAPTURE(trivet_log(TRIVET_LOG_WARN, "draining", "%s", ""));
    assert_string_equal(after_time(), " warn trivetd draining\n");
    CAPTURE(trivet_log(TRIVET_LOG_ERROR, "bad", "name=%s", "a\nb\x1b[2J\xff"));
    assert_string_equal(after_time(), " error trivetd bad name=a\\nb\\x1b[2J\\xff\n");
}

static void lower_levels_are_silent(void **state)
{
    (void)state;
    trivet_log_configure("t", TRIVET_LOG_WARN, false);
    CAPTURE(trivet_log(TRIVET_LOG_INFO, "x", "a=1"));
    assert_string_equal(captured, "");
    enum trivet_log_level level = TRIVET_LOG_DEBUG;
    assert_true(trivet_log_level_parse("error", &level));
    assert_int_equal(level, TRIVET_LOG_ERROR);
    assert_false(trivet_log_level_parse("loud", &level));
    assert_int_equal(level, TRIVET_LOG_ERROR);
}

static void json_records_have_members(void **state)
{
    (void)state;
    trivet_log_configure("trivetd", TRIVET_LOG_DEBUG, true);
    CAPTURE(
        trivet_log(TRIVET_LOG_DEBUG, "call", "model=%s rows=%d message=%s", "m", 3, "say \"a=b\""));
    assert_memory_equal(captured, "{\"time\":\"", 9);
    assert_string_equal(captured + 9 + 24,
                        "\",\"level\":\"debug\",\"program\":\"trivetd\",\"event\":\"call\","
                        "\"model\":\"m\",\"rows\":\"3\",\"message\":\"say \\\"a=b\\\"\"}\n");
    CAPTURE(trivet_log(TRIVET_LOG_DEBUG, "e", "%s", "no key here"));
    assert_non_null(strstr(captured, "\"event\":\"e\",\"message\":\"no key here\"}\n"));
    CAPTURE(trivet_log(TRIVET_LOG_DEBUG, "e", "path=%s n=%d", "a b\t\xff\xc3\xa4", 1));
    assert_non_null(strstr(captured, "\"path\":\"a b\\u0009\\ufffd\xc3\xa4\",\"n\":\"1\"}\n"));
    CAPTURE(trivet_log(TRIVET_LOG_DEBUG, "e", "a= b="));
    assert_non_null(strstr(captured, "\"a\":\"\",\"b\":\"\"}\n"));
}

static void long_records_are_cut_but_whole(void **state)
{
    (void)state;
    static char text[10000];
    /* Backslashes double in JSON, control bytes take six: the record's own bound holds. */
    static const char fills[] = {'x', '\\', '\x01', '"', ' '};
    for (size_t i = 0; i < sizeof(fills); i++) {
        memset(text, fills[i], sizeof(text) - 1);
        for (int json = 0; json < 2; json++) {
            trivet_log_configure("t", TRIVET_LOG_INFO, json);
            CAPTURE(trivet_log(TRIVET_LOG_INFO, "e", "a=1 message=%s", text));
            size_t n_bytes = strlen(captured);
            assert_in_range(n_bytes, 2000, 4096);
            assert_int_equal(captured[n_bytes - 1], '\n');
            if (json) {
                assert_string_equal(captured + n_bytes - 3, "\"}\n");
            }
        }
    }
    for (size_t i = 0; i < sizeof(text) - 4; i += 4) {
        memcpy(text + i, "k\x01= ", 4);
    }
    CAPTURE(trivet_log(TRIVET_LOG_INFO, "e", "%s", text)); /* many members */
    size_t n_bytes = strlen(captured);
    assert_true(n_bytes <= 4096);
    assert_string_equal(captured + n_bytes - 4, "\"\"}\n");
}

static void *log_many(void *argument)
{
    for (int i = 0; i < 500; i++) {
        trivet_log(TRIVET_LOG_INFO, "e", "thread=%s", (const char *)argument);
    }
    return NULL;
}

static void threads_do_not_mix_records(void **state)
{
    (void)state;
    trivet_log_configure("t", TRIVET_LOG_INFO, false);
    static char names[][41] = {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
                               "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"};
    int saved;
    int file = capture_begin(&saved);
    pthread_t threads[2];
    int created[2];
    for (int i = 0; i < 2; i++) {
        created[i] = pthread_create(&threads[i], NULL, log_many, names[i]);
    }
    for (int i = 0; i < 2; i++) {
        if (created[i] == 0) {
            pthread_join(threads[i], NULL);
        }
    }
    capture_end(file, saved);
    assert_int_equal(created[0] + created[1], 0);
    int n_lines = 0;
    for (char *line = captured; *line; n_lines++) {
        char *end = strchr(line, '\n');
        assert_non_null(end);
        *end = '\0';
        assert_true(strstr(line, names[0]) || strstr(line, names[1]));
        assert_int_equal(end - line, 24 + strlen(" info t e thread=") + 40);
        line = end + 1;
    }
    assert_int_equal(n_lines, 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_records_read_well),
        cmocka_unit_test(lower_levels_are_silent),
        cmocka_unit_test(json_records_have_members),
        cmocka_unit_test(long_records_are_cut_but_whole),
        cmocka_unit_test(threads_do_not_mix_records),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
