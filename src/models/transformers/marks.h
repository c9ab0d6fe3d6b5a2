/* Some of a transformer's columns, marked. */
#ifndef TRIVET_MODELS_TRANSFORMERS_MARKS_H
#define TRIVET_MODELS_TRANSFORMERS_MARKS_H

#include "models/transformer.h"

#include <stddef.h>
#include <stdint.h>

/* Saved as a tensor of n_columns numbers, 1: not marked, 2: marked. */
struct trivet_marks {
    size_t n_columns;
    size_t n_set;
    int64_t *marks;  /* owned: as saved */
    uint32_t *index; /* owned: the n_set columns that are marked, ascending */
};

/* None is marked. */
enum trivet_status trivet_marks_create(struct trivet_marks *marks, const char *owner,
                                       size_t n_columns, struct trivet_error *err) TRIVET_MUST_USE;
/* Marks column j; in ascending order, each once. */
void trivet_marks_set(struct trivet_marks *marks, size_t j);
/* Marked column k of n_set. */
size_t trivet_marks_find(const struct trivet_marks *marks, size_t k);
enum trivet_status trivet_marks_save(const struct trivet_marks *marks, const char *name,
                                     struct trivet_arena *arena, Trivet__V1__Step *out,
                                     struct trivet_error *err) TRIVET_MUST_USE;
/* Into marks that were created and none set. DATA_LOSS. */
enum trivet_status trivet_marks_load(struct trivet_marks *marks, const char *name,
                                     const Trivet__V1__Step *step,
                                     struct trivet_error *err) TRIVET_MUST_USE;
void trivet_marks_release(struct trivet_marks *marks);

/* "before" "name" "after" in one text of the caller (trivet_free); NULL when out of memory. */
char *trivet_text_join(const char *before, const char *name, const char *after);

#endif
