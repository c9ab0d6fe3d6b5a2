/* What each feature adds to an output. */
#include "base/text.h"
#include "models/pipeline_internal.h"
#include "models/shapley.h"

bool trivet_pipeline_explains_exactly(const struct trivet_pipeline *pipeline)
{
    return pipeline->estimator->explain != NULL;
}

const char *trivet_pipeline_explained(const struct trivet_pipeline *pipeline)
{
    if (trivet_pipeline_explains_exactly(pipeline)) {
        return pipeline->estimator->explained;
    }
    size_t n = 0;
    const struct trivet_output *outputs =
        trivet_outputs_of(trivet_pipeline_output_kind(pipeline), &n);
    return outputs[n - 1].name;
}

size_t trivet_pipeline_n_explained(const struct trivet_pipeline *pipeline)
{
    return trivet_pipeline_explains_exactly(pipeline)
               ? pipeline->estimator->n_explained(pipeline->state)
               : trivet_pipeline_n_outputs(pipeline);
}

void trivet_pipeline_explained_name(const struct trivet_pipeline *pipeline, size_t k, char *text,
                                    size_t text_bytes)
{
    const struct trivet_labels *labels = &pipeline->labels;
    const size_t n = trivet_pipeline_n_explained(pipeline);
    if (!trivet_pipeline_explains_exactly(pipeline)) {
        trivet_pipeline_output_name(pipeline, k, text, text_bytes);
    } else if (n == 1 && labels->n_labels == 2) {
        trivet_text_copy(text, text_bytes, labels->texts[1]);
    } else if (n == labels->n_labels) {
        trivet_text_copy(text, text_bytes, labels->texts[k]);
    } else {
        trivet_text_copy(text, text_bytes, "prediction");
    }
}

enum trivet_status trivet_pipeline_explain(const struct trivet_pipeline *pipeline,
                                           struct trivet_const_matrix x, size_t n_rounds,
                                           uint64_t seed, double *contributions, double *base,
                                           double *errors, struct trivet_error *err)
{
    if (pipeline->state == NULL) {
        return trivet_pipeline_refuse_unfitted(err);
    }
    if (trivet_pipeline_explains_exactly(pipeline)) {
        return pipeline->estimator->explain(pipeline->state, x, pipeline->feature_means,
                                            contributions, base, err);
    }
    const size_t n_features = pipeline->layout.n_features;
    const struct trivet_shapley_problem problem = {
        .ops = pipeline->estimator,
        .state = pipeline->state,
        .background = {.data = pipeline->background,
                       .n_rows = pipeline->n_background,
                       .n_cols = n_features,
                       .stride = n_features},
        .n_rounds = n_rounds,
        .seed = seed,
    };
    return trivet_shapley_explain(&problem, x, contributions, base, errors, err);
}
