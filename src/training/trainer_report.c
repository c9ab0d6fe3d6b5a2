/* The training report and the artefact of a run. */
#include "artefact/artefact.h"
#include "artefact/report_codec.h"
#include "base/clock.h"
#include "training/trainer_internal.h"

#include <sys/resource.h>

#define STEP_TEXT_BYTES 4096
#define STEPS_MAX       256

static enum trivet_status no_memory(struct trivet_error *err)
{
    return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                            "out of memory while the training report is written");
}

/* Every parameter of the estimator, defaults included. */
static enum trivet_status report_parameters(struct trivet_trainer *trainer,
                                            Trivet__V1__TrainingReport *report,
                                            struct trivet_error *err)
{
    const struct trivet_params *params = &trainer->params;
    report->estimator = trivet_arena_strdup(trainer->arena, trainer->estimator);
    report->parameters =
        trivet_arena_alloc_array(trainer->arena, params->n_params, sizeof(Trivet__V1__Parameter *));
    if (report->estimator == NULL || report->parameters == NULL) {
        return no_memory(err);
    }
    for (size_t i = 0; i < params->n_params; i++) {
        char value[TRIVET_PARAM_VALUE_BYTES];
        Trivet__V1__Parameter *parameter = trivet_arena_alloc(trainer->arena, sizeof *parameter);
        if (parameter == NULL) {
            return no_memory(err);
        }
        trivet__v1__parameter__init(parameter);
        trivet_params_format(params, i, value, sizeof value);
        parameter->name = trivet_arena_strdup(trainer->arena, params->specs[i].name);
        parameter->value = trivet_arena_strdup(trainer->arena, value);
        if (parameter->name == NULL || parameter->value == NULL) {
            return no_memory(err);
        }
        report->parameters[report->n_parameters++] = parameter;
    }
    return TRIVET_OK;
}

static enum trivet_status report_steps(struct trivet_trainer *trainer,
                                       Trivet__V1__TrainingReport *report, struct trivet_error *err)
{
    char text[STEP_TEXT_BYTES];
    report->steps = trivet_arena_alloc_array(trainer->arena, STEPS_MAX, sizeof(char *));
    if (report->steps == NULL) {
        return no_memory(err);
    }
    while (report->n_steps < STEPS_MAX &&
           trivet_pipeline_step_text(trainer->pipeline, report->n_steps, text, sizeof text)) {
        char *copy = trivet_arena_strdup(trainer->arena, text);
        if (copy == NULL) {
            return no_memory(err);
        }
        report->steps[report->n_steps++] = copy;
    }
    return TRIVET_OK;
}

/* Rows of every class, in training and in test. */
static enum trivet_status report_classes(struct trivet_trainer *trainer,
                                         Trivet__V1__TrainingReport *report,
                                         struct trivet_error *err)
{
    const struct trivet_labels *labels = trivet_pipeline_labels(trainer->pipeline);
    const size_t n = labels->n_labels;
    Trivet__V1__ClassSupport *messages =
        trivet_arena_alloc_array(trainer->arena, n, sizeof *messages);
    report->classes =
        trivet_arena_alloc_array(trainer->arena, n, sizeof(Trivet__V1__ClassSupport *));
    if (messages == NULL || report->classes == NULL) {
        return no_memory(err);
    }
    for (size_t k = 0; k < n; k++) {
        trivet__v1__class_support__init(&messages[k]);
        messages[k].label = trivet_arena_strdup(trainer->arena, labels->texts[k]);
        if (messages[k].label == NULL) {
            return no_memory(err);
        }
        messages[k].rows_train = trainer->fit.class_counts[k];
        messages[k].rows_test = trainer->has_test ? trainer->test.classes[k].support : 0;
        report->classes[k] = &messages[k];
    }
    report->n_classes = n;
    return TRIVET_OK;
}

/* What a fit has to tell; nothing for a cross-validation. */
static enum trivet_status report_fit(struct trivet_trainer *trainer,
                                     Trivet__V1__TrainingReport *report, struct trivet_error *err)
{
    enum trivet_status status = report_steps(trainer, report, err);
    if (status == TRIVET_OK) {
        status = trivet_fit_report_encode(&trainer->fit, trainer->pipeline, trainer->arena,
                                          &report->fit, err);
    }
    if (status == TRIVET_OK) {
        status =
            trivet_equations_encode(&trainer->fit, trainer->pipeline, trainer->arena, report, err);
    }
    if (status == TRIVET_OK) {
        status = report_classes(trainer, report, err);
    }
    report->fit_seconds = trainer->fit_seconds;
    report->estimator_seconds = trainer->fit.estimator_seconds;
    return status;
}

static enum trivet_status report_evaluations(struct trivet_trainer *trainer,
                                             Trivet__V1__TrainingReport *report,
                                             struct trivet_error *err)
{
    enum trivet_status status = TRIVET_OK;
    if (trainer->has_train) {
        status = trivet_evaluation_encode(&trainer->train, trainer->arena, &report->train, err);
    }
    if (status == TRIVET_OK && trainer->has_test) {
        status = trivet_evaluation_encode(&trainer->test, trainer->arena, &report->test, err);
    }
    if (status == TRIVET_OK && trainer->has_validation) {
        status = trivet_cross_validation_encode(&trainer->validation, trainer->arena,
                                                &report->cross_validation, err);
    }
    if (status == TRIVET_OK && trainer->has_search) {
        status = trivet_search_encode(&trainer->search, trainer->spec->search->method,
                                      trainer->arena, &report->search, err);
    }
    if (status == TRIVET_OK && trainer->has_learning_curve) {
        status = trivet_learning_curve_encode(&trainer->learning_curve, trainer->arena,
                                              &report->learning_curve, err);
    }
    return status;
}

