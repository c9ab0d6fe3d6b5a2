/* Predictions and outcomes, checked, on their way to the backend. */
#include "base/clock.h"
#include "base/text.h"
#include "store/front.h"

#include <math.h>
#include <string.h>

/* --- Predictions and outcomes ---------------------------------------------------------------- */

enum trivet_status trivet_store_log_get_key(struct trivet_store *store,
                                            uint8_t key[TRIVET_HASH_KEY_BYTES],
                                            struct trivet_error *err)
{
    return store->ops->log_get_key(store->backend, key, err);
}

static enum trivet_status check_prediction(const struct trivet_store_prediction *prediction,
                                           struct trivet_error *err)
{
    enum trivet_status status = trivet_store_check_name("a model", prediction->model, err);
    if (status == TRIVET_OK)
        status = trivet_store_check_text("the prediction's id", prediction->id,
                                         TRIVET_STORE_PREDICTION_BYTES - 1, err);
    if (status == TRIVET_OK && prediction->label != NULL)
        status = trivet_store_check_text("the predicted label", prediction->label,
                                         TRIVET_STORE_LABEL_BYTES - 1, err);
    if (status == TRIVET_OK)
        status = trivet_store_check_bytes("the features of a prediction", prediction->features.data,
                                          prediction->features.n_bytes,
                                          TRIVET_STORE_FEATURES_BYTES_MAX, err);
    if (status == TRIVET_OK)
        status = trivet_store_check_bytes("the columns of the features", prediction->columns.data,
                                          prediction->columns.n_bytes,
                                          TRIVET_STORE_OPAQUE_BYTES_MAX, err);
    if (status == TRIVET_OK &&
        (prediction->level >= TRIVET_STORE_LEVELS || prediction->level > prediction->zeros ||
         prediction->zeros > 64 || prediction->version > INT64_MAX ||
         (prediction->label == NULL && !isfinite(prediction->number)) ||
         !isfinite(prediction->probability)))
        status = trivet_error_set(
            err, TRIVET_INVALID_ARGUMENT,
            "prediction '%s' has a level, version or value that none can have", prediction->id);
    return status;
}

enum trivet_status trivet_store_log_put(struct trivet_store_txn *txn,
                                        const struct trivet_store_prediction *prediction,
                                        bool *added, struct trivet_error *err)
{
    enum trivet_status status = trivet_store_txn_check(txn, TRIVET_STORE_LOG, err);
    if (status == TRIVET_OK)
        status = check_prediction(prediction, err);
    if (status != TRIVET_OK)
        return status;
    return trivet_store_txn_note(txn, txn->store->ops->log_put(txn->state, prediction, added, err));
}

enum trivet_status trivet_store_log_find(struct trivet_store_txn *txn, const char *model,
                                         const char *id, struct trivet_store_logged *out,
                                         bool *found, struct trivet_error *err)
{
    enum trivet_status status = trivet_store_txn_check(txn, TRIVET_STORE_LOG, err);
    if (status != TRIVET_OK)
        return status;
    return trivet_store_txn_note(txn,
                                 txn->store->ops->log_find(txn->state, model, id, out, found, err));
}

enum trivet_status trivet_store_log_set_outcome(struct trivet_store_txn *txn, uint64_t key,
                                                const struct trivet_store_outcome *outcome,
                                                struct trivet_error *err)
{
    enum trivet_status status = trivet_store_txn_check(txn, TRIVET_STORE_LOG, err);
    if (status == TRIVET_OK && outcome->is_label)
        status = trivet_store_check_text("the outcome", outcome->label,
                                         TRIVET_STORE_LABEL_BYTES - 1, err);
    if (status == TRIVET_OK && !outcome->is_label && !isfinite(outcome->number))
        status =
            trivet_error_set(err, TRIVET_INVALID_ARGUMENT, "an outcome is not a finite number");
    if (status != TRIVET_OK)
        return status;
    return trivet_store_txn_note(txn,
                                 txn->store->ops->log_set_outcome(txn->state, key, outcome, err));
}

