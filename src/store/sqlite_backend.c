/* The SQLite backend: a data directory with LOCK, catalog.db, data.db and log.db. */
#include "base/alloc.h"
#include "base/log.h"
#include "store/sqlite_db.h"

#include <unistd.h>

static void store_close(void *backend)
{
    struct trivet_sqlite_store *store = backend;
    trivet_sqlite_db_close(&store->log);
    trivet_sqlite_db_close(&store->data);
    trivet_sqlite_db_close(&store->catalog);
    /* Last: the next owner must find the files closed. */
    if (store->lock_fd >= 0)
        close(store->lock_fd);
    trivet_free(store);
}

/* A log that is damaged or finds no room must not keep models from being served: the store goes on
 * without it. */
static enum trivet_status open_log(struct trivet_sqlite_store *store, const char *data_dir,
                                   struct trivet_error *err)
{
    enum trivet_status status = trivet_sqlite_db_open(
        &store->log, data_dir, &trivet_sqlite_log_schema, TRIVET_STORE_OWNER, err);
    if (status != TRIVET_DATA_LOSS && status != TRIVET_UNAVAILABLE)
        return status;
    (void)trivet_error_set(&store->log_error, status,
                           "predictions are not logged and outcomes are not taken since the log "
                           "could not be opened: %.300s",
                           err->message);
    trivet_log(TRIVET_LOG_ERROR, "log_not_opened", "message=%s", store->log_error.message);
    return TRIVET_OK;
}

static enum trivet_status store_open(const char *data_dir, enum trivet_store_mode mode, void **out,
                                     struct trivet_error *err)
{
    struct trivet_sqlite_store *store = trivet_calloc(1, sizeof(*store));
    if (store == NULL)
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                                "out of memory while opening the store in '%s'", data_dir);
    store->lock_fd = -1;
    enum trivet_status status = TRIVET_OK;
    if (mode == TRIVET_STORE_OWNER)
        status = trivet_sqlite_lock_dir(data_dir, &store->lock_fd, err);
    if (status == TRIVET_OK)
        status = trivet_sqlite_db_open(&store->catalog, data_dir, &trivet_sqlite_catalog_schema,
                                       mode, err);
    if (status == TRIVET_OK)
        status =
            trivet_sqlite_db_open(&store->data, data_dir, &trivet_sqlite_data_schema, mode, err);
    if (status == TRIVET_OK && mode == TRIVET_STORE_OWNER)
        status = open_log(store, data_dir, err);
    if (status != TRIVET_OK) {
        store_close(store);
        return status;
    }
    *out = store;
    return TRIVET_OK;
}

/* A domain has one transaction at a time, so its file stands for it. */
static enum trivet_status txn_begin(void *backend, enum trivet_store_domain domain, void **out,
                                    struct trivet_error *err)
{
    struct trivet_sqlite_store *store = backend;
    struct trivet_sqlite_db *const files[] = {
        [TRIVET_STORE_CATALOG] = &store->catalog,
        [TRIVET_STORE_DATA] = &store->data,
        [TRIVET_STORE_LOG] = &store->log,
    };
    struct trivet_sqlite_db *db = files[domain];
    if (db == &store->log && store->log_error.status != TRIVET_OK) {
        *err = store->log_error;
        return err->status;
    }
    enum trivet_status status = trivet_sqlite_begin(db, err);
    if (status == TRIVET_OK)
        *out = db;
    return status;
}

static enum trivet_status txn_commit(void *txn, struct trivet_error *err)
{
    return trivet_sqlite_commit(txn, err);
}

static void txn_abort(void *txn)
{
    trivet_sqlite_abort(txn);
}

const struct trivet_store_backend_ops trivet_store_sqlite_ops = {
    .name = "sqlite",
    .open = store_open,
    .close = store_close,
    .begin = txn_begin,
    .commit = txn_commit,
    .abort = txn_abort,
    .find_reply = trivet_sqlite_find_reply,
    .put_reply = trivet_sqlite_put_reply,
    .dataset_create = trivet_sqlite_dataset_create,
    .dataset_append = trivet_sqlite_dataset_append,
    .dataset_commit = trivet_sqlite_dataset_commit,
    .dataset_set_origin = trivet_sqlite_dataset_set_origin,
    .dataset_delete = trivet_sqlite_dataset_delete,
    .dataset_expire = trivet_sqlite_dataset_expire,
    .dataset_get = trivet_sqlite_dataset_get,
    .dataset_list = trivet_sqlite_dataset_list,
    .dataset_read = trivet_sqlite_dataset_read,
    .version_create = trivet_sqlite_version_create,
    .version_get = trivet_sqlite_version_get,
    .version_list = trivet_sqlite_version_list,
    .version_delete = trivet_sqlite_version_delete,
    .version_retain = trivet_sqlite_version_retain,
    .model_list = trivet_sqlite_model_list,
    .alias_set = trivet_sqlite_alias_set,
    .alias_rollback = trivet_sqlite_alias_rollback,
    .alias_remove = trivet_sqlite_alias_remove,
    .alias_list = trivet_sqlite_alias_list,
    .alias_history = trivet_sqlite_alias_history,
    .traffic_set = trivet_sqlite_traffic_set,
    .traffic_list = trivet_sqlite_traffic_list,
    .settings_set = trivet_sqlite_settings_set,
    .settings_get = trivet_sqlite_settings_get,
    .job_create = trivet_sqlite_job_create,
    .job_update = trivet_sqlite_job_update,
    .job_get = trivet_sqlite_job_get,
    .job_list = trivet_sqlite_job_list,
    .log_get_key = trivet_sqlite_log_get_key,
    .log_put = trivet_sqlite_log_put,
    .log_find = trivet_sqlite_log_find,
    .log_set_outcome = trivet_sqlite_log_set_outcome,
    .log_put_level = trivet_sqlite_log_put_level,
    .log_list_levels = trivet_sqlite_log_list_levels,
    .log_usage = trivet_sqlite_log_usage,
    .log_count_kept = trivet_sqlite_log_count_kept,
    .log_strip = trivet_sqlite_log_strip,
    .log_begin_erasure = trivet_sqlite_log_begin_erasure,
    .log_end_erasure = trivet_sqlite_log_end_erasure,
    .log_list_erasures = trivet_sqlite_log_list_erasures,
    .log_newest = trivet_sqlite_log_newest,
    .log_count_zeros = trivet_sqlite_log_count_zeros,
    .log_thin = trivet_sqlite_log_thin,
    .log_drop = trivet_sqlite_log_drop,
    .log_drop_levels = trivet_sqlite_log_drop_levels,
    .log_erase = trivet_sqlite_log_erase,
    .log_wipe = trivet_sqlite_log_wipe,
    .log_grown_from = trivet_sqlite_log_grown_from,
    .log_list_labelled = trivet_sqlite_log_list_labelled,
    .log_get_columns = trivet_sqlite_log_get_columns,
};
