/* The lane over exchanges in memory: when it answers, what it leaves, and versions that change in
 * the middle of a turn. */
#include "base/alloc.h"
#include "base/clock.h"
#include "base/text.h"
#include "rpc/fast_lane.h"
#include "trivet/v1/frame.pb-c.h"
#include "trivet/v1/prediction.pb-c.h"
#include "unit/serving/fixture.h"
#include "wire/frame.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COLUMNS   4
#define TURN      1024 /* calls that a turn holds */
#define N_CALLS   (TURN + 40)
#define TURN_NS   (1000 * TRIVET_NS_PER_MS)
#define VALUES    (N_CALLS * COLUMNS)
#define FRAME_MAX 512
#define ALIASES   200

struct place;

struct exchange {
    struct trivet_exchange face;
    struct place *place;
    uint8_t frame[FRAME_MAX];
    uint8_t *reply;
    size_t reply_bytes;
    size_t n_sent;
};

struct place {
    char dir[64];
    struct trivet_store *store;
    struct trivet_servable_set *set;
    struct trivet_totals *totals;
    struct trivet_publisher *publisher;
    struct trivet_executor *executor;
    struct trivet_dispatch *dispatch;
    struct trivet_shadow_totals *shadow_totals;
    struct trivet_shadows *shadows;
    struct trivet_fast_lane_options options;
    struct trivet_fast_lane *lane;
    uint64_t versions[2];
    size_t promote_at; /* the answer during which the other version becomes production; 0 = none */
    size_t n_sent;
    struct exchange *exchanges; /* N_CALLS */
    struct trivet_error err;
};

static void point(struct place *place, const char *name, uint64_t version)
{
    struct trivet_store_alias alias;
    struct trivet_store_txn *txn = NULL;
    assert_int_equal(trivet_store_begin(place->store, TRIVET_STORE_CATALOG, &txn, &place->err),
                     TRIVET_OK);
    assert_int_equal(trivet_store_alias_set(txn, "houses", name, version,
                                            &(struct trivet_store_cause){.reason = "test"}, &alias,
                                            &place->err),
                     TRIVET_OK);
    assert_int_equal(trivet_store_commit(txn, &place->err), TRIVET_OK);
    assert_int_equal(trivet_servable_set_point(place->set, "houses", name, version, &place->err),
                     TRIVET_OK);
}

static void promote(struct place *place, uint64_t version)
{
    point(place, TRIVET_ALIAS_PRODUCTION, version);
}

static uint8_t *reserve(struct trivet_exchange *face, size_t n_bytes)
{
    struct exchange *exchange = (struct exchange *)face;
    trivet_free(exchange->reply);
    exchange->reply = trivet_malloc(n_bytes);
    exchange->reply_bytes = n_bytes;
    return exchange->reply;
}

static void sent(struct trivet_exchange *face)
{
    struct exchange *exchange = (struct exchange *)face;
    struct place *place = exchange->place;
    exchange->n_sent++;
    if (++place->n_sent == place->promote_at) {
        promote(place, place->versions[1]);
    }
}

static const struct trivet_exchange_ops ops = {.reserve = reserve, .send = sent};

static uint64_t add_version(struct place *place, uint64_t seed)
{
    struct trivet_buffer bytes = {0};
    struct trivet_store_version version;
    struct trivet_store_txn *txn = NULL;
    fixture_artefact("houses", COLUMNS, seed, true, &bytes);
    assert_int_equal(trivet_store_begin(place->store, TRIVET_STORE_CATALOG, &txn, &place->err),
                     TRIVET_OK);
    assert_int_equal(trivet_store_version_create(txn, "houses", "job-1", "ds-1", bytes.data,
                                                 bytes.n_bytes, "s", 1, &version, &place->err),
                     TRIVET_OK);
    assert_int_equal(trivet_store_commit(txn, &place->err), TRIVET_OK);
    trivet_buffer_release(&bytes);
    return version.version;
}

static void no_wake(void *ctx)
{
    (void)ctx;
}

static void open_lane(struct place *place, int64_t turn_ns_max)
{
    place->options = (struct trivet_fast_lane_options){.servables = place->set,
                                                       .totals = place->totals,
                                                       .publisher = place->publisher,
                                                       .dispatch = place->dispatch,
                                                       .shadows = place->shadows,
                                                       .turn_ns_max = turn_ns_max};
    place->lane = trivet_fast_lane_ops.open(&place->options, no_wake, NULL);
    assert_non_null(place->lane);
}

