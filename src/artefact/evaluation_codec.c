/* An evaluation as a message. */
#include "artefact/report_codec.h"

#include <string.h>

static enum trivet_status no_memory(struct trivet_error *err)
{
    return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                            "out of memory while an evaluation is written");
}

static enum trivet_status copy_text(const char *text, struct trivet_arena *arena, char **out,
                                    struct trivet_error *err)
{
    *out = trivet_arena_strdup(arena, text);
    return *out != NULL ? TRIVET_OK : no_memory(err);
}

static enum trivet_status copy_numbers(const double *numbers, size_t n, struct trivet_arena *arena,
                                       double **out, size_t *n_out, struct trivet_error *err)
{
    *out = trivet_arena_alloc_array(arena, n, sizeof(double));
    if (*out == NULL) {
        return no_memory(err);
    }
    memcpy(*out, numbers, n * sizeof(double));
    *n_out = n;
    return TRIVET_OK;
}

static enum trivet_status encode_confusion(const struct trivet_evaluation *evaluation,
                                           struct trivet_arena *arena,
                                           Trivet__V1__ConfusionMatrix **out,
                                           struct trivet_error *err)
{
    const size_t n = evaluation->n_labels;
    Trivet__V1__ConfusionMatrix *message = trivet_arena_alloc(arena, sizeof *message);
    char **labels = trivet_arena_alloc_array(arena, n, sizeof(char *));
    uint64_t *counts = trivet_arena_alloc_array(arena, n * n, sizeof(uint64_t));
    if (message == NULL || labels == NULL || counts == NULL) {
        return no_memory(err);
    }
    trivet__v1__confusion_matrix__init(message);
    enum trivet_status status = TRIVET_OK;
    for (size_t k = 0; k < n && status == TRIVET_OK; k++) {
        status = copy_text(evaluation->labels[k], arena, &labels[k], err);
    }
    memcpy(counts, evaluation->confusion, n * n * sizeof(uint64_t));
    message->labels = labels;
    message->n_labels = n;
    message->counts = counts;
    message->n_counts = n * n;
    *out = message;
    return status;
}

static enum trivet_status encode_classes(const struct trivet_evaluation *evaluation,
                                         struct trivet_arena *arena,
                                         Trivet__V1__EvaluationReport *report,
                                         struct trivet_error *err)
{
    const size_t n = evaluation->n_labels;
    Trivet__V1__ClassReport *messages = trivet_arena_alloc_array(arena, n, sizeof *messages);
    report->classes = trivet_arena_alloc_array(arena, n, sizeof(Trivet__V1__ClassReport *));
    if (messages == NULL || report->classes == NULL) {
        return no_memory(err);
    }
    enum trivet_status status = TRIVET_OK;
    for (size_t k = 0; k < n && status == TRIVET_OK; k++) {
        const struct trivet_class_metrics *class = &evaluation->classes[k];
        trivet__v1__class_report__init(&messages[k]);
        messages[k].precision = class->precision;
        messages[k].recall = class->recall;
        messages[k].f1 = class->f1;
        messages[k].support = class->support;
        report->classes[k] = &messages[k];
        status = copy_text(evaluation->labels[k], arena, &messages[k].label, err);
    }
    report->n_classes = n;
    return status;
}

static enum trivet_status encode_curve(const struct trivet_curve *curve, struct trivet_arena *arena,
                                       Trivet__V1__Curve *out, struct trivet_error *err)
{
    trivet__v1__curve__init(out);
    enum trivet_status status = copy_text(curve->name, arena, &out->name, err);
    if (status == TRIVET_OK) {
        status = copy_text(curve->label, arena, &out->label, err);
    }
    if (status == TRIVET_OK) {
        status = copy_text(curve->x_title, arena, &out->x_title, err);
    }
    if (status == TRIVET_OK) {
        status = copy_text(curve->y_title, arena, &out->y_title, err);
    }
    if (status == TRIVET_OK) {
        status = copy_numbers(curve->x, curve->n_points, arena, &out->x, &out->n_x, err);
    }
    if (status == TRIVET_OK) {
        status = copy_numbers(curve->y, curve->n_points, arena, &out->y, &out->n_y, err);
    }
    if (status == TRIVET_OK && curve->z != NULL) {
        status = copy_numbers(curve->z, curve->n_points, arena, &out->z, &out->n_z, err);
    }
    return status;
}

