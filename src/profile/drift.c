#include "profile/drift.h"

#include "profile/significance.h"

#include <math.h>
#include <stdint.h>

/* More tell no more, and cost. */
#define ROWS_MAX 1e9

/* One column of one side. */
struct side {
    const double *cells; /* n_cells; the last one: missing */
    double total;
    double rows;
};

static struct side side_of(const struct trivet_bins *bins, size_t column)
{
    struct side side = {.cells = &bins->cells[bins->first[column]], .rows = trivet_bins_rows(bins)};
    for (size_t i = bins->first[column]; i < bins->first[column + 1]; i++) {
        side.total += bins->cells[i];
    }
    return side;
}

static double share(const struct side *side, size_t cell)
{
    return side->total > 0 ? side->cells[cell] / side->total : 0;
}

/* PSI, and how many cells it is a sum over. Cell `rest` is one of the rare ones (SIZE_MAX: none).
 */
static double psi_of(const struct side *reference, const struct side *window, size_t n_cells,
                     size_t rest, size_t *n_used)
{
    const double fewer = fmin(reference->rows, window->rows);
    const double rows = reference->rows + window->rows;
    double psi = 0;
    double rare_p = 0;
    double rare_q = 0;
    size_t n = 0;
    /* The mixed shares are (share + half) / (1 + n * half); the sum is divided at the end, as the
     * divisor goes out of the logarithm. */
    const double half = 0.5 / fewer;
    for (size_t i = 0; i < n_cells; i++) {
        const double p = share(reference, i);
        const double q = share(window, i);
        const double pooled = (p * reference->rows + q * window->rows) / rows;
        if (i == rest || pooled * fewer < TRIVET_DRIFT_CELL_ROWS) {
            rare_p += p;
            rare_q += q;
            continue;
        }
        psi += (q - p) * log((q + half) / (p + half));
        n++;
    }
    if (rare_p > 0 || rare_q > 0) {
        psi += (rare_q - rare_p) * log((rare_q + half) / (rare_p + half));
        n++;
    }
    *n_used = n;
    return psi / (1.0 + (double)n * half);
}

/* Over the values present; cells are in ascending order of values. */
static double ks_of(const struct side *reference, const struct side *window, size_t n_counts)
{
    const double present_p = 1.0 - share(reference, n_counts);
    const double present_q = 1.0 - share(window, n_counts);
    if (!(present_p > 0) || !(present_q > 0)) {
        return 0;
    }
    double p = 0;
    double q = 0;
    double largest = 0;
    for (size_t i = 0; i < n_counts; i++) {
        p += share(reference, i);
        q += share(window, i);
        largest = fmax(largest, fabs(p / present_p - q / present_q));
    }
    return fmin(largest, 1.0);
}

static double js_of(const struct side *reference, const struct side *window, size_t n_cells)
{
    double sum = 0;
    for (size_t i = 0; i < n_cells; i++) {
        const double p = share(reference, i);
        const double q = share(window, i);
        const double middle = (p + q) / 2.0;
        sum += p > 0 ? p * log2(p / middle) : 0;
        sum += q > 0 ? q * log2(q / middle) : 0;
    }
    return sqrt(fmin(fmax(sum / 2.0, 0), 1.0));
}

static double out_of_range(const struct side *side, size_t n_counts, bool categorical)
{
    if (categorical) {
        return share(side, n_counts - 1);
    }
    return n_counts < 2 ? 0 : share(side, 0) + share(side, n_counts - 1);
}

/* What the reference lets expect. Categories: as much as those seen once (Good 1953, Turing's
 * estimate); a column of names that hardly repeat is full of unknown ones, and that is no news. */
static double expected_out_of_range(const struct side *reference, size_t n_counts, bool categorical)
{
    double expected = out_of_range(reference, n_counts, categorical);
    for (size_t i = 0; categorical && i + 1 < n_counts; i++) {
        expected += reference->cells[i] > 0 && reference->cells[i] < 1.5 ? share(reference, i) : 0;
    }
    return expected;
}

