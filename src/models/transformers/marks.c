#include "models/transformers/marks.h"

#include "base/alloc.h"
#include "base/text.h"
#include "models/tensors.h"
#include "models/transformers/numeric.h"

#include <assert.h>
#include <string.h>

enum { NOT_MARKED = 1, MARKED = 2 };

enum trivet_status trivet_marks_create(struct trivet_marks *marks, const char *owner,
                                       size_t n_columns, struct trivet_error *err)
{
    struct trivet_marks made = {.n_columns = n_columns};
    made.marks = trivet_alloc_array(n_columns, sizeof(int64_t));
    made.index = trivet_alloc_array(n_columns, sizeof(uint32_t));
    if (made.marks == NULL || made.index == NULL) {
        trivet_marks_release(&made);
        return trivet_transformer_no_memory(owner, err);
    }
    for (size_t j = 0; j < n_columns; j++) {
        made.marks[j] = NOT_MARKED;
    }
    *marks = made;
    return TRIVET_OK;
}

void trivet_marks_set(struct trivet_marks *marks, size_t j)
{
    assert(j < marks->n_columns);
    assert(marks->n_set == 0 || marks->index[marks->n_set - 1] < j);
    marks->marks[j] = MARKED;
    marks->index[marks->n_set++] = (uint32_t)j;
}

size_t trivet_marks_find(const struct trivet_marks *marks, size_t k)
{
    assert(k < marks->n_set);
    return marks->index[k];
}

enum trivet_status trivet_marks_save(const struct trivet_marks *marks, const char *name,
                                     struct trivet_arena *arena, Trivet__V1__Step *out,
                                     struct trivet_error *err)
{
    return trivet_tensors_put_i64(arena, out, name, marks->marks, marks->n_columns, err);
}

enum trivet_status trivet_marks_load(struct trivet_marks *marks, const char *name,
                                     const Trivet__V1__Step *step, struct trivet_error *err)
{
    const int64_t *saved = NULL;
    size_t n = 0;
    enum trivet_status status = trivet_tensors_get_i64(step, name, &saved, &n, err);
    if (status == TRIVET_OK && n != marks->n_columns) {
        status = trivet_tensors_wrong_count(step, name, n, marks->n_columns, err);
    }
    for (size_t j = 0; status == TRIVET_OK && j < n; j++) {
        if (saved[j] == MARKED) {
            trivet_marks_set(marks, j);
        } else if (saved[j] != NOT_MARKED) {
            status = trivet_error_set(err, TRIVET_DATA_LOSS,
                                      "the saved state of '%s' is damaged: value %zu of tensor "
                                      "'%s' is neither 1 nor 2",
                                      step->name, j, name);
        }
    }
    return status;
}

void trivet_marks_release(struct trivet_marks *marks)
{
    trivet_free(marks->marks);
    trivet_free(marks->index);
    memset(marks, 0, sizeof *marks);
}

char *trivet_text_join(const char *before, const char *name, const char *after)
{
    size_t bytes = strlen(before) + strlen(name) + strlen(after) + 1;
    char *text = trivet_malloc(bytes);
    if (text != NULL) {
        trivet_text_format(text, bytes, "%s%s%s", before, name, after);
    }
    return text;
}
