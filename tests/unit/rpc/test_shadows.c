/* Shadows: each answered row is compared, failed or skipped, whoever offers it and however fast. */
#include "base/clock.h"
#include "rpc/shadows.h"
#include "trivet/v1/prediction.pb-c.h"
#include "unit/serving/fixture.h"
#include "wire/codec.h"

#include <math.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#define COLUMNS  3
#define ROWS     5
#define OFFERERS 4
#define OFFERS   2000
#define WAIT_NS  (100 * TRIVET_NS_PER_S)

struct place {
    struct trivet_servable *answers;
    struct trivet_servable *shadow;
    struct trivet_traffic *traffic;
    struct trivet_shadow_totals *totals;
    struct trivet_shadows *shadows;
    double rows[ROWS * COLUMNS];
    double outputs[ROWS];
};

/* The shadow has another seed, so that it says something else, or as many columns as it is told. */
static void open_place(struct place *place, uint64_t seed, size_t n_columns, size_t rows_max)
{
    struct trivet_error err;
    place->answers = fixture_servable("houses", 1, COLUMNS, 1, false);
    place->shadow = fixture_servable("houses", 2, n_columns, seed, false);
    const struct trivet_traffic_member members[] = {
        {.servable = place->answers, .weight = 1},
        {.servable = place->shadow, .weight = TRIVET_TRAFFIC_WEIGHT_MAX, .shadow = true}};
    assert_int_equal(trivet_traffic_create(members, 2, &place->traffic, &err), TRIVET_OK);
    place->totals = trivet_shadow_totals_create();
    assert_non_null(place->totals);
    const struct trivet_shadows_options options = {
        .totals = place->totals, .queue_rows_max = rows_max, .queue_bytes_max = 1u << 30};
    assert_int_equal(trivet_shadows_create(&options, &place->shadows, &err), TRIVET_OK);
    for (size_t i = 0; i < ROWS * COLUMNS; i++) {
        place->rows[i] = 0.5 * (double)i - 2;
    }
    struct trivet_arena *arena = trivet_arena_create(1u << 20, 0);
    size_t scratch_bytes = trivet_plan_scratch_bytes(trivet_servable_plan(place->answers), ROWS);
    struct trivet_row_status faults[ROWS] = {{0}};
    const struct trivet_row_view view = {
        .n_rows = ROWS, .first = place->rows, .stride_bytes = COLUMNS * sizeof(double)};
    (void)trivet_plan_predict(trivet_servable_plan(place->answers), &view, false, place->outputs,
                              faults, trivet_arena_alloc(arena, scratch_bytes + 256));
    trivet_arena_free(arena);
}

static void close_place(struct place *place)
{
    trivet_shadows_free(place->shadows);
    trivet_traffic_unref(place->traffic);
    assert_true(trivet_servable_is_last(place->answers)); /* nothing is left behind */
    assert_true(trivet_servable_is_last(place->shadow));
    trivet_servable_unref(place->answers);
    trivet_servable_unref(place->shadow);
    trivet_shadow_totals_free(place->totals);
}

static struct trivet_shadow_call call_of(struct place *place)
{
    return (struct trivet_shadow_call){.traffic = place->traffic,
                                       .answered_by = place->answers,
                                       .n_rows = ROWS,
                                       .outputs = place->outputs,
                                       .matrix = place->rows,
                                       .n_cols = COLUMNS};
}

struct counts {
    size_t n_pairs;
    uint64_t compared;
    uint64_t equal;
    uint64_t failed;
    uint64_t skipped;
    uint64_t immense;
    double absolute;
    double squared;
    uint64_t n_batches;
};

