#include "models/transformers/variance_threshold.h"

#include "models/transformers/marks.h"
#include "models/transformers/numeric.h"
#include "models/transformers/selection.h"

#include <math.h>

static const struct trivet_param_spec variance_threshold_params[] = {
    {.name = "threshold",
     .type = TRIVET_PARAM_REAL,
     .default_text = "0",
     .min = 0.0,
     .max = INFINITY,
     .max_open = true,
     .help = "a column stays when its variance is above"},
    {.name = NULL},
};

static enum trivet_status variance_threshold_fit(void *state, const struct trivet_params *params,
                                                 const struct trivet_transform_data *data,
                                                 const struct trivet_fit_context *context,
                                                 struct trivet_fit_report *report,
                                                 struct trivet_error *err)
{
    (void)context;
    struct trivet_marks *kept = state;
    double threshold = trivet_params_real(params, "threshold");
    enum trivet_status status =
        trivet_marks_create(kept, "variance_threshold", data->n_columns, err);
    for (size_t j = 0; status == TRIVET_OK && j < data->n_columns; j++) {
        const struct trivet_column *column = &data->columns[j];
        struct trivet_moments moments = trivet_numeric_moments(column, data->n_rows);
        /* A constant has a range of exactly 0, whatever the rounding of its variance. */
        double variance =
            threshold > 0.0 ? moments.variance : fmin(moments.variance, moments.max - moments.min);
        if (moments.n == 0) {
            status = trivet_transformer_no_value("variance_threshold", column, data->n_rows, err);
        } else if (variance > threshold) {
            trivet_marks_set(kept, j);
        }
    }
    if (status == TRIVET_OK && kept->n_set == 0) {
        status = trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                  "variance_threshold: no column varies by more than %g, '%s' "
                                  "neither; lower the threshold or leave the step out",
                                  threshold, data->columns[0].name);
    }
    if (status != TRIVET_OK) {
        trivet_marks_release(kept);
        return status;
    }
    trivet_fit_report_fact(report, "columns_without_variance",
                           (double)(kept->n_columns - kept->n_set));
    return TRIVET_OK;
}

const struct trivet_transformer_ops trivet_variance_threshold_ops = {
    .name = "variance_threshold",
    .summary = "drops columns that do not vary",
    .state_bytes = sizeof(struct trivet_marks),
    .params = variance_threshold_params,
    .accepts = trivet_numeric_accepts,
    .output_type = trivet_numeric_output_type,
    .fit = variance_threshold_fit,
    .n_outputs = trivet_selection_n_outputs,
    .output_source = trivet_selection_output_source,
    .output_name = trivet_selection_output_name,
    .transform = trivet_selection_transform,
    .fuse = trivet_selection_fuse,
    .save = trivet_selection_save,
    .load = trivet_selection_load,
    .memory_bytes = trivet_selection_memory_bytes,
    .release = trivet_selection_release,
};
