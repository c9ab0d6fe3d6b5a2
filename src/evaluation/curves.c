#include "evaluation/evaluate_internal.h"
#include "metrics/probability.h"
#include "metrics/ranking.h"

#include <stdlib.h>
#include <string.h>

/* Most curves that an evaluation has: two for each class, and the calibration. */
#define CURVES_MAX (2 * TRIVET_CURVE_CLASSES_MAX + 1)

static struct trivet_curve *add_curve(struct trivet_evaluation *out, const char *name,
                                      const char *label, const char *x_title, const char *y_title)
{
    struct trivet_curve *curve = &out->curves[out->n_curves++];
    *curve =
        (struct trivet_curve){.name = name, .label = label, .x_title = x_title, .y_title = y_title};
    return curve;
}

static enum trivet_status make_room(struct trivet_curve *curve, size_t n_points, bool with_z,
                                    struct trivet_arena *arena, struct trivet_error *err)
{
    curve->n_points = n_points;
    curve->x = trivet_arena_alloc_array(arena, n_points, sizeof(double));
    curve->y = trivet_arena_alloc_array(arena, n_points, sizeof(double));
    curve->z = with_z ? trivet_arena_alloc_array(arena, n_points, sizeof(double)) : NULL;
    bool complete = curve->x != NULL && curve->y != NULL && (!with_z || curve->z != NULL);
    return complete ? TRIVET_OK : trivet_evaluation_no_memory(err);
}

static enum trivet_status take_points(struct trivet_curve *curve,
                                      const struct trivet_curve_point *points, size_t n_points,
                                      struct trivet_arena *arena, struct trivet_error *err)
{
    enum trivet_status status = make_room(curve, n_points, true, arena, err);
    for (size_t i = 0; status == TRIVET_OK && i < n_points; i++) {
        curve->x[i] = points[i].x;
        curve->y[i] = points[i].y;
        curve->z[i] = points[i].threshold;
    }
    return status;
}

/* ROC, precision and recall of one class by column `column` of the outputs. */
static enum trivet_status rank_class(const struct trivet_scores *scores, size_t class,
                                     size_t column, struct trivet_arena *arena,
                                     struct trivet_evaluation *out, struct trivet_error *err)
{
    struct trivet_ranking *ranking = NULL;
    const char *label = out->labels[class];
    struct trivet_curve_point *points =
        trivet_arena_alloc_array(arena, TRIVET_CURVE_POINTS_MAX, sizeof *points);
    if (points == NULL) {
        return trivet_evaluation_no_memory(err);
    }
    enum trivet_status status =
        trivet_ranking_create(&scores->outputs[column], scores->n_outputs, scores->classes,
                              (uint32_t) class, scores->n_rows, &ranking, err);
    if (status == TRIVET_OK) {
        size_t n = trivet_ranking_roc_curve(ranking, points, TRIVET_CURVE_POINTS_MAX);
        status =
            take_points(add_curve(out, "roc", label, "false positive rate", "true positive rate"),
                        points, n, arena, err);
    }
    if (status == TRIVET_OK) {
        size_t n = trivet_ranking_pr_curve(ranking, points, TRIVET_CURVE_POINTS_MAX);
        status = take_points(add_curve(out, "precision_recall", label, "recall", "precision"),
                             points, n, arena, err);
    }
    trivet_ranking_free(ranking);
    return status;
}

/* Classes by their rows, most first; as many as have curves of their own. */
static size_t choose_classes(const struct trivet_evaluation *evaluation, size_t n_classes,
                             size_t chosen[TRIVET_CURVE_CLASSES_MAX])
{
    size_t n = 0;
    for (size_t k = 0; k < n_classes; k++) {
        size_t place = n;
        while (place > 0 &&
               evaluation->classes[chosen[place - 1]].support < evaluation->classes[k].support) {
            place--;
        }
        if (place == TRIVET_CURVE_CLASSES_MAX) {
            continue;
        }
        n += n < TRIVET_CURVE_CLASSES_MAX ? 1 : 0;
        memmove(&chosen[place + 1], &chosen[place], (n - 1 - place) * sizeof chosen[0]);
        chosen[place] = k;
    }
    return n;
}