static int setup(void **state)
{
    struct place *place = calloc(1, sizeof(*place));
    struct trivet_error *err = &place->err;
    (void)trivet_text_copy(place->dir, sizeof(place->dir), "/tmp/trivet-lane-XXXXXX");
    assert_non_null(mkdtemp(place->dir));
    assert_int_equal(trivet_store_open(place->dir, TRIVET_STORE_OWNER, &place->store, err),
                     TRIVET_OK);
    assert_int_equal(trivet_servable_set_create(place->store, 0, NULL, &place->set, err),
                     TRIVET_OK);
    place->totals = trivet_totals_create();
    const struct trivet_publisher_options publisher = {.totals = place->totals};
    assert_int_equal(trivet_publisher_open(&publisher, &place->publisher, err), TRIVET_OK);
    assert_int_equal(trivet_executor_create(1, 1, &place->executor, err), TRIVET_OK);
    const struct trivet_dispatch_options dispatch = {.calls_max = N_CALLS,
                                                     .request_bytes_in_hand_max = 1 << 20,
                                                     .frame_bytes_max = FRAME_MAX,
                                                     .totals = place->totals,
                                                     .executor = place->executor};
    assert_int_equal(trivet_dispatch_create(&dispatch, &place->dispatch, err), TRIVET_OK);
    place->shadow_totals = trivet_shadow_totals_create();
    assert_non_null(place->shadow_totals);
    const struct trivet_shadows_options shadows = {
        .totals = place->shadow_totals, .queue_rows_max = N_CALLS, .queue_bytes_max = 1 << 20};
    assert_int_equal(trivet_shadows_create(&shadows, &place->shadows, err), TRIVET_OK);
    place->exchanges = calloc(N_CALLS, sizeof(*place->exchanges));
    for (size_t i = 0; i < 2; i++) {
        place->versions[i] = add_version(place, i + 1);
    }
    promote(place, place->versions[0]);
    *state = place;
    return 0;
}

static int teardown(void **state)
{
    struct place *place = *state;
    trivet_fast_lane_ops.close(place->lane);
    for (size_t i = 0; i < N_CALLS; i++) {
        trivet_free(place->exchanges[i].reply);
    }
    free(place->exchanges);
    trivet_dispatch_free(place->dispatch);
    trivet_shadows_free(place->shadows);
    trivet_shadow_totals_free(place->shadow_totals);
    trivet_executor_free(place->executor);
    trivet_publisher_close(place->publisher);
    trivet_servable_set_free(place->set);
    trivet_totals_free(place->totals);
    trivet_store_close(place->store);
    DIR *listing = opendir(place->dir);
    struct dirent *entry;
    while (listing != NULL && (entry = readdir(listing)) != NULL) {
        char path[400];
        if (trivet_text_format(path, sizeof(path), "%s/%s", place->dir, entry->d_name)) {
            (void)unlink(path);
        }
    }
    closedir(listing);
    (void)rmdir(place->dir);
    free(place);
    return 0;
}

/* Call number `i` asks for one row of numbers of its own. */
static struct trivet_exchange *make_call(struct place *place, size_t i, const char *alias)
{
    struct exchange *exchange = &place->exchanges[i];
    Trivet__V1__RequestHeader header = TRIVET__V1__REQUEST_HEADER__INIT;
    Trivet__V1__PredictRequest request = TRIVET__V1__PREDICT_REQUEST__INIT;
    Trivet__V1__ModelRef model = TRIVET__V1__MODEL_REF__INIT;
    Trivet__V1__Matrix matrix = TRIVET__V1__MATRIX__INIT;
    char method[] = "trivet.v1.Prediction/Predict";
    char name[] = "houses";
    char alias_name[32];
    (void)trivet_text_copy(alias_name, sizeof(alias_name), alias);
    double values[COLUMNS];
    for (size_t j = 0; j < COLUMNS; j++) {
        values[j] = (double)(i * COLUMNS + j) / VALUES;
    }
    header.method = method;
    header.timeout_us = 60000000;
    model.name = name;
    model.alias = alias_name;
    matrix.rows = 1;
    matrix.cols = COLUMNS;
    matrix.n_f64 = COLUMNS;
    matrix.f64 = values;
    request.model = &model;
    request.rows_case = TRIVET__V1__PREDICT_REQUEST__ROWS_MATRIX;
    request.matrix = &matrix;
    assert_true(trivet_frame_packed_bytes(&header.base, &request.base) <= FRAME_MAX);
    exchange->face = (struct trivet_exchange){
        .ops = &ops, .data = exchange->frame, .arrival_ns = trivet_clock_monotonic_ns()};
    exchange->face.n_bytes = trivet_frame_pack(&header.base, &request.base, exchange->frame);
    exchange->place = place;
    return &exchange->face;
}

static bool take(struct place *place, size_t i)
{
    return trivet_fast_lane_ops.take(place->lane, make_call(place, i, ""));
}

