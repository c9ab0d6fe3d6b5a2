/* The log of predictions as the server has it. May be used by: server. */
#ifndef TRIVET_SERVER_OPEN_LOG_H
#define TRIVET_SERVER_OPEN_LOG_H

#include "base/compiler.h"
#include "events/prediction_log.h"

#include <trivet/error.h>

/* With the limits of the server, following the settings of the models; both are borrowed. */
enum trivet_status trivet_server_open_log(struct trivet_store *store,
                                          struct trivet_quality *quality,
                                          struct trivet_prediction_log **out,
                                          struct trivet_error *err) TRIVET_MUST_USE;

#endif
