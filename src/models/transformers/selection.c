#include "models/transformers/selection.h"

#include "base/alloc.h"
#include "models/tensors.h"

size_t trivet_selection_n_outputs(const void *state)
{
    return ((const struct trivet_marks *)state)->n_set;
}

size_t trivet_selection_output_source(const void *state, size_t output)
{
    return trivet_marks_find(state, output);
}

char *trivet_selection_output_name(const void *state, size_t output, const char *const *input_names)
{
    return trivet_strdup(input_names[trivet_marks_find(state, output)]);
}

enum trivet_status trivet_selection_transform(const void *state,
                                              const struct trivet_transform_input *input,
                                              struct trivet_arena *arena, struct trivet_column *out,
                                              struct trivet_row_status *rows,
                                              struct trivet_error *err)
{
    (void)arena;
    (void)rows;
    (void)err;
    const struct trivet_marks *kept = state;
    for (size_t k = 0; k < kept->n_set; k++) {
        out[k] = input->columns[trivet_marks_find(kept, k)];
    }
    return TRIVET_OK;
}

bool trivet_selection_fuse(const void *state, size_t output, struct trivet_fused *column)
{
    (void)state;
    (void)output;
    (void)column;
    return true;
}

enum trivet_status trivet_selection_save(const void *state, struct trivet_arena *arena,
                                         Trivet__V1__Step *out, struct trivet_error *err)
{
    enum trivet_status status = trivet_tensors_begin(arena, 1, out, err);
    return status == TRIVET_OK ? trivet_marks_save(state, "kept", arena, out, err) : status;
}

enum trivet_status trivet_selection_load(void *state, const struct trivet_params *params,
                                         const enum trivet_column_type *types, size_t n_columns,
                                         const Trivet__V1__Step *step, struct trivet_error *err)
{
    (void)params;
    (void)types;
    struct trivet_marks *kept = state;
    enum trivet_status status = trivet_tensors_expect(step, 1, err);
    if (status == TRIVET_OK) {
        status = trivet_marks_create(kept, step->name, n_columns, err);
    }
    if (status == TRIVET_OK) {
        status = trivet_marks_load(kept, "kept", step, err);
    }
    if (status == TRIVET_OK && kept->n_set == 0) {
        status =
            trivet_error_set(err, TRIVET_DATA_LOSS,
                             "the saved state of '%s' is damaged: it keeps no column", step->name);
    }
    if (status != TRIVET_OK) {
        trivet_marks_release(kept);
    }
    return status;
}

size_t trivet_selection_memory_bytes(const void *state)
{
    const struct trivet_marks *kept = state;
    return sizeof *kept + kept->n_columns * (sizeof(int64_t) + sizeof(uint32_t));
}

void trivet_selection_release(void *state)
{
    trivet_marks_release(state);
}
