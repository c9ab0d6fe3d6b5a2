/* What a search and a learning curve tell, as messages. */
#include "artefact/report_codec.h"

#include <string.h>

static enum trivet_status no_memory(struct trivet_error *err)
{
    return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                            "out of memory while a search is reported");
}

static enum trivet_status copy_text(const char *text, struct trivet_arena *arena, char **out,
                                    struct trivet_error *err)
{
    *out = trivet_arena_strdup(arena, text);
    return *out != NULL ? TRIVET_OK : no_memory(err);
}

static enum trivet_status encode_parameters(const struct trivet_candidate *candidate,
                                            struct trivet_arena *arena, Trivet__V1__Trial *out,
                                            struct trivet_error *err)
{
    const size_t n = candidate->n_parameters;
    Trivet__V1__Parameter *messages = trivet_arena_alloc_array(arena, n, sizeof *messages);
    out->parameters = trivet_arena_alloc_array(arena, n, sizeof(Trivet__V1__Parameter *));
    if (messages == NULL || out->parameters == NULL) {
        return no_memory(err);
    }
    enum trivet_status status = TRIVET_OK;
    for (size_t p = 0; p < n && status == TRIVET_OK; p++) {
        trivet__v1__parameter__init(&messages[p]);
        out->parameters[p] = &messages[p];
        status = copy_text(candidate->parameters[p]->name, arena, &messages[p].name, err);
        if (status == TRIVET_OK) {
            status = copy_text(candidate->parameters[p]->value, arena, &messages[p].value, err);
        }
    }
    out->n_parameters = n;
    return status;
}

static enum trivet_status encode_trial(const struct trivet_trial *trial, struct trivet_arena *arena,
                                       Trivet__V1__Trial *out, struct trivet_error *err)
{
    trivet__v1__trial__init(out);
    out->index = (uint32_t)trial->index;
    out->state = (Trivet__V1__TrialState)trial->state;
    out->mean = trial->mean;
    out->deviation = trial->deviation;
    out->train_mean = trial->train_mean;
    out->seconds = trial->seconds;
    out->scores = trivet_arena_alloc_array(arena, trial->n_scores, sizeof(double));
    if (out->scores == NULL) {
        return no_memory(err);
    }
    memcpy(out->scores, trial->scores, trial->n_scores * sizeof(double));
    out->n_scores = trial->n_scores;
    enum trivet_status status =
        copy_text(trial->candidate->spec->estimator, arena, &out->estimator, err);
    if (status == TRIVET_OK) {
        status = copy_text(trial->error_message, arena, &out->error_message, err);
    }
    if (status == TRIVET_OK) {
        status = encode_parameters(trial->candidate, arena, out, err);
    }
    return status;
}

enum trivet_status trivet_search_encode(const struct trivet_search *search,
                                        Trivet__V1__SearchMethod method, struct trivet_arena *arena,
                                        Trivet__V1__SearchReport **out, struct trivet_error *err)
{
    const size_t n = search->n_trials;
    Trivet__V1__SearchReport *report = trivet_arena_alloc(arena, sizeof *report);
    Trivet__V1__Trial *messages = trivet_arena_alloc_array(arena, n, sizeof *messages);
    Trivet__V1__Trial **list = trivet_arena_alloc_array(arena, n, sizeof(Trivet__V1__Trial *));
    if (report == NULL || messages == NULL || list == NULL) {
        return no_memory(err);
    }
    trivet__v1__search_report__init(report);
    report->method = method;
    report->greater_is_better = search->greater_is_better;
    report->folds = (uint32_t)search->n_folds;
    report->seconds = search->seconds;
    report->trials = list;
    report->n_trials = n;
    enum trivet_status status = copy_text(search->metric, arena, &report->metric, err);
    if (status == TRIVET_OK) {
        status = copy_text(search->reason, arena, &report->reason, err);
    }
    for (size_t t = 0; t < n && status == TRIVET_OK; t++) {
        list[t] = &messages[t];
        status = encode_trial(&search->trials[t], arena, &messages[t], err);
    }
    if (status == TRIVET_OK) {
        *out = report;
    }
    return status;
}

enum trivet_status trivet_learning_curve_encode(const struct trivet_learning_curve *curve,
                                                struct trivet_arena *arena,
                                                Trivet__V1__LearningCurve **out,
                                                struct trivet_error *err)
{
    Trivet__V1__LearningCurve *message = trivet_arena_alloc(arena, sizeof *message);
    Trivet__V1__LearningPoint *points =
        trivet_arena_alloc_array(arena, curve->n_points, sizeof *points);
    Trivet__V1__LearningPoint **list =
        trivet_arena_alloc_array(arena, curve->n_points, sizeof(Trivet__V1__LearningPoint *));
    if (message == NULL || points == NULL || list == NULL) {
        return no_memory(err);
    }
    trivet__v1__learning_curve__init(message);
    for (size_t p = 0; p < curve->n_points; p++) {
        trivet__v1__learning_point__init(&points[p]);
        points[p].rows_train = curve->points[p].n_train;
        points[p].train_mean = curve->points[p].train_mean;
        points[p].train_deviation = curve->points[p].train_deviation;
        points[p].validation_mean = curve->points[p].validation_mean;
        points[p].validation_deviation = curve->points[p].validation_deviation;
        list[p] = &points[p];
    }
    message->points = list;
    message->n_points = curve->n_points;
    enum trivet_status status = copy_text(curve->metric, arena, &message->metric, err);
    if (status == TRIVET_OK) {
        *out = message;
    }
    return status;
}
