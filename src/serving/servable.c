#include "serving/servable.h"

#include "base/alloc.h"
#include "base/text.h"

#include <math.h>
#include <stdatomic.h>

#define MODEL_BYTES 65 /* with its NUL */
/* Scratch of the one row of a warm-up: even the widest model needs less. */
#define WARM_UP_BYTES_MAX (64u << 20)

struct trivet_servable {
    atomic_size_t n_refs;
    char model[MODEL_BYTES];
    uint64_t version;
    struct trivet_artefact *artefact;
    void *user; /* set before other threads can find it */
};

static enum trivet_status out_of_memory(struct trivet_error *err)
{
    return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                            "out of memory while loading a version; unload others, or raise the "
                            "memory of the server");
}

/* One row: zeros in numeric columns, nulls in the others. */
static enum trivet_status make_row(const struct trivet_schema *inputs, struct trivet_arena *arena,
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
            .stride = 1,
            .numbers = numeric ? &zero : NULL,
            .codes = numeric ? NULL : &null_code,
        };
    }
    *out = (struct trivet_table){.n_rows = 1, .n_columns = inputs->n_columns, .columns = columns};
    return TRIVET_OK;
}

/* One prediction, so that the first caller does not pay for cold pages and lazy set-up, and a
 * pipeline that cannot predict at all is found before it serves. A fault of the row is fine: its
 * features are zeros then. */
static enum trivet_status warm_up(const struct trivet_pipeline *pipeline, struct trivet_error *err)
{
    struct trivet_arena *arena = trivet_arena_create(WARM_UP_BYTES_MAX, 0);
    if (arena == NULL) {
        return out_of_memory(err);
    }
    size_t n_features = trivet_pipeline_n_features(pipeline);
    size_t n_outputs = trivet_pipeline_n_outputs(pipeline);
    struct trivet_table row;
    struct trivet_row_status fault = {0};
    struct trivet_matrix x = {.n_rows = 1, .n_cols = n_features, .stride = n_features};
    struct trivet_matrix out = {.n_rows = 1, .n_cols = n_outputs, .stride = n_outputs};
    enum trivet_status status = make_row(trivet_pipeline_inputs(pipeline), arena, &row, err);
    if (status != TRIVET_OK) {
        goto done;
    }
    x.data = trivet_arena_alloc_array(arena, n_features + 1, sizeof(double));
    out.data = trivet_arena_alloc_array(arena, n_outputs + 1, sizeof(double));
    if (x.data == NULL || out.data == NULL) {
        status = out_of_memory(err);
        goto done;
    }
    status = trivet_pipeline_transform(pipeline, &row, arena, x, &fault, err);
    if (status == TRIVET_OK) {
        struct trivet_const_matrix features = {x.data, 1, n_features, n_features};
        status = trivet_pipeline_estimate(pipeline, features, out, err);
    }
done:
    trivet_arena_free(arena);
    return status;
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
        status = warm_up(servable->artefact->pipeline, err);
    }
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
        trivet_artefact_free(servable->artefact);
        trivet_free(servable);
    }
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

size_t trivet_servable_memory_bytes(const struct trivet_servable *servable)
{
    return sizeof(*servable) + trivet_pipeline_memory_bytes(servable->artefact->pipeline) +
           trivet_arena_used_bytes(servable->artefact->arena);
}

void trivet_servable_set_user(struct trivet_servable *servable, void *user)
{
    servable->user = user;
}

void *trivet_servable_user(const struct trivet_servable *servable)
{
    return servable->user;
}
