#include "serving/servable.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/text.h"
#include "serving/observer.h"

#include <math.h>
#include <stdatomic.h>
#include <string.h>

#define MODEL_BYTES 65 /* with its NUL */
/* Scratch of a warm-up: even the widest model needs less. */
#define WARM_UP_BYTES_MAX  (64u << 20)
#define WARM_UP_ROWS       32
#define WARM_UP_VALUES_MAX 65536 /* features and outputs of more than one row */

struct trivet_servable {
    atomic_size_t n_refs;
    char model[MODEL_BYTES];
    uint64_t version;
    struct trivet_artefact *artefact;
    struct trivet_plan *plan;         /* over the artefact's pipeline; or NULL */
    void *user;                       /* set before other threads can find it */
    void (*release_user)(void *user); /* likewise; or NULL */
    struct trivet_observer *observer; /* likewise; our reference */
    _Atomic double batch_ns;          /* of struct trivet_cost */
    _Atomic double row_ns;
    _Atomic int64_t touched_ns;
};

static enum trivet_status out_of_memory(struct trivet_error *err)
{
    return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                            "out of memory while loading a version; unload others, or raise the "
                            "memory of the server");
}

/* Rows of zeros in numeric columns, nulls in the others. */
static enum trivet_status make_rows(const struct trivet_schema *inputs, struct trivet_arena *arena,
                                    struct trivet_table *out, struct trivet_error *err)
{
    static const double zero = 0;
    static const uint32_t null_code = TRIVET_CODE_NULL;
    struct trivet_column *columns =
        trivet_arena_alloc_array(arena, inputs->n_columns, sizeof(*columns));
    if (columns == NULL) {
        return out_of_memory(err);
    }
    for (size_t i = 0; i < inputs->n_columns; i++) {
        bool numeric = inputs->columns[i].type == TRIVET_COLUMN_NUMERIC;
        columns[i] = (struct trivet_column){
            .name = inputs->columns[i].name,
            .type = inputs->columns[i].type,
            .stride = 0, /* one value for all rows */
            .numbers = numeric ? &zero : NULL,
            .codes = numeric ? NULL : &null_code,
        };
    }
    *out = (struct trivet_table){.n_columns = inputs->n_columns, .columns = columns};
    return TRIVET_OK;
}

struct warm_up {
    const struct trivet_pipeline *pipeline;
    const struct trivet_plan *plan; /* or NULL */
    struct trivet_arena *arena;
    struct trivet_table rows;
    struct trivet_row_status faults[WARM_UP_ROWS]; /* fine: the features of such a row are zeros */
    double *zeros;                                 /* the same rows, for the plan */
    double *x;
    double *out;
    void *scratch; /* the plan's */
};

/* As the workers and the lanes do it: what costs is measured. */
static enum trivet_status predict_once(struct warm_up *warm, size_t n_rows, bool by_plan,
                                       struct trivet_error *err)
{
    size_t n_features = trivet_pipeline_n_features(warm->pipeline);
    size_t n_outputs = trivet_pipeline_n_outputs(warm->pipeline);
    if (by_plan) {
        const struct trivet_row_view zeros = {
            .n_rows = n_rows, .first = warm->zeros, .stride_bytes = 0};
        (void)trivet_plan_predict(warm->plan, &zeros, false, warm->out, warm->faults,
                                  warm->scratch);
        return TRIVET_OK;
    }
    struct trivet_matrix x = {warm->x, n_rows, n_features, n_features};
    struct trivet_const_matrix features = {warm->x, n_rows, n_features, n_features};
    struct trivet_matrix out = {warm->out, n_rows, n_outputs, n_outputs};
    warm->rows.n_rows = n_rows;
    enum trivet_status status =
        trivet_pipeline_transform(warm->pipeline, &warm->rows, warm->arena, x, warm->faults, err);
    return status == TRIVET_OK ? trivet_pipeline_estimate(warm->pipeline, features, out, err)
                               : status;
}

