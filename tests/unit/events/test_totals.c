/* Running totals: exact sums, bounded slots, what changed, and no lost addition between threads. */
#include "events/totals.h"

#include "base/alloc.h"
#include "base/text.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define THREADS         4
#define CALLS_OF_THREAD 20000

static struct trivet_arena *new_arena(void)
{
    struct trivet_arena *arena = trivet_arena_create(64u << 20, 4096);
    assert_non_null(arena);
    return arena;
}

static size_t encode(struct trivet_totals *totals, bool changed_only, struct trivet_arena *arena,
                     Trivet__V1__PredictionTotals ***out)
{
    size_t n = 0;
    struct trivet_error err;
    assert_int_equal(trivet_totals_encode_predictions(totals, changed_only, arena, out, &n, &err),
                     TRIVET_OK);
    return n;
}

static uint64_t count_of(Trivet__V1__CodeCount **codes, size_t n, enum trivet_status status)
{
    for (size_t i = 0; i < n; i++) {
        if ((int)codes[i]->status == (int)status) {
            return codes[i]->count;
        }
    }
    return 0;
}

static void test_add_and_encode(void **state)
{
    (void)state;
    struct trivet_arena *arena = new_arena();
    struct trivet_totals *totals = trivet_totals_create();
    struct trivet_version_totals *slot = trivet_totals_version(totals, "houses", 3);
    assert_non_null(slot);
    assert_ptr_equal(slot, trivet_totals_version(totals, "houses", 3));
    assert_ptr_not_equal(slot, trivet_totals_version(totals, "houses", 4));

    struct trivet_prediction_record record = {
        .status = TRIVET_OK, .queue_ns = 900, .compute_ns = 2000, .total_ns = 5000, .batches = 1};
    record.rows[TRIVET_OK] = 7;
    record.rows[TRIVET_INVALID_ARGUMENT] = 2;
    trivet_version_totals_add(slot, &record);
    trivet_version_totals_add(slot, &record);
    struct trivet_prediction_record refused = {.status = TRIVET_DEADLINE_EXCEEDED};
    refused.rows[TRIVET_DEADLINE_EXCEEDED] = 9;
    trivet_version_totals_add(slot, &refused);

    Trivet__V1__PredictionTotals **list;
    assert_int_equal(encode(totals, false, arena, &list), 2);
    const Trivet__V1__PredictionTotals *got = list[0];
    assert_string_equal(got->model, "houses");
    assert_int_equal(got->version, 3);
    assert_int_equal(got->n_calls, 2);
    assert_int_equal(count_of(got->calls, got->n_calls, TRIVET_OK), 2);
    assert_int_equal(count_of(got->calls, got->n_calls, TRIVET_DEADLINE_EXCEEDED), 1);
    assert_int_equal(got->n_rows, 3);
    assert_int_equal(count_of(got->rows, got->n_rows, TRIVET_OK), 14);
    assert_int_equal(count_of(got->rows, got->n_rows, TRIVET_INVALID_ARGUMENT), 4);
    assert_int_equal(got->batches, 2);
    assert_int_equal(got->total->count, 3);
    assert_int_equal(got->total->sum_ns, 10000);
    assert_int_equal(got->queue->n_buckets, 1); /* all below 1 µs */
    assert_int_equal(got->queue->buckets[0], 0);
    assert_int_equal(got->queue->counts[0], 3);
    assert_int_equal(list[1]->n_calls, 0);
    trivet_totals_free(totals);
    trivet_arena_free(arena);
}

static void test_changed_only(void **state)
{
    (void)state;
    struct trivet_arena *arena = new_arena();
    struct trivet_totals *totals = trivet_totals_create();
    struct trivet_version_totals *one = trivet_totals_version(totals, "a", 1);
    (void)trivet_totals_version(totals, "b", 1);
    struct trivet_prediction_record record = {.status = TRIVET_OK};
    Trivet__V1__PredictionTotals **list;
    assert_int_equal(encode(totals, true, arena, &list), 0);
    trivet_version_totals_add(one, &record);
    assert_int_equal(encode(totals, false, arena, &list), 2); /* does not clear */
    assert_int_equal(encode(totals, true, arena, &list), 1);
    assert_string_equal(list[0]->model, "a");
    assert_int_equal(encode(totals, true, arena, &list), 0);
    trivet_version_totals_add(one, &record);
    assert_int_equal(encode(totals, true, arena, &list), 1);
    assert_int_equal(list[0]->calls[0]->count, 2);

    /* An encode that fails keeps the change for the next. */
    trivet_version_totals_add(one, &record);
    struct trivet_arena *small = trivet_arena_create(128, 128);
    size_t n = 0;
    struct trivet_error err;
    assert_int_equal(trivet_totals_encode_predictions(totals, true, small, &list, &n, &err),
                     TRIVET_RESOURCE_EXHAUSTED);
    assert_true(encode(totals, true, arena, &list) >= 1);
    assert_int_equal(list[0]->calls[0]->count, 3);
    trivet_arena_free(small);
    trivet_totals_free(totals);
    trivet_arena_free(arena);
}

