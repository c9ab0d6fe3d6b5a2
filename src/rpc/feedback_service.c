/* Feedback: in the contract, not served by this release. */
#include "rpc/call.h"
#include "rpc/services.h"
#include "trivet/v1/feedback.pb-c.h"

static const struct trivet_method rows[] = {
    {.name = "Record",
     .plane = TRIVET_PLANE_CONTROL,
     .changes_state = true,
     .timeout_ms_default = 30000,
     .request_bytes_max = 8u << 20,
     .handle = trivet_call_unimplemented},
    {.name = "GrowDataset",
     .plane = TRIVET_PLANE_CONTROL,
     .changes_state = true,
     .timeout_ms_default = 60000,
     .request_bytes_max = 64u << 10,
     .handle = trivet_call_unimplemented},
    {.name = NULL},
};

enum trivet_status trivet_feedback_service_add(struct trivet_dispatch *dispatch,
                                               struct trivet_error *err)
{
    return trivet_dispatch_add(dispatch, &trivet__v1__feedback__descriptor, rows, NULL, err);
}
