/* The list of columns from the raw inputs to the features. */
#include "base/alloc.h"
#include "models/pipeline_internal.h"
#include "models/transformers/column.h"

#include <math.h>
#include <string.h>

#define FILL_BLOCK_ROWS 256

void trivet_layout_release(struct trivet_layout *layout)
{
    for (size_t j = 0; j < layout->n_features; j++) {
        trivet_free(layout->features[j].name);
    }
    trivet_free(layout->features);
    layout->features = NULL;
    layout->n_features = 0;
}

enum trivet_status trivet_layout_of_inputs(const struct trivet_schema *inputs,
                                           struct trivet_layout *out, struct trivet_error *err)
{
    struct trivet_layout layout = {.n_features = inputs->n_columns};
    layout.features = trivet_calloc(inputs->n_columns, sizeof(struct trivet_feature));
    if (layout.features == NULL) {
        return trivet_pipeline_no_memory(err);
    }
    for (size_t j = 0; j < inputs->n_columns; j++) {
        layout.features[j].type = inputs->columns[j].type;
        layout.features[j].origin = (uint32_t)j;
        layout.features[j].name = trivet_strdup(inputs->columns[j].name);
        if (layout.features[j].name == NULL) {
            trivet_layout_release(&layout);
            return trivet_pipeline_no_memory(err);
        }
    }
    *out = layout;
    return TRIVET_OK;
}

/* Names, types and origins of the step's outputs. */
static enum trivet_status make_outputs(const struct trivet_layout *before,
                                       const struct trivet_step *step, const char **names,
                                       struct trivet_feature *outputs, struct trivet_error *err)
{
    for (size_t k = 0; k < step->n_columns; k++) {
        names[k] = before->features[step->columns[k]].name;
    }
    for (size_t k = 0; k < step->n_outputs; k++) {
        const struct trivet_feature *source =
            &before->features[step->columns[step->ops->output_source(step->state, k)]];
        outputs[k].type = step->ops->output_type(source->type);
        outputs[k].origin = source->origin;
        outputs[k].name = step->ops->output_name(step->state, k, names);
        if (outputs[k].name == NULL) {
            return trivet_pipeline_no_memory(err);
        }
    }
    return TRIVET_OK;
}

/* placement (n_after); see struct trivet_step. */
static void place(struct trivet_step *step)
{
    bool in_place = step->n_outputs == step->n_columns;
    size_t next_column = 0;
    size_t n = 0;
    for (size_t j = 0; j < step->n_before; j++) {
        bool taken = next_column < step->n_columns && step->columns[next_column] == j;
        if (!taken) {
            step->placement[n++] = (uint32_t)j;
        } else if (in_place) {
            step->placement[n++] = (uint32_t)(step->n_before + next_column);
        }
        next_column += taken ? 1 : 0;
    }
    for (size_t k = 0; !in_place && k < step->n_outputs; k++) {
        step->placement[n++] = (uint32_t)(step->n_before + k);
    }
}

/* Moves kept features and outputs to `after`; what is not kept is freed. */
static void move_features(struct trivet_layout *layout, const struct trivet_step *step,
                          struct trivet_feature *outputs, struct trivet_feature *after)
{
    for (size_t k = 0; k < step->n_columns; k++) {
        trivet_free(layout->features[step->columns[k]].name);
    }
    for (size_t n = 0; n < step->n_after; n++) {
        size_t from = step->placement[n];
        after[n] = from < step->n_before ? layout->features[from] : outputs[from - step->n_before];
    }
    trivet_free(layout->features);
    layout->features = after;
    layout->n_features = step->n_after;
}

static enum trivet_status allocate_placement(const struct trivet_layout *layout,
                                             struct trivet_step *step, struct trivet_error *err)
{
    step->n_outputs = step->ops->n_outputs(step->state);
    step->n_before = layout->n_features;
    step->n_after = step->n_before - step->n_columns + step->n_outputs;
    if (step->n_outputs > TRIVET_FEATURES_MAX || step->n_after > TRIVET_FEATURES_MAX) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "%s makes %zu columns, which is more than %d together; leave out "
                                "columns with many categories",
                                step->ops->name, step->n_outputs, TRIVET_FEATURES_MAX);
    }
    step->origins = trivet_alloc_array(step->n_columns, sizeof(uint32_t));
    step->placement = trivet_alloc_array(step->n_after + 1, sizeof(uint32_t));
    if (step->origins == NULL || step->placement == NULL) {
        return trivet_pipeline_no_memory(err);
    }
    return TRIVET_OK;
}

