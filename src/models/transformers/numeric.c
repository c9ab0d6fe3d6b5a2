#include "models/transformers/numeric.h"

#include "base/alloc.h"
#include "models/tensors.h"
#include "models/transformers/column.h"

#include <float.h>
#include <math.h>
#include <string.h>

enum trivet_status trivet_transformer_no_memory(const char *owner, struct trivet_error *err)
{
    return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                            "out of memory in %s; use fewer rows or columns", owner);
}

enum trivet_status trivet_transformer_no_value(const char *owner,
                                               const struct trivet_column *column, size_t n_rows,
                                               struct trivet_error *err)
{
    return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                            "%s: column '%s' has no value in any of the %zu training rows; "
                            "leave the column out",
                            owner, column->name, n_rows);
}

enum trivet_status trivet_numeric_too_large(const char *owner, const struct trivet_column *column,
                                            struct trivet_error *err)
{
    return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                            "%s: the values of column '%s' are too large; divide them by a power "
                            "of ten first",
                            owner, column->name);
}

enum trivet_status trivet_numeric_create(struct trivet_numeric *numeric,
                                         const struct trivet_numeric_layout *layout,
                                         size_t n_columns, struct trivet_error *err)
{
    size_t n_arrays = 0;
    while (layout->names[n_arrays] != NULL) {
        n_arrays++;
    }
    double *values = trivet_calloc(n_arrays * n_columns, sizeof(double));
    if (values == NULL) {
        return trivet_transformer_no_memory(layout->owner, err);
    }
    *numeric = (struct trivet_numeric){
        .layout = layout, .n_arrays = n_arrays, .n_columns = n_columns, .values = values};
    return TRIVET_OK;
}

double *trivet_numeric_array(const struct trivet_numeric *numeric, size_t k)
{
    return &numeric->values[k * numeric->n_columns];
}

static enum trivet_status check_positive(const struct trivet_numeric *numeric,
                                         const Trivet__V1__Step *step, struct trivet_error *err)
{
    const size_t k = (size_t)numeric->layout->positive;
    const double *values = trivet_numeric_array(numeric, k);
    for (size_t j = 0; j < numeric->n_columns; j++) {
        if (!(values[j] > 0.0)) {
            return trivet_error_set(err, TRIVET_DATA_LOSS,
                                    "the saved state of '%s' is damaged: value %zu of tensor '%s' "
                                    "is not positive",
                                    step->name, j, numeric->layout->names[k]);
        }
    }
    return TRIVET_OK;
}

enum trivet_status trivet_numeric_load(struct trivet_numeric *numeric,
                                       const struct trivet_numeric_layout *layout, size_t n_columns,
                                       const Trivet__V1__Step *step, struct trivet_error *err)
{
    enum trivet_status status = trivet_numeric_create(numeric, layout, n_columns, err);
    if (status != TRIVET_OK) {
        return status;
    }
    status = trivet_tensors_expect(step, numeric->n_arrays, err);
    for (size_t k = 0; status == TRIVET_OK && k < numeric->n_arrays; k++) {
        const double *values = NULL;
        status = trivet_tensors_get_f64_exactly(step, layout->names[k], n_columns, &values, err);
        if (status == TRIVET_OK) {
            memcpy(trivet_numeric_array(numeric, k), values, n_columns * sizeof(double));
        }
    }
    if (status == TRIVET_OK && layout->positive >= 0) {
        status = check_positive(numeric, step, err);
    }
    if (status != TRIVET_OK) {
        trivet_numeric_release(numeric);
    }
    return status;
}

enum trivet_status trivet_numeric_check_order(struct trivet_numeric *numeric, size_t low,
                                              size_t high, const Trivet__V1__Step *step,
                                              struct trivet_error *err)
{
    const double *least = trivet_numeric_array(numeric, low);
    const double *greatest = trivet_numeric_array(numeric, high);
    for (size_t j = 0; j < numeric->n_columns; j++) {
        if (!(least[j] <= greatest[j])) {
            trivet_error_set(err, TRIVET_DATA_LOSS,
                             "the saved state of '%s' is damaged: value %zu of tensor '%s' is "
                             "above that of '%s'",
                             step->name, j, numeric->layout->names[low],
                             numeric->layout->names[high]);
            trivet_numeric_release(numeric);
            return TRIVET_DATA_LOSS;
        }
    }
    return TRIVET_OK;
}

bool trivet_numeric_accepts(const struct trivet_params *params, enum trivet_column_type type)
{
    (void)params;
    return type == TRIVET_COLUMN_NUMERIC;
}

enum trivet_column_type trivet_numeric_output_type(enum trivet_column_type type)
{
    (void)type;
    return TRIVET_COLUMN_NUMERIC;
}

size_t trivet_numeric_n_outputs(const void *state)
{
    return ((const struct trivet_numeric *)state)->n_columns;
}