uint64_t trivet_trainer_peak_rss_bytes(void)
{
    struct rusage usage;
    return getrusage(RUSAGE_SELF, &usage) == 0 ? (uint64_t)usage.ru_maxrss * 1024 : 0;
}

/* What the values of the dataset take in memory. */
static uint64_t data_bytes(const struct trivet_table *table)
{
    uint64_t bytes = 0;
    for (size_t j = 0; j < table->n_columns; j++) {
        bytes +=
            table->n_rows *
            (table->columns[j].type == TRIVET_COLUMN_NUMERIC ? sizeof(double) : sizeof(uint32_t));
    }
    return bytes;
}

static enum trivet_status report_dropped(struct trivet_trainer *trainer,
                                         Trivet__V1__TrainingReport *report,
                                         struct trivet_error *err)
{
    const struct {
        const char *reason;
        size_t n_rows;
    } reasons[] = {{"no target", trainer->n_without_target}, {"duplicate", trainer->n_duplicates}};
    const size_t n = TRIVET_ARRAY_COUNT(reasons);
    Trivet__V1__DroppedRows *messages =
        trivet_arena_alloc_array(trainer->arena, n, sizeof *messages);
    report->dropped =
        trivet_arena_alloc_array(trainer->arena, n, sizeof(Trivet__V1__DroppedRows *));
    if (messages == NULL || report->dropped == NULL) {
        return no_memory(err);
    }
    for (size_t i = 0; i < n; i++) {
        if (reasons[i].n_rows == 0) {
            continue;
        }
        Trivet__V1__DroppedRows *message = &messages[report->n_dropped];
        trivet__v1__dropped_rows__init(message);
        message->rows = reasons[i].n_rows;
        message->reason = trivet_arena_strdup(trainer->arena, reasons[i].reason);
        if (message->reason == NULL) {
            return no_memory(err);
        }
        report->dropped[report->n_dropped++] = message;
    }
    return TRIVET_OK;
}

enum trivet_status trivet_trainer_report(struct trivet_trainer *trainer,
                                         Trivet__V1__TrainingReport **out, struct trivet_error *err)
{
    Trivet__V1__TrainingReport *report = trivet_arena_alloc(trainer->arena, sizeof *report);
    if (report == NULL) {
        return no_memory(err);
    }
    trivet__v1__training_report__init(report);
    report->seed = trainer->spec->split == NULL ? 0 : trainer->spec->split->seed;
    report->rows_total = trainer->table.n_rows;
    report->rows_train = trainer->n_train;
    report->rows_test = trainer->n_rows - trainer->n_train;
    report->rows_dropped = trainer->table.n_rows - trainer->n_rows;
    report->threads = trainer->spec->threads == 0 ? 1 : trainer->spec->threads;
    report->data_bytes = data_bytes(&trainer->table);
    report->base_rss_bytes = trainer->base_rss_bytes;
    enum trivet_status status = report_parameters(trainer, report, err);
    if (status == TRIVET_OK) {
        status = report_dropped(trainer, report, err);
    }
    if (status == TRIVET_OK && trainer->pipeline != NULL) {
        status = report_fit(trainer, report, err);
    }
    if (status == TRIVET_OK) {
        status = report_evaluations(trainer, report, err);
    }
    if (status != TRIVET_OK) {
        return status;
    }
    const int64_t elapsed_ns = trivet_clock_monotonic_ns() - trainer->started_ns;
    report->total_seconds = (double)elapsed_ns / (double)TRIVET_NS_PER_S;
    report->peak_rss_bytes = trivet_trainer_peak_rss_bytes();
    *out = report;
    return TRIVET_OK;
}

static void set_lineage(struct trivet_trainer *trainer, char *code_version,
                        Trivet__V1__Lineage *out)
{
    trivet__v1__lineage__init(out);
    out->dataset_id = trainer->record.id;
    out->dataset_hash = trainer->record.content_hash;
    out->job_id = trainer->spec->job_id;
    out->parent_version = trainer->spec->parent_version;
    out->code_version = code_version;
    out->trained_unix_us = trivet_clock_unix_us();
}

enum trivet_status trivet_trainer_encode(struct trivet_trainer *trainer,
                                         Trivet__V1__TrainingReport *report,
                                         struct trivet_buffer *out, struct trivet_error *err)
{
    Trivet__V1__Artefact artefact = TRIVET__V1__ARTEFACT__INIT;
    Trivet__V1__SplitSpec no_split = TRIVET__V1__SPLIT_SPEC__INIT;
    Trivet__V1__Lineage lineage;
    char code_version[] = TRIVET_VERSION;
    set_lineage(trainer, code_version, &lineage);
    artefact.model = trainer->spec->model;
    artefact.spec = trainer->spec->pipeline;
    artefact.split = trainer->spec->split == NULL ? &no_split : trainer->spec->split;
    artefact.report = report;
    artefact.lineage = &lineage;
    enum trivet_status status =
        trivet_pipeline_save(trainer->pipeline, trainer->arena, &artefact.pipeline, err);
    if (status == TRIVET_OK) {
        status =
            trivet_artefact_signature(trainer->pipeline, trainer->arena, &artefact.signature, err);
    }
    if (status == TRIVET_OK) {
        status = trivet_trainer_profile(trainer, &artefact.profile, err);
    }
    if (status == TRIVET_OK) {
        status = trivet_artefact_encode(&artefact, out, err);
    }
    struct trivet_artefact *read_back = NULL;
    if (status == TRIVET_OK) {
        status = trivet_artefact_decode(out->data, out->n_bytes, &read_back, err);
    }
    trivet_artefact_free(read_back);
    return status;
}