static struct counts counts_of(struct place *place)
{
    struct trivet_arena *arena = trivet_arena_create(1u << 20, 0);
    Trivet__V1__ShadowTotals **list = NULL;
    struct counts counts = {0};
    struct trivet_error err;
    assert_int_equal(
        trivet_shadow_totals_encode(place->totals, arena, &list, &counts.n_pairs, &err), TRIVET_OK);
    for (size_t i = 0; i < counts.n_pairs; i++) {
        assert_string_equal(list[i]->model, "houses");
        counts.compared += list[i]->compared;
        counts.equal += list[i]->equal;
        counts.failed += list[i]->failed;
        counts.skipped += list[i]->skipped;
        counts.immense += list[i]->immense;
        counts.absolute += list[i]->absolute_difference;
        counts.squared += list[i]->squared_difference;
        counts.n_batches += list[i]->compute->count;
    }
    trivet_arena_free(arena);
    return counts;
}

/* Once `n_rows` are counted. */
static struct counts wait_for(struct place *place, uint64_t n_rows)
{
    int64_t until_ns = trivet_clock_monotonic_ns() + WAIT_NS;
    struct counts counts = counts_of(place);
    while (counts.compared + counts.failed + counts.skipped < n_rows &&
           trivet_clock_monotonic_ns() < until_ns) {
        usleep(1000);
        counts = counts_of(place);
    }
    assert_int_equal(counts.compared + counts.failed + counts.skipped, n_rows);
    return counts;
}

static void what_is_the_same_is_equal(void **state)
{
    (void)state;
    struct place place;
    open_place(&place, 1, COLUMNS, 1000);
    struct trivet_shadow_call call = call_of(&place);
    struct trivet_row_status faults[ROWS] = {{0}};
    trivet_shadows_offer(place.shadows, &call);
    faults[1].fault = TRIVET_ROW_NAN; /* no answer: nothing to compare */
    call.faults = faults;
    trivet_shadows_offer(place.shadows, &call);
    struct counts counts = wait_for(&place, 2 * ROWS - 1);
    assert_int_equal(counts.compared, 2 * ROWS - 1);
    assert_int_equal(counts.equal, 2 * ROWS - 1);
    assert_true(counts.absolute == 0);
    assert_true(counts.n_batches > 0);
    close_place(&place);
}

static void what_differs_is_measured(void **state)
{
    (void)state;
    struct place place;
    open_place(&place, 1, COLUMNS, 1000);
    struct trivet_shadow_call call = call_of(&place);
    float floats[ROWS * COLUMNS];
    for (size_t i = 0; i < ROWS * COLUMNS; i++) {
        floats[i] = (float)place.rows[i]; /* exact */
    }
    call.matrix = floats;
    call.single_precision = true;
    place.outputs[0] *= 1 + 1e-7; /* within a millionth */
    place.outputs[1] += 0.25 * fmax(1, fabs(place.outputs[1]));
    double apart = 0.25 * fmax(1, fabs(place.outputs[1] / 1.25));
    trivet_shadows_offer(place.shadows, &call);
    struct counts counts = wait_for(&place, ROWS);
    assert_int_equal(counts.equal, ROWS - 1);
    assert_true(counts.absolute > 0.2 && counts.absolute < 2 * apart + 1);
    close_place(&place);
}

/* Two numbers whose difference has no square. */
static void what_no_sum_holds_is_counted_apart(void **state)
{
    (void)state;
    struct place place;
    open_place(&place, 1, COLUMNS, 1000);
    struct trivet_shadow_call call = call_of(&place);
    place.outputs[0] = 1e200;
    place.outputs[1] = (double)INFINITY;
    trivet_shadows_offer(place.shadows, &call);
    struct counts counts = wait_for(&place, ROWS);
    assert_int_equal(counts.compared, ROWS);
    assert_int_equal(counts.equal, ROWS - 2);
    assert_int_equal(counts.immense, 2);
    assert_true(counts.squared == 0);
    close_place(&place);
}

