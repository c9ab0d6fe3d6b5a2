/* DESIGN: a tile is some rows by some panels of 32 units, with all its sums in registers; an input
 * of a row is multiplied with the panel's 32 weights of that input. Many rows take a panel at a
 * time, so that its weights are read once for all of them; a single row takes many panels, so that
 * no sum waits for itself. CPUs with 512-bit vectors have 32 registers and larger tiles. */
#include "linalg/packed.h"

#include "base/alloc.h"

#include <string.h>

#define PANEL TRIVET_PACKED_PANEL
#define HALF  (PANEL / 2)

typedef float half_panel __attribute__((vector_size(HALF * sizeof(float)), may_alias));
typedef int bits __attribute__((vector_size(HALF * sizeof(int)), may_alias));
typedef float loose_float __attribute__((aligned(1), may_alias));

bool trivet_packed_init(struct trivet_packed *packed, struct trivet_const_matrix w,
                        const double *biases)
{
    const size_t n_panels = (w.n_cols + PANEL - 1) / PANEL;
    struct trivet_packed made = {.n_in = w.n_rows, .n_units = w.n_cols, .stride = n_panels * PANEL};
    made.weights = trivet_alloc_aligned(made.stride * w.n_rows, sizeof(float));
    made.biases = trivet_alloc_aligned(made.stride, sizeof(float));
    if (made.weights == NULL || made.biases == NULL) {
        trivet_packed_release(&made);
        return false;
    }
    for (size_t j = 0; j < made.stride; j++) {
        made.biases[j] = j < w.n_cols ? (float)biases[j] : 0.0F;
        float *to = &made.weights[j / PANEL * PANEL * w.n_rows + j % PANEL];
        for (size_t k = 0; k < w.n_rows; k++) {
            to[k * PANEL] = j < w.n_cols ? (float)w.data[k * w.stride + j] : 0.0F;
        }
    }
    *packed = made;
    return true;
}

void trivet_packed_release(struct trivet_packed *packed)
{
    trivet_free(packed->weights);
    trivet_free(packed->biases);
    *packed = (struct trivet_packed){0};
}

size_t trivet_packed_bytes(const struct trivet_packed *packed)
{
    return packed->stride * (packed->n_in + 1) * sizeof(float);
}

/* 0 for what is below it; not a number stays none. */
TRIVET_INLINED half_panel rectified(half_panel values)
{
    const bits below = (bits)(values < 0.0F);
    return (half_panel)((bits)values & ~below);
}

#define SUMS_MAX 24
/* Inputs that are added up by themselves: their weights of a panel stay in the first cache, and
 * shorter sums are rounded less. */
#define CHUNK 196

/* Inputs [k, k + n) of the rows: two at a time, so that where a row is has to be looked up half as
 * often. */
TRIVET_INLINED void add_inputs(const void *const *x, size_t rows, size_t panels, size_t k, size_t n,
                               const half_panel *const *w, half_panel *sums)
{
#pragma GCC unroll 8
    for (size_t p = 0; p < panels; p++) {
#pragma GCC unroll 12
        for (size_t r = 0; r < rows; r++) {
            const loose_float *inputs = &((const loose_float *)x[r])[k];
#pragma GCC unroll 2
            for (size_t u = 0; u < n; u++) {
                sums[(r * panels + p) * 2] += inputs[u] * w[p][2 * (k + u)];
                sums[(r * panels + p) * 2 + 1] += inputs[u] * w[p][2 * (k + u) + 1];
            }
        }
    }
}

/* Rows x[0..rows) by panels [panel, panel + panels) → out, that of the first row. Rows and panels
 * are constants where this is inlined, and the loops over them unrolled. */
TRIVET_INLINED void multiply_tile(const struct trivet_packed *packed, const void *const *x,
                                  size_t rows, size_t panel, size_t panels, size_t first, bool relu,
                                  float *out)
{
    half_panel sums[SUMS_MAX];
    const half_panel *w[8];
    const size_t n_in = packed->n_in;
    const size_t end = n_in - first < CHUNK ? n_in : first + CHUNK;
#pragma GCC unroll 8
    for (size_t p = 0; p < panels; p++) {
        w[p] = (const half_panel *)&packed->weights[(panel + p) * PANEL * n_in];
#pragma GCC unroll 12
        for (size_t r = 0; r < rows; r++) {
            sums[(r * panels + p) * 2] = (half_panel){0};
            sums[(r * panels + p) * 2 + 1] = (half_panel){0};
        }
    }
    size_t k = first;
    for (; k + 2 <= end; k += 2) {
        add_inputs(x, rows, panels, k, 2, w, sums);
    }
    for (; k < end; k++) {
        add_inputs(x, rows, panels, k, 1, w, sums);
    }
#pragma GCC unroll 8
    for (size_t p = 0; p < panels; p++) {
#pragma GCC unroll 12
        for (size_t r = 0; r < rows; r++) {
            half_panel *to = (half_panel *)&out[r * packed->stride + (panel + p) * PANEL];
            const half_panel *before =
                first == 0 ? (const half_panel *)&packed->biases[(panel + p) * PANEL] : to;
            const half_panel low = before[0] + sums[(r * panels + p) * 2];
            const half_panel high = before[1] + sums[(r * panels + p) * 2 + 1];
            to[0] = relu && end == n_in ? rectified(low) : low;
            to[1] = relu && end == n_in ? rectified(high) : high;
        }
    }
}

