/* The page of a classification: ROC, precision and recall, calibration, confusion. */
#include "clients/cli/format.h"
#include "clients/cli/plot_script.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define CURVES_SHOWN   8
#define LABELS_SHOWN   30
#define NUMBERS_SHOWN  12 /* classes up to which the confusion has its numbers written in */
#define NAME_BYTES     32
#define LEGEND_BYTES   160
#define PANEL_PIXELS   600
#define HEADING_PIXELS 40
#define LABEL_CHARS    16
#define TURNED_CHARS   50 /* more do not fit side by side */

static size_t count_curves(const Trivet__V1__EvaluationReport *report, const char *name)
{
    size_t n = 0;
    for (size_t i = 0; i < report->n_curves; i++) {
        n += strcmp(report->curves[i]->name, name) == 0;
    }
    return n;
}

static bool metric_of(const Trivet__V1__EvaluationReport *report, const char *name, double *out)
{
    for (size_t i = 0; i < report->n_metrics; i++) {
        if (strcmp(report->metrics[i]->name, name) == 0 && report->metrics[i]->defined) {
            *out = report->metrics[i]->value;
            return true;
        }
    }
    return false;
}

/* At most `width` columns of a label; gnuplot leaves a legend out that is too wide. */
static void cut_label(const char *label, size_t width, char text[LEGEND_BYTES])
{
    bool fits = trivet_cli_text_width(label) <= width;
    size_t n_bytes = trivet_cli_text_fit(label, fits ? width : width - 1);
    snprintf(text, LEGEND_BYTES, "%.*s%s", (int)n_bytes, label, fits ? "" : "…");
}

/* By trapezoids under ROC, by steps under precision and recall (the average precision). */
static double area_of(const Trivet__V1__Curve *curve, bool steps)
{
    double area = 0;
    for (size_t i = 1; i < curve->n_x && i < curve->n_y; i++) {
        double width = curve->x[i] - curve->x[i - 1];
        /* Recall falls along the curve or rises: the step has the precision of its higher recall.
         */
        double height = !steps      ? (curve->y[i] + curve->y[i - 1]) / 2
                        : width > 0 ? curve->y[i]
                                    : curve->y[i - 1];
        area += fabs(width) * height;
    }
    return area;
}

/* A class's curve as "LABEL (AUC 0.987)"; the report's own number where there is but one. */
static void add_legend(struct trivet_cli_script *script, const Trivet__V1__EvaluationReport *report,
                       const Trivet__V1__Curve *curve, bool steps, bool only)
{
    char label[LEGEND_BYTES];
    char text[LEGEND_BYTES];
    double area = area_of(curve, steps);
    if (only) {
        (void)metric_of(report, steps ? "pr_auc" : "roc_auc", &area);
    }
    cut_label(curve->label, LABEL_CHARS, label);
    snprintf(text, sizeof(text), "%.100s (%s %.3f)", label, steps ? "AP" : "AUC", area);
    trivet_cli_script_string(script, text);
}

/* The points of all curves of a name, as $NAME0, $NAME1 … */
static void add_blocks(struct trivet_cli_script *script, const Trivet__V1__EvaluationReport *report,
                       const char *name)
{
    size_t n = 0;
    for (size_t i = 0; i < report->n_curves && n < CURVES_SHOWN; i++) {
        const Trivet__V1__Curve *curve = report->curves[i];
        char block[NAME_BYTES];
        if (strcmp(curve->name, name) != 0) {
            continue;
        }
        snprintf(block, sizeof(block), "%s%zu", name, n++);
        trivet_cli_script_points(script, block, curve->x, curve->y,
                                 curve->n_z == curve->n_x ? curve->z : NULL,
                                 curve->n_x < curve->n_y ? curve->n_x : curve->n_y);
    }
}

static void add_curves(struct trivet_cli_script *script, const Trivet__V1__EvaluationReport *report,
                       const char *name, bool steps)
{
    size_t n_all = count_curves(report, name);
    size_t n = 0;
    for (size_t i = 0; i < report->n_curves && n < CURVES_SHOWN; i++) {
        const Trivet__V1__Curve *curve = report->curves[i];
        if (strcmp(curve->name, name) != 0) {
            continue;
        }
        /* After seven colours the lines are dashed. */
        trivet_cli_script_add(script,
                              ", $%s%zu using 1:2 with lines lw 2.6 dt %d lc rgb '%s' title ", name,
                              n, n < TRIVET_CLI_COLOURS ? 1 : 2, trivet_cli_colour(n));
        add_legend(script, report, curve, steps, n_all == 1);
        n++;
    }
    if (n_all > n) {
        trivet_cli_script_add(script, ", NaN with points pt 0 title '… %zu classes more'",
                              n_all - n);
    }
    trivet_cli_script_add(script, "\n");
}

