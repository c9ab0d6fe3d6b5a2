#include "evaluation/candidates_auto.h"

#include "base/text.h"
#include "models/registry.h"

#include <string.h>

/* Kernel machines take time that grows with the square of the rows. */
#define KERNEL_ROWS_MAX 5000
#define PARAMETERS_MAX  2

struct setting {
    enum trivet_task task;
    const char *estimator;
    const char *parameters[2 * PARAMETERS_MAX]; /* name, value, name, value */
    bool is_kernel;
};

/* In the order in which they are tried. */
static const struct setting settings[] = {
    {TRIVET_TASK_CLASSIFICATION, "dummy_classifier", {0}, false},
    {TRIVET_TASK_CLASSIFICATION, "logistic_regression", {0}, false},
    {TRIVET_TASK_CLASSIFICATION, "logistic_regression", {"C", "0.1"}, false},
    {TRIVET_TASK_CLASSIFICATION, "decision_tree_classifier", {"max_depth", "5"}, false},
    {TRIVET_TASK_CLASSIFICATION, "gradient_boosting_classifier", {0}, false},
    {TRIVET_TASK_CLASSIFICATION,
     "gradient_boosting_classifier",
     {"max_depth", "3", "learning_rate", "0.1"},
     false},
    {TRIVET_TASK_CLASSIFICATION, "random_forest_classifier", {0}, false},
    {TRIVET_TASK_CLASSIFICATION, "svc", {0}, true},
    {TRIVET_TASK_CLASSIFICATION, "svc", {"C", "10"}, true},
    {TRIVET_TASK_CLASSIFICATION, "mlp_classifier", {0}, false},
    {TRIVET_TASK_REGRESSION, "dummy_regressor", {0}, false},
    {TRIVET_TASK_REGRESSION, "linear_regression", {0}, false},
    {TRIVET_TASK_REGRESSION, "linear_regression", {"penalty", "l2"}, false},
    {TRIVET_TASK_REGRESSION, "decision_tree_regressor", {"max_depth", "5"}, false},
    {TRIVET_TASK_REGRESSION, "gradient_boosting_regressor", {0}, false},
    {TRIVET_TASK_REGRESSION,
     "gradient_boosting_regressor",
     {"max_depth", "3", "learning_rate", "0.1"},
     false},
    {TRIVET_TASK_REGRESSION, "random_forest_regressor", {0}, false},
    {TRIVET_TASK_REGRESSION, "svr", {0}, true},
    {TRIVET_TASK_REGRESSION, "mlp_regressor", {0}, false},
    {TRIVET_TASK_CLUSTERING, "kmeans", {"n_clusters", "2"}, false},
    {TRIVET_TASK_CLUSTERING, "kmeans", {"n_clusters", "3"}, false},
    {TRIVET_TASK_CLUSTERING, "kmeans", {"n_clusters", "4"}, false},
    {TRIVET_TASK_CLUSTERING, "kmeans", {"n_clusters", "5"}, false},
    {TRIVET_TASK_CLUSTERING, "kmeans", {"n_clusters", "6"}, false},
    {TRIVET_TASK_CLUSTERING, "kmeans", {"n_clusters", "8"}, false},
    {TRIVET_TASK_CLUSTERING, "kmeans", {"n_clusters", "10"}, false},
};

static enum trivet_status no_memory(struct trivet_error *err)
{
    return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                            "out of memory while estimators are chosen");
}

static enum trivet_status find_task(const Trivet__V1__PipelineSpec *base,
                                    const struct trivet_schema *schema, enum trivet_task *out,
                                    struct trivet_error *err)
{
    if (base->estimator[0] != '\0') {
        const struct trivet_estimator_ops *ops = NULL;
        enum trivet_status status = trivet_registry_estimator(base->estimator, &ops, err);
        if (status == TRIVET_OK) {
            *out = ops->task;
        }
        return status;
    }
    if (base->target[0] == '\0') {
        *out = TRIVET_TASK_CLUSTERING;
        return TRIVET_OK;
    }
    const size_t index = trivet_schema_find(schema, base->target);
    if (index == TRIVET_COLUMN_NOT_FOUND) {
        trivet_error_set(err, TRIVET_INVALID_ARGUMENT, "target '%s' is not in the data",
                         base->target);
        trivet_error_add_violation(err, "target", "no column '%s'", base->target);
        return TRIVET_INVALID_ARGUMENT;
    }
    *out = schema->columns[index].type == TRIVET_COLUMN_NUMERIC ? TRIVET_TASK_REGRESSION
                                                                : TRIVET_TASK_CLASSIFICATION;
    return TRIVET_OK;
}

static enum trivet_status add_parameters(const struct setting *setting, struct trivet_arena *arena,
                                         struct trivet_candidate *out, struct trivet_error *err)
{
    out->parameters =
        trivet_arena_alloc_array(arena, PARAMETERS_MAX, sizeof(Trivet__V1__Parameter *));
    if (out->parameters == NULL) {
        return no_memory(err);
    }
    for (size_t p = 0; p < PARAMETERS_MAX && setting->parameters[2 * p] != NULL; p++) {
        Trivet__V1__Parameter *parameter = trivet_arena_alloc(arena, sizeof *parameter);
        if (parameter == NULL) {
            return no_memory(err);
        }
        trivet__v1__parameter__init(parameter);
        parameter->name = trivet_arena_strdup(arena, setting->parameters[2 * p]);
        parameter->value = trivet_arena_strdup(arena, setting->parameters[2 * p + 1]);
        if (parameter->name == NULL || parameter->value == NULL) {
            return no_memory(err);
        }
        out->parameters[out->n_parameters++] = parameter;
    }
    out->spec->parameters = out->parameters;
    out->spec->n_parameters = out->n_parameters;
    return TRIVET_OK;
}

enum trivet_status trivet_candidates_auto(const Trivet__V1__PipelineSpec *base,
                                          const struct trivet_schema *schema, size_t n_rows,
                                          struct trivet_arena *arena, struct trivet_candidates *out,
                                          struct trivet_error *err)
{
    enum trivet_task task = TRIVET_TASK_REGRESSION;
    enum trivet_status status = find_task(base, schema, &task, err);
    out->list = trivet_arena_alloc_array(arena, TRIVET_ARRAY_COUNT(settings), sizeof *out->list);
    if (status == TRIVET_OK && out->list == NULL) {
        status = no_memory(err);
    }
    for (size_t s = 0; s < TRIVET_ARRAY_COUNT(settings) && status == TRIVET_OK; s++) {
        const struct setting *setting = &settings[s];
        if (setting->task != task || (setting->is_kernel && n_rows > KERNEL_ROWS_MAX)) {
            continue;
        }
        struct trivet_candidate *candidate = &out->list[out->n_candidates++];
        *candidate = (struct trivet_candidate){.spec = trivet_arena_alloc(arena, sizeof *base)};
        if (candidate->spec == NULL) {
            return no_memory(err);
        }
        *candidate->spec = *base;
        candidate->spec->default_transformers = base->n_transformers == 0;
        candidate->spec->estimator = trivet_arena_strdup(arena, setting->estimator);
        status = candidate->spec->estimator == NULL
                     ? no_memory(err)
                     : add_parameters(setting, arena, candidate, err);
    }
    return status;
}
