/* What the contract is tried on: every registered estimator alone, and every registered transformer
 * with every choice of its parameters before an estimator. A new registration is tried without a
 * change here. */
#ifndef TRIVET_TESTS_CONTRACT_SUBJECT_H
#define TRIVET_TESTS_CONTRACT_SUBJECT_H

#include "base/arena.h"
#include "base/buffer.h"
#include "models/pipeline.h"
#include "unit/models/fixture.h"

#include <stddef.h>
#include <stdint.h>

#define SUBJECT_ROWS_MAX 600
#define SUBJECT_COLS_MAX 24
/* Outputs of a row: three classes, three pairs of them, or eight clusters. */
#define SUBJECT_OUTPUTS_MAX 8

struct subject {
    char name[128];
    struct fixture_spec spec;
    const struct trivet_transformer_ops *transformer; /* NULL: the estimator alone */
    bool positive;                                    /* its data are all above 0 */
    bool with_missing;                                /* its data may have missing values */
    bool takes_missing;                               /* the estimator takes NaN as missing */
    size_t n_classes;                                 /* 2 or 3 for classification, else 0 */
    bool without_target;                              /* clustering */
};

/* Calls `body` with every subject. */
void subject_each(void (*body)(const struct subject *subject));

/* Data of a shape: columns "n0" …, for transformers also "k0", "k1" of text, then "y". */
struct subject_data {
    size_t n_rows;
    size_t n_columns;
    size_t n_classes;
    struct trivet_column columns[SUBJECT_COLS_MAX + 3];
    char names[SUBJECT_COLS_MAX + 3][8];
    double numbers[SUBJECT_COLS_MAX + 1][SUBJECT_ROWS_MAX];
    uint32_t codes[2][SUBJECT_ROWS_MAX];
    struct trivet_table table; /* of columns */
};

/* Normal numbers; y depends on all of them, with noise; its classes are as large as each other.
 * Heap memory, freed with trivet_free. */
struct subject_data *subject_data_make(const struct subject *subject, size_t n_rows,
                                       size_t n_numbers, uint64_t seed);
/* Recompute y after numbers were changed. */
void subject_data_set_target(struct subject_data *data, size_t n_numbers);

/* Fit, or the status that it is refused with (`*out` NULL then). */
enum trivet_status subject_fit(const struct subject *subject, const struct subject_data *data,
                               uint64_t seed, struct trivet_pipeline **out,
                               struct trivet_error *err);
/* The same, failing the test when refused. */
struct trivet_pipeline *subject_fit_or_fail(const struct subject *subject,
                                            const struct subject_data *data);
/* Save and pack; released by the caller. */
void subject_pack(const struct trivet_pipeline *pipeline, struct trivet_buffer *out);
/* Unpack and load. `arena` keeps the message. */
struct trivet_pipeline *subject_unpack(const struct trivet_buffer *packed,
                                       struct trivet_arena *arena);

#endif
