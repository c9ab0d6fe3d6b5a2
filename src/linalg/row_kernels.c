#include "linalg/row_kernels.h"

#include "base/compiler.h"

#define LANES        8
#define ROWS_AT_ONCE 4

/* Numbers of a request: anywhere in its bytes. */
typedef double loose_double __attribute__((aligned(1), may_alias));
typedef float loose_float __attribute__((aligned(1), may_alias));
typedef double lanes __attribute__((vector_size(LANES * sizeof(double))));
typedef double half_lanes __attribute__((vector_size(LANES / 2 * sizeof(double))));
typedef double quarter_lanes __attribute__((vector_size(LANES / 4 * sizeof(double))));
typedef double loose_lanes
    __attribute__((vector_size(LANES * sizeof(double)), aligned(1), may_alias));
typedef float single_lanes __attribute__((vector_size(LANES * sizeof(float))));
typedef float loose_single_lanes
    __attribute__((vector_size(LANES * sizeof(float)), aligned(1), may_alias));

TRIVET_INLINED double number_at(const void *x, bool single, size_t j)
{
    return single ? (double)((const loose_float *)x)[j] : ((const loose_double *)x)[j];
}

/* LANES numbers from j on. */
TRIVET_INLINED lanes lanes_at(const void *x, bool single, size_t j)
{
    if (single) {
        const single_lanes read = *(const loose_single_lanes *)&((const loose_float *)x)[j];
        return __builtin_convertvector(read, lanes);
    }
    return *(const loose_lanes *)&((const loose_double *)x)[j];
}

TRIVET_INLINED lanes numbers_at(const double *numbers, size_t j)
{
    return *(const loose_lanes *)&numbers[j];
}

/* Halves to halves, without a way through memory. */
TRIVET_INLINED double add_lanes(const lanes *sums)
{
    const half_lanes fours = __builtin_shufflevector(*sums, *sums, 0, 1, 2, 3) +
                             __builtin_shufflevector(*sums, *sums, 4, 5, 6, 7);
    const quarter_lanes twos =
        __builtin_shufflevector(fours, fours, 0, 1) + __builtin_shufflevector(fours, fours, 2, 3);
    return twos[0] + twos[1];
}

/* Of `n_rows` rows, a constant: what is taken off and the weights are read once for all of them,
 * and no row waits for the sums of another. */
TRIVET_INLINED void centred_dots(const void *const *rows, size_t n_rows, bool single,
                                 const double *centres, const double *w, size_t n, double *dots)
{
    lanes sums[ROWS_AT_ONCE] = {0};
    size_t j = 0;
    for (; j + LANES <= n; j += LANES) {
        const lanes centre = numbers_at(centres, j);
        const lanes weight = numbers_at(w, j);
        for (size_t i = 0; i < n_rows; i++) {
            sums[i] += (lanes_at(rows[i], single, j) - centre) * weight;
        }
    }
    for (size_t i = 0; i < n_rows; i++) {
        double rest = 0.0;
        for (size_t k = j; k < n; k++) {
            rest += (number_at(rows[i], single, k) - centres[k]) * w[k];
        }
        dots[i] = add_lanes(&sums[i]) + rest;
    }
}

TRIVET_INLINED void centred_some(const struct trivet_row_view *x, size_t first, size_t n_rows,
                                 bool single, const struct trivet_linalg_equations *equations,
                                 double *out, size_t out_stride)
{
    const size_t n = equations->n_cols;
    const void *rows[ROWS_AT_ONCE];
    double dots[ROWS_AT_ONCE];
    for (size_t i = 0; i < n_rows; i++) {
        rows[i] = trivet_row_view_at(x, first + i);
    }
    for (size_t k = 0; k < equations->n_equations; k++) {
        centred_dots(rows, n_rows, single, equations->centres, &equations->weights[k * n], n, dots);
        for (size_t i = 0; i < n_rows; i++) {
            out[(first + i) * out_stride + k] = equations->intercepts[k] + dots[i];
        }
    }
}

TRIVET_INLINED void centred_rows(const struct trivet_row_view *x, bool single,
                                 const struct trivet_linalg_equations *equations, double *out,
                                 size_t out_stride)
{
    size_t i = 0;
    for (; i + ROWS_AT_ONCE <= x->n_rows; i += ROWS_AT_ONCE) {
        centred_some(x, i, ROWS_AT_ONCE, single, equations, out, out_stride);
    }
    for (; i < x->n_rows; i++) {
        centred_some(x, i, 1, single, equations, out, out_stride);
    }
}

