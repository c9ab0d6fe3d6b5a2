#include "artefact/report_codec.h"
#include "evaluation/cross_validate.h"

#include <string.h>

static enum trivet_status no_memory(struct trivet_error *err)
{
    return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                            "out of memory while a report is written");
}

enum trivet_status trivet_metrics_encode(const struct trivet_metric *metrics, size_t count,
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
        status = trivet_metrics_encode(validation->mean, validation->n_metrics, arena,
                                       &message->mean, err);
    }
    if (status == TRIVET_OK) {
        status = trivet_metrics_encode(validation->deviation, validation->n_metrics, arena,
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

static enum trivet_status encode_facts(const struct trivet_fit_report *report,
                                       struct trivet_arena *arena, Trivet__V1__FitReport *out,
                                       struct trivet_error *err)
{
    struct trivet_metric facts[TRIVET_FIT_FACTS_MAX];
    for (size_t i = 0; i < report->n_facts; i++) {
        facts[i] = trivet_metric_of(report->facts[i].name, report->facts[i].value, true);
    }
    out->n_facts = report->n_facts;
    return trivet_metrics_encode(facts, report->n_facts, arena, &out->facts, err);
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
        status = encode_facts(report, arena, message, err);
    }
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

/* Name of equation k: the class where there is one equation a class, else nothing. */
static const char *equation_name(const struct trivet_fit_report *report,
                                 const struct trivet_pipeline *pipeline, size_t k)
{
    const struct trivet_labels *labels = trivet_pipeline_labels(pipeline);
    return report->n_equations > 1 && k < labels->n_labels ? labels->texts[k] : "";
}

static enum trivet_status encode_coefficients(const struct trivet_fit_report *report,
                                              const struct trivet_pipeline *pipeline,
                                              struct trivet_arena *arena,
                                              Trivet__V1__TrainingReport *out,
                                              struct trivet_error *err)
{
    const size_t n = report->n_equations * report->n_features;
    Trivet__V1__Coefficient *messages = trivet_arena_alloc_array(arena, n, sizeof *messages);
    out->coefficients = trivet_arena_alloc_array(arena, n, sizeof(Trivet__V1__Coefficient *));
    if (messages == NULL || out->coefficients == NULL) {
        return no_memory(err);
    }
    for (size_t i = 0; i < n; i++) {
        const size_t k = i / report->n_features;
        const size_t j = i % report->n_features;
        trivet__v1__coefficient__init(&messages[i]);
        messages[i].feature = trivet_arena_strdup(arena, trivet_pipeline_feature_name(pipeline, j));
        messages[i].output = trivet_arena_strdup(arena, equation_name(report, pipeline, k));
        if (messages[i].feature == NULL || messages[i].output == NULL) {
            return no_memory(err);
        }
        messages[i].value = report->coefficients[i];
        out->coefficients[i] = &messages[i];
    }
    out->n_coefficients = n;
    return TRIVET_OK;
}

enum trivet_status trivet_equations_encode(const struct trivet_fit_report *report,
                                           const struct trivet_pipeline *pipeline,
                                           struct trivet_arena *arena,
                                           Trivet__V1__TrainingReport *out,
                                           struct trivet_error *err)
{
    const size_t n = report->coefficients == NULL ? 0 : report->n_equations;
    Trivet__V1__Intercept *messages = trivet_arena_alloc_array(arena, n, sizeof *messages);
    out->intercepts = trivet_arena_alloc_array(arena, n, sizeof(Trivet__V1__Intercept *));
    if (messages == NULL || out->intercepts == NULL) {
        return no_memory(err);
    }
    for (size_t k = 0; k < n; k++) {
        trivet__v1__intercept__init(&messages[k]);
        messages[k].value = report->intercepts[k];
        messages[k].output = trivet_arena_strdup(arena, equation_name(report, pipeline, k));
        if (messages[k].output == NULL) {
            return no_memory(err);
        }
        out->intercepts[k] = &messages[k];
    }
    out->n_intercepts = n;
    out->intercept = n == 1 ? report->intercepts[0] : 0.0;
    return n > 0 ? encode_coefficients(report, pipeline, arena, out, err) : TRIVET_OK;
}
