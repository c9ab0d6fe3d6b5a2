/* What transformers of numeric columns share: numbers a column as their state, and statistics of a
 * column. */
#ifndef TRIVET_MODELS_TRANSFORMERS_NUMERIC_H
#define TRIVET_MODELS_TRANSFORMERS_NUMERIC_H

#include "models/transformer.h"

#define TRIVET_NUMERIC_ARRAYS_MAX 3

/* What a transformer keeps of every column: some arrays of numbers. */
struct trivet_numeric_layout {
    const char *owner;                                /* the transformer's name, in messages */
    const char *names[TRIVET_NUMERIC_ARRAYS_MAX + 1]; /* of the arrays, as they are saved */
    int positive; /* array whose numbers are all greater than 0; -1: none */
};

/* The state of such a transformer: its first member. */
struct trivet_numeric {
    const struct trivet_numeric_layout *layout; /* static */
    size_t n_arrays;
    size_t n_columns;
    double *values; /* owned: (n_arrays, n_columns) */
};

/* Room for the arrays, all zeros. */
enum trivet_status trivet_numeric_create(struct trivet_numeric *numeric,
                                         const struct trivet_numeric_layout *layout,
                                         size_t n_columns,
                                         struct trivet_error *err) TRIVET_MUST_USE;
/* Array `k`: n_columns numbers. */
double *trivet_numeric_array(const struct trivet_numeric *numeric, size_t k);
/* The arrays from a step that has nothing else. DATA_LOSS. */
enum trivet_status trivet_numeric_load(struct trivet_numeric *numeric,
                                       const struct trivet_numeric_layout *layout, size_t n_columns,
                                       const Trivet__V1__Step *step,
                                       struct trivet_error *err) TRIVET_MUST_USE;
/* DATA_LOSS unless array `low` is nowhere above array `high`; the state is released then. */
enum trivet_status trivet_numeric_check_order(struct trivet_numeric *numeric, size_t low,
                                              size_t high, const Trivet__V1__Step *step,
                                              struct trivet_error *err) TRIVET_MUST_USE;

/* Functions of the ops table where the state begins with struct trivet_numeric and every numeric
 * column becomes one numeric column of the same name. */
bool trivet_numeric_accepts(const struct trivet_params *params, enum trivet_column_type type);
enum trivet_column_type trivet_numeric_output_type(enum trivet_column_type type);
size_t trivet_numeric_n_outputs(const void *state);
size_t trivet_numeric_output_source(const void *state, size_t output);
char *trivet_numeric_output_name(const void *state, size_t output, const char *const *input_names);
enum trivet_status trivet_numeric_save(const void *state, struct trivet_arena *arena,
                                       Trivet__V1__Step *out, struct trivet_error *err);
size_t trivet_numeric_memory_bytes(const void *state);
void trivet_numeric_release(void *state);

/* Functions of the ops table of a scaler: out = (x - array 0) / array 1. */
enum { TRIVET_NUMERIC_CENTRE, TRIVET_NUMERIC_SCALE };
enum trivet_status trivet_numeric_standardise(const void *state,
                                              const struct trivet_transform_input *input,
                                              struct trivet_arena *arena, struct trivet_column *out,
                                              struct trivet_row_status *rows,
                                              struct trivet_error *err) TRIVET_MUST_USE;
bool trivet_numeric_fuse(const void *state, size_t output, struct trivet_fused *column);

/* RESOURCE_EXHAUSTED. */
enum trivet_status trivet_transformer_no_memory(const char *owner, struct trivet_error *err);
/* INVALID_ARGUMENT: a column without a value in training; one whose values overflow. */
enum trivet_status trivet_transformer_no_value(const char *owner,
                                               const struct trivet_column *column, size_t n_rows,
                                               struct trivet_error *err);
enum trivet_status trivet_numeric_too_large(const char *owner, const struct trivet_column *column,
                                            struct trivet_error *err);
/* `n` numeric columns of n_rows in `arena`, dense, one after the other; `out[k]` reads column k.
 * Names are left to the pipeline. */
enum trivet_status trivet_numeric_make(struct trivet_arena *arena, const char *owner, size_t n,
                                       size_t n_rows, struct trivet_column *out, double **values,
                                       struct trivet_error *err) TRIVET_MUST_USE;

/* An infinity is a fault of its row: for transformers that would hide it. */
void trivet_numeric_fault_infinite(const struct trivet_column *column, size_t n_rows,
                                   uint32_t origin, struct trivet_row_status *rows);
/* INVALID_ARGUMENT when a training value of the column is missing. */
enum trivet_status trivet_numeric_refuse_missing(const char *owner,
                                                 const struct trivet_column *column, size_t n_rows,
                                                 struct trivet_error *err) TRIVET_MUST_USE;

/* The values present, in memory of the caller (trivet_free). INVALID_ARGUMENT when there is none.
 */
enum trivet_status trivet_numeric_present(const char *owner, const struct trivet_column *column,
                                          size_t n_rows, double **values, size_t *n,
                                          struct trivet_error *err) TRIVET_MUST_USE;
/* The same, ascending: by their bits from the lowest byte to the highest (radix sort), 4 to 8
 * passes. */
enum trivet_status trivet_numeric_sorted(const char *owner, const struct trivet_column *column,
                                         size_t n_rows, double **values, size_t *n,
                                         struct trivet_error *err) TRIVET_MUST_USE;
double trivet_numeric_median(const double *sorted, size_t n);
/* Quantile 0 <= q <= 1 of ascending values, n >= 1, linear between neighbours, as numpy's. */
double trivet_numeric_quantile(const double *sorted, size_t n, double q);

struct trivet_moments {
    size_t n; /* values present */
    double mean;
    double variance; /* ddof 0 */
    double min;
    double max;
};

/* Two passes over differences to the first value, and the rounding of the mean taken out of the
 * variance (Chan, Golub, LeVeque 1983, corrected two-pass). Missing values are left out. All 0
 * when there is none. */
struct trivet_moments trivet_numeric_moments(const struct trivet_column *column, size_t n_rows);
/* Deviation to divide by; 1 where the spread is within the rounding of n values at that mean
 * (scikit-learn's rule for what is constant). */
double trivet_numeric_scale(const struct trivet_moments *moments);

#endif