TRIVET_FOR_EACH_CPU
static void centred_double(const struct trivet_row_view *x,
                           const struct trivet_linalg_equations *equations, double *out,
                           size_t out_stride)
{
    centred_rows(x, false, equations, out, out_stride);
}

TRIVET_FOR_EACH_CPU
static void centred_single(const struct trivet_row_view *x,
                           const struct trivet_linalg_equations *equations, double *out,
                           size_t out_stride)
{
    centred_rows(x, true, equations, out, out_stride);
}

void trivet_linalg_centred(const struct trivet_row_view *x,
                           const struct trivet_linalg_equations *equations, double *out,
                           size_t out_stride)
{
    (x->single ? centred_single : centred_double)(x, equations, out, out_stride);
}

/* LANES numbers of a row; `n_lanes` of them are there when fewer, the others are 0. */
TRIVET_INLINED lanes some_lanes_at(const void *x, bool single, size_t j, size_t n_lanes)
{
    if (n_lanes == LANES) {
        return lanes_at(x, single, j);
    }
    double some[LANES] = {0};
    for (size_t l = 0; l < n_lanes; l++) {
        some[l] = number_at(x, single, j + l);
    }
    return *(const loose_lanes *)some;
}

/* The numbers of a row, scaled or not, LANES at a time, to doubles, floats or nowhere. The
 * difference of a number to itself is 0 when it is finite. */
TRIVET_INLINED bool convert(const void *x, bool single, size_t n,
                            const struct trivet_linalg_scaling *scaling, bool exact,
                            double *restrict to, float *restrict to_single)
{
    lanes not_finite = {0};
    for (size_t j = 0; j < n; j += LANES) {
        const size_t n_lanes = n - j < LANES ? n - j : LANES;
        lanes value = some_lanes_at(x, single, j, n_lanes);
        if (scaling != NULL && exact) {
            value = (value - numbers_at(scaling->centres, j)) / numbers_at(scaling->divisors, j) +
                    numbers_at(scaling->offsets, j);
        } else if (scaling != NULL) {
            value = (value - numbers_at(scaling->centres, j)) * numbers_at(scaling->rates, j) +
                    numbers_at(scaling->offsets, j);
        }
        if (to != NULL) {
            *(loose_lanes *)&to[j] = value;
        }
        if (to_single != NULL) {
            const single_lanes narrow = __builtin_convertvector(value, single_lanes);
            *(loose_single_lanes *)&to_single[j] = narrow;
            value = __builtin_convertvector(narrow, lanes);
        }
        not_finite += value - value;
    }
    return add_lanes(&not_finite) == 0.0;
}

TRIVET_FOR_EACH_CPU
static bool scaled(const void *x, bool single, size_t n,
                   const struct trivet_linalg_scaling *scaling, bool exact, double *to)
{
    if (exact) {
        return convert(x, single, n, scaling, true, to, NULL);
    }
    return single ? convert(x, true, n, scaling, false, to, NULL)
                  : convert(x, false, n, scaling, false, to, NULL);
}

TRIVET_FOR_EACH_CPU
static bool copied(const void *x, bool single, size_t n, double *to)
{
    return single ? convert(x, true, n, NULL, false, to, NULL)
                  : convert(x, false, n, NULL, false, to, NULL);
}

bool trivet_linalg_scale_row(const void *x, bool single, size_t n,
                             const struct trivet_linalg_scaling *scaling, bool exact, double *to)
{
    return scaling != NULL ? scaled(x, single, n, scaling, exact, to) : copied(x, single, n, to);
}

TRIVET_FOR_EACH_CPU
static bool scaled_to_single(const void *x, size_t n, const struct trivet_linalg_scaling *scaling,
                             float *to)
{
    return convert(x, true, n, scaling, false, NULL, to);
}

TRIVET_FOR_EACH_CPU
static bool copied_to_single(const void *x, size_t n, float *to)
{
    return convert(x, true, n, NULL, false, NULL, to);
}

bool trivet_linalg_scale_row_single(const void *x, size_t n,
                                    const struct trivet_linalg_scaling *scaling, float *to)
{
    return scaling != NULL ? scaled_to_single(x, n, scaling, to) : copied_to_single(x, n, to);
}

TRIVET_FOR_EACH_CPU
bool trivet_linalg_row_is_finite(const void *x, bool single, size_t n)
{
    return single ? convert(x, true, n, NULL, false, NULL, NULL)
                  : convert(x, false, n, NULL, false, NULL, NULL);
}
