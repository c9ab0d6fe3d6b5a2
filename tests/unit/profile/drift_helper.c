/* Reads cases from stdin and prints what the library makes of them, for drift_parity.py.
 *   chi2 FREEDOM X LEVEL                     tail of X, limit of LEVEL
 *   hypergeom X TOTAL MARKED DRAWS           P(<= X)
 *   ks LEVEL                                 limit
 *   score CATEGORICAL LEVEL N REFERENCE… WINDOW…
 *                                            N whole counts each, the last the missing ones; then
 *                                            psi limit ks limit js and the three findings */
#include "profile/drift.h"
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
        } else if (strcmp(kind, "score") != 0 || score() != 0) {
            fprintf(stderr, "cannot read a case of '%s'\n", kind);
            return 1;
        }
    }
    return 0;
}
