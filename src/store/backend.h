/* What a backend of the store must do: one table of functions.
 *
 * The front (store.c, store_*.c) checks arguments and limits, makes ids, dates and checksums and
 * verifies what comes back; a backend keeps records and bytes, in transactions. Rules for a
 * backend:
 * - any thread may call; writers of one domain are serialised from `begin` to `commit`/`abort`;
 * - readers never wait for a writer and see committed changes only;
 * - a change is durable when `commit` (or `dataset_append`) has returned OK;
 * - NOT_FOUND, ALREADY_EXISTS and FAILED_PRECONDITION are told before anything was changed; after
 *   any other error the front lets the transaction only be aborted;
 * - buffers are appended to; the front cuts them back on an error.
 * May be used by: src/store and its tests. */
#ifndef TRIVET_STORE_BACKEND_H
#define TRIVET_STORE_BACKEND_H

#include "base/hash.h"
#include "store/log_store.h"
#include "store/store.h"

/* One chunk on its way in. Borrowed for the call. */
struct trivet_store_chunk {
    const char *dataset_id;
    uint32_t number;
    const void *data;
    size_t n_bytes;
    uint64_t n_rows;
    uint8_t digest[TRIVET_SHA256_BYTES]; /* of data */
    int64_t now_unix_us;
};

/* Opaque bytes on their way in. */
struct trivet_store_bytes {
    const void *data;
    size_t n_bytes;
};

struct trivet_store_backend_ops {
    const char *name;

    enum trivet_status (*open)(const char *data_dir, enum trivet_store_mode mode, void **out,
                               struct trivet_error *err);
    void (*close)(void *backend);

    /* --- Transactions; `commit` and `abort` end the transaction whatever they return. */
    enum trivet_status (*begin)(void *backend, enum trivet_store_domain domain, void **out,
                                struct trivet_error *err);
    enum trivet_status (*commit)(void *txn, struct trivet_error *err);
    void (*abort)(void *txn);

    /* --- Replies. Those older than `oldest_unix_us` count as gone. */
    /* Found: the hash of the request's body, and the reply appended. */
    enum trivet_status (*find_reply)(void *txn, const struct trivet_store_call *call,
                                     int64_t oldest_unix_us, bool *found,
                                     uint8_t body_hash[TRIVET_SHA256_BYTES],
                                     struct trivet_buffer *reply, struct trivet_error *err);
    /* ALREADY_EXISTS when the key has a reply. */
    enum trivet_status (*put_reply)(void *txn, const struct trivet_store_call *call,
                                    int64_t now_unix_us, int64_t oldest_unix_us,
                                    struct trivet_store_bytes reply, struct trivet_error *err);

    /* --- Datasets (domain DATA) */
    /* RESOURCE_EXHAUSTED beyond TRIVET_STORE_OPEN_DATASETS_MAX. */
    enum trivet_status (*dataset_create)(void *txn, const struct trivet_store_dataset *record,
                                         struct trivet_store_bytes schema,
                                         struct trivet_error *err);
    /* A transaction of its own. */
    enum trivet_status (*dataset_append)(void *backend, const struct trivet_store_chunk *chunk,
                                         struct trivet_store_dataset *out,
                                         struct trivet_error *err);
    enum trivet_status (*dataset_commit)(void *txn, const char *id, uint32_t n_chunks,
                                         int64_t now_unix_us, struct trivet_store_dataset *out,
                                         struct trivet_error *err);
    enum trivet_status (*dataset_set_origin)(void *txn, const char *id, const char *grown_from,
                                             uint64_t n_base_rows, struct trivet_error *err);
    enum trivet_status (*dataset_delete)(void *txn, const char *id, struct trivet_error *err);
    /* Deletes the longest idle open dataset, when it is idle since before `oldest_unix_us`: `id` is
     * its id, or "". Idle: since its creation or its last chunk. */
    enum trivet_status (*dataset_expire)(void *txn, int64_t oldest_unix_us,
                                         char id[TRIVET_STORE_ID_BYTES], struct trivet_error *err);
    enum trivet_status (*dataset_get)(void *backend, const char *id,
                                      struct trivet_store_dataset *out,
                                      struct trivet_buffer *schema, struct trivet_error *err);
    enum trivet_status (*dataset_list)(void *backend, struct trivet_store_dataset *out,
                                       size_t count_max, size_t *count, struct trivet_error *err);
    enum trivet_status (*dataset_read)(void *backend, const char *id, uint32_t chunk,
                                       struct trivet_buffer *data, uint64_t *n_rows,
                                       uint8_t digest[TRIVET_SHA256_BYTES],
                                       struct trivet_error *err);