enum trivet_status trivet_layout_advance(struct trivet_layout *layout, struct trivet_step *step,
                                         struct trivet_error *err)
{
    const char **names = NULL;
    struct trivet_feature *outputs = NULL;
    struct trivet_feature *after = NULL;
    enum trivet_status status = allocate_placement(layout, step, err);
    if (status != TRIVET_OK) {
        return status;
    }
    names = trivet_alloc_array(step->n_columns, sizeof(const char *));
    outputs = trivet_calloc(step->n_outputs + 1, sizeof *outputs);
    after = trivet_calloc(step->n_after + 1, sizeof *after);
    if (names == NULL || outputs == NULL || after == NULL) {
        status = trivet_pipeline_no_memory(err);
        goto done;
    }
    for (size_t k = 0; k < step->n_columns; k++) {
        step->origins[k] = layout->features[step->columns[k]].origin;
    }
    status = make_outputs(layout, step, names, outputs, err);
    if (status != TRIVET_OK) {
        goto done;
    }
    place(step);
    move_features(layout, step, outputs, after);
    after = NULL;
    memset(outputs, 0, step->n_outputs * sizeof *outputs);
done:
    for (size_t k = 0; outputs != NULL && k < step->n_outputs; k++) {
        trivet_free(outputs[k].name);
    }
    trivet_free(names);
    trivet_free(outputs);
    trivet_free(after);
    return status;
}

void trivet_pipeline_set_history(struct trivet_pipeline *pipeline)
{
    pipeline->history_rows = 0;
    for (size_t i = 0; i < pipeline->n_steps; i++) {
        const struct trivet_step *step = &pipeline->steps[i];
        pipeline->history_rows +=
            step->ops->history_rows != NULL ? step->ops->history_rows(step->state) : 0;
    }
}

void trivet_pipeline_set_layout(struct trivet_pipeline *pipeline, struct trivet_layout *layout)
{
    size_t columns_max = pipeline->inputs.n_columns;
    size_t step_max = 1;
    for (size_t i = 0; i < pipeline->n_steps; i++) {
        const struct trivet_step *step = &pipeline->steps[i];
        columns_max = step->n_after > columns_max ? step->n_after : columns_max;
        step_max = step->n_columns > step_max ? step->n_columns : step_max;
        step_max = step->n_outputs > step_max ? step->n_outputs : step_max;
    }
    pipeline->n_columns_max = columns_max;
    pipeline->n_step_max = step_max;
    pipeline->layout = *layout;
    *layout = (struct trivet_layout){0};
}

enum trivet_status trivet_step_transform(const struct trivet_step *step,
                                         const struct trivet_column *columns, size_t n_rows,
                                         struct trivet_arena *arena, struct trivet_column *out,
                                         struct trivet_row_status *rows, struct trivet_error *err)
{
    size_t n_scratch = step->n_columns + step->n_outputs;
    struct trivet_column *in = trivet_arena_alloc_array(arena, n_scratch, sizeof *in);
    if (in == NULL) {
        return trivet_pipeline_no_memory(err);
    }
    struct trivet_column *made = &in[step->n_columns];
    for (size_t k = 0; k < step->n_columns; k++) {
        in[k] = columns[step->columns[k]];
    }
    struct trivet_transform_input input = {
        .columns = in, .n_columns = step->n_columns, .origins = step->origins, .n_rows = n_rows};
    enum trivet_status status = step->ops->transform(step->state, &input, arena, made, rows, err);
    if (status != TRIVET_OK) {
        return status;
    }
    for (size_t n = 0; n < step->n_after; n++) {
        size_t from = step->placement[n];
        out[n] = from < step->n_before ? columns[from] : made[from - step->n_before];
    }
    return TRIVET_OK;
}

/* Copies first and looks for faults only when the sum of x - x, 0 for finite numbers, is not 0. */
static void fill_block(const struct trivet_column *column, uint32_t origin, bool accepts_missing,
                       size_t first, size_t last, double *x, size_t x_stride,
                       struct trivet_row_status *rows)
{
    const double *numbers = column->numbers;
    size_t stride = column->stride;
    double not_finite = 0.0;
    for (size_t i = first; i < last; i++) {
        double value = numbers[i * stride];
        x[i * x_stride] = value;
        not_finite += value - value;
    }
    for (size_t i = first; not_finite != 0.0 && i < last; i++) {
        double value = numbers[i * stride];
        if (isinf(value) || (isnan(value) && !accepts_missing)) {
            trivet_row_set_fault(&rows[i], isnan(value) ? TRIVET_ROW_MISSING : TRIVET_ROW_INFINITE,
                                 origin);
        }
    }
}

void trivet_layout_fill(const struct trivet_layout *layout, bool accepts_missing,
                        const struct trivet_column *columns, size_t n_rows, struct trivet_matrix x,
                        struct trivet_row_status *rows)
{
    for (size_t first = 0; first < n_rows; first += FILL_BLOCK_ROWS) {
        size_t last = first + FILL_BLOCK_ROWS < n_rows ? first + FILL_BLOCK_ROWS : n_rows;
        for (size_t j = 0; j < layout->n_features; j++) {
            fill_block(&columns[j], layout->features[j].origin, accepts_missing, first, last,
                       &x.data[j], x.stride, rows);
        }
        for (size_t i = first; i < last; i++) {
            if (rows[i].fault != TRIVET_ROW_FINE) {
                memset(&x.data[i * x.stride], 0, layout->n_features * sizeof(double));
            }
        }
    }
}
