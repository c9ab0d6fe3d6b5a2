#include "artefact/report_codec.h"

#include <string.h>

static enum trivet_status no_memory(struct trivet_error *err)
{
    return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                            "out of memory while a report is written");
}

static enum trivet_status encode_metrics(const struct trivet_metric *metrics, size_t count,
                                         struct trivet_arena *arena, Trivet__V1__Metric ***out,
                                         struct trivet_error *err)
{
    Trivet__V1__Metric **list =
        trivet_arena_alloc_array(arena, count, sizeof(Trivet__V1__Metric *));
    Trivet__V1__Metric *messages = trivet_arena_alloc_array(arena, count, sizeof *messages);
    if (list == NULL || messages == NULL) {
        return no_memory(err);
    }
    for (size_t i = 0; i < count; i++) {
        trivet__v1__metric__init(&messages[i]);
        messages[i].name = trivet_arena_strdup(arena, metrics[i].name);
        if (messages[i].name == NULL) {
            return no_memory(err);
        }
        messages[i].value = metrics[i].value;
        messages[i].defined = metrics[i].defined;
        list[i] = &messages[i];
    }
    *out = list;
    return TRIVET_OK;
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
    const enum trivet_status status =
        encode_metrics(evaluation->metrics, evaluation->n_metrics, arena, &report->metrics, err);
    if (status != TRIVET_OK) {
        return status;
    }
    report->n_metrics = evaluation->n_metrics;
    *out = report;
    return TRIVET_OK;
}

static enum trivet_status encode_fold(const struct trivet_fold *fold, size_t index,
                                      struct trivet_arena *arena, Trivet__V1__Fold **out,
                                      struct trivet_error *err)
{
    Trivet__V1__Fold *message = trivet_arena_alloc(arena, sizeof *message);
    if (message == NULL) {
        return no_memory(err);
    }
    trivet__v1__fold__init(message);
    message->index = (uint32_t)index;
    message->rows_train = fold->n_train;
    message->rows_test = fold->n_test;
    const enum trivet_status status =
        trivet_evaluation_encode(&fold->evaluation, arena, &message->evaluation, err);
    if (status == TRIVET_OK) {
        *out = message;
    }
    return status;
}

enum trivet_status trivet_cross_validation_encode(const struct trivet_cross_validation *validation,
                                                  struct trivet_arena *arena,
                                                  Trivet__V1__CrossValidation **out,
                                                  struct trivet_error *err)
{
    Trivet__V1__CrossValidation *message = trivet_arena_alloc(arena, sizeof *message);
    Trivet__V1__Fold **folds =
        trivet_arena_alloc_array(arena, validation->n_folds, sizeof(Trivet__V1__Fold *));
    if (message == NULL || folds == NULL) {
        return no_memory(err);
    }
    trivet__v1__cross_validation__init(message);
    enum trivet_status status = TRIVET_OK;
    for (size_t i = 0; i < validation->n_folds && status == TRIVET_OK; i++) {
        status = encode_fold(&validation->folds[i], i, arena, &folds[i], err);
    }
    if (status == TRIVET_OK) {
        status =
            encode_metrics(validation->mean, validation->n_metrics, arena, &message->mean, err);
    }
    if (status == TRIVET_OK) {
        status = encode_metrics(validation->deviation, validation->n_metrics, arena,
                                &message->deviation, err);
    }
    if (status == TRIVET_OK) {
        message->folds = folds;
        message->n_folds = validation->n_folds;
        message->n_mean = validation->n_metrics;
        message->n_deviation = validation->n_metrics;
        *out = message;
    }
    return status;
}

static enum trivet_status encode_warnings(const struct trivet_fit_report *report,
                                          struct trivet_arena *arena, Trivet__V1__FitReport *out,
                                          struct trivet_error *err)
{
    out->warnings = trivet_arena_alloc_array(arena, report->n_warnings, sizeof(char *));
    if (out->warnings == NULL) {
        return no_memory(err);
    }
    for (size_t i = 0; i < report->n_warnings; i++) {
        out->warnings[i] = trivet_arena_strdup(arena, report->warnings[i]);
        if (out->warnings[i] == NULL) {
            return no_memory(err);
        }
    }
    out->n_warnings = report->n_warnings;
    return TRIVET_OK;
}

static enum trivet_status encode_constants(const struct trivet_fit_report *report,
                                           const struct trivet_pipeline *pipeline,
                                           struct trivet_arena *arena, Trivet__V1__FitReport *out,
                                           struct trivet_error *err)
{
    const size_t n_features = report->constant == NULL ? 0 : report->n_features;
    out->constant_columns = trivet_arena_alloc_array(arena, n_features, sizeof(char *));
    if (out->constant_columns == NULL) {
        return no_memory(err);
    }
    for (size_t i = 0; i < n_features; i++) {
        if (!report->constant[i]) {
            continue;
        }
        char *name = trivet_arena_strdup(arena, trivet_pipeline_feature_name(pipeline, i));
        if (name == NULL) {
            return no_memory(err);
        }
        out->constant_columns[out->n_constant_columns++] = name;
    }
    return TRIVET_OK;
}

enum trivet_status trivet_fit_report_encode(const struct trivet_fit_report *report,
                                            const struct trivet_pipeline *pipeline,
                                            struct trivet_arena *arena, Trivet__V1__FitReport **out,
                                            struct trivet_error *err)
{
    Trivet__V1__FitReport *message = trivet_arena_alloc(arena, sizeof *message);
    if (message == NULL) {
        return no_memory(err);
    }
    trivet__v1__fit_report__init(message);
    message->converged = report->converged;
    message->iterations = report->iterations;
    message->gradient_norm = report->gradient_norm;
    message->rank = report->rank;
    message->condition_number = report->condition_number;
    message->features = report->n_features;
    enum trivet_status status = encode_warnings(report, arena, message, err);
    if (status == TRIVET_OK) {
        status = encode_constants(report, pipeline, arena, message, err);
    }
    if (status == TRIVET_OK && report->n_losses > 0) {
        message->loss_curve = trivet_arena_alloc_array(arena, report->n_losses, sizeof(double));
        if (message->loss_curve == NULL) {
            return no_memory(err);
        }
        memcpy(message->loss_curve, report->loss_curve, report->n_losses * sizeof(double));
        message->n_loss_curve = report->n_losses;
    }
    if (status == TRIVET_OK) {
        *out = message;
    }
    return status;
}

enum trivet_status trivet_coefficients_encode(const struct trivet_fit_report *report,
                                              const struct trivet_pipeline *pipeline,
                                              struct trivet_arena *arena,
                                              Trivet__V1__Coefficient ***out, size_t *count,
                                              struct trivet_error *err)
{
    const size_t n = report->coefficients == NULL ? 0 : report->n_features;
    Trivet__V1__Coefficient **list =
        trivet_arena_alloc_array(arena, n, sizeof(Trivet__V1__Coefficient *));
    Trivet__V1__Coefficient *messages = trivet_arena_alloc_array(arena, n, sizeof *messages);
    if (list == NULL || messages == NULL) {
        return no_memory(err);
    }
    for (size_t i = 0; i < n; i++) {
        trivet__v1__coefficient__init(&messages[i]);
        messages[i].feature = trivet_arena_strdup(arena, trivet_pipeline_feature_name(pipeline, i));
        if (messages[i].feature == NULL) {
            return no_memory(err);
        }
        messages[i].value = report->coefficients[i];
        list[i] = &messages[i];
    }
    *out = list;
    *count = n;
    return TRIVET_OK;
}