    /* --- Versions and aliases (domain CATALOG) */
    /* Everything in the record but its version, which is the model's next number and written to
     * record->version on success. */
    enum trivet_status (*version_create)(void *txn, struct trivet_store_version *record,
                                         struct trivet_store_bytes artefact,
                                         struct trivet_store_bytes summary,
                                         struct trivet_error *err);
    enum trivet_status (*version_get)(void *backend, const char *model, uint64_t version,
                                      struct trivet_store_version *out,
                                      struct trivet_buffer *artefact, struct trivet_buffer *summary,
                                      struct trivet_error *err);
    enum trivet_status (*version_list)(void *backend, const char *model,
                                       struct trivet_store_version *out, size_t count_max,
                                       size_t *count, struct trivet_error *err);
    /* `change`: model, version, changed_unix_us. */
    enum trivet_status (*version_delete)(void *txn, const struct trivet_store_alias *change,
                                         const struct trivet_store_cause *cause,
                                         struct trivet_error *err);
    /* `change`: model, changed_unix_us. */
    enum trivet_status (*version_retain)(void *txn, const struct trivet_store_alias *change,
                                         uint64_t keep, const struct trivet_store_cause *cause,
                                         uint64_t *gone, size_t count_max, size_t *count,
                                         struct trivet_error *err);
    enum trivet_status (*model_list)(void *backend, const char *after,
                                     char (*names)[TRIVET_STORE_NAME_BYTES],
                                     uint64_t *version_counts, size_t count_max, size_t *count,
                                     struct trivet_error *err);
    /* In: model, name, version, changed_unix_us. Out: the alias as it is then. RESOURCE_EXHAUSTED
     * for a new one beyond TRIVET_STORE_ALIASES_MAX. */
    enum trivet_status (*alias_set)(void *txn, struct trivet_store_alias *alias,
                                    const struct trivet_store_cause *cause,
                                    struct trivet_error *err);
    /* In: model, name, changed_unix_us. Out: the alias as it was. */
    enum trivet_status (*alias_remove)(void *txn, struct trivet_store_alias *alias,
                                       const struct trivet_store_cause *cause,
                                       struct trivet_error *err);
    /* In: model, name, changed_unix_us. Out: the alias as it is then. */
    enum trivet_status (*alias_rollback)(void *txn, struct trivet_store_alias *alias,
                                         const struct trivet_store_cause *cause,
                                         struct trivet_error *err);
    enum trivet_status (*alias_list)(void *backend, const char *model,
                                     struct trivet_store_alias *out, size_t count_max,
                                     size_t *count, struct trivet_error *err);
    /* `alias` "" = all of the model. */
    enum trivet_status (*alias_history)(void *backend, const char *model, const char *alias,
                                        uint64_t before, struct trivet_store_alias_change *out,
                                        size_t count_max, size_t *count, struct trivet_error *err);

    /* In the place of those that are there. `change`: model, name of the alias, changed_unix_us.
     * *changed: they differ, and the change is in the history. */
    enum trivet_status (*traffic_set)(void *txn, const struct trivet_store_alias *change,
                                      const struct trivet_store_share *shares, size_t count,
                                      const struct trivet_store_cause *cause, bool *changed,
                                      struct trivet_error *err);
    enum trivet_status (*traffic_list)(void *backend, const char *model,
                                       struct trivet_store_share *out, size_t count_max,
                                       size_t *count, struct trivet_error *err);
    /* `change`: model, changed_unix_us. NOT_FOUND: the model has no versions. */
    enum trivet_status (*settings_set)(void *txn, const struct trivet_store_alias *change,
                                       struct trivet_store_bytes settings,
                                       const struct trivet_store_cause *cause,
                                       struct trivet_error *err);
    enum trivet_status (*settings_get)(void *backend, const char *model,
                                       struct trivet_buffer *settings, struct trivet_error *err);

    /* --- Jobs (domain CATALOG) */
    enum trivet_status (*job_create)(void *txn, const struct trivet_store_job *job,
                                     struct trivet_store_bytes spec, struct trivet_error *err);
    /* report.data NULL = keep the stored one. */
    enum trivet_status (*job_update)(void *txn, const struct trivet_store_job *job,
                                     struct trivet_store_bytes report, struct trivet_error *err);
    enum trivet_status (*job_get)(void *backend, const char *id, struct trivet_store_job *out,
                                  struct trivet_buffer *spec, struct trivet_buffer *report,
                                  struct trivet_error *err);
    enum trivet_status (*job_list)(void *backend, const char *model, bool unfinished,
                                   struct trivet_store_job *out, size_t count_max, size_t *count,
                                   struct trivet_error *err);