size_t trivet_numeric_output_source(const void *state, size_t output)
{
    (void)state;
    return output;
}

char *trivet_numeric_output_name(const void *state, size_t output, const char *const *input_names)
{
    (void)state;
    return trivet_strdup(input_names[output]);
}

enum trivet_status trivet_numeric_save(const void *state, struct trivet_arena *arena,
                                       Trivet__V1__Step *out, struct trivet_error *err)
{
    const struct trivet_numeric *numeric = state;
    enum trivet_status status = trivet_tensors_begin(arena, numeric->n_arrays, out, err);
    for (size_t k = 0; status == TRIVET_OK && k < numeric->n_arrays; k++) {
        status = trivet_tensors_put_f64(arena, out, numeric->layout->names[k],
                                        trivet_numeric_array(numeric, k), numeric->n_columns, err);
    }
    return status;
}

size_t trivet_numeric_memory_bytes(const void *state)
{
    const struct trivet_numeric *numeric = state;
    return sizeof *numeric + numeric->n_arrays * numeric->n_columns * sizeof(double);
}

void trivet_numeric_release(void *state)
{
    struct trivet_numeric *numeric = state;
    trivet_free(numeric->values);
    memset(numeric, 0, sizeof *numeric);
}

enum trivet_status trivet_numeric_make(struct trivet_arena *arena, const char *owner, size_t n,
                                       size_t n_rows, struct trivet_column *out, double **values,
                                       struct trivet_error *err)
{
    double *all = NULL;
    if (n_rows == 0 || n < ((size_t)-1 / sizeof(double) - 1) / n_rows) {
        all = trivet_arena_alloc_array(arena, n * n_rows + 1, sizeof(double));
    }
    if (all == NULL) {
        return trivet_transformer_no_memory(owner, err);
    }
    for (size_t k = 0; k < n; k++) {
        out[k] = (struct trivet_column){
            .type = TRIVET_COLUMN_NUMERIC, .stride = 1, .numbers = &all[k * n_rows]};
    }
    *values = all;
    return TRIVET_OK;
}

enum trivet_status trivet_numeric_standardise(const void *state,
                                              const struct trivet_transform_input *input,
                                              struct trivet_arena *arena, struct trivet_column *out,
                                              struct trivet_row_status *rows,
                                              struct trivet_error *err)
{
    (void)rows;
    const struct trivet_numeric *numeric = state;
    const size_t n_rows = input->n_rows;
    double *all = NULL;
    enum trivet_status status = trivet_numeric_make(arena, numeric->layout->owner, input->n_columns,
                                                    n_rows, out, &all, err);
    if (status != TRIVET_OK) {
        return status;
    }
    for (size_t j = 0; j < input->n_columns; j++) {
        const double centre = trivet_numeric_array(numeric, TRIVET_NUMERIC_CENTRE)[j];
        const double scale = trivet_numeric_array(numeric, TRIVET_NUMERIC_SCALE)[j];
        double *values = &all[j * n_rows];
        for (size_t i = 0; i < n_rows; i++) {
            values[i] = (trivet_column_number(&input->columns[j], i) - centre) / scale;
        }
    }
    return TRIVET_OK;
}

bool trivet_numeric_fuse(const void *state, size_t output, struct trivet_fused *column)
{
    return trivet_fused_standardise(column,
                                    trivet_numeric_array(state, TRIVET_NUMERIC_CENTRE)[output],
                                    trivet_numeric_array(state, TRIVET_NUMERIC_SCALE)[output]);
}

void trivet_numeric_fault_infinite(const struct trivet_column *column, size_t n_rows,
                                   uint32_t origin, struct trivet_row_status *rows)
{
    for (size_t i = 0; i < n_rows; i++) {
        if (isinf(trivet_column_number(column, i))) {
            trivet_row_set_fault(&rows[i], TRIVET_ROW_INFINITE, origin);
        }
    }
}

enum trivet_status trivet_numeric_refuse_missing(const char *owner,
                                                 const struct trivet_column *column, size_t n_rows,
                                                 struct trivet_error *err)
{
    size_t n_missing = trivet_column_count_missing(column, n_rows);
    if (n_missing == 0) {
        return TRIVET_OK;
    }
    return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                            "%s: column '%s' is missing in %zu of %zu training rows; put an "
                            "imputer before it",
                            owner, column->name, n_missing, n_rows);
}

enum trivet_status trivet_numeric_present(const char *owner, const struct trivet_column *column,
                                          size_t n_rows, double **values, size_t *n,
                                          struct trivet_error *err)
{
    double *present = trivet_alloc_array(n_rows, sizeof(double));
    size_t n_present = 0;
    if (present == NULL) {
        return trivet_transformer_no_memory(owner, err);
    }
    for (size_t i = 0; i < n_rows; i++) {
        double value = trivet_column_number(column, i);
        if (!isnan(value)) {
            present[n_present++] = value;
        }
    }
    if (n_present == 0) {
        trivet_free(present);
        return trivet_transformer_no_value(owner, column, n_rows, err);
    }
    *values = present;
    *n = n_present;
    return TRIVET_OK;
}

