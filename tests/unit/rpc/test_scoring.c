/* Holdouts of several gates at once: together they keep to one limit, and who finds no room is told
 * so and leaves nothing behind. */
#include "rpc/holdout.h"
#include "support/normal.h"
#include "support/pack.h"
#include "unit/serving/fixture.h"
#include "unit/store/fixture.h"

#include <pthread.h>
#include <string.h>

#define ROWS  5000
#define GATES 4
#define TURNS 20

struct place {
    struct fixture store;
    struct trivet_servable *servable;
    char dataset_id[TRIVET_STORE_ID_BYTES];
    struct trivet_scoring scoring;
};

static void make_dataset(struct place *place)
{
    static const char *const names[] = {"x0", "x1", "y"};
    static double numbers[3][ROWS];
    struct trivet_schema schema = {0};
    struct trivet_column columns[3];
    struct trivet_buffer bytes = {0};
    struct trivet_store_dataset dataset;
    struct trivet_rng rng;
    struct fixture *store = &place->store;
    trivet_rng_seed(&rng, 3);
    for (size_t i = 0; i < 3; i++) {
        for (size_t row = 0; row < ROWS; row++) {
            numbers[i][row] = normal_next(&rng);
        }
        columns[i] = (struct trivet_column){
            .name = names[i], .type = TRIVET_COLUMN_NUMERIC, .stride = 1, .numbers = numbers[i]};
        assert_ok(store, trivet_schema_add(&schema, names[i], TRIVET_COLUMN_NUMERIC, &store->err));
    }
    const struct trivet_table table = {.n_rows = ROWS, .n_columns = 3, .columns = columns};
    assert_ok(store, pack_schema(&schema, &bytes, &store->err));
    struct trivet_store_txn *txn = fixture_begin(store, TRIVET_STORE_DATA);
    assert_ok(store, trivet_store_dataset_create(txn, "rows", bytes.data, bytes.n_bytes, &dataset,
                                                 &store->err));
    fixture_commit(store, txn);
    bytes.n_bytes = 0;
    assert_ok(store, pack_table(&table, &bytes, &store->err));
    memcpy(place->dataset_id, dataset.id, sizeof(place->dataset_id));
    assert_ok(store, trivet_store_dataset_append(store->store, place->dataset_id, 0, bytes.data,
                                                 bytes.n_bytes, ROWS, &dataset, &store->err));
    txn = fixture_begin(store, TRIVET_STORE_DATA);
    assert_ok(store, trivet_store_dataset_commit(txn, place->dataset_id, 1, &dataset, &store->err));
    fixture_commit(store, txn);
    trivet_buffer_release(&bytes);
    trivet_schema_release(&schema);
}

static void open_place(struct place *place)
{
    memset(place, 0, sizeof(*place));
    fixture_open(&place->store, &trivet_store_sqlite_ops);
    place->servable = fixture_servable("houses", 1, 2, 1, false);
    place->scoring.dataset_bytes_max = 1u << 30;
    place->scoring.memory.bytes_max = 1u << 30;
    make_dataset(place);
}

static void close_place(struct place *place)
{
    assert_int_equal(atomic_load(&place->scoring.memory.used_bytes), 0);
    trivet_servable_unref(place->servable);
    fixture_close(&place->store);
}

static struct trivet_holdout *open_holdout(struct place *place)
{
    struct trivet_holdout *holdout = NULL;
    assert_ok(&place->store, trivet_holdout_open(&place->scoring, place->store.store,
                                                 place->dataset_id, &holdout, &place->store.err));
    return holdout;
}

static void one_limit_for_rows_and_scores(void **state)
{
    (void)state;
    struct place place;
    struct trivet_holdout_score score;
    struct trivet_holdout *second = NULL;
    open_place(&place);
    struct trivet_error *err = &place.store.err;
    struct trivet_holdout *holdout = open_holdout(&place);
    size_t rows_bytes = atomic_load(&place.scoring.memory.used_bytes);
    assert_true(rows_bytes >= ROWS * 3 * sizeof(double));
    assert_ok(&place.store, trivet_holdout_score(holdout, place.servable, &score, err));
    assert_int_equal(score.n_rows, ROWS);
    assert_int_equal(atomic_load(&place.scoring.memory.used_bytes), rows_bytes);
    /* The rows fit, their scores do not. */
    place.scoring.memory.bytes_max = rows_bytes + ROWS;
    assert_refused(&place.store, TRIVET_RESOURCE_EXHAUSTED,
                   trivet_holdout_score(holdout, place.servable, &score, err),
                   "more memory than is left for evaluations and gates");
    assert_non_null(strstr(err->message, place.dataset_id));
    print_message("%s\n", err->message);
    assert_int_equal(atomic_load(&place.scoring.memory.used_bytes), rows_bytes);
    /* Another gate's rows do not. */
    assert_refused(
        &place.store, TRIVET_RESOURCE_EXHAUSTED,
        trivet_holdout_open(&place.scoring, place.store.store, place.dataset_id, &second, err),
        "repeat the call later");
    trivet_holdout_free(holdout);
    place.scoring.dataset_bytes_max = rows_bytes - 1; /* whoever waits, it never fits */
    assert_refused(
        &place.store, TRIVET_FAILED_PRECONDITION,
        trivet_holdout_open(&place.scoring, place.store.store, place.dataset_id, &second, err),
        "can be held here");
    close_place(&place);
}

struct gate {
    struct place *place;
    size_t n_scored;
    size_t n_refused;
};

static void *run_gates(void *arg)
{
    struct gate *gate = arg;
    struct place *place = gate->place;
    for (int i = 0; i < TURNS; i++) {
        struct trivet_holdout *holdout = NULL;
        struct trivet_holdout_score score;
        struct trivet_error err;
        enum trivet_status status = trivet_holdout_open(&place->scoring, place->store.store,
                                                        place->dataset_id, &holdout, &err);
        if (status == TRIVET_OK) {
            status = trivet_holdout_score(holdout, place->servable, &score, &err);
        }
        gate->n_scored += status == TRIVET_OK;
        gate->n_refused += status == TRIVET_RESOURCE_EXHAUSTED;
        trivet_holdout_free(holdout);
    }
    return NULL;
}

/* Room for about two of four. */
static void gates_at_once(void **state)
{
    (void)state;
    struct place place;
    struct gate gates[GATES] = {{0}};
    pthread_t threads[GATES];
    open_place(&place);
    place.scoring.memory.bytes_max = 1u << 20;
    for (size_t i = 0; i < GATES; i++) {
        gates[i].place = &place;
        assert_int_equal(pthread_create(&threads[i], NULL, run_gates, &gates[i]), 0);
    }
    size_t n_scored = 0;
    size_t n_refused = 0;
    for (size_t i = 0; i < GATES; i++) {
        pthread_join(threads[i], NULL);
        n_scored += gates[i].n_scored;
        n_refused += gates[i].n_refused;
    }
    print_message("of %d gates at a time %zu scored, %zu were refused\n", GATES, n_scored,
                  n_refused);
    assert_int_equal(n_scored + n_refused, GATES * TURNS);
    assert_true(n_scored > 0);
    close_place(&place);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_limit_for_rows_and_scores),
        cmocka_unit_test(gates_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