/* What is shown elsewhere: loaded versions and the methods, read one by one. */
static void test_read(void **state)
{
    (void)state;
    struct trivet_totals *totals = trivet_totals_create();
    struct trivet_version_totals *one = trivet_totals_version(totals, "a", 1);
    struct trivet_prediction_record record = {.rows = {[TRIVET_OK] = 2}, .total_ns = 1000};
    struct trivet_version_counts counts;
    const char *name;
    char model[TRIVET_TOTALS_MODEL_BYTES];
    uint64_t version;
    trivet_version_totals_add(one, &record);
    assert_int_equal(trivet_totals_n_versions(totals), 1);
    assert_false(trivet_totals_read_version(totals, 0, model, &version, &counts));
    trivet_version_totals_set_loaded(one, true);
    assert_true(trivet_totals_read_version(totals, 0, model, &version, &counts));
    assert_string_equal(model, "a");
    assert_int_equal(version, 1);
    assert_int_equal(counts.rows[TRIVET_OK], 2);
    assert_int_equal(counts.total.count, 1);
    trivet_version_totals_set_loaded(one, false);
    assert_false(trivet_totals_read_version(totals, 0, model, &version, &counts));

    uint64_t calls[TRIVET_STATUS_COUNT];
    trivet_totals_add_call(totals, "trivet.v1.Server/Live", TRIVET_OK);
    trivet_totals_add_call(totals, NULL, TRIVET_UNIMPLEMENTED);
    assert_int_equal(trivet_totals_n_methods(totals), 1);
    trivet_totals_read_method(totals, 0, &name, calls);
    assert_string_equal(name, "trivet.v1.Server/Live");
    assert_int_equal(calls[TRIVET_OK], 1);
    trivet_totals_read_method(totals, 1, &name, calls);
    assert_null(name);
    assert_int_equal(calls[TRIVET_UNIMPLEMENTED], 1);
    trivet_totals_free(totals);
}

static void test_bounded(void **state)
{
    (void)state;
    struct trivet_totals *totals = trivet_totals_create();
    char name[80];
    for (size_t i = 0; i < TRIVET_TOTALS_VERSIONS_MAX; i++) {
        trivet_text_format(name, sizeof(name), "m%zu", i / 3);
        assert_non_null(trivet_totals_version(totals, name, i % 3));
    }
    struct trivet_version_totals *other = trivet_totals_version(totals, "beyond", 1);
    assert_non_null(other);
    assert_ptr_equal(other, trivet_totals_version(totals, "beyond", 2));
    assert_ptr_not_equal(other, trivet_totals_version(totals, "m5", 1));
    memset(name, 'x', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    assert_ptr_equal(other, trivet_totals_version(totals, name, 1));

    struct trivet_arena *arena = new_arena();
    Trivet__V1__PredictionTotals **list;
    size_t n = encode(totals, false, arena, &list);
    assert_int_equal(n, TRIVET_TOTALS_VERSIONS_MAX + 1);
    assert_string_equal(list[n - 1]->model, "(other)");
    trivet_arena_free(arena);
    trivet_totals_free(totals);
}

static const Trivet__V1__PredictionTotals *
find_version(Trivet__V1__PredictionTotals **list, size_t n, const char *model, uint64_t version)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(list[i]->model, model) == 0 && list[i]->version == version) {
            return list[i];
        }
    }
    return NULL;
}

/* Versions that come and go, one after the other, more than fill the table: each has a slot of its
 * own, and those that are held keep theirs. */