/* A number whose order as an integer is that of the double. */
static uint64_t key_of(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits >> 63 != 0 ? ~bits : bits | (uint64_t)1 << 63;
}

static double value_of(uint64_t key)
{
    uint64_t bits = key >> 63 != 0 ? key & ~((uint64_t)1 << 63) : ~key;
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* One pass by the byte at `shift`; false when all keys have the same there, and nothing is done. */
static bool sort_by_byte(const uint64_t *from, uint64_t *to, size_t n, unsigned shift)
{
    size_t starts[257] = {0};
    for (size_t i = 0; i < n; i++) {
        starts[(from[i] >> shift & 0xFF) + 1]++;
    }
    if (starts[(from[0] >> shift & 0xFF) + 1] == n) {
        return false;
    }
    for (size_t k = 1; k < 257; k++) {
        starts[k] += starts[k - 1];
    }
    for (size_t i = 0; i < n; i++) {
        to[starts[from[i] >> shift & 0xFF]++] = from[i];
    }
    return true;
}

static enum trivet_status sort(const char *owner, double *values, size_t n,
                               struct trivet_error *err)
{
    uint64_t *keys = trivet_alloc_array(n, 2 * sizeof(uint64_t));
    if (keys == NULL) {
        return trivet_transformer_no_memory(owner, err);
    }
    uint64_t *from = keys;
    uint64_t *to = &keys[n];
    for (size_t i = 0; i < n; i++) {
        from[i] = key_of(values[i]);
    }
    for (unsigned shift = 0; shift < 64; shift += 8) {
        if (sort_by_byte(from, to, n, shift)) {
            uint64_t *sorted = to;
            to = from;
            from = sorted;
        }
    }
    for (size_t i = 0; i < n; i++) {
        values[i] = value_of(from[i]);
    }
    trivet_free(keys);
    return TRIVET_OK;
}

enum trivet_status trivet_numeric_sorted(const char *owner, const struct trivet_column *column,
                                         size_t n_rows, double **values, size_t *n,
                                         struct trivet_error *err)
{
    double *present = NULL;
    enum trivet_status status = trivet_numeric_present(owner, column, n_rows, &present, n, err);
    if (status == TRIVET_OK) {
        status = sort(owner, present, *n, err);
    }
    if (status != TRIVET_OK) {
        trivet_free(present);
        return status;
    }
    *values = present;
    return TRIVET_OK;
}

double trivet_numeric_median(const double *sorted, size_t n)
{
    return n % 2 == 1 ? sorted[n / 2] : 0.5 * (sorted[n / 2 - 1] + sorted[n / 2]);
}

double trivet_numeric_quantile(const double *sorted, size_t n, double q)
{
    double at = q * (double)(n - 1);
    size_t before = (size_t)at;
    if (before + 1 >= n) {
        return sorted[n - 1];
    }
    double part = at - (double)before;
    double low = sorted[before];
    double high = sorted[before + 1];
    /* From the nearer end, so that part = 1 gives the upper one exactly. */
    return part < 0.5 ? low + (high - low) * part : high - (high - low) * (1.0 - part);
}

struct trivet_moments trivet_numeric_moments(const struct trivet_column *column, size_t n_rows)
{
    struct trivet_moments moments = {0};
    double first = 0.0;
    double sum = 0.0;
    for (size_t i = 0; i < n_rows; i++) {
        double value = trivet_column_number(column, i);
        if (isnan(value)) {
            continue;
        }
        if (moments.n == 0) {
            first = value;
            moments.min = value;
            moments.max = value;
        }
        moments.min = value < moments.min ? value : moments.min;
        moments.max = value > moments.max ? value : moments.max;
        sum += value - first;
        moments.n++;
    }
    if (moments.n == 0) {
        return moments;
    }
    double n = (double)moments.n;
    double centre = first + sum / n;
    double squares = 0.0;
    double rest = 0.0;
    for (size_t i = 0; i < n_rows; i++) {
        double value = trivet_column_number(column, i);
        if (!isnan(value)) {
            double difference = value - centre;
            rest += difference;
            squares += difference * difference;
        }
    }
    moments.mean = centre + rest / n;
    moments.variance = (squares - rest * rest / n) / n;
    return moments;
}

double trivet_numeric_scale(const struct trivet_moments *moments)
{
    double n = (double)moments->n;
    double rounding = n * moments->mean * DBL_EPSILON;
    double least = n * DBL_EPSILON * moments->variance + rounding * rounding;
    return moments->variance <= least ? 1.0 : sqrt(moments->variance);
}