/* --- Levels ---------------------------------------------------------------------------------- */

enum trivet_status trivet_store_log_put_level(struct trivet_store_txn *txn, const char *model,
                                              unsigned level, int64_t last_unix_us,
                                              struct trivet_error *err)
{
    enum trivet_status status = trivet_store_txn_check(txn, TRIVET_STORE_LOG, err);
    if (status == TRIVET_OK)
        status = trivet_store_check_name("a model", model, err);
    if (status == TRIVET_OK && (level == 0 || level >= TRIVET_STORE_LEVELS))
        status = trivet_error_set(err, TRIVET_INVALID_ARGUMENT, "there is no level %u of sampling",
                                  level);
    if (status != TRIVET_OK)
        return status;
    return trivet_store_txn_note(
        txn, txn->store->ops->log_put_level(txn->state, model, level, last_unix_us, err));
}

enum trivet_status trivet_store_log_list_levels(struct trivet_store *store,
                                                struct trivet_store_level *out, size_t count_max,
                                                size_t *count, struct trivet_error *err)
{
    return store->ops->log_list_levels(store->backend, out, count_max, count, err);
}

/* --- Bounds ---------------------------------------------------------------------------------- */

enum trivet_status trivet_store_log_usage(struct trivet_store *store,
                                          struct trivet_store_usage *out, size_t count_max,
                                          size_t *count, struct trivet_error *err)
{
    return store->ops->log_usage(store->backend, out, count_max, count, err);
}

enum trivet_status trivet_store_log_count_kept(struct trivet_store *store, const char *model,
                                               struct trivet_store_kept *out,
                                               struct trivet_error *err)
{
    return store->ops->log_count_kept(store->backend, model, out, err);
}

enum trivet_status trivet_store_log_count_zeros(struct trivet_store *store, const char *model,
                                                struct trivet_store_zeros *out,
                                                struct trivet_error *err)
{
    return store->ops->log_count_zeros(store->backend, model, out, err);
}

static enum trivet_status check_level(const struct trivet_store_txn *txn, unsigned level,
                                      struct trivet_error *err)
{
    enum trivet_status status = trivet_store_txn_check(txn, TRIVET_STORE_LOG, err);
    if (status == TRIVET_OK && level >= TRIVET_STORE_LEVELS)
        status = trivet_error_set(err, TRIVET_INVALID_ARGUMENT, "there is no level %u of sampling",
                                  level);
    return status;
}

enum trivet_status trivet_store_log_thin(struct trivet_store_txn *txn, const char *model,
                                         unsigned level, uint64_t *cursor, size_t count_max,
                                         struct trivet_store_dropped *dropped,
                                         struct trivet_error *err)
{
    enum trivet_status status = check_level(txn, level, err);
    if (status != TRIVET_OK)
        return status;
    return trivet_store_txn_note(
        txn, txn->store->ops->log_thin(txn->state, model, level, cursor, count_max, dropped, err));
}

enum trivet_status trivet_store_log_strip(struct trivet_store_txn *txn, const char *model,
                                          unsigned level, uint64_t *cursor, size_t count_max,
                                          struct trivet_store_dropped *dropped,
                                          struct trivet_error *err)
{
    enum trivet_status status = check_level(txn, level, err);
    if (status != TRIVET_OK)
        return status;
    return trivet_store_txn_note(
        txn, txn->store->ops->log_strip(txn->state, model, level, cursor, count_max, dropped, err));
}

enum trivet_status trivet_store_log_drop(struct trivet_store_txn *txn, const char *model,
                                         int64_t before_unix_us, size_t count_max,
                                         struct trivet_store_dropped *dropped,
                                         struct trivet_error *err)
{
    enum trivet_status status = trivet_store_txn_check(txn, TRIVET_STORE_LOG, err);
    if (status != TRIVET_OK)
        return status;
    return trivet_store_txn_note(
        txn, txn->store->ops->log_drop(txn->state, model, before_unix_us, count_max, dropped, err));
}

