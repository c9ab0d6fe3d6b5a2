#include "models/transformers/width.h"

#include "models/tensors.h"

enum trivet_status trivet_width_save(const void *state, struct trivet_arena *arena,
                                     Trivet__V1__Step *out, struct trivet_error *err)
{
    enum trivet_status status = trivet_tensors_begin(arena, 1, out, err);
    return status == TRIVET_OK ? trivet_tensors_put_i64(arena, out, "n_columns", state, 1, err)
                               : status;
}

void trivet_width_release(void *state)
{
    (void)state;
}

enum trivet_status trivet_width_check(const Trivet__V1__Step *step, size_t n_columns,
                                      struct trivet_error *err)
{
    const int64_t *saved = NULL;
    size_t n = 0;
    enum trivet_status status = trivet_tensors_expect(step, 1, err);
    if (status == TRIVET_OK) {
        status = trivet_tensors_get_i64(step, "n_columns", &saved, &n, err);
    }
    if (status == TRIVET_OK && (n != 1 || saved[0] < 1 || (size_t)saved[0] != n_columns)) {
        status = trivet_error_set(err, TRIVET_DATA_LOSS,
                                  "the saved state of '%s' is damaged: it is not for %zu columns",
                                  step->name, n_columns);
    }
    return status;
}