/* *took_ns of the faster of two runs, as the first is cold. */
static enum trivet_status predict_rows(struct warm_up *warm, size_t n_rows, bool by_plan,
                                       double *took_ns, struct trivet_error *err)
{
    enum trivet_status status = TRIVET_OK;
    for (int run = 0; run < 2 && status == TRIVET_OK; run++) {
        int64_t started_ns = trivet_clock_monotonic_ns();
        status = predict_once(warm, n_rows, by_plan, err);
        double run_ns = (double)(trivet_clock_monotonic_ns() - started_ns);
        *took_ns = run == 0 || run_ns < *took_ns ? run_ns : *took_ns;
    }
    return status;
}

static bool make_room(struct warm_up *warm, size_t n_rows)
{
    size_t n_features = trivet_pipeline_n_features(warm->pipeline);
    size_t n_inputs = trivet_pipeline_inputs(warm->pipeline)->n_columns;
    size_t n_outputs = trivet_pipeline_n_outputs(warm->pipeline);
    size_t scratch_bytes = warm->plan == NULL ? 0 : trivet_plan_scratch_bytes(warm->plan, n_rows);
    warm->zeros = trivet_arena_alloc_array(warm->arena, n_inputs + 1, sizeof(double));
    warm->x = trivet_arena_alloc_array(warm->arena, n_rows * n_features + 1, sizeof(double));
    warm->out = trivet_arena_alloc_array(warm->arena, n_rows * n_outputs + 1, sizeof(double));
    /* Pieces of this size are aligned to 64 bytes. */
    warm->scratch = trivet_arena_alloc(warm->arena, scratch_bytes < 256 ? 256 : scratch_bytes);
    if (warm->zeros == NULL || warm->x == NULL || warm->out == NULL || warm->scratch == NULL) {
        return false;
    }
    memset(warm->zeros, 0, (n_inputs + 1) * sizeof(double));
    return true;
}

/* A few predictions, so that the first caller does not pay for cold pages and lazy set-up, a
 * pipeline that cannot predict at all is found before it serves, and its cost is known. */
static enum trivet_status warm_up(const struct trivet_pipeline *pipeline,
                                  const struct trivet_plan *plan, struct trivet_cost *cost,
                                  struct trivet_error *err)
{
    struct warm_up warm = {
        .pipeline = pipeline, .plan = plan, .arena = trivet_arena_create(WARM_UP_BYTES_MAX, 0)};
    if (warm.arena == NULL) {
        return out_of_memory(err);
    }
    size_t n_values = trivet_pipeline_n_features(pipeline) + trivet_pipeline_n_outputs(pipeline);
    /* A wide pipeline is warmed with one row, and a row's share of it is not told apart. */
    size_t n_rows = n_values > WARM_UP_VALUES_MAX / WARM_UP_ROWS ? 1 : WARM_UP_ROWS;
    double one_ns = 0;
    double all_ns = 0;
    enum trivet_status status =
        make_rows(trivet_pipeline_inputs(pipeline), warm.arena, &warm.rows, err);
    if (status == TRIVET_OK && !make_room(&warm, n_rows)) {
        status = out_of_memory(err);
    }
    for (int by_plan = 0; by_plan < (plan == NULL ? 1 : 2) && status == TRIVET_OK; by_plan++) {
        status = predict_rows(&warm, 1, by_plan, &one_ns, err);
        if (status == TRIVET_OK) {
            status = predict_rows(&warm, n_rows, by_plan, &all_ns, err);
        }
    }
    cost->row_ns = n_rows == 1 ? one_ns : fmax(all_ns - one_ns, 0) / (double)(n_rows - 1);
    cost->batch_ns = fmax(one_ns - cost->row_ns, 0);
    trivet_arena_free(warm.arena);
    return status;
}

static void keep_cost(struct trivet_servable *servable, struct trivet_cost cost)
{
    atomic_store_explicit(&servable->batch_ns, cost.batch_ns, memory_order_relaxed);
    atomic_store_explicit(&servable->row_ns, cost.row_ns, memory_order_relaxed);
}

