/* What is served is counted: all of it while there is little, fairly when there is much, from many
 * threads, beyond an unload. The bins themselves: tests/unit/profile. */
#include "serving/observer.h"

#include "fixture.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/hash.h"

#include <math.h>
#include <pthread.h>

#define CAP     2000
#define COLUMNS 3
#define SECOND  TRIVET_NS_PER_S
#define BEGIN   (1000 * SECOND)

static struct trivet_error err;

struct scene {
    struct trivet_observers *observers;
    struct trivet_servable *servable;
    uint64_t next_id;
};

static struct scene scene_make(uint64_t cap)
{
    struct scene scene = {.observers = trivet_observers_create(cap),
                          .servable = fixture_servable("houses", 1, COLUMNS, 1, true)};
    assert_non_null(scene.observers);
    assert_int_equal(trivet_observers_add(scene.observers, scene.servable, &err), TRIVET_OK);
    return scene;
}

static void scene_free(struct scene *scene)
{
    trivet_servable_unref(scene->servable);
    trivet_observers_free(scene->observers);
}

/* A batch of good rows; how many were chosen. */
static size_t serve(struct scene *scene, size_t n_rows, int64_t now_ns)
{
    const double row[COLUMNS] = {1, 2, NAN};
    const double output = 5;
    size_t n = 0;
    const struct trivet_observer_round round =
        trivet_observer_begin(scene->servable, n_rows, now_ns);
    for (size_t i = 0; i < n_rows; i++) {
        if (trivet_observer_chooses(&round, trivet_hash_mix64(++scene->next_id))) {
            trivet_observer_add_numbers(&round, row, false, &output);
            n++;
        }
    }
    return n;
}

static struct trivet_observed copy(const struct scene *scene)
{
    struct trivet_observed out;
    struct trivet_observer *observer = trivet_observers_get(scene->observers, 0);
    assert_non_null(observer);
    assert_true(trivet_observer_copy(observer, &out));
    trivet_observer_unref(observer);
    return out;
}

static double weights_of(const struct scene *scene)
{
    struct trivet_observed observed = copy(scene);
    double weights = observed.weights;
    trivet_observed_release(&observed);
    return weights;
}

static void test_columns(void **state)
{
    (void)state;
    struct scene scene = scene_make(CAP);
    const float single[COLUMNS] = {1.5F, INFINITY, 3};
    const struct trivet_observer_round round = trivet_observer_begin(scene.servable, 2, BEGIN);
    const double output = 5;
    assert_true(trivet_observer_chooses(&round, UINT64_MAX));
    trivet_observer_add_numbers(&round, single, true, &output);
    trivet_observer_add_numbers(&round, single, true, NULL); /* could not be predicted */
    struct trivet_observed observed = copy(&scene);
    assert_int_equal(observed.n_columns, COLUMNS + 1);
    const double expected[] = {2, 0, 0, 2, 2, 0, 1, 1};
    assert_int_equal(observed.first[COLUMNS + 1], 8);
    for (size_t i = 0; i < 8; i++) {
        assert_true(observed.cells[i] == expected[i]);
    }
    assert_true(observed.weights == 2 && observed.squares == 2 && observed.rows == 2);
    assert_true(observed.confidence_weights == 0 && observed.unseen == 0);
    trivet_observed_release(&observed);
    scene_free(&scene);
}

static void test_tables(void **state)
{
    (void)state;
    struct scene scene = scene_make(CAP);
    struct fixture_rows rows;
    fixture_rows_make(&rows, scene.servable, 100, 5);
    size_t n_missing = 0;
    const struct trivet_observer_round round = trivet_observer_begin(scene.servable, 100, BEGIN);
    for (size_t i = 0; i < 100; i++) {
        bool failed = rows.faults_out[i].fault != TRIVET_ROW_FINE;
        n_missing += failed;
        trivet_observer_add_row(&round, &rows.table, i, failed ? NULL : &rows.outputs[i]);
    }
    struct trivet_observed observed = copy(&scene);
    assert_true(n_missing > 0 && observed.cells[7] == (double)n_missing);
    assert_true(observed.weights == 100);
    for (size_t j = 0; j <= COLUMNS; j++) {
        assert_true(observed.cells[2 * j] + observed.cells[2 * j + 1] == 100);
    }
    trivet_observed_release(&observed);
    fixture_rows_release(&rows);
    scene_free(&scene);
}

/* Never more than the limit in a second, in batches that are as uneven as that allows. */
static void test_every_row_below_the_limit(void **state)
{
    (void)state;
    struct scene scene = scene_make(CAP);
    size_t n_rows = 0;
    for (int second = 0; second < 60; second++) {
        int64_t at = BEGIN + second * SECOND;
        size_t first = (size_t)(second * 331) % (CAP - 10);
        assert_int_equal(serve(&scene, first, at + SECOND / 3), first);
        assert_int_equal(serve(&scene, CAP - 10 - first, at + SECOND / 3), CAP - 10 - first);
        assert_int_equal(serve(&scene, 10, at + SECOND / 2), 10);
        n_rows += CAP;
    }
    assert_true(weights_of(&scene) == (double)n_rows);
    scene_free(&scene);
}

