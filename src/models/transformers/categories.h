/* The texts that a transformer knows of each of its columns: categories, words. */
#ifndef TRIVET_MODELS_TRANSFORMERS_CATEGORIES_H
#define TRIVET_MODELS_TRANSFORMERS_CATEGORIES_H

#include "models/transformer.h"

#include <stddef.h>
#include <stdint.h>

/* Categories of one column, at most. */
#define TRIVET_CATEGORIES_MAX 10000

#define TRIVET_NOT_A_CATEGORY ((size_t)-1)

struct trivet_categories {
    size_t n_columns;
    int64_t *counts; /* owned: texts of each column, at least 1 */
    size_t *first;   /* owned: index of the first one */
    char **texts;    /* owned, each too: of all columns, ascending by bytes within each */
    size_t n_texts;
};

/* Of the ops table: columns of texts. */
bool trivet_categories_accepts(const struct trivet_params *params, enum trivet_column_type type);

/* No column yet, and room for n_columns. */
enum trivet_status trivet_categories_create(struct trivet_categories *categories, const char *owner,
                                            size_t n_columns,
                                            struct trivet_error *err) TRIVET_MUST_USE;
/* The next column, with `n` texts, ascending; copied. RESOURCE_EXHAUSTED. */
enum trivet_status trivet_categories_add(struct trivet_categories *categories, const char *owner,
                                         const char *const *texts, size_t n,
                                         struct trivet_error *err) TRIVET_MUST_USE;
/* Every column, with the categories that occur in it. INVALID_ARGUMENT: none does, or more than
 * TRIVET_CATEGORIES_MAX, or one is missing and that is refused; else missing ones are left out.
 * Nothing is left on error. */
enum trivet_status trivet_categories_fit(struct trivet_categories *categories, const char *owner,
                                         const struct trivet_transform_data *data,
                                         bool refuse_missing,
                                         struct trivet_error *err) TRIVET_MUST_USE;
/* Index of `text` among those of column j, or TRIVET_NOT_A_CATEGORY. */
size_t trivet_categories_find(const struct trivet_categories *categories, size_t j,
                              const char *text);
/* Index of every entry of the column's dictionary, in `arena`; NULL where looking up every row is
 * less work. */
enum trivet_status trivet_categories_map(const struct trivet_categories *categories, size_t j,
                                         const char *owner, const struct trivet_column *column,
                                         size_t n_rows, struct trivet_arena *arena, size_t **out,
                                         struct trivet_error *err) TRIVET_MUST_USE;
/* Index of row i's category by that map, or TRIVET_NOT_A_CATEGORY, also for a missing one. */
size_t trivet_categories_at(const struct trivet_categories *categories, size_t j,
                            const struct trivet_column *column, const size_t *map, size_t i);

/* Two tensors, "counts" and `name`. */
enum trivet_status trivet_categories_save(const struct trivet_categories *categories,
                                          const char *name, struct trivet_arena *arena,
                                          Trivet__V1__Step *out,
                                          struct trivet_error *err) TRIVET_MUST_USE;
/* DATA_LOSS. Nothing is left on error. */
enum trivet_status trivet_categories_load(struct trivet_categories *categories, const char *name,
                                          size_t n_columns, const Trivet__V1__Step *step,
                                          struct trivet_error *err) TRIVET_MUST_USE;
size_t trivet_categories_memory_bytes(const struct trivet_categories *categories);
void trivet_categories_release(struct trivet_categories *categories);

#endif