/* What the call was answered with, and by which version. */
static double answer_of(const struct place *place, size_t i, uint64_t *version)
{
    const struct exchange *exchange = &place->exchanges[i];
    struct trivet_frame frame;
    assert_int_equal(exchange->n_sent, 1);
    assert_non_null(exchange->reply);
    assert_int_equal(trivet_frame_parse(exchange->reply, exchange->reply_bytes, &frame, NULL),
                     TRIVET_OK);
    Trivet__V1__PredictResponse *response =
        trivet__v1__predict_response__unpack(NULL, frame.body_bytes, frame.body);
    assert_non_null(response);
    assert_int_equal(response->n_outputs, 1);
    assert_int_equal(response->outputs[0]->n_f64, 1);
    double value = response->outputs[0]->f64[0];
    *version = response->version;
    trivet__v1__predict_response__free_unpacked(response, NULL);
    return value;
}

/* The same by the version's pipeline, a row at a time. */
static double expected_of(struct place *place, uint64_t number, size_t i)
{
    struct trivet_servable *servable = NULL;
    double row[COLUMNS];
    double out = 0;
    struct trivet_row_status status = {0};
    for (size_t j = 0; j < COLUMNS; j++) {
        row[j] = (double)(i * COLUMNS + j) / VALUES;
    }
    assert_int_equal(
        trivet_servable_set_load(place->set, "houses", number, NULL, &servable, &place->err),
        TRIVET_OK);
    const struct trivet_plan *plan = trivet_servable_plan(servable);
    assert_non_null(plan);
    void *scratch = trivet_alloc_aligned(trivet_plan_scratch_bytes(plan, 1) + 1, 1);
    const struct trivet_row_view view = {.n_rows = 1, .first = row};
    assert_int_equal(trivet_plan_predict(plan, &view, false, &out, &status, scratch), 0);
    trivet_free(scratch);
    trivet_servable_unref(servable);
    return out;
}

static void answers_at_the_end_of_a_turn(void **state)
{
    struct place *place = *state;
    uint64_t version;
    open_lane(place, TURN_NS);
    for (size_t i = 0; i < 10; i++) {
        assert_true(take(place, i));
    }
    assert_int_equal(place->n_sent, 0);
    trivet_fast_lane_ops.end_turn(place->lane);
    assert_int_equal(place->n_sent, 10);
    for (size_t i = 0; i < 10; i++) {
        assert_true(answer_of(place, i, &version) == expected_of(place, place->versions[0], i));
        assert_int_equal(version, place->versions[0]);
    }
}

/* The turn is full, so that the next call ends it; while its last answers are sent, another version
 * becomes production, and the lane lets go of all it has at hand. */
static void a_promotion_while_a_full_turn_ends(void **state)
{
    struct place *place = *state;
    uint64_t version;
    open_lane(place, TURN_NS);
    place->promote_at = TURN;
    for (size_t i = 0; i < N_CALLS; i++) {
        assert_true(take(place, i));
    }
    assert_int_equal(place->n_sent, TURN);
    trivet_fast_lane_ops.end_turn(place->lane);
    assert_int_equal(place->n_sent, N_CALLS);
    for (size_t i = 0; i < N_CALLS; i++) {
        uint64_t wanted = place->versions[i < TURN ? 0 : 1];
        assert_true(answer_of(place, i, &version) == expected_of(place, wanted, i));
        assert_int_equal(version, wanted);
    }
}

/* Each asked for by a name of its own: some have to make place for others, in the middle of a turn.
 */
static void more_versions_than_places(void **state)
{
    struct place *place = *state;
    char alias[32];
    uint64_t version;
    for (size_t i = 0; i < ALIASES; i++) {
        assert_true(trivet_text_format(alias, sizeof(alias), "a%zu", i));
        point(place, alias, place->versions[i % 2]);
    }
    open_lane(place, TURN_NS);
    for (size_t i = 0; i < 3 * ALIASES; i++) {
        assert_true(trivet_text_format(alias, sizeof(alias), "a%zu", i % ALIASES));
        assert_true(trivet_fast_lane_ops.take(place->lane, make_call(place, i, alias)));
    }
    trivet_fast_lane_ops.end_turn(place->lane);
    assert_int_equal(place->n_sent, 3 * ALIASES);
    for (size_t i = 0; i < 3 * ALIASES; i++) {
        uint64_t wanted = place->versions[i % ALIASES % 2];
        assert_true(answer_of(place, i, &version) == expected_of(place, wanted, i));
        assert_int_equal(version, wanted);
    }
}

static void split(struct place *place, const struct trivet_store_share *shares, size_t count)
{
    struct trivet_store_txn *txn = NULL;
    bool changed = false;
    assert_int_equal(trivet_store_begin(place->store, TRIVET_STORE_CATALOG, &txn, &place->err),
                     TRIVET_OK);
    assert_int_equal(trivet_store_traffic_set(txn, "houses", TRIVET_ALIAS_PRODUCTION, shares, count,
                                              &(struct trivet_store_cause){0}, &changed,
                                              &place->err),
                     TRIVET_OK);
    assert_int_equal(trivet_store_commit(txn, &place->err), TRIVET_OK);
    assert_int_equal(trivet_servable_set_point(place->set, "houses", TRIVET_ALIAS_PRODUCTION,
                                               place->versions[0], &place->err),
                     TRIVET_OK);
}

