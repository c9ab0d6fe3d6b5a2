/* The loop's state survives as text, and in the history. */
#include "monitor/loop/state.h"

#include "monitor/history/alerts.h"
#include "monitor/history/loop.h"
#include "monitor/loop/report.h"
#include "monitor/loop/runner.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static struct trivet_error err;
static char folder[] = "/tmp/trivet-loop-XXXXXX";
static char path[64];

static int begin(void **state)
{
    (void)state;
    if (mkdtemp(folder) == NULL) {
        return -1;
    }
    (void)snprintf(path, sizeof(path), "%s/m.db", folder);
    return 0;
}

static int end(void **state)
{
    (void)state;
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    for (size_t i = 0; i < TRIVET_ARRAY_COUNT(suffixes); i++) {
        char name[96];
        (void)snprintf(name, sizeof(name), "%s%s", path, suffixes[i]);
        (void)unlink(name);
    }
    return rmdir(folder);
}

/* Every member has a value of its own. */
static struct trivet_loop_state full(void)
{
    struct trivet_loop_state state = {
        .step = TRIVET_LOOP_WATCH,
        .trigger = TRIVET_LOOP_BY_QUALITY,
        .round = 3,
        .round_since_us = INT64_C(1790000000123456),
        .step_since_us = 5,
        .last_action_us = 6,
        .not_before_us = 7,
        .retry_us = 8,
        .n_retries = 9,
        .champion = 10,
        .challenger = 11,
        .train_rows = 12,
        .holdout_rows = 13,
        .split_is_ours = true,
        .scored = true,
        .adopted = true,
        .awaited = true,
        .doubtful = true,
        .train_dataset_id = "ds-0123456789abcdef",
        .holdout_dataset_id = "ds-fedcba9876543210",
        .job_id = "job-0123456789abcdef",
        .scores = {.metric = "f1_macro",
                   .greater_is_better = true,
                   .classification = true,
                   .holdout_rows = 14,
                   .champion = 0.1,
                   .challenger = 1.0 / 3,
                   .quality = 0.2,
                   .error = 0.25,
                   .base_champion = 0.3,
                   .base_challenger = 0.4},
        .labels_known = true,
        .epoch = UINT64_MAX - 16,
        .labels = {1e15 + 1, 2},
        .n_judged = 15,
        .finding = "live accuracy 0.2 \xc2\xb1 0.1",
        .why = "because \"of\" this",
    };
    struct trivet_loop_meter *meters[] = {state.champion_rows, state.challenger_rows, state.quality,
                                          state.shadow};
    static const size_t counts[] = {2, 2, TRIVET_LOOP_QUALITY_METERS, 3};
    double value = 100.5;
    for (size_t i = 0; i < TRIVET_ARRAY_COUNT(meters); i++) {
        for (size_t j = 0; j < counts[i]; j++) {
            meters[i][j].last = value++;
            meters[i][j].since = value++;
        }
    }
    return state;
}

static void test_round_trip(void **state)
{
    (void)state;
    const struct trivet_loop_state written = full();
    struct trivet_loop_state read;
    memset(&read, 0, sizeof(read));
    struct trivet_buffer text = {0};
    assert_int_equal(trivet_loop_state_write(&written, &text, &err), TRIVET_OK);
    assert_int_equal(trivet_buffer_append(&text, "", 1, &err), TRIVET_OK);
    assert_int_equal(trivet_loop_state_read((const char *)text.data, &read, &err), TRIVET_OK);
    struct trivet_buffer again = {0};
    assert_int_equal(trivet_loop_state_write(&read, &again, &err), TRIVET_OK);
    assert_int_equal(again.n_bytes + 1, text.n_bytes);
    assert_memory_equal(again.data, text.data, again.n_bytes);
    assert_int_equal(read.step, written.step);
    assert_int_equal(read.round_since_us, written.round_since_us);
    assert_true(read.labels.last == written.labels.last);
    assert_true(read.scores.challenger == written.scores.challenger);
    assert_true(read.shadow[2].since == written.shadow[2].since);
    assert_string_equal(read.finding, written.finding);
    assert_int_equal(read.n_judged, 15);
    assert_true(read.adopted && read.awaited);
    assert_true(read.epoch == written.epoch);
    trivet_buffer_release(&text);
    trivet_buffer_release(&again);
}

/* What `state` looks like when each of `pairs`, words and what stands for them, is replaced. */
static struct trivet_loop_state read_changed(const struct trivet_loop_state *state,
                                             const char *const (*pairs)[2], size_t n_pairs)
{
    struct trivet_buffer text = {0};
    struct trivet_loop_state read = {0};
    assert_int_equal(trivet_loop_state_write(state, &text, &err), TRIVET_OK);
    assert_int_equal(trivet_buffer_append(&text, "", 1, &err), TRIVET_OK);
    for (size_t i = 0; i < n_pairs; i++) {
        struct trivet_buffer changed = {0};
        const char *before = (const char *)text.data;
        const char *at = strstr(before, pairs[i][0]);
        assert_non_null(at);
        const char *rest = at + strlen(pairs[i][0]);
        assert_int_equal(trivet_buffer_append(&changed, before, (size_t)(at - before), &err),
                         TRIVET_OK);
        assert_int_equal(trivet_buffer_append(&changed, pairs[i][1], strlen(pairs[i][1]), &err),
                         TRIVET_OK);
        assert_int_equal(trivet_buffer_append(&changed, rest, strlen(rest) + 1, &err), TRIVET_OK);
        trivet_buffer_release(&text);
        text = changed;
    }
    assert_int_equal(trivet_loop_state_read((const char *)text.data, &read, &err), TRIVET_OK);
    trivet_buffer_release(&text);
    return read;
}