static enum trivet_status encode_curves(const struct trivet_evaluation *evaluation,
                                        struct trivet_arena *arena,
                                        Trivet__V1__EvaluationReport *report,
                                        struct trivet_error *err)
{
    const size_t n = evaluation->n_curves;
    Trivet__V1__Curve *messages = trivet_arena_alloc_array(arena, n, sizeof *messages);
    report->curves = trivet_arena_alloc_array(arena, n, sizeof(Trivet__V1__Curve *));
    if (messages == NULL || report->curves == NULL) {
        return no_memory(err);
    }
    enum trivet_status status = TRIVET_OK;
    for (size_t c = 0; c < n && status == TRIVET_OK; c++) {
        report->curves[c] = &messages[c];
        status = encode_curve(&evaluation->curves[c], arena, &messages[c], err);
    }
    report->n_curves = n;
    return status;
}

static enum trivet_status encode_slices(const struct trivet_evaluation *evaluation,
                                        struct trivet_arena *arena,
                                        Trivet__V1__EvaluationReport *report,
                                        struct trivet_error *err)
{
    const size_t n = evaluation->n_slices;
    Trivet__V1__SliceReport *messages = trivet_arena_alloc_array(arena, n, sizeof *messages);
    report->slices = trivet_arena_alloc_array(arena, n, sizeof(Trivet__V1__SliceReport *));
    if (messages == NULL || report->slices == NULL) {
        return no_memory(err);
    }
    enum trivet_status status = TRIVET_OK;
    for (size_t s = 0; s < n && status == TRIVET_OK; s++) {
        const struct trivet_slice_report *slice = &evaluation->slices[s];
        trivet__v1__slice_report__init(&messages[s]);
        report->slices[s] = &messages[s];
        messages[s].rows = slice->n_rows;
        messages[s].n_metrics = slice->n_metrics;
        status = copy_text(slice->column, arena, &messages[s].column, err);
        if (status == TRIVET_OK) {
            status = copy_text(slice->value, arena, &messages[s].value, err);
        }
        if (status == TRIVET_OK) {
            status = trivet_metrics_encode(slice->metrics, slice->n_metrics, arena,
                                           &messages[s].metrics, err);
        }
    }
    report->n_slices = n;
    return status;
}

static enum trivet_status encode_importances(const struct trivet_evaluation *evaluation,
                                             struct trivet_arena *arena,
                                             Trivet__V1__EvaluationReport *report,
                                             struct trivet_error *err)
{
    const size_t n = evaluation->n_importances;
    Trivet__V1__Importance *messages = trivet_arena_alloc_array(arena, n, sizeof *messages);
    report->importances = trivet_arena_alloc_array(arena, n, sizeof(Trivet__V1__Importance *));
    if (messages == NULL || report->importances == NULL) {
        return no_memory(err);
    }
    enum trivet_status status =
        copy_text(evaluation->importance_metric, arena, &report->importance_metric, err);
    for (size_t i = 0; i < n && status == TRIVET_OK; i++) {
        trivet__v1__importance__init(&messages[i]);
        report->importances[i] = &messages[i];
        messages[i].mean = evaluation->importances[i].mean;
        messages[i].deviation = evaluation->importances[i].deviation;
        status = copy_text(evaluation->importances[i].column, arena, &messages[i].column, err);
    }
    report->n_importances = n;
    return status;
}

enum trivet_status trivet_evaluation_encode(const struct trivet_evaluation *evaluation,
                                            struct trivet_arena *arena,
                                            Trivet__V1__EvaluationReport **out,
                                            struct trivet_error *err)
{
    Trivet__V1__EvaluationReport *report = trivet_arena_alloc(arena, sizeof *report);
    if (report == NULL) {
        return no_memory(err);
    }
    trivet__v1__evaluation_report__init(report);
    report->task = (Trivet__V1__Task)evaluation->task;
    report->rows = evaluation->n_rows;
    report->rows_skipped = evaluation->n_skipped;
    report->n_metrics = evaluation->n_metrics;
    enum trivet_status status = trivet_metrics_encode(evaluation->metrics, evaluation->n_metrics,
                                                      arena, &report->metrics, err);
    if (status == TRIVET_OK && evaluation->n_labels > 0) {
        status = encode_confusion(evaluation, arena, &report->confusion, err);
    }
    if (status == TRIVET_OK) {
        status = encode_classes(evaluation, arena, report, err);
    }
    if (status == TRIVET_OK) {
        status = encode_curves(evaluation, arena, report, err);
    }
    if (status == TRIVET_OK) {
        status = encode_slices(evaluation, arena, report, err);
    }
    if (status == TRIVET_OK) {
        status = encode_importances(evaluation, arena, report, err);
    }
    if (status == TRIVET_OK) {
        *out = report;
    }
    return status;
}