/* A packed request, as the general way has it. */
static void rows_of_a_request_are_decoded(void **state)
{
    (void)state;
    struct place place;
    struct trivet_error err;
    open_place(&place, 1, COLUMNS, 1000);
    Trivet__V1__Matrix matrix = TRIVET__V1__MATRIX__INIT;
    Trivet__V1__PredictRequest request = TRIVET__V1__PREDICT_REQUEST__INIT;
    struct trivet_buffer packed = {0};
    matrix.rows = ROWS;
    matrix.cols = COLUMNS;
    matrix.f64 = place.rows;
    matrix.n_f64 = ROWS * COLUMNS;
    request.rows_case = TRIVET__V1__PREDICT_REQUEST__ROWS_MATRIX;
    request.matrix = &matrix;
    assert_int_equal(trivet_codec_pack(&request.base, &packed, &err), TRIVET_OK);
    struct trivet_shadow_call call = call_of(&place);
    call.matrix = NULL;
    call.request = packed.data;
    call.request_bytes = packed.n_bytes;
    trivet_shadows_offer(place.shadows, &call);
    call.request_bytes -= 1; /* damaged: the shadow's trouble only */
    trivet_shadows_offer(place.shadows, &call);
    struct counts counts = wait_for(&place, 2 * ROWS);
    assert_int_equal(counts.equal, ROWS);
    assert_int_equal(counts.failed, ROWS);
    trivet_buffer_release(&packed);
    close_place(&place);
}

static void a_shadow_of_other_columns_fails(void **state)
{
    (void)state;
    struct place place;
    open_place(&place, 2, COLUMNS + 1, 1000);
    struct trivet_shadow_call call = call_of(&place);
    trivet_shadows_offer(place.shadows, &call);
    assert_int_equal(wait_for(&place, ROWS).failed, ROWS);
    close_place(&place);
}

static void what_finds_no_room_is_skipped(void **state)
{
    (void)state;
    struct place place;
    open_place(&place, 1, COLUMNS, 0); /* no call fits */
    struct trivet_shadow_call call = call_of(&place);
    struct trivet_row_status faults[ROWS] = {{0}};
    faults[0].fault = TRIVET_ROW_NAN;
    trivet_shadows_offer(place.shadows, &call);
    call.faults = faults;
    trivet_shadows_offer(place.shadows, &call);
    assert_int_equal(counts_of(&place).skipped, 2 * ROWS - 1);
    close_place(&place);
}

static void *offer_many(void *arg)
{
    struct place *place = arg;
    struct trivet_shadow_call call = call_of(place);
    for (int i = 0; i < OFFERS; i++) {
        trivet_shadows_offer(place->shadows, &call);
    }
    return NULL;
}

static void many_offer_at_once(void **state)
{
    (void)state;
    struct place place;
    pthread_t threads[OFFERERS];
    open_place(&place, 1, COLUMNS, 500 * ROWS);
    for (size_t i = 0; i < OFFERERS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, offer_many, &place), 0);
    }
    for (size_t i = 0; i < OFFERERS; i++) {
        pthread_join(threads[i], NULL);
    }
    struct counts counts = wait_for(&place, (uint64_t)OFFERERS * OFFERS * ROWS);
    assert_int_equal(counts.n_pairs, 1);
    assert_int_equal(counts.equal, counts.compared);
    assert_int_equal(counts.failed, 0);
    close_place(&place);
}

/* What waits at the end is skipped, and its memory and versions are let go of. */
static void an_end_leaves_nothing(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++) {
        struct place place;
        open_place(&place, 1, COLUMNS, 1u << 20);
        (void)offer_many(&place);
        close_place(&place);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_the_same_is_equal),
        cmocka_unit_test(what_differs_is_measured),
        cmocka_unit_test(what_no_sum_holds_is_counted_apart),
        cmocka_unit_test(rows_of_a_request_are_decoded),
        cmocka_unit_test(a_shadow_of_other_columns_fails),
        cmocka_unit_test(what_finds_no_room_is_skipped),
        cmocka_unit_test(many_offer_at_once),
        cmocka_unit_test(an_end_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