/* An outcome may be as large as it likes: the loop stores what became of it, and goes on. */
static void test_not_finite(void **state)
{
    (void)state;
    struct trivet_loop_state written = full();
    written.quality[3] = (struct trivet_loop_meter){.last = INFINITY, .since = -INFINITY};
    written.scores.quality = NAN;
    const struct trivet_loop_state read = read_changed(&written, NULL, 0);
    assert_true(isinf(read.quality[3].last) && read.quality[3].last > 0);
    assert_true(isinf(read.quality[3].since) && read.quality[3].since < 0);
    assert_true(isnan(read.scores.quality));
    assert_true(read.quality[2].since == written.quality[2].since);
}

static void test_half_a_character(void **state)
{
    (void)state;
    struct trivet_loop_state written = full();
    (void)snprintf(written.why, sizeof(written.why), "cut here \xc3");
    struct trivet_buffer text = {0};
    assert_int_equal(trivet_loop_state_write(&written, &text, &err), TRIVET_OK);
    assert_non_null(strstr((const char *)text.data, "\"cut here \""));
    trivet_buffer_release(&text);
}

static void test_of_an_earlier_version(void **state)
{
    (void)state;
    static const char *const without[][2] = {
        {",\"adopted\":true", ""}, {",\"awaited\":true", ""}, {",\"epoch\":-17", ""}};
    struct trivet_loop_state written = full();
    struct trivet_loop_state read = read_changed(&written, without, 3);
    assert_int_equal(read.step, TRIVET_LOOP_WATCH);
    assert_true(read.adopted); /* what is watched is in production */
    assert_false(read.awaited);
    assert_true(read.epoch == 0);
    assert_string_equal(read.why, written.why);
    written.step = TRIVET_LOOP_SHADOWING;
    read = read_changed(&written, without, 3);
    assert_false(read.adopted || read.awaited);
    written.step = TRIVET_LOOP_CLEAR; /* of a version that waits for somebody, perhaps */
    read = read_changed(&written, without, 3);
    assert_true(read.awaited);
}

/* Sums that it did not keep: the block of labels begins anew with the next look, whatever that is.
 */
static void test_of_a_version_with_fewer_sums(void **state)
{
    (void)state;
    static const char *const without[][2] = {{",\"absolute_error_last\"", ",\"gone\""}};
    const struct trivet_loop_state written = full();
    const struct trivet_loop_state read = read_changed(&written, without, 1);
    assert_true(read.quality[TRIVET_LOOP_LABELLED].last > 1e300);
    for (size_t i = 0; i < TRIVET_LOOP_ABSOLUTE_ERROR; i++) {
        assert_true(read.quality[i].since == 0);
    }
    assert_true(read.shadow[0].since == written.shadow[0].since);
}

static void test_of_a_later_version(void **state)
{
    (void)state;
    static const char *const later[][2] = {{"\"step\":\"watch\"", "\"step\":\"dance\""},
                                           {"\"awaited\":true", "\"awaited\":false"}};
    struct trivet_loop_state written = full();
    struct trivet_loop_state read = read_changed(&written, later, 2);
    assert_int_equal(read.step, TRIVET_LOOP_CLEAR); /* the split is ours */
    assert_true(read.awaited);                      /* nothing is deleted */
    assert_int_equal(read.round, 3);
    written.split_is_ours = false;
    read = read_changed(&written, later, 2);
    assert_int_equal(read.step, TRIVET_LOOP_IDLE);
    assert_true(read.awaited);
}

static void test_damaged(void **state)
{
    (void)state;
    struct trivet_loop_state kept = full();
    static const char *const texts[] = {
        "",        "{}", "[1]", "{\"step\":\"idle\",\"trigger\":\"drift\"}", "{\"step\":\"dance\"}",
        "nonsense"};
    for (size_t i = 0; i < TRIVET_ARRAY_COUNT(texts); i++) {
        assert_int_equal(trivet_loop_state_read(texts[i], &kept, &err), TRIVET_DATA_LOSS);
        assert_int_equal(kept.round, 3);
    }
}