/* All panels of some rows: `panels` at a time as long as there are as many, then one by one. */
TRIVET_INLINED void multiply_rows(const struct trivet_packed *packed, const void *const *x,
                                  size_t rows, size_t panels, bool relu, float *out)
{
    const size_t n_panels = packed->stride / PANEL;
    size_t panel = 0;
    for (; panel + panels <= n_panels; panel += panels) {
        for (size_t first = 0; first < packed->n_in; first += CHUNK) {
            multiply_tile(packed, x, rows, panel, panels, first, relu, out);
        }
    }
    for (; panel < n_panels; panel++) {
        for (size_t first = 0; first < packed->n_in; first += CHUNK) {
            multiply_tile(packed, x, rows, panel, 1, first, relu, out);
        }
    }
}

/* Pointers to this many rows are made at once. */
#define ROWS_AT_ONCE 192

TRIVET_INLINED void multiply_few(const struct trivet_packed *packed, const void *const *x,
                                 size_t n_rows, bool relu, float *out)
{
    size_t i = 0;
    for (; i + 2 <= n_rows; i += 2) {
        multiply_rows(packed, &x[i], 2, 4, relu, &out[i * packed->stride]);
    }
    if (i < n_rows && packed->stride >= 8 * PANEL) {
        multiply_rows(packed, &x[i], 1, 8, relu, &out[i * packed->stride]);
    } else if (i < n_rows) {
        multiply_rows(packed, &x[i], 1, 4, relu, &out[i * packed->stride]);
    }
}

#if defined(__x86_64__)
#define HAS_LARGE_TILES 1

/* A panel and all its rows, then the next; rows that are left over take several panels. */
__attribute__((target("arch=x86-64-v4,prefer-vector-width=512"))) static void
multiply_large(const struct trivet_packed *packed, const void *const *x, size_t n_rows, bool relu,
               float *out)
{
    const size_t n_panels = packed->stride / PANEL;
    const size_t n_twelves = n_rows / 12 * 12;
    for (size_t panel = 0; panel < n_panels; panel++) {
        for (size_t first = 0; first < packed->n_in; first += CHUNK) {
            for (size_t i = 0; i < n_twelves; i += 12) {
                multiply_tile(packed, &x[i], 12, panel, 1, first, relu, &out[i * packed->stride]);
            }
        }
    }
    size_t i = n_twelves;
    for (; i + 6 <= n_rows; i += 6) {
        multiply_rows(packed, &x[i], 6, 2, relu, &out[i * packed->stride]);
    }
    for (; i + 3 <= n_rows; i += 3) {
        multiply_rows(packed, &x[i], 3, 4, relu, &out[i * packed->stride]);
    }
    multiply_few(packed, &x[i], n_rows - i, relu, &out[i * packed->stride]);
}
#endif

/* Three rows and a panel: as many sums as there are registers of 256 bits to keep them. */
TRIVET_FOR_EACH_CPU
static void multiply_small(const struct trivet_packed *packed, const void *const *x, size_t n_rows,
                           bool relu, float *out)
{
    const size_t n_panels = packed->stride / PANEL;
    const size_t n_threes = n_rows / 3 * 3;
    for (size_t panel = 0; panel < n_panels; panel++) {
        for (size_t first = 0; first < packed->n_in; first += CHUNK) {
            for (size_t i = 0; i < n_threes; i += 3) {
                multiply_tile(packed, &x[i], 3, panel, 1, first, relu, &out[i * packed->stride]);
            }
        }
    }
    for (size_t i = n_threes; i < n_rows; i++) {
        multiply_rows(packed, &x[i], 1, 2, relu, &out[i * packed->stride]);
    }
}

void trivet_packed_multiply(const struct trivet_packed *packed, const struct trivet_row_view *x,
                            bool relu, float *out)
{
    const void *rows[ROWS_AT_ONCE];
    for (size_t first = 0; first < x->n_rows; first += ROWS_AT_ONCE) {
        const size_t n = x->n_rows - first < ROWS_AT_ONCE ? x->n_rows - first : ROWS_AT_ONCE;
        float *to = &out[first * packed->stride];
        for (size_t i = 0; i < n; i++) {
            rows[i] = trivet_row_view_at(x, first + i);
        }
#ifdef HAS_LARGE_TILES
        if (__builtin_cpu_supports("x86-64-v4")) {
            multiply_large(packed, rows, n, relu, to);
            continue;
        }
#endif
        multiply_small(packed, rows, n, relu, to);
    }
}