static void check_sampled(size_t batch, int batches_per_s, int seconds)
{
    struct scene scene = scene_make(CAP);
    size_t n_chosen = 0;
    size_t worst = 0;
    for (int second = 0; second < seconds; second++) {
        size_t n = 0;
        for (int i = 0; i < batches_per_s; i++) {
            n += serve(&scene, batch, BEGIN + second * SECOND + i * (SECOND / batches_per_s));
        }
        n_chosen += n;
        worst = n > worst ? n : worst;
    }
    struct trivet_observed observed = copy(&scene);
    double n_rows = (double)batch * batches_per_s * seconds;
    /* Of the estimate: the sum over rows of (1 - rate) / rate. */
    double deviation = sqrt(observed.squares - observed.weights);
    assert_true(fabs(observed.weights - n_rows) < 5 * deviation + 1e-6);
    assert_true(deviation < 0.1 * n_rows);
    /* The first second is the one without an estimate. */
    assert_true((double)n_chosen < 1.1 * CAP * (seconds + 3));
    assert_true((double)n_chosen > 0.8 * CAP * seconds);
    /* A second whose traffic comes as a surprise chooses more, by the logarithm of how much. */
    double times = fmax((double)batch * batches_per_s / CAP, 1);
    assert_true((double)worst < CAP * (2.5 + log(times)));
    /* As many rows as were chosen, but for the first seconds. */
    assert_true(observed.weights * observed.weights / observed.squares > 0.5 * (double)n_chosen);
    trivet_observed_release(&observed);
    scene_free(&scene);
}

static void test_fair_above_the_limit(void **state)
{
    (void)state;
    check_sampled(1, 50000, 10);
    check_sampled(64, 3000, 10);
    check_sampled(2001, 1, 20);
    check_sampled(1000000, 1, 10);
    check_sampled(100000, 20, 5);
}

static void *serve_some(void *arg)
{
    struct scene *scene = arg;
    struct scene own = *scene;
    for (int i = 0; i < 100; i++) {
        (void)serve(&own, 7, BEGIN + i);
    }
    return NULL;
}

static void test_threads(void **state)
{
    (void)state;
    struct scene scene = scene_make(1000000);
    pthread_t threads[4];
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, serve_some, &scene), 0);
    }
    double before = 0;
    for (int i = 0; i < 50; i++) {
        struct trivet_observed observed = copy(&scene);
        assert_true(observed.weights >= before);
        assert_true(observed.cells[0] == observed.weights && observed.cells[5] == observed.weights);
        before = observed.weights;
        trivet_observed_release(&observed);
    }
    for (size_t i = 0; i < 4; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    assert_true(weights_of(&scene) == 4 * 700);
    scene_free(&scene);
}

static void test_goes_on_when_loaded_again(void **state)
{
    (void)state;
    struct scene scene = scene_make(CAP);
    (void)serve(&scene, 10, BEGIN);
    struct trivet_observer *observer = trivet_observers_get(scene.observers, 0);
    trivet_servable_unref(scene.servable);
    scene.servable = fixture_servable("houses", 1, COLUMNS, 1, true);
    assert_int_equal(trivet_observers_add(scene.observers, scene.servable, &err), TRIVET_OK);
    (void)serve(&scene, 5, BEGIN + SECOND);
    assert_true(weights_of(&scene) == 15);
    assert_int_equal(trivet_observer_rows(observer), 15);
    assert_string_equal(trivet_observer_model(observer), "houses");
    assert_int_equal(trivet_observer_version(observer), 1);
    assert_null(trivet_observers_get(scene.observers, 1));
    trivet_observer_unref(observer);
    scene_free(&scene);
}

static void test_off(void **state)
{
    (void)state;
    struct scene scene = scene_make(0);
    assert_int_equal(serve(&scene, 10, BEGIN), 0);
    assert_null(trivet_observers_get(scene.observers, 0));
    scene_free(&scene);
}

static void test_out_of_memory(void **state)
{
    (void)state;
    struct trivet_servable *servable = fixture_servable("houses", 1, COLUMNS, 1, true);
    enum trivet_status status = TRIVET_RESOURCE_EXHAUSTED;
    for (uint64_t k = 1; status != TRIVET_OK; k++) {
        struct trivet_observers *observers = trivet_observers_create(CAP);
        assert_non_null(observers);
        trivet_alloc_fail_at(k);
        status = trivet_observers_add(observers, servable, &err);
        trivet_alloc_fail_at(0);
        assert_true(status == TRIVET_OK || status == TRIVET_RESOURCE_EXHAUSTED);
        assert_int_equal(trivet_servable_observer(servable) != NULL, status == TRIVET_OK);
        trivet_observers_free(observers);
    }
    trivet_servable_unref(servable);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_columns),
        cmocka_unit_test(test_tables),
        cmocka_unit_test(test_every_row_below_the_limit),
        cmocka_unit_test(test_fair_above_the_limit),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_goes_on_when_loaded_again),
        cmocka_unit_test(test_off),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
