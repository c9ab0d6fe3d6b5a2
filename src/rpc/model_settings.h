/* What holds for all versions of a model: stored, told, and followed. May be used by: rpc, server.
 */
#ifndef TRIVET_RPC_MODEL_SETTINGS_H
#define TRIVET_RPC_MODEL_SETTINGS_H

#include "base/compiler.h"
#include "events/prediction_log.h"
#include "lifecycle/settings.h"
#include "rpc/call.h"
#include "store/store.h"

#include <trivet/error.h>

/* The log follows what is stored of the model. Any thread that may wait for disk. */
enum trivet_status trivet_model_settings_follow(struct trivet_store *store,
                                                struct trivet_prediction_log *log,
                                                const char *model,
                                                struct trivet_error *err) TRIVET_MUST_USE;
/* Of all models, at the start. */
enum trivet_status trivet_model_settings_follow_all(struct trivet_store *store,
                                                    struct trivet_prediction_log *log,
                                                    struct trivet_error *err) TRIVET_MUST_USE;

struct trivet_models_service;
/* Stores what a Configure call asks for and follows it; the answer is left to the caller. */
enum trivet_status trivet_model_settings_configure(struct trivet_call *call,
                                                   const struct trivet_models_service *service,
                                                   struct trivet_error *err) TRIVET_MUST_USE;

#endif