static void test_reused(void **state)
{
    (void)state;
    const uint64_t n_versions = TRIVET_TOTALS_VERSIONS_MAX + 1024;
    struct trivet_totals *totals = trivet_totals_create();
    struct trivet_arena *arena = new_arena();
    struct trivet_prediction_record record = {.status = TRIVET_OK};
    struct trivet_version_totals *held = trivet_totals_version(totals, "held", 1);
    Trivet__V1__PredictionTotals **list;
    for (uint64_t v = 1; v <= n_versions; v++) {
        struct trivet_version_totals *slot = trivet_totals_version(totals, "m", v);
        trivet_version_totals_set_loaded(slot, true);
        trivet_version_totals_add(slot, &record);
        trivet_version_totals_add(held, &record);
        trivet_version_totals_set_loaded(slot, false);
        trivet_version_totals_release(slot);
        if (v % 64 == 0) {
            trivet_arena_reset(arena);
            assert_int_equal(encode(totals, true, arena, &list), 65); /* told: they may go */
        }
    }
    size_t n = encode(totals, false, arena, &list);
    assert_int_equal(n, TRIVET_TOTALS_VERSIONS_MAX);
    assert_null(find_version(list, n, "(other)", 0));
    assert_int_equal(find_version(list, n, "held", 1)->calls[0]->count, n_versions);
    assert_int_equal(find_version(list, n, "held", 1)->life, 0);
    assert_null(find_version(list, n, "m", n_versions - TRIVET_TOTALS_VERSIONS_MAX + 1));
    for (uint64_t v = n_versions - TRIVET_TOTALS_VERSIONS_MAX + 2; v <= n_versions; v++) {
        assert_int_equal(find_version(list, n, "m", v)->calls[0]->count, 1);
    }
    /* One that is still there goes on; one that went begins at zero, in a life of its own. */
    struct trivet_version_totals *last = trivet_totals_version(totals, "m", n_versions);
    struct trivet_version_totals *back = trivet_totals_version(totals, "m", 1);
    trivet_version_totals_add(last, &record);
    trivet_version_totals_add(back, &record);
    assert_int_equal(encode(totals, true, arena, &list), 2);
    assert_int_equal(find_version(list, 2, "m", n_versions)->calls[0]->count, 2);
    assert_int_equal(find_version(list, 2, "m", 1)->calls[0]->count, 1);
    assert_true(find_version(list, 2, "m", 1)->life > find_version(list, 2, "m", n_versions)->life);
    trivet_arena_free(arena);
    trivet_totals_free(totals);
}

/* What nobody was told of yet stays. */
static void test_untold_is_kept(void **state)
{
    (void)state;
    struct trivet_totals *totals = trivet_totals_create();
    struct trivet_arena *arena = new_arena();
    struct trivet_prediction_record record = {.status = TRIVET_OK};
    Trivet__V1__PredictionTotals **list;
    for (uint64_t v = 1; v <= TRIVET_TOTALS_VERSIONS_MAX; v++) {
        struct trivet_version_totals *slot = trivet_totals_version(totals, "m", v);
        trivet_version_totals_add(slot, &record);
        trivet_version_totals_release(slot);
    }
    struct trivet_version_totals *other = trivet_totals_version(totals, "n", 1);
    assert_ptr_equal(other, trivet_totals_version(totals, "n", 2));
    assert_int_equal(encode(totals, true, arena, &list), TRIVET_TOTALS_VERSIONS_MAX);
    assert_ptr_not_equal(other, trivet_totals_version(totals, "n", 1));
    trivet_arena_free(arena);
    trivet_totals_free(totals);
}

static void read_source(void *ctx, struct trivet_saturation *out)
{
    *out = *(const struct trivet_saturation *)ctx;
}

