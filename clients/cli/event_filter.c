#include "clients/cli/event_filter.h"

#include <stddef.h>
#include <string.h>

/* In the order of trivet_cli_event_kind. */
static const char *const kind_names[] = {
    "totals", "sample", "job", "model", "server", "bins", "quality", "shadow", "unjoined",
};

unsigned trivet_cli_event_kind_of_name(const char *name)
{
    for (unsigned i = 0; i < sizeof(kind_names) / sizeof(kind_names[0]); i++) {
        if (strcmp(kind_names[i], name) == 0) {
            return 1u << i;
        }
    }
    return 0;
}

/* The kind, and the model it is about (NULL: none). An event of a later server is of no kind. */
static unsigned kind_of(const Trivet__V1__Event *event, const char **model)
{
    *model = NULL;
    switch (event->body_case) {
    case TRIVET__V1__EVENT__BODY_PREDICTION_TOTALS:
        *model = event->prediction_totals->model;
        return TRIVET_CLI_EVENT_TOTALS;
    case TRIVET__V1__EVENT__BODY_PREDICTION_SAMPLE:
        *model = event->prediction_sample->model;
        return TRIVET_CLI_EVENT_SAMPLE;
    case TRIVET__V1__EVENT__BODY_JOB:
        *model = event->job->model;
        return TRIVET_CLI_EVENT_JOB;
    case TRIVET__V1__EVENT__BODY_MODEL:
        *model = event->model->model;
        return TRIVET_CLI_EVENT_MODEL;
    case TRIVET__V1__EVENT__BODY_SERVER:
        return TRIVET_CLI_EVENT_SERVER;
    case TRIVET__V1__EVENT__BODY_BIN_TOTALS:
        *model = event->bin_totals->model;
        return TRIVET_CLI_EVENT_BINS;
    case TRIVET__V1__EVENT__BODY_QUALITY_TOTALS:
        *model = event->quality_totals->model;
        return TRIVET_CLI_EVENT_QUALITY;
    case TRIVET__V1__EVENT__BODY_SHADOW_TOTALS:
        *model = event->shadow_totals->model;
        return TRIVET_CLI_EVENT_SHADOW;
    case TRIVET__V1__EVENT__BODY_UNJOINED_TOTALS:
        *model = event->unjoined_totals->model;
        return TRIVET_CLI_EVENT_UNJOINED;
    default:
        return 0;
    }
}

bool trivet_cli_event_passes(const struct trivet_cli_event_filter *filter, const char *topic,
                             const Trivet__V1__Event *event)
{
    const char *model = NULL;
    unsigned kind = kind_of(event, &model);
    if (filter->topic != NULL && strncmp(topic, filter->topic, strlen(filter->topic)) != 0) {
        return false;
    }
    if (filter->kinds != 0 && (filter->kinds & kind) == 0) {
        return false;
    }
    return filter->model == NULL || (model != NULL && strcmp(filter->model, model) == 0);
}
