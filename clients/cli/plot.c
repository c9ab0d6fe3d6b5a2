#include "clients/cli/plot.h"

#include "base/alloc.h"
#include "clients/cli/format.h"
#include "clients/cli/gnuplot.h"
#include "clients/cli/plot_script.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define TITLE_BYTES   512
#define PANEL_PIXELS  700
#define HEIGHT_PIXELS 560
#define SAID_BYTES    256

void trivet_cli_plot_path(const char *given, const char *model, uint64_t version, const char *what,
                          char path[TRIVET_CLI_PLOT_PATH_BYTES])
{
    struct stat info;
    size_t n_bytes = strlen(given);
    bool slash = n_bytes > 0 && given[n_bytes - 1] == '/';
    if (slash || (stat(given, &info) == 0 && S_ISDIR(info.st_mode))) {
        snprintf(path, TRIVET_CLI_PLOT_PATH_BYTES, "%.700s%s%.64s-%llu-%.32s.png", given,
                 slash ? "" : "/", model, (unsigned long long)version, what);
    } else {
        snprintf(path, TRIVET_CLI_PLOT_PATH_BYTES, "%s", given);
    }
}

static enum trivet_status draw(struct trivet_cli_script *script, const char *path, unsigned width,
                               unsigned height, struct trivet_error *err)
{
    trivet_cli_script_add(script, "unset multiplot\n");
    enum trivet_status status =
        script->failed ? trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "--plot: out of memory")
                       : trivet_cli_gnuplot(&script->text, path, width, height, err);
    trivet_cli_script_release(script);
    return status;
}

enum trivet_status trivet_cli_plot_evaluation(const struct trivet_cli_subject *subject,
                                              const Trivet__V1__EvaluationReport *report,
                                              const char *path, struct trivet_error *err)
{
    struct trivet_cli_script script = {0};
    char metrics[SAID_BYTES];
    char rows[TRIVET_CLI_TEXT_BYTES];
    char title[TITLE_BYTES];
    unsigned width = 0;
    unsigned height = 0;
    trivet_cli_metrics_text(report->metrics, report->n_metrics, false, metrics, sizeof(metrics));
    trivet_cli_format_count(report->rows, rows);
    snprintf(title, sizeof(title), "%s version %llu on %s rows: %s", subject->model,
             (unsigned long long)subject->version, rows, metrics);
    if (report->task == TRIVET__V1__TASK__TASK_CLASSIFICATION) {
        trivet_cli_plot_classes(&script, title, report, &width, &height);
    } else {
        trivet_cli_plot_values(&script, title, report, &width, &height);
    }
    if (height == 0) {
        trivet_cli_script_release(&script);
        return trivet_error_set(err, TRIVET_FAILED_PRECONDITION,
                                "--plot: there is nothing to draw of this evaluation");
    }
    return draw(&script, path, width, height, err);
}

/* --- training ------------------------------------------------------------------------------ */

static void loss_panel(struct trivet_cli_script *script, const Trivet__V1__FitReport *fit)
{
    bool positive = true;
    for (size_t i = 0; i < fit->n_loss_curve; i++) {
        positive = positive && fit->loss_curve[i] > 0;
    }
    double first = fit->loss_curve[0];
    double last = fit->loss_curve[fit->n_loss_curve - 1];
    trivet_cli_script_panel(script, "Loss", "iteration or epoch", "objective");
    trivet_cli_script_add(script, "%splot $loss using 1:2 with lines lw 2.6 lc rgb '%s' notitle\n",
                          positive && first > 20 * last ? "set logscale y\n" : "",
                          trivet_cli_colour(0));
}

static enum trivet_status add_loss(struct trivet_cli_script *script,
                                   const Trivet__V1__FitReport *fit, struct trivet_error *err)
{
    double *steps = trivet_alloc_array(fit->n_loss_curve, sizeof(*steps));
    if (steps == NULL) {
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "--plot: out of memory");
    }
    for (size_t i = 0; i < fit->n_loss_curve; i++) {
        steps[i] = (double)i + 1;
    }
    trivet_cli_script_points(script, "loss", steps, fit->loss_curve, NULL, fit->n_loss_curve);
    trivet_free(steps);
    return TRIVET_OK;
}

/* Bands are one standard deviation over the folds wide. */
static void add_learning(struct trivet_cli_script *script, const Trivet__V1__LearningCurve *curve)
{
    trivet_cli_script_add(script, "$learning << END_OF_POINTS\n");
    for (size_t i = 0; i < curve->n_points; i++) {
        const Trivet__V1__LearningPoint *point = curve->points[i];
        trivet_cli_script_add(script, "%llu %.17g %.17g %.17g %.17g\n",
                              (unsigned long long)point->rows_train, point->train_mean,
                              point->train_deviation, point->validation_mean,
                              point->validation_deviation);
    }
    trivet_cli_script_add(script, "END_OF_POINTS\n");
}

static void learning_panel(struct trivet_cli_script *script, const Trivet__V1__LearningCurve *curve)
{
    const char *train = trivet_cli_colour(1);
    const char *validation = trivet_cli_colour(0);
    trivet_cli_script_panel(script, "Learning curve: would more rows help?", "rows that train",
                            curve->metric);
    trivet_cli_script_add(
        script,
        "set key bottom right Left reverse samplen 1.6\nset style fill transparent solid 0.18 "
        "noborder\nset format x '%%.0f'\n"
        "plot $learning using 1:($2-$3):($2+$3) with filledcurves lc rgb '%s' "
        "notitle, $learning using 1:($4-$5):($4+$5) with filledcurves lc rgb "
        "'%s' notitle, ",
        train, validation);
    trivet_cli_script_add(script,
                          "$learning using 1:2 with linespoints pt 5 ps 0.9 lw 2.2 dt 2 lc rgb "
                          "'%s' title 'on the rows that train', $learning using 1:4 with "
                          "linespoints pt 7 ps 1 lw 2.6 lc rgb '%s' title 'on others'\n",
                          train, validation);
}

enum trivet_status trivet_cli_plot_training(const struct trivet_cli_subject *subject,
                                            const Trivet__V1__TrainingReport *report,
                                            const char *path, struct trivet_error *err)
{
    struct trivet_cli_script script = {0};
    char title[TITLE_BYTES];
    bool loss = report->fit != NULL && report->fit->n_loss_curve > 1;
    bool learning = report->learning_curve != NULL && report->learning_curve->n_points > 0;
    enum trivet_status status = TRIVET_OK;
    if (!loss && !learning) {
        return trivet_error_set(err, TRIVET_FAILED_PRECONDITION,
                                "--plot: %s has no loss curve; give --learning-curve to draw that",
                                report->estimator);
    }
    snprintf(title, sizeof(title), "%s version %llu, %s", subject->model,
             (unsigned long long)subject->version, report->estimator);
    if (loss) {
        status = add_loss(&script, report->fit, err);
    }
    if (learning) {
        add_learning(&script, report->learning_curve);
    }
    trivet_cli_script_begin(&script, title, 1, (unsigned)loss + (unsigned)learning);
    if (loss) {
        loss_panel(&script, report->fit);
    }
    if (learning) {
        learning_panel(&script, report->learning_curve);
    }
    if (status != TRIVET_OK) {
        trivet_cli_script_release(&script);
        return status;
    }
    return draw(&script, path, ((unsigned)loss + (unsigned)learning) * PANEL_PIXELS, HEIGHT_PIXELS,
                err);
}
