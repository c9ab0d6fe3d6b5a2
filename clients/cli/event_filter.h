/* Which events a user wants to see. */
#ifndef TRIVET_CLI_EVENT_FILTER_H
#define TRIVET_CLI_EVENT_FILTER_H

#include "trivet/v1/events.pb-c.h"

#include <stdbool.h>

enum trivet_cli_event_kind {
    TRIVET_CLI_EVENT_TOTALS = 1 << 0,
    TRIVET_CLI_EVENT_SAMPLE = 1 << 1,
    TRIVET_CLI_EVENT_JOB = 1 << 2,
    TRIVET_CLI_EVENT_MODEL = 1 << 3,
    TRIVET_CLI_EVENT_SERVER = 1 << 4,
    TRIVET_CLI_EVENT_BINS = 1 << 5,
    TRIVET_CLI_EVENT_QUALITY = 1 << 6,
    TRIVET_CLI_EVENT_SHADOW = 1 << 7,
    TRIVET_CLI_EVENT_UNJOINED = 1 << 8,
};
#define TRIVET_CLI_EVENT_KINDS "totals, sample, job, model, server, bins, quality, shadow, unjoined"

struct trivet_cli_event_filter {
    const char *topic; /* its beginning; NULL = any */
    const char *model; /* NULL = any; events that concern no model do not pass */
    unsigned kinds;    /* of trivet_cli_event_kind; 0 = any */
};

/* 0 when there is none of that name. */
unsigned trivet_cli_event_kind_of_name(const char *name);
bool trivet_cli_event_passes(const struct trivet_cli_event_filter *filter, const char *topic,
                             const Trivet__V1__Event *event);

#endif
