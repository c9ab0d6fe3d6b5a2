#include "server/open_log.h"

#include "rpc/model_settings.h"
#include "server/limits.h"

enum trivet_status trivet_server_open_log(struct trivet_store *store,
                                          struct trivet_quality *quality,
                                          struct trivet_prediction_log **out,
                                          struct trivet_error *err)
{
    const struct trivet_prediction_log_options options = {
        .store = store,
        .quality = quality,
        .rows_per_s = TRIVET_LOGGED_ROWS_PER_S,
        .burst_rows = TRIVET_LOGGED_BURST_ROWS,
        .queue_bytes_max = TRIVET_LOG_QUEUE_BYTES_MAX,
        .model_rows_max = TRIVET_LOG_MODEL_ROWS_MAX,
        .rows_max = TRIVET_LOG_ROWS_MAX,
        .model_bytes_max = TRIVET_LOG_MODEL_BYTES_MAX,
        .bytes_max = TRIVET_LOG_BYTES_MAX,
        .keep_us = TRIVET_LOG_KEEP_HOURS * 3600 * 1000000LL,
    };
    enum trivet_status status = trivet_prediction_log_open(&options, out, err);
    return status == TRIVET_OK ? trivet_model_settings_follow_all(store, *out, err) : status;
}
