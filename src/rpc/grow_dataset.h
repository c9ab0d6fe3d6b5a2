/* A dataset out of the features and outcomes of logged predictions. May be used by: rpc. */
#ifndef TRIVET_RPC_GROW_DATASET_H
#define TRIVET_RPC_GROW_DATASET_H

#include "base/compiler.h"
#include "rpc/call.h"

#include <trivet/error.h>

struct trivet_feedback_service;

/* Answers a GrowDataset call: *response in the call's arena. A control thread. */
enum trivet_status trivet_grow_dataset(struct trivet_call *call,
                                       const struct trivet_feedback_service *service,
                                       ProtobufCMessage **response,
                                       struct trivet_error *err) TRIVET_MUST_USE;

#endif