/* The window has `more` rows of a kind than the reference, and chance gives so many with less
 * probability than `level`: Fisher's exact test, with `edge` rows of the reference on its own
 * edges. For out of range that is exact for any continuous column: the window's rows beyond the
 * extremes of the reference are those before its second row from outside, when all rows are drawn
 * in order (negative hypergeometric). */
static bool is_more(double q, double p, const struct side *reference, const struct side *window,
                    double more, uint64_t edge, double level)
{
    if (!(q - p >= more)) {
        return false;
    }
    const uint64_t m = (uint64_t)llround(fmin(reference->rows, ROWS_MAX));
    const uint64_t n = (uint64_t)llround(fmin(window->rows, ROWS_MAX));
    const uint64_t few = (uint64_t)llround(p * (double)m);
    const uint64_t many = (uint64_t)llround(q * (double)n);
    const uint64_t draws = few + many + edge < m + n ? few + many + edge : m + n;
    return trivet_hypergeometric(few + edge, m + n, m, draws) <= level;
}

/* The reference kept every category it had: of others, it cannot tell the new ones. */
static bool knows_all(const struct side *reference, size_t n_counts)
{
    return !(reference->cells[n_counts - 1] > 0);
}

static void judge(const struct side *reference, const struct side *window, size_t n_counts,
                  bool categorical, double level, struct trivet_drift_score *out)
{
    if (out->rows < TRIVET_DRIFT_ROWS_MIN ||
        out->reference_rows < TRIVET_DRIFT_REFERENCE_ROWS_MIN) {
        return;
    }
    out->found[TRIVET_DRIFT_DISTRIBUTION] =
        out->psi >= out->psi_limit || (!categorical && out->ks >= out->ks_limit);
    out->found[TRIVET_DRIFT_MISSING] = is_more(out->missing, out->reference_missing, reference,
                                               window, TRIVET_DRIFT_MISSING_MIN, 0, level);
    if (!categorical || knows_all(reference, n_counts)) {
        out->found[TRIVET_DRIFT_OUT_OF_RANGE] =
            is_more(out->out_of_range, out->expected_out_of_range, reference, window,
                    TRIVET_DRIFT_OUT_OF_RANGE_MIN, 1, level);
    }
}

void trivet_drift_score(const struct trivet_bins *reference, const struct trivet_bins *window,
                        size_t column, bool categorical, double level,
                        struct trivet_drift_score *out)
{
    const struct side p = side_of(reference, column);
    const struct side q = side_of(window, column);
    const size_t n_cells = reference->first[column + 1] - reference->first[column];
    const size_t n_counts = n_cells - 1;
    *out = (struct trivet_drift_score){.rows = q.rows,
                                       .reference_rows = p.rows,
                                       .psi_limit = TRIVET_DRIFT_PSI_MIN,
                                       .ks_limit = TRIVET_DRIFT_KS_MIN};
    if (!(p.total > 0) || !(q.total > 0)) {
        return;
    }
    size_t n_used = 0;
    out->psi = psi_of(&p, &q, n_cells, categorical ? n_counts - 1 : SIZE_MAX, &n_used);
    out->js = js_of(&p, &q, n_cells);
    out->missing = share(&q, n_counts);
    out->reference_missing = share(&p, n_counts);
    out->out_of_range = out_of_range(&q, n_counts, categorical);
    out->expected_out_of_range = expected_out_of_range(&p, n_counts, categorical);
    /* Numbers are judged twice. */
    const double each = categorical ? level : level / 2.0;
    if (n_used > 1) {
        const double chance =
            (1.0 / p.rows + 1.0 / q.rows) * trivet_chi_square_limit((double)(n_used - 1), each);
        out->psi_limit = fmax(TRIVET_DRIFT_PSI_MIN, chance);
    }
    if (!categorical) {
        out->ks = ks_of(&p, &q, n_counts);
        const double m = fmax(p.rows * (1.0 - out->reference_missing), 1.0);
        const double n = fmax(q.rows * (1.0 - out->missing), 1.0);
        const double chance = trivet_ks_limit(each) * sqrt(1.0 / m + 1.0 / n);
        out->ks_limit = fmax(TRIVET_DRIFT_KS_MIN, chance);
    }
    judge(&p, &q, n_counts, categorical, level, out);
}