static void test_server(void **state)
{
    (void)state;
    struct trivet_totals *totals = trivet_totals_create();
    struct trivet_saturation source = {.queue_rows = 42,
                                       .queue_rows_max = 43,
                                       .calls_in_hand = 1,
                                       .calls_max = 2,
                                       .connections = 3,
                                       .connections_max = 4,
                                       .model_bytes = 5,
                                       .model_bytes_max = 6,
                                       .models_loaded = 7,
                                       .jobs_queued = 8,
                                       .jobs_running = 9};
    trivet_totals_set_source(totals, read_source, &source);
    trivet_totals_add_dropped_events(totals, 3);
    trivet_totals_add_call(totals, "trivet.v1.Server/Live", TRIVET_OK);
    trivet_totals_add_call(totals, "trivet.v1.Server/Live", TRIVET_OK);
    trivet_totals_add_call(totals, "trivet.v1.Models/List", TRIVET_UNAVAILABLE);
    trivet_totals_add_call(totals, NULL, TRIVET_UNIMPLEMENTED);
    struct trivet_arena *arena = new_arena();
    Trivet__V1__ServerTotals *server;
    struct trivet_error err;
    assert_int_equal(trivet_totals_encode_server(totals, arena, &server, &err), TRIVET_OK);
    assert_int_equal(server->n_methods, 2);
    assert_string_equal(server->methods[0]->method, "trivet.v1.Server/Live");
    assert_int_equal(server->methods[0]->calls[0]->count, 2);
    assert_int_equal(server->n_unknown_method, 1);
    assert_int_equal(server->unknown_method[0]->status, TRIVET_UNIMPLEMENTED);
    assert_int_equal(server->queue_rows, 42);
    assert_int_equal(server->queue_rows_max, 43);
    assert_int_equal(server->calls_in_hand, 1);
    assert_int_equal(server->calls_max, 2);
    assert_int_equal(server->connections, 3);
    assert_int_equal(server->connections_max, 4);
    assert_int_equal(server->model_bytes, 5);
    assert_int_equal(server->model_bytes_max, 6);
    assert_int_equal(server->models_loaded, 7);
    assert_int_equal(server->jobs_queued, 8);
    assert_int_equal(server->jobs_running, 9);
    assert_int_equal(server->events_dropped, 3);
    assert_true(server->rss_bytes > 100000);
    assert_true(server->threads >= 1);
    assert_true(server->open_files >= 1);
    assert_true(server->cpu_seconds > 0);

    /* A source that is taken back is not asked again. */
    trivet_totals_set_source(totals, NULL, NULL);
    assert_int_equal(trivet_totals_encode_server(totals, arena, &server, &err), TRIVET_OK);
    assert_int_equal(server->queue_rows, 0);
    assert_int_equal(server->models_loaded, 0);

    /* Names without end go into one; all of them with every status fit in an event. */
    for (int i = 0; i < 200; i++) {
        char name[64];
        trivet_text_format(name, sizeof(name), "trivet.v1.A_service_with_a_long_name/Method%06d",
                           i);
        for (int status = 0; status < TRIVET_STATUS_COUNT; status++) {
            trivet_totals_add_call(totals, name, (enum trivet_status)status);
        }
    }
    assert_int_equal(trivet_totals_encode_server(totals, arena, &server, &err), TRIVET_OK);
    assert_string_equal(server->methods[server->n_methods - 1]->method, "(other)");
    assert_true(protobuf_c_message_get_packed_size(&server->base) < (16u << 10) - 256);
    trivet_arena_free(arena);
    trivet_totals_free(totals);
}

static void test_out_of_memory(void **state)
{
    (void)state;
    (void)trivet_alloc_fail_at(1);
    assert_null(trivet_totals_create());
    struct trivet_totals *totals = trivet_totals_create();
    (void)trivet_alloc_fail_at(1);
    assert_null(trivet_totals_version(totals, "a", 1));
    (void)trivet_alloc_fail_at(0);
    assert_non_null(trivet_totals_version(totals, "a", 1));
    trivet_totals_free(totals);
}

static void *add_calls(void *arg)
{
    struct trivet_totals *totals = arg;
    struct trivet_prediction_record record = {.status = TRIVET_OK, .total_ns = 1000};
    record.rows[TRIVET_OK] = 1;
    for (size_t i = 0; i < CALLS_OF_THREAD; i++) {
        trivet_version_totals_add(trivet_totals_version(totals, "m", 1 + i % 3), &record);
        trivet_totals_add_call(totals, "trivet.v1.Prediction/Predict", TRIVET_OK);
    }
    return NULL;
}

/* Additions of several threads beside an encoder: the sum at the end is exact, and never shrinks.
 */
static void test_threads(void **state)
{
    (void)state;
    struct trivet_totals *totals = trivet_totals_create();
    struct trivet_arena *arena = new_arena();
    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, add_calls, totals), 0);
    }
    uint64_t before = 0;
    uint64_t sum = 0;
    while (sum < (uint64_t)THREADS * CALLS_OF_THREAD) {
        Trivet__V1__PredictionTotals **list;
        trivet_arena_reset(arena);
        size_t n = encode(totals, false, arena, &list);
        sum = 0;
        for (size_t i = 0; i < n; i++) {
            sum += count_of(list[i]->rows, list[i]->n_rows, TRIVET_OK);
        }
        assert_true(sum >= before);
        before = sum;
    }
    for (size_t i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(sum, (uint64_t)THREADS * CALLS_OF_THREAD);
    trivet_arena_free(arena);
    trivet_totals_free(totals);
}

