/* The server is killed after it has acknowledged a job: the next one finishes it, once, with the
 * very model that an uninterrupted run makes. And the child of a dead server is dead. */
#include "fixture.h"

#include "base/clock.h"
#include "base/text.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROUNDS        10
#define ROUND_STEP_US 3000

struct server {
    pid_t pid;
    FILE *output;
};

/* Starts the server on the fixture's data, gives the id of its job. */
static struct server start_server(struct fixture *fixture, char id[TRIVET_STORE_ID_BYTES])
{
    int fds[2];
    struct server server = {0};
    posix_spawn_file_actions_t actions;
    char program[] = CRASH_HELPER_PATH;
    char *arguments[] = {program, fixture->data_dir, fixture->trainer_path, fixture->dataset_id,
                         NULL};
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    assert_int_equal(posix_spawn_file_actions_init(&actions), 0);
    assert_int_equal(posix_spawn_file_actions_adddup2(&actions, fds[1], STDOUT_FILENO), 0);
    assert_int_equal(posix_spawn(&server.pid, program, &actions, NULL, arguments, environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    close(fds[1]);
    server.output = fdopen(fds[0], "r");
    assert_non_null(server.output);
    char line[TRIVET_STORE_ID_BYTES + 2];
    assert_non_null(fgets(line, sizeof line, server.output));
    line[strcspn(line, "\n")] = '\0';
    assert_true(trivet_text_copy(id, TRIVET_STORE_ID_BYTES, line));
    return server;
}

/* Its trainer has told of progress, and is what it will be. */
static void await_progress(const struct server *server)
{
    char line[16];
    assert_non_null(fgets(line, sizeof line, server->output));
    assert_string_equal(line, "running\n");
}

static void kill_server(const struct server *server)
{
    int how = 0;
    assert_int_equal(kill(server->pid, SIGKILL), 0);
    assert_int_equal(waitpid(server->pid, &how, 0), server->pid);
    assert_true(WIFSIGNALED(how) && WTERMSIG(how) == SIGKILL);
    fclose(server->output);
}

/* Whether a process was started as `path --trainer`. */
static bool is_alive(const char *path)
{
    bool alive = false;
    DIR *processes = opendir("/proc");
    assert_non_null(processes);
    const struct dirent *entry = readdir(processes);
    while (entry != NULL && !alive) {
        char name[64];
        char command[FIXTURE_PATH_BYTES] = {0};
        (void)trivet_text_format(name, sizeof name, "/proc/%.32s/cmdline", entry->d_name);
        const int fd = open(name, O_RDONLY | O_CLOEXEC);
        if (fd >= 0) {
            alive = read(fd, command, sizeof command - 1) > 0 && strcmp(command, path) == 0;
            close(fd);
        }
        entry = readdir(processes);
    }
    closedir(processes);
    return alive;
}

/* The owner is another process for a while. */
static void give_store_away(struct fixture *fixture, const char *child)
{
    fixture_open_jobs(fixture, child); /* makes the path */
    fixture_close_jobs(fixture);
    trivet_store_close(fixture->store);
    fixture->store = NULL;
}

/* A server killed between the two halves of a spawn leaves a child that holds its descriptors, and
 * with them the lock of the folder, until it has become the trainer: milliseconds. */
static void take_store_back(struct fixture *fixture)
{
    const int64_t deadline_ns = trivet_clock_monotonic_ns() + 60 * TRIVET_NS_PER_S;
    enum trivet_status status = TRIVET_OK;
    do {
        struct trivet_error err = {0};
        status = trivet_store_open(fixture->data_dir, TRIVET_STORE_OWNER, &fixture->store, &err);
        if (status != TRIVET_OK) {
            assert_int_equal(status, TRIVET_FAILED_PRECONDITION);
            assert_true(trivet_clock_monotonic_ns() < deadline_ns);
            usleep(2000);
        }
    } while (status != TRIVET_OK);
}

static void assert_same_pipeline(struct fixture *fixture, uint64_t version)
{
    struct trivet_buffer first = {0};
    struct trivet_buffer other = {0};
    fixture_read_pipeline(fixture, "houses", 1, &first);
    fixture_read_pipeline(fixture, "houses", version, &other);
    assert_int_equal(first.n_bytes, other.n_bytes);
    assert_memory_equal(first.data, other.data, first.n_bytes);
    trivet_buffer_release(&first);
    trivet_buffer_release(&other);
}

static void test_killed_at_any_moment(void **state)
{
    struct fixture *fixture = *state;
    struct fixture_job job;
    struct trivet_job_view view;
    char id[TRIVET_STORE_ID_BYTES];
    fixture_open_jobs(fixture, "trainer");
    fixture_job_init(fixture, &job);
    fixture_submit_ok(fixture, &job, id);
    fixture_await_end(fixture, id, &view);
    assert_int_equal(view.record.version, 1);
    trivet_job_view_release(&view);
    fixture_close_jobs(fixture);
    for (unsigned i = 0; i < ROUNDS; i++) {
        give_store_away(fixture, "trainer");
        const struct server server = start_server(fixture, id);
        usleep(i * ROUND_STEP_US);
        kill_server(&server);
        take_store_back(fixture);
        fixture_open_jobs(fixture, "trainer");
        fixture_await_end(fixture, id, &view);
        assert_int_equal(view.record.state, TRIVET_STORE_JOB_SUCCEEDED);
        /* One version for each job, however often it was started. */
        assert_int_equal(view.record.version, i + 2);
        trivet_job_view_release(&view);
        fixture_close_jobs(fixture);
        assert_same_pipeline(fixture, i + 2);
    }
}

static void test_child_dies_too(void **state)
{
    struct fixture *fixture = *state;
    struct trivet_job_view view;
    char id[TRIVET_STORE_ID_BYTES];
    give_store_away(fixture, "hang");
    const struct server server = start_server(fixture, id);
    await_progress(&server); /* the child has asked for its signal before */
    assert_true(is_alive(fixture->trainer_path));
    kill_server(&server);
    const int64_t deadline_ns = trivet_clock_monotonic_ns() + 30 * TRIVET_NS_PER_S;
    while (is_alive(fixture->trainer_path)) {
        assert_true(trivet_clock_monotonic_ns() < deadline_ns);
        usleep(2000);
    }
    take_store_back(fixture);
    fixture_open_jobs(fixture, "trainer");
    fixture_await_end(fixture, id, &view);
    assert_int_equal(view.record.state, TRIVET_STORE_JOB_SUCCEEDED);
    assert_int_equal(view.record.attempts, 2);
    trivet_job_view_release(&view);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(test_killed_at_any_moment), TEST(test_child_dies_too)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
