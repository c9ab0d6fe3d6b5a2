/* Reads cases from stdin and prints what the library makes of them, for drift_parity.py and
 * drift_real.py.
 *   chi2 FREEDOM X LEVEL                     tail of X, limit of LEVEL
 *   hypergeom X TOTAL MARKED DRAWS           P(<= X)
 *   ks LEVEL                                 limit
 *   score CATEGORICAL LEVEL N REFERENCE… WINDOW…
 *                                            N whole counts each, the last the missing ones; then
 *                                            psi limit ks limit js and the three findings
 *   reference M VALUE…                       of the windows that follow; the deviation
 *   window LEVEL N VALUE…                    the three findings */
#include "base/alloc.h"
#include "base/arena.h"
#include "profile/drift.h"
#include "profile/profile.h"
#include "profile/significance.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static int read_side(size_t n, size_t first[2], double *cells, struct trivet_bins *out)
{
    *out = (struct trivet_bins){.n_columns = 1, .first = first, .cells = cells};
    for (size_t i = 0; i < n; i++) {
        if (scanf("%lf", &cells[i]) != 1) {
            return 1;
        }
        out->weights += cells[i];
    }
    out->squares = out->weights;
    return 0;
}

static int score(void)
{
    static double reference_cells[4096];
    static double window_cells[4096];
    int categorical = 0;
    double level = 0;
    size_t first[2] = {0, 0};
    if (scanf("%d %lf %zu", &categorical, &level, &first[1]) != 3 || first[1] > 4096) {
        return 1;
    }
    struct trivet_bins reference;
    struct trivet_bins window;
    if (read_side(first[1], first, reference_cells, &reference) != 0 ||
        read_side(first[1], first, window_cells, &window) != 0) {
        return 1;
    }
    struct trivet_drift_score out;
    trivet_drift_score(&reference, &window, 0, categorical != 0, level, &out);
    printf("%.17g %.17g %.17g %.17g %.17g %d %d %d\n", out.psi, out.psi_limit, out.ks, out.ks_limit,
           out.js, out.found[0], out.found[1], out.found[2]);
    return 0;
}

/* --- real columns ---------------------------------------------------------------------------- */

static struct trivet_arena *arena;
static Trivet__V1__FeatureProfile column;
static Trivet__V1__FeatureProfile *columns[] = {&column};
static Trivet__V1__Profile profile;
static struct trivet_bins *of_reference;
static struct trivet_bins *of_window;

static void forget_reference(void)
{
    trivet_bins_free(of_reference);
    trivet_bins_free(of_window);
    trivet_arena_free(arena);
    of_reference = NULL;
    of_window = NULL;
    arena = NULL;
}

static double *read_values(size_t *n)
{
    if (scanf("%zu", n) != 1 || *n > 1000000) {
        return NULL;
    }
    double *values = trivet_calloc(*n, sizeof(*values));
    for (size_t i = 0; values != NULL && i < *n; i++) {
        if (scanf("%lf", &values[i]) != 1) {
            trivet_free(values);
            return NULL;
        }
    }
    return values;
}

static int reference(void)
{
    struct trivet_error err;
    size_t n = 0;
    double *values = read_values(&n);
    forget_reference();
    arena = trivet_arena_create(1u << 20, 0);
    int rc = values == NULL || arena == NULL ||
             trivet_profile_numeric("x", values, n, 1, arena, &column, &err) != TRIVET_OK;
    trivet_free(values);
    if (rc != 0) {
        return rc;
    }
    trivet__v1__profile__init(&profile);
    profile.features = columns;
    profile.n_features = 1;
    if (trivet_bins_create(&profile, &of_reference, &err) != TRIVET_OK ||
        trivet_bins_create(&profile, &of_window, &err) != TRIVET_OK) {
        return 1;
    }
    trivet_bins_add_profile(of_reference, &profile);
    printf("%.17g\n", column.deviation);
    return 0;
}

static int window(void)
{
    double level = 0;
    size_t n = 0;
    double *values = scanf("%lf", &level) == 1 ? read_values(&n) : NULL;
    if (values == NULL || of_window == NULL) {
        trivet_free(values);
        return 1;
    }
    trivet_bins_clear(of_window);
    for (size_t i = 0; i < n; i++) {
        trivet_bins_add_number(of_window, &profile, 0, values[i], 1);
        trivet_bins_add_row(of_window, 1);
    }
    trivet_free(values);
    struct trivet_drift_score out;
    trivet_drift_score(of_reference, of_window, 0, false, level, &out);
    printf("%d %d %d\n", out.found[0], out.found[1], out.found[2]);
    return 0;
}

int main(void)
{
    char kind[16];
    while (scanf("%15s", kind) == 1) {
        double a = 0;
        double b = 0;
        double c = 0;
        uint64_t n[4];
        if (strcmp(kind, "chi2") == 0 && scanf("%lf %lf %lf", &a, &b, &c) == 3) {
            printf("%.17g %.17g\n", trivet_chi_square_tail(a, b), trivet_chi_square_limit(a, c));
        } else if (strcmp(kind, "ks") == 0 && scanf("%lf", &a) == 1) {
            printf("%.17g\n", trivet_ks_limit(a));
        } else if (strcmp(kind, "hypergeom") == 0 &&
                   scanf("%" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64, &n[0], &n[1], &n[2],
                         &n[3]) == 4) {
            printf("%.17g\n", trivet_hypergeometric(n[0], n[1], n[2], n[3]));
        } else if (!((strcmp(kind, "score") == 0 && score() == 0) ||
                     (strcmp(kind, "reference") == 0 && reference() == 0) ||
                     (strcmp(kind, "window") == 0 && window() == 0))) {
            fprintf(stderr, "cannot read a case of '%s'\n", kind);
            return 1;
        }
    }
    forget_reference();
    return 0;
}