static void test_history(void **state)
{
    (void)state;
    const struct trivet_loop_state written = full();
    struct trivet_loop_state read = {0};
    struct trivet_loop_event event = {.happened = true,
                                      .step = TRIVET_LOOP_PROMOTE,
                                      .outcome = TRIVET_LOOP_REFUSED,
                                      .version = 4,
                                      .text = "no"};
    const struct trivet_loop_event nothing = {0};
    struct trivet_history *history = NULL;
    assert_int_equal(trivet_history_open(path, 0, &history, &err), TRIVET_OK);
    assert_int_equal(trivet_history_loop_load(history, "a", &read, &err), TRIVET_NOT_FOUND);
    for (uint64_t round = 1; round <= 3; round++) {
        event.round = round;
        assert_int_equal(
            trivet_history_loop_save(history, "a", &written, &event, (int64_t)round, &err),
            TRIVET_OK);
    }
    assert_int_equal(trivet_history_loop_save(history, "b", &written, &nothing, 9, &err),
                     TRIVET_OK);
    trivet_history_close(history);

    assert_int_equal(trivet_history_open(path, 0, &history, &err), TRIVET_OK);
    assert_int_equal(trivet_history_loop_load(history, "a", &read, &err), TRIVET_OK);
    assert_int_equal(read.step, TRIVET_LOOP_WATCH);
    struct trivet_history_loop_step steps[2];
    size_t n = 0;
    assert_int_equal(trivet_history_loop_steps(history, "a", steps, 2, &n, &err), TRIVET_OK);
    assert_int_equal(n, 2);
    assert_int_equal(steps[0].event.round, 3);
    assert_int_equal(steps[1].event.round, 2);
    assert_int_equal(steps[0].unix_us, 3);
    assert_int_equal(steps[0].event.step, TRIVET_LOOP_PROMOTE);
    assert_int_equal(steps[0].event.outcome, TRIVET_LOOP_REFUSED);
    assert_string_equal(steps[0].event.text, "no");
    assert_int_equal(trivet_history_loop_steps(history, "b", steps, 2, &n, &err), TRIVET_OK);
    assert_int_equal(n, 0);
    trivet_history_close(history);
}

static void test_webhook(void **state)
{
    (void)state;
    struct trivet_history *history = NULL;
    struct trivet_buffer body = {0};
    static const char told[] = "{\"kind\":\"loop_step\"}";
    int64_t id = 0;
    assert_int_equal(trivet_history_open(path, 0, &history, &err), TRIVET_OK);
    assert_int_equal(trivet_history_webhook_add(history, told, strlen(told), &err), TRIVET_OK);
    assert_int_equal(trivet_history_webhook_next(history, 0, &id, &body, &err), TRIVET_OK);
    assert_true(id > 0);
    assert_int_equal(body.n_bytes, strlen(told));
    assert_memory_equal(body.data, told, body.n_bytes);
    assert_int_equal(trivet_history_webhook_done(history, id, &err), TRIVET_OK);
    assert_int_equal(trivet_history_webhook_next(history, 0, &id, &body, &err), TRIVET_OK);
    assert_int_equal(id, 0);
    trivet_buffer_release(&body);
    trivet_history_close(history);
}

/* A server that is not there: the state waits, and says so; the program can end. */
static void test_runner_without_a_server(void **state)
{
    (void)state;
    struct trivet_history *history = NULL;
    struct trivet_loop_runner *runner = NULL;
    struct trivet_policies policies = {.enabled = true, .check_us = 50000, .n_items = 2};
    struct trivet_buffer text = {0};
    trivet_policy_defaults(&policies.items[0], "a");
    trivet_policy_defaults(&policies.items[1], "c");
    assert_int_equal(trivet_history_open(path, 0, &history, &err), TRIVET_OK);
    const struct trivet_loop_runner_options options = {
        .history = history, .server_url = "tcp://127.0.0.1:1", .policies = &policies};
    assert_int_equal(trivet_loop_runner_create(&options, &runner, &err), TRIVET_OK);
    assert_int_equal(trivet_loop_runner_start(runner, &err), TRIVET_OK);
    bool waits = false;
    for (int i = 0; i < 1000 && !waits; i++) {
        usleep(50000);
        trivet_buffer_release(&text);
        assert_int_equal(trivet_loop_runner_report(runner, &text, &err), TRIVET_OK);
        assert_int_equal(trivet_buffer_append(&text, "", 1, &err), TRIVET_OK);
        waits = strstr((const char *)text.data, "the server does not answer") != NULL;
    }
    assert_true(waits);
    assert_non_null(strstr((const char *)text.data, "\"step\":\"watch\""));
    assert_non_null(strstr((const char *)text.data, "\"outcome\":\"refused\""));
    trivet_loop_runner_stop(runner);
    trivet_loop_runner_free(runner);
    trivet_history_close(history);
    trivet_buffer_release(&text);
    assert_int_equal(trivet_loop_runner_report(NULL, &text, &err), TRIVET_OK);
    trivet_buffer_release(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_not_finite),
        cmocka_unit_test(test_half_a_character),
        cmocka_unit_test(test_damaged),
        cmocka_unit_test(test_of_an_earlier_version),
        cmocka_unit_test(test_of_a_version_with_fewer_sums),
        cmocka_unit_test(test_of_a_later_version),
        cmocka_unit_test(test_history),
        cmocka_unit_test(test_webhook),
        cmocka_unit_test(test_runner_without_a_server),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