#define COMINGS ((uint64_t)3000)

struct comers {
    struct trivet_totals *totals;
    uint64_t first;
    atomic_bool done;
};

/* Versions of its own that come and go, beside one that all have. */
static void *come_and_go(void *arg)
{
    struct comers *mine = arg;
    struct trivet_prediction_record record = {.status = TRIVET_OK};
    for (uint64_t i = 0; i < COMINGS; i++) {
        struct trivet_version_totals *own =
            trivet_totals_version(mine->totals, "m", mine->first + i / 2);
        struct trivet_version_totals *shared = trivet_totals_version(mine->totals, "shared", 1);
        trivet_version_totals_add(own, &record);
        trivet_version_totals_add(shared, &record);
        trivet_version_totals_release(own);
        trivet_version_totals_release(shared);
    }
    atomic_store(&mine->done, true);
    return NULL;
}

/* What the publisher's subscriber makes of it. */
struct told {
    uint64_t life;
    uint64_t before; /* calls of the lives before */
    uint64_t now;
};

static void take_told(struct told *told, const Trivet__V1__PredictionTotals *message)
{
    assert_true(message->life >= told->life);
    if (message->life > told->life) {
        told->before += told->now;
        told->now = 0;
        told->life = message->life;
    }
    uint64_t now = count_of(message->calls, message->n_calls, TRIVET_OK);
    assert_true(now >= told->now);
    told->now = now;
}

/* A full table under the eyes of the publisher and of one who asks for all: whatever a slot is
 * given to, no addition is lost or counted for another version. */
static void test_reused_by_threads(void **state)
{
    (void)state;
    static struct told own[THREADS * COMINGS];
    struct told shared = {0};
    struct told other = {0};
    struct trivet_totals *totals = trivet_totals_create();
    struct trivet_arena *arena = new_arena();
    struct comers comers[THREADS];
    pthread_t threads[THREADS];
    trivet_version_totals_set_loaded(trivet_totals_version(totals, "shared", 1), true);
    for (size_t i = 0; i < THREADS; i++) {
        comers[i].totals = totals;
        comers[i].first = i * COMINGS;
        atomic_init(&comers[i].done, false);
        assert_int_equal(pthread_create(&threads[i], NULL, come_and_go, &comers[i]), 0);
    }
    for (size_t n_done = 0, n_before = 0, round = 0; n_before < THREADS; round++) {
        Trivet__V1__PredictionTotals **list;
        struct trivet_version_counts counts;
        char model[TRIVET_TOTALS_MODEL_BYTES];
        uint64_t version;
        n_before = n_done; /* all were done before the encode that was the last */
        trivet_arena_reset(arena);
        size_t n = encode(totals, true, arena, &list);
        for (size_t i = 0; i < n; i++) {
            bool is_own = strcmp(list[i]->model, "m") == 0;
            bool is_shared = strcmp(list[i]->model, "shared") == 0;
            take_told(is_own ? &own[list[i]->version] : is_shared ? &shared : &other, list[i]);
        }
        assert_true(trivet_totals_read_version(totals, 0, model, &version, &counts));
        assert_string_equal(model, "shared");
        if (round % 16 == 0) {
            trivet_arena_reset(arena);
            (void)encode(totals, false, arena, &list);
        }
        n_done = 0;
        for (size_t i = 0; i < THREADS; i++) {
            n_done += atomic_load(&comers[i].done);
        }
    }
    uint64_t sum = other.now;
    for (size_t i = 0; i < THREADS * COMINGS; i++) {
        sum += own[i].before + own[i].now;
    }
    for (size_t i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(shared.now, THREADS * COMINGS);
    assert_int_equal(sum, THREADS * COMINGS);
    trivet_arena_free(arena);
    trivet_totals_free(totals);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_add_and_encode), cmocka_unit_test(test_changed_only),
        cmocka_unit_test(test_read),           cmocka_unit_test(test_bounded),
        cmocka_unit_test(test_server),         cmocka_unit_test(test_out_of_memory),
        cmocka_unit_test(test_threads),        cmocka_unit_test(test_reused),
        cmocka_unit_test(test_untold_is_kept), cmocka_unit_test(test_reused_by_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
