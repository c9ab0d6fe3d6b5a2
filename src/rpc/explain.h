/* Prediction.Explain. */
#ifndef TRIVET_RPC_EXPLAIN_H
#define TRIVET_RPC_EXPLAIN_H

#include "rpc/call.h"

/* Handler; `arg` is the struct trivet_prediction_service. Control thread: explanations that are
 * sampled take many predictions. */
void trivet_explain(struct trivet_call *call, void *arg);

#endif