    /* --- Predictions (domain LOG): as store/log_store.h has them. */
    enum trivet_status (*log_get_key)(void *backend, uint8_t key[TRIVET_HASH_KEY_BYTES],
                                      struct trivet_error *err);
    enum trivet_status (*log_put)(void *txn, const struct trivet_store_prediction *prediction,
                                  bool *added, struct trivet_error *err);
    enum trivet_status (*log_find)(void *txn, const char *model, const char *id,
                                   struct trivet_store_logged *out, bool *found,
                                   struct trivet_error *err);
    enum trivet_status (*log_set_outcome)(void *txn, uint64_t key,
                                          const struct trivet_store_outcome *outcome,
                                          struct trivet_error *err);
    enum trivet_status (*log_put_level)(void *txn, const char *model, unsigned level,
                                        int64_t last_unix_us, struct trivet_error *err);
    enum trivet_status (*log_list_levels)(void *backend, struct trivet_store_level *out,
                                          size_t count_max, size_t *count,
                                          struct trivet_error *err);
    enum trivet_status (*log_usage)(void *backend, struct trivet_store_usage *out, size_t count_max,
                                    size_t *count, struct trivet_error *err);
    enum trivet_status (*log_count_kept)(void *backend, const char *model,
                                         struct trivet_store_kept *out, struct trivet_error *err);
    enum trivet_status (*log_count_zeros)(void *backend, const char *model,
                                          struct trivet_store_zeros *out, struct trivet_error *err);
    enum trivet_status (*log_thin)(void *txn, const char *model, unsigned level, uint64_t *cursor,
                                   size_t count_max, struct trivet_store_dropped *dropped,
                                   struct trivet_error *err);
    enum trivet_status (*log_strip)(void *txn, const char *model, unsigned level, uint64_t *cursor,
                                    size_t count_max, struct trivet_store_dropped *dropped,
                                    struct trivet_error *err);
    enum trivet_status (*log_drop)(void *txn, const char *model, int64_t before_unix_us,
                                   size_t count_max, struct trivet_store_dropped *dropped,
                                   struct trivet_error *err);
    enum trivet_status (*log_drop_levels)(void *txn, int64_t before_unix_us,
                                          struct trivet_error *err);
    enum trivet_status (*log_erase)(void *txn, const char *model, uint64_t until_key,
                                    size_t count_max, struct trivet_store_dropped *dropped,
                                    struct trivet_error *err);
    enum trivet_status (*log_begin_erasure)(void *txn, const char *model, uint64_t *until_key,
                                            struct trivet_error *err);
    enum trivet_status (*log_end_erasure)(void *txn, const char *model, uint64_t until_key,
                                          struct trivet_error *err);
    enum trivet_status (*log_list_erasures)(void *backend, struct trivet_store_erasure *out,
                                            size_t count_max, size_t *count,
                                            struct trivet_error *err);
    enum trivet_status (*log_newest)(void *backend, uint64_t *key, struct trivet_error *err);
    void (*log_wipe)(void *backend);
    enum trivet_status (*log_grown_from)(void *backend, const char *model, int64_t since_unix_us,
                                         uint64_t rows_max, uint64_t *after,
                                         struct trivet_error *err);
    enum trivet_status (*log_list_labelled)(void *backend, const char *model, int64_t since_unix_us,
                                            uint64_t after, struct trivet_store_labelled *out,
                                            size_t count_max, size_t *count,
                                            struct trivet_buffer *features,
                                            struct trivet_error *err);
    enum trivet_status (*log_get_columns)(void *backend, uint64_t columns_key,
                                          struct trivet_buffer *columns, struct trivet_error *err);
};

/* Files in the data directory: LOCK, catalog.db, data.db, log.db. */
extern const struct trivet_store_backend_ops trivet_store_sqlite_ops;

/* trivet_store_open with a chosen backend. */
enum trivet_status trivet_store_open_backend(const struct trivet_store_backend_ops *ops,
                                             const char *data_dir, enum trivet_store_mode mode,
                                             struct trivet_store **out,
                                             struct trivet_error *err) TRIVET_MUST_USE;

#endif