enum trivet_status trivet_servable_create(const char *model, uint64_t version, const void *artefact,
                                          size_t n_bytes, struct trivet_servable **out,
                                          struct trivet_error *err)
{
    struct trivet_servable *servable = trivet_calloc(1, sizeof(*servable));
    if (servable == NULL) {
        return out_of_memory(err);
    }
    enum trivet_status status = TRIVET_OK;
    if (!trivet_text_copy(servable->model, sizeof(servable->model), model)) {
        status = trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                  "the model's name has more than %d bytes", MODEL_BYTES - 1);
    }
    servable->version = version;
    atomic_init(&servable->n_refs, 1);
    if (status == TRIVET_OK) {
        status = trivet_artefact_decode(artefact, n_bytes, &servable->artefact, err);
    }
    if (status == TRIVET_OK) {
        status = trivet_plan_create(servable->artefact->pipeline, &servable->plan, err);
    }
    struct trivet_cost cost = {0};
    if (status == TRIVET_OK) {
        status = warm_up(servable->artefact->pipeline, servable->plan, &cost, err);
    }
    keep_cost(servable, cost);
    if (status != TRIVET_OK) {
        trivet_error_prefix(err, "model '%s' version %llu: ", model, (unsigned long long)version);
        trivet_servable_unref(servable);
        return status;
    }
    *out = servable;
    return TRIVET_OK;
}

struct trivet_servable *trivet_servable_ref(struct trivet_servable *servable)
{
    /* The caller has a reference, or the set's lock: nothing to order. */
    atomic_fetch_add_explicit(&servable->n_refs, 1, memory_order_relaxed);
    return servable;
}

void trivet_servable_unref(struct trivet_servable *servable)
{
    /* What every owner did with it comes before its end. */
    if (servable != NULL &&
        atomic_fetch_sub_explicit(&servable->n_refs, 1, memory_order_acq_rel) == 1) {
        if (servable->release_user != NULL && servable->user != NULL) {
            servable->release_user(servable->user);
        }
        trivet_observer_unref(servable->observer);
        trivet_plan_free(servable->plan);
        trivet_artefact_free(servable->artefact);
        trivet_free(servable);
    }
}

bool trivet_servable_is_last(const struct trivet_servable *servable)
{
    return atomic_load_explicit(&servable->n_refs, memory_order_acquire) == 1;
}

const char *trivet_servable_model(const struct trivet_servable *servable)
{
    return servable->model;
}

uint64_t trivet_servable_version(const struct trivet_servable *servable)
{
    return servable->version;
}

const struct trivet_artefact *trivet_servable_artefact(const struct trivet_servable *servable)
{
    return servable->artefact;
}

const struct trivet_pipeline *trivet_servable_pipeline(const struct trivet_servable *servable)
{
    return servable->artefact->pipeline;
}

const struct trivet_plan *trivet_servable_plan(const struct trivet_servable *servable)
{
    return servable->plan;
}

size_t trivet_servable_memory_bytes(const struct trivet_servable *servable)
{
    return sizeof(*servable) +
           (servable->plan == NULL ? 0 : trivet_plan_memory_bytes(servable->plan)) +
           trivet_pipeline_memory_bytes(servable->artefact->pipeline) +
           trivet_arena_used_bytes(servable->artefact->arena);
}

void trivet_servable_touch(struct trivet_servable *servable, int64_t now_ns)
{
    atomic_store_explicit(&servable->touched_ns, now_ns, memory_order_relaxed);
}

int64_t trivet_servable_touched_ns(const struct trivet_servable *servable)
{
    return atomic_load_explicit(&servable->touched_ns, memory_order_relaxed);
}

struct trivet_cost trivet_servable_cost(const struct trivet_servable *servable)
{
    return (struct trivet_cost){
        .batch_ns = atomic_load_explicit(&servable->batch_ns, memory_order_relaxed),
        .row_ns = atomic_load_explicit(&servable->row_ns, memory_order_relaxed)};
}

void trivet_servable_learn(struct trivet_servable *servable, size_t n_rows, double took_ns)
{
    struct trivet_cost cost = trivet_servable_cost(servable);
    trivet_cost_learn(&cost, n_rows, took_ns);
    keep_cost(servable, cost);
}

void trivet_servable_set_user(struct trivet_servable *servable, void *user,
                              void (*release)(void *user))
{
    servable->user = user;
    servable->release_user = release;
}

void *trivet_servable_user(const struct trivet_servable *servable)
{
    return servable->user;
}

void trivet_servable_set_observer(struct trivet_servable *servable,
                                  struct trivet_observer *observer)
{
    trivet_observer_unref(servable->observer);
    servable->observer = observer;
}

struct trivet_observer *trivet_servable_observer(const struct trivet_servable *servable)
{
    return servable->observer;
}
