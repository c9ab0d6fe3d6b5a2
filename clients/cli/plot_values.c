/* The page of a regression: predictions against true values, residuals, their distribution. */
#include "base/alloc.h"
#include "clients/cli/plot_script.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define PANEL_PIXELS   600
#define HEADING_PIXELS 40
#define BINS_MAX       40
#define BINS_MIN       6
/* So many points lie over each other: they are drawn smaller and lighter. */
#define MANY_POINTS 400

static const Trivet__V1__Curve *find_curve(const Trivet__V1__EvaluationReport *report,
                                           const char *name)
{
    for (size_t i = 0; i < report->n_curves; i++) {
        if (strcmp(report->curves[i]->name, name) == 0 && report->curves[i]->n_x > 0 &&
            report->curves[i]->n_x == report->curves[i]->n_y) {
            return report->curves[i];
        }
    }
    return NULL;
}

/* Both axes of one range, so that the diagonal is one. */
static void common_range(struct trivet_cli_script *script, const Trivet__V1__Curve *curve)
{
    double low = INFINITY;
    double high = -INFINITY;
    for (size_t i = 0; i < curve->n_x; i++) {
        double least = fmin(curve->x[i], curve->y[i]);
        double most = fmax(curve->x[i], curve->y[i]);
        low = isfinite(least) && least < low ? least : low;
        high = isfinite(most) && most > high ? most : high;
    }
    double margin = high > low ? (high - low) * 0.04 : 1;
    if (isfinite(low) && isfinite(high)) {
        trivet_cli_script_add(script, "set xrange [%.17g:%.17g]\nset yrange [%.17g:%.17g]\n",
                              low - margin, high + margin, low - margin, high + margin);
    }
}

static void point_style(struct trivet_cli_script *script, size_t n_points)
{
    bool many = n_points > MANY_POINTS;
    trivet_cli_script_add(script, " with points pt 7 ps %s lc rgb '#%s0072B2' notitle",
                          many ? "0.6" : "0.8", many ? "90" : "60");
}

static void prediction_panel(struct trivet_cli_script *script, const Trivet__V1__Curve *curve)
{
    trivet_cli_script_panel(script, "Predicted and true values", "prediction", "true value");
    trivet_cli_script_add(script, "set size square\nset key top left Left reverse samplen 1.6\n");
    common_range(script, curve);
    trivet_cli_script_add(script, "plot $prediction using 1:2");
    point_style(script, curve->n_x);
    trivet_cli_script_add(script, ", x with lines dt 2 lw 2 lc rgb '%s' title 'perfect'\n",
                          trivet_cli_colour(1));
}

static void residual_panel(struct trivet_cli_script *script, const Trivet__V1__Curve *curve)
{
    trivet_cli_script_panel(script, "Residuals: no pattern is good", "prediction",
                            "true value - prediction");
    trivet_cli_script_add(script, "set size square\n"
                                  "set offsets graph 0.03, graph 0.03, graph 0.03, graph 0.03\n"
                                  "plot $residuals using 1:2");
    point_style(script, curve->n_x);
    trivet_cli_script_add(script, ", 0 with lines dt 2 lw 2 lc rgb '%s' notitle\n",
                          trivet_cli_colour(1));
}

/* --- distribution -------------------------------------------------------------------------- */

static int ascending(const void *left, const void *right)
{
    double a = *(const double *)left;
    double b = *(const double *)right;
    return (a > b) - (a < b);
}

/* Bins of Freedman and Diaconis: 2 · IQR / n^(1/3). False when there is nothing to count. */
static bool add_histogram(struct trivet_cli_script *script, const Trivet__V1__Curve *curve,
                          double *width)
{
    double *sorted = trivet_alloc_array(curve->n_y, sizeof(*sorted));
    size_t counts[BINS_MAX] = {0};
    size_t n = 0;
    for (size_t i = 0; sorted != NULL && i < curve->n_y; i++) {
        if (isfinite(curve->y[i])) {
            sorted[n++] = curve->y[i];
        }
    }
    if (n < 2) {
        script->failed = script->failed || sorted == NULL;
        trivet_free(sorted);
        return false;
    }
    qsort(sorted, n, sizeof(*sorted), ascending);
    double low = sorted[0];
    double range = sorted[n - 1] - low;
    double step = 2 * (sorted[3 * (n - 1) / 4] - sorted[(n - 1) / 4]) / cbrt((double)n);
    double wanted = step > 0 ? range / step : 1;
    size_t n_bins = wanted > BINS_MAX ? BINS_MAX : wanted < BINS_MIN ? BINS_MIN : (size_t)wanted;
    *width = range > 0 ? range / (double)n_bins : 1;
    for (size_t i = 0; i < n; i++) {
        size_t bin = (size_t)((sorted[i] - low) / *width);
        counts[bin < n_bins ? bin : n_bins - 1]++;
    }
    trivet_cli_script_add(script, "$histogram << END_OF_POINTS\n");
    for (size_t i = 0; i < n_bins; i++) {
        trivet_cli_script_add(script, "%.17g %zu\n", low + ((double)i + 0.5) * *width, counts[i]);
    }
    trivet_cli_script_add(script, "END_OF_POINTS\n");
    trivet_free(sorted);
    return true;
}

static void histogram_panel(struct trivet_cli_script *script, double width)
{
    trivet_cli_script_panel(script, "Distribution of the residuals", "true value - prediction",
                            "rows");
    trivet_cli_script_add(script,
                          "set size square\nset yrange [0:*]\n"
                          "set style fill solid 0.75 border rgb '#ffffff'\nset boxwidth %.17g\n"
                          "set arrow from first 0, graph 0 to first 0, graph 1 nohead dt 2 lw 2 lc "
                          "rgb '%s' front\n"
                          "plot $histogram using 1:2 with boxes lc rgb '%s' notitle\n",
                          width, trivet_cli_colour(1), trivet_cli_colour(0));
}

void trivet_cli_plot_values(struct trivet_cli_script *script, const char *title,
                            const Trivet__V1__EvaluationReport *report, unsigned *width,
                            unsigned *height)
{
    const Trivet__V1__Curve *prediction = find_curve(report, "prediction");
    const Trivet__V1__Curve *residuals = find_curve(report, "residuals");
    double bin_width = 1;
    bool histogram = residuals != NULL && add_histogram(script, residuals, &bin_width);
    unsigned cols =
        (unsigned)(prediction != NULL) + (unsigned)(residuals != NULL) + (unsigned)histogram;
    *width = cols * PANEL_PIXELS;
    *height = cols > 0 ? PANEL_PIXELS + HEADING_PIXELS : 0;
    if (prediction != NULL) {
        trivet_cli_script_points(script, "prediction", prediction->x, prediction->y, NULL,
                                 prediction->n_x);
    }
    if (residuals != NULL) {
        trivet_cli_script_points(script, "residuals", residuals->x, residuals->y, NULL,
                                 residuals->n_x);
    }
    trivet_cli_script_begin(script, title, 1, cols);
    if (prediction != NULL) {
        prediction_panel(script, prediction);
    }
    if (residuals != NULL) {
        residual_panel(script, residuals);
    }
    if (histogram) {
        histogram_panel(script, bin_width);
    }
}