static void unit_axes(struct trivet_cli_script *script, const char *key)
{
    trivet_cli_script_add(
        script,
        "set size square\nset xrange [-0.02:1.02]\nset yrange [-0.02:1.02]\n"
        "set xtics 0,0.2,1\nset ytics 0,0.2,1\n"
        "set key %s Left reverse samplen 1.6 spacing 1.15 opaque fillcolor rgb '#f7f7f7' "
        "nobox\n",
        key);
}

static void roc_panel(struct trivet_cli_script *script, const Trivet__V1__EvaluationReport *report)
{
    trivet_cli_script_panel(script, "ROC: one class against the rest", "false positive rate",
                            "true positive rate (recall)");
    unit_axes(script, "bottom right");
    trivet_cli_script_add(script, "plot x with lines dt 2 lw 1.5 lc rgb '%s' title 'chance'",
                          TRIVET_CLI_GREY);
    add_curves(script, report, "roc", false);
}

static void pr_panel(struct trivet_cli_script *script, const Trivet__V1__EvaluationReport *report)
{
    trivet_cli_script_panel(script, "Precision and recall", "recall", "precision");
    unit_axes(script, "bottom left");
    trivet_cli_script_add(script, "plot NaN notitle");
    add_curves(script, report, "precision_recall", true);
}

/* The area of a point tells of the rows in its bin. */
static void calibration_panel(struct trivet_cli_script *script,
                              const Trivet__V1__EvaluationReport *report)
{
    double most = 0;
    const char *label = "";
    for (size_t i = 0; i < report->n_curves; i++) {
        const Trivet__V1__Curve *curve = report->curves[i];
        for (size_t j = 0; strcmp(curve->name, "calibration") == 0 && j < curve->n_z; j++) {
            most = curve->z[j] > most ? curve->z[j] : most;
            label = curve->label;
        }
    }
    trivet_cli_script_panel(script, "Calibration: are probabilities what they say?",
                            "predicted probability", "observed frequency");
    unit_axes(script, "bottom right");
    trivet_cli_script_add(script, "plot x with lines dt 2 lw 1.5 lc rgb '%s' title 'perfect'",
                          TRIVET_CLI_GREY);
    trivet_cli_script_add(script,
                          ", $calibration0 using 1:2 with lines lw 2.2 lc rgb '%s' notitle"
                          ", $calibration0 using 1:2:(0.7 + 2.2 * sqrt($3 / %.17g)) with points pt "
                          "7 ps variable lc rgb '%s' title ",
                          trivet_cli_colour(0), most > 0 ? most : 1, trivet_cli_colour(0));
    char text[LEGEND_BYTES];
    double gap = 0;
    bool has_gap = metric_of(report, "calibration_error", &gap);
    cut_label(label[0] != '\0' ? label : "predicted class", LABEL_CHARS, text);
    size_t n = strlen(text);
    if (has_gap) {
        snprintf(text + n, sizeof(text) - n, " (mean gap %.3f)", gap);
    }
    trivet_cli_script_string(script, text);
    trivet_cli_script_add(script, "\n");
}

/* --- confusion ----------------------------------------------------------------------------- */

static void add_matrix(struct trivet_cli_script *script, const Trivet__V1__ConfusionMatrix *matrix)
{
    size_t n = matrix->n_labels;
    trivet_cli_script_add(script, "$confusion << END_OF_POINTS\n");
    for (size_t i = 0; i < n; i++) {
        double total = 0;
        for (size_t j = 0; j < n && i * n + j < matrix->n_counts; j++) {
            total += (double)matrix->counts[i * n + j];
        }
        for (size_t j = 0; j < n && i * n + j < matrix->n_counts; j++) {
            double count = (double)matrix->counts[i * n + j];
            trivet_cli_script_add(script, "%zu %zu %.6g %.0f\n", j, i,
                                  total > 0 ? count / total : 0, count);
        }
        trivet_cli_script_add(script, "\n");
    }
    trivet_cli_script_add(script, "END_OF_POINTS\n");
}