static enum trivet_status calibration(const struct trivet_scores *scores,
                                      struct trivet_arena *arena, struct trivet_evaluation *out,
                                      struct trivet_error *err)
{
    struct trivet_calibration_bin bins[TRIVET_CALIBRATION_BINS];
    const size_t n_labels = trivet_pipeline_labels(scores->pipeline)->n_labels;
    if (out->n_labels != n_labels) {
        return TRIVET_OK; /* classes that it was not trained on have no probability */
    }
    trivet_metrics_calibration(scores->classes, scores->outputs, scores->n_rows, n_labels, bins,
                               TRIVET_CALIBRATION_BINS);
    struct trivet_curve *curve = add_curve(out, "calibration", n_labels == 2 ? out->labels[1] : "",
                                           "predicted probability", "observed fraction");
    enum trivet_status status = make_room(curve, TRIVET_CALIBRATION_BINS, true, arena, err);
    curve->n_points = 0;
    for (size_t b = 0; status == TRIVET_OK && b < TRIVET_CALIBRATION_BINS; b++) {
        if (bins[b].n_rows > 0) {
            curve->x[curve->n_points] = bins[b].mean_predicted;
            curve->y[curve->n_points] = bins[b].fraction_observed;
            curve->z[curve->n_points] = (double)bins[b].n_rows;
            curve->n_points++;
        }
    }
    return status;
}

static enum trivet_status classification_curves(const struct trivet_scores *scores,
                                                struct trivet_arena *arena,
                                                struct trivet_evaluation *out,
                                                struct trivet_error *err)
{
    size_t chosen[TRIVET_CURVE_CLASSES_MAX + 1];
    const size_t n_classes = trivet_pipeline_labels(scores->pipeline)->n_labels;
    const enum trivet_output_kind kind = trivet_pipeline_output_kind(scores->pipeline);
    if (kind == TRIVET_OUTPUT_PAIR_MARGINS) {
        return TRIVET_OK; /* no score of a class */
    }
    if (n_classes == 2) {
        enum trivet_status status = rank_class(scores, 1, scores->n_outputs - 1, arena, out, err);
        return status == TRIVET_OK && kind == TRIVET_OUTPUT_PROBABILITIES
                   ? calibration(scores, arena, out, err)
                   : status;
    }
    const size_t n = choose_classes(out, n_classes, chosen);
    enum trivet_status status = TRIVET_OK;
    for (size_t k = 0; k < n && status == TRIVET_OK; k++) {
        status = rank_class(scores, chosen[k], chosen[k], arena, out, err);
    }
    return status == TRIVET_OK && kind == TRIVET_OUTPUT_PROBABILITIES
               ? calibration(scores, arena, out, err)
               : status;
}

/* Predictions against what was true and against what was left, of evenly chosen rows. */
static enum trivet_status regression_curves(const struct trivet_scores *scores,
                                            struct trivet_arena *arena,
                                            struct trivet_evaluation *out, struct trivet_error *err)
{
    const size_t n =
        scores->n_rows < TRIVET_CURVE_POINTS_MAX ? scores->n_rows : (size_t)TRIVET_CURVE_POINTS_MAX;
    struct trivet_curve *predicted = add_curve(out, "prediction", "", "prediction", "true value");
    struct trivet_curve *residuals =
        add_curve(out, "residuals", "", "prediction", "true value - prediction");
    enum trivet_status status = make_room(predicted, n, false, arena, err);
    if (status == TRIVET_OK) {
        status = make_room(residuals, n, false, arena, err);
    }
    for (size_t k = 0; status == TRIVET_OK && k < n; k++) {
        const size_t i = k * scores->n_rows / n;
        predicted->x[k] = scores->outputs[i];
        predicted->y[k] = scores->truth[i];
        residuals->x[k] = scores->outputs[i];
        residuals->y[k] = scores->truth[i] - scores->outputs[i];
    }
    return status;
}

enum trivet_status trivet_evaluation_curves(const struct trivet_scores *scores,
                                            struct trivet_arena *arena,
                                            struct trivet_evaluation *out, struct trivet_error *err)
{
    out->curves = trivet_arena_alloc_array(arena, CURVES_MAX, sizeof *out->curves);
    if (out->curves == NULL) {
        return trivet_evaluation_no_memory(err);
    }
    switch (scores->task) {
    case TRIVET_TASK_REGRESSION:
        return regression_curves(scores, arena, out, err);
    case TRIVET_TASK_CLASSIFICATION:
        return classification_curves(scores, arena, out, err);
    case TRIVET_TASK_CLUSTERING:
        break;
    }
    return TRIVET_OK;
}
