#include "training/job_features.h"

#include <stdbool.h>
#include <string.h>

enum trivet_status trivet_job_features(const Trivet__V1__JobSpec *spec,
                                       const struct trivet_schema *schema,
                                       struct trivet_schema *out, struct trivet_error *err)
{
    const Trivet__V1__SplitSpec *split = spec->split;
    const bool grouped = split != NULL && split->kind == TRIVET__V1__SPLIT_KIND__SPLIT_KIND_GROUPED;
    struct trivet_schema features = {0};
    enum trivet_status status = TRIVET_OK;
    for (size_t j = 0; j < schema->n_columns && status == TRIVET_OK; j++) {
        const struct trivet_column_spec *column = &schema->columns[j];
        const bool is_group = grouped && strcmp(column->name, split->column) == 0;
        if (!is_group || spec->pipeline->n_columns > 0) {
            status = trivet_schema_add(&features, column->name, column->type, err);
        }
    }
    if (status != TRIVET_OK) {
        trivet_schema_release(&features);
        return status;
    }
    *out = features;
    return TRIVET_OK;
}