static void a_split_is_served(void **state)
{
    struct place *place = *state;
    const struct trivet_store_share shares[] = {{.version = place->versions[0], .weight = 9},
                                                {.version = place->versions[1], .weight = 1}};
    uint64_t version;
    size_t n_second = 0;
    open_lane(place, TURN_NS);
    assert_true(take(place, 0)); /* of the turn before the split */
    split(place, shares, 2);
    for (size_t i = 1; i <= 1000; i++) {
        assert_true(take(place, i));
    }
    trivet_fast_lane_ops.end_turn(place->lane);
    assert_int_equal(place->n_sent, 1001);
    assert_true(answer_of(place, 0, &version) == expected_of(place, place->versions[0], 0));
    for (size_t i = 1; i <= 1000; i++) {
        double value = answer_of(place, i, &version);
        assert_true(value == expected_of(place, version, i));
        n_second += version == place->versions[1];
        assert_int_not_equal(place->exchanges[i].face.traffic_turn, 0);
    }
    assert_in_range(n_second, 97, 103);
}

/* Calls that a shadow is to see wait in the turn while so many names are asked for that the entry
 * of their split has to go. */
static void a_shadowed_turn_outlives_its_entry(void **state)
{
    struct place *place = *state;
    const struct trivet_store_share shadow = {
        .version = place->versions[1], .weight = 10000, .shadow = true};
    char alias[32];
    uint64_t version;
    for (size_t i = 0; i < ALIASES; i++) {
        assert_true(trivet_text_format(alias, sizeof(alias), "a%zu", i));
        point(place, alias, place->versions[0]);
    }
    split(place, &shadow, 1);
    open_lane(place, TURN_NS);
    for (size_t i = 0; i < 2 * ALIASES; i++) {
        assert_true(trivet_text_format(alias, sizeof(alias), "a%zu", i / 2));
        assert_true(
            trivet_fast_lane_ops.take(place->lane, make_call(place, i, i % 2 == 0 ? "" : alias)));
        if (i == ALIASES) { /* from now on no call to the split keeps its entry */
            for (size_t k = ALIASES; k-- > ALIASES / 2;) {
                assert_true(trivet_text_format(alias, sizeof(alias), "a%zu", k));
                assert_true(trivet_fast_lane_ops.take(place->lane,
                                                      make_call(place, 2 * ALIASES + k, alias)));
            }
        }
    }
    trivet_fast_lane_ops.end_turn(place->lane);
    for (size_t i = 0; i < 2 * ALIASES; i++) {
        assert_true(answer_of(place, i, &version) == expected_of(place, place->versions[0], i));
    }
    trivet_shadows_free(place->shadows); /* what it has not come to is skipped */
    place->shadows = NULL;
    struct trivet_arena *arena = trivet_arena_create(1 << 20, 0);
    Trivet__V1__ShadowTotals **list = NULL;
    size_t n_pairs = 0;
    assert_int_equal(
        trivet_shadow_totals_encode(place->shadow_totals, arena, &list, &n_pairs, &place->err),
        TRIVET_OK);
    assert_int_equal(n_pairs, 1);
    assert_int_equal(list[0]->compared + list[0]->skipped + list[0]->failed, ALIASES);
    trivet_arena_free(arena);
}

/* What is dear goes to the workers until they find that it is not. */
static void what_is_dear_is_left_and_comes_back(void **state)
{
    struct place *place = *state;
    struct trivet_servable *servable = NULL;
    assert_int_equal(
        trivet_servable_set_find(place->set, "houses", 0, NULL, &servable, &place->err), TRIVET_OK);
    for (int i = 0; i < 500; i++) {
        trivet_servable_learn(servable, 1, 5e6);
    }
    open_lane(place, TRIVET_NS_PER_MS);
    for (size_t i = 0; i < 200; i++) {
        assert_false(take(place, 0));
    }
    for (int i = 0; i < 500; i++) {
        trivet_servable_learn(servable, 1, 2e3);
    }
    size_t n_left = 0;
    while (!take(place, 0)) {
        assert_true(++n_left < 64);
    }
    trivet_fast_lane_ops.end_turn(place->lane);
    assert_int_equal(place->n_sent, 1);
    trivet_servable_unref(servable);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(answers_at_the_end_of_a_turn),       TEST(a_promotion_while_a_full_turn_ends),
        TEST(more_versions_than_places),          TEST(a_split_is_served),
        TEST(a_shadowed_turn_outlives_its_entry), TEST(what_is_dear_is_left_and_comes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