enum trivet_status trivet_store_log_drop_levels(struct trivet_store_txn *txn,
                                                int64_t before_unix_us, struct trivet_error *err)
{
    enum trivet_status status = trivet_store_txn_check(txn, TRIVET_STORE_LOG, err);
    if (status != TRIVET_OK)
        return status;
    return trivet_store_txn_note(txn,
                                 txn->store->ops->log_drop_levels(txn->state, before_unix_us, err));
}

enum trivet_status trivet_store_log_erase(struct trivet_store_txn *txn, const char *model,
                                          uint64_t until_key, size_t count_max,
                                          struct trivet_store_dropped *dropped,
                                          struct trivet_error *err)
{
    enum trivet_status status = trivet_store_txn_check(txn, TRIVET_STORE_LOG, err);
    if (status != TRIVET_OK)
        return status;
    return trivet_store_txn_note(
        txn, txn->store->ops->log_erase(txn->state, model, until_key, count_max, dropped, err));
}

enum trivet_status trivet_store_log_begin_erasure(struct trivet_store_txn *txn, const char *model,
                                                  uint64_t *until_key, struct trivet_error *err)
{
    enum trivet_status status = trivet_store_txn_check(txn, TRIVET_STORE_LOG, err);
    if (status == TRIVET_OK)
        status = trivet_store_check_name("a model", model, err);
    if (status != TRIVET_OK)
        return status;
    return trivet_store_txn_note(
        txn, txn->store->ops->log_begin_erasure(txn->state, model, until_key, err));
}

enum trivet_status trivet_store_log_end_erasure(struct trivet_store_txn *txn, const char *model,
                                                uint64_t until_key, struct trivet_error *err)
{
    enum trivet_status status = trivet_store_txn_check(txn, TRIVET_STORE_LOG, err);
    if (status != TRIVET_OK)
        return status;
    return trivet_store_txn_note(
        txn, txn->store->ops->log_end_erasure(txn->state, model, until_key, err));
}

enum trivet_status trivet_store_log_list_erasures(struct trivet_store *store,
                                                  struct trivet_store_erasure *out,
                                                  size_t count_max, size_t *count,
                                                  struct trivet_error *err)
{
    return store->ops->log_list_erasures(store->backend, out, count_max, count, err);
}

enum trivet_status trivet_store_log_newest(struct trivet_store *store, uint64_t *key,
                                           struct trivet_error *err)
{
    return store->ops->log_newest(store->backend, key, err);
}

void trivet_store_log_wipe(struct trivet_store *store)
{
    store->ops->log_wipe(store->backend);
}

/* --- Rows to train on ------------------------------------------------------------------------ */

enum trivet_status trivet_store_log_grown_from(struct trivet_store *store, const char *model,
                                               int64_t since_unix_us, uint64_t rows_max,
                                               uint64_t *after, struct trivet_error *err)
{
    return store->ops->log_grown_from(store->backend, model, since_unix_us, rows_max, after, err);
}

enum trivet_status trivet_store_log_list_labelled(struct trivet_store *store, const char *model,
                                                  int64_t since_unix_us, uint64_t after,
                                                  struct trivet_store_labelled *out,
                                                  size_t count_max, size_t *count,
                                                  struct trivet_buffer *features,
                                                  struct trivet_error *err)
{
    const size_t start = features->n_bytes;
    enum trivet_status status = store->ops->log_list_labelled(
        store->backend, model, since_unix_us, after, out, count_max, count, features, err);
    if (status != TRIVET_OK)
        features->n_bytes = start;
    return status;
}

enum trivet_status trivet_store_log_get_columns(struct trivet_store *store, uint64_t columns_key,
                                                struct trivet_buffer *columns,
                                                struct trivet_error *err)
{
    return store->ops->log_get_columns(store->backend, columns_key, columns, err);
}
