/* Predict calls answered on the thread that read them: decoded from the request's bytes, batched
 * over one turn of the loop, packed into what is written, without a queue or a lock kept.
 *
 * What it does not take, it leaves to the general way (rpc/dispatch.c), which has the same
 * semantics: tables, missing or infinite values, versions that are not loaded, batch priority, and
 * whatever is dear. Dear is what a cost model says: the measured time per row of the version, by
 * the rows of this turn. */
#ifndef TRIVET_RPC_FAST_LANE_H
#define TRIVET_RPC_FAST_LANE_H

#include "events/prediction_log.h"
#include "events/publisher.h"
#include "events/totals.h"
#include "rpc/dispatch.h"
#include "rpc/listener.h"
#include "rpc/shadows.h"
#include "serving/servable_set.h"

#include <stdint.h>

struct trivet_fast_lane_options {
    struct trivet_servable_set *servables; /* all borrowed */
    struct trivet_totals *totals;
    struct trivet_publisher *publisher;
    struct trivet_dispatch *dispatch;
    struct trivet_shadows *shadows;
    struct trivet_prediction_log *log; /* NULL = nothing is logged */
    int64_t turn_ns_max;               /* of prediction in one turn of a loop */
};

/* Its context is a struct trivet_fast_lane_options, borrowed. */
extern const struct trivet_fast_lane_ops trivet_fast_lane_ops;

#endif