static void add_labels(struct trivet_cli_script *script, const char *axis, const char *style,
                       const Trivet__V1__ConfusionMatrix *matrix)
{
    trivet_cli_script_add(script, "set %s scale 0 %s (", axis, style);
    for (size_t i = 0; i < matrix->n_labels; i++) {
        char text[LEGEND_BYTES];
        cut_label(matrix->labels[i], LABEL_CHARS, text);
        trivet_cli_script_add(script, "%s", i > 0 ? ", " : "");
        trivet_cli_script_string(script, text);
        trivet_cli_script_add(script, " %zu", i);
    }
    trivet_cli_script_add(script, ")\n");
}

static size_t widest_label(const Trivet__V1__ConfusionMatrix *matrix)
{
    size_t widest = 1;
    for (size_t i = 0; i < matrix->n_labels; i++) {
        size_t width = trivet_cli_text_width(matrix->labels[i]);
        widest = width > widest ? width : widest;
    }
    return widest < LABEL_CHARS ? widest : LABEL_CHARS;
}

static void confusion_panel(struct trivet_cli_script *script,
                            const Trivet__V1__ConfusionMatrix *matrix)
{
    size_t n = matrix->n_labels;
    int label_width = (int)widest_label(matrix);
    bool turned = n * (size_t)label_width > TURNED_CHARS;
    trivet_cli_script_panel(script, "Confusion: share of each true class", "predicted", "true");
    trivet_cli_script_add(script,
                          "unset grid\nset border 0\nset size square\nset xrange [-0.5:%g]\n"
                          "set yrange [%g:-0.5]\nset cbrange [0:1]\n"
                          "set palette defined (0 '#ffffff', 0.5 '#6baed6', 1 '#08519c')\n"
                          "%s\nset cbtics 0.2 scale 0.4\nset format cb '%%.1f'\n"
                          "set lmargin %d\nset bmargin %d\n",
                          (double)n - 0.5, (double)n - 0.5,
                          n <= NUMBERS_SHOWN ? "unset colorbox" : "set colorbox", label_width + 7,
                          turned ? 3 + label_width / 2 : 4);
    add_labels(script, "xtics", turned ? "rotate by -40 left" : "", matrix);
    add_labels(script, "ytics", "", matrix);
    trivet_cli_script_add(script, "plot $confusion using 1:2:3 with image pixels notitle");
    if (n <= NUMBERS_SHOWN) {
        trivet_cli_script_add(
            script,
            ", $confusion using 1:2:(sprintf('%%d', $4)):($3 > 0.55 ? 0xffffff : $4 > 0 ? 0x222222 "
            ": 0xb0b0b0) with "
            "labels font ',%d' tc rgb variable notitle",
            n <= 4   ? 14
            : n <= 8 ? 11
                     : 9);
    }
    trivet_cli_script_add(script, "\n");
}

void trivet_cli_plot_classes(struct trivet_cli_script *script, const char *title,
                             const Trivet__V1__EvaluationReport *report, unsigned *width,
                             unsigned *height)
{
    bool roc = count_curves(report, "roc") > 0;
    bool pr = count_curves(report, "precision_recall") > 0;
    bool calibration = count_curves(report, "calibration") > 0;
    bool confusion = report->confusion != NULL && report->confusion->n_labels > 0 &&
                     report->confusion->n_labels <= LABELS_SHOWN;
    unsigned n_panels = (unsigned)roc + (unsigned)pr + (unsigned)calibration + (unsigned)confusion;
    unsigned cols = n_panels == 4 ? 2 : n_panels;
    unsigned rows = n_panels == 4 ? 2 : n_panels > 0;
    *width = cols * PANEL_PIXELS;
    *height = rows == 0 ? 0 : rows * PANEL_PIXELS + HEADING_PIXELS;
    add_blocks(script, report, "roc");
    add_blocks(script, report, "precision_recall");
    add_blocks(script, report, "calibration");
    if (confusion) {
        add_matrix(script, report->confusion);
    }
    trivet_cli_script_begin(script, title, rows, cols);
    if (roc) {
        roc_panel(script, report);
    }
    if (pr) {
        pr_panel(script, report);
    }
    if (calibration) {
        calibration_panel(script, report);
    }
    if (confusion) {
        confusion_panel(script, report->confusion);
    }
}
