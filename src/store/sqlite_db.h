/* The SQLite backend's own parts: connections, statements, schemas.
 *
 * DESIGN. One file per domain (catalog.db, data.db, log.db), each with one writer connection under
 * write_lock and TRIVET_SQLITE_READERS reader connections that calls borrow; WAL keeps readers from
 * waiting for the writer. Statements are prepared once per connection and found again by the
 * address of their text. Connections are opened without SQLite's own mutexes: one thread has one at
 * a time. Lock order: write_lock, then pool_lock; the two domains are never locked together. May be
 * used by: src/store/sqlite*.c and tests of them. */
#ifndef TRIVET_STORE_SQLITE_DB_H
#define TRIVET_STORE_SQLITE_DB_H

#include "base/buffer.h"
#include "base/compiler.h"
#include "store/backend.h"

#include <limits.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

/* Readers of one file at a time; the next one waits. Four threads on two cores read 350 k
 * versions/s through 4 connections and 106 k/s through one, and a large artefact holds up nobody.
 */
#define TRIVET_SQLITE_READERS         4
#define TRIVET_SQLITE_STATEMENTS_MAX  48
#define TRIVET_SQLITE_BUSY_TIMEOUT_MS 5000
/* The log is copied back once it holds this much, and cut to the second after a larger change. */
#define TRIVET_SQLITE_CHECKPOINT_BYTES (32 << 20)
#define TRIVET_SQLITE_WAL_BYTES_MAX    (64 << 20)
/* Large values lie in rows of at most this. */
#define TRIVET_SQLITE_PART_BYTES (8u << 20)

/* One connection; its statements belong to whoever holds it. */
struct trivet_sqlite_conn {
    sqlite3 *db;
    const char *path; /* borrowed */
    struct {
        const char *sql; /* static text */
        sqlite3_stmt *stmt;
    } cached[TRIVET_SQLITE_STATEMENTS_MAX];
    size_t n_cached;
    /* A write found no room; the log has not been copied back since. */
    bool no_room;
};

/* One step from schema version k to k + 1. */
struct trivet_sqlite_migration {
    const char *sql;
};

/* What a file must become: its version is the number of migrations. */
struct trivet_sqlite_schema {
    const char *file_name;
    int32_t application_id;
    int page_bytes; /* of a new file */
    const struct trivet_sqlite_migration *migrations;
    int n_migrations;
    bool secure_delete; /* what is deleted is overwritten */
};

extern const struct trivet_sqlite_schema trivet_sqlite_catalog_schema;
extern const struct trivet_sqlite_schema trivet_sqlite_data_schema;
extern const struct trivet_sqlite_schema trivet_sqlite_log_schema;

/* One file. */
struct trivet_sqlite_db {
    char path[PATH_MAX];
    const struct trivet_sqlite_schema *schema;
    pthread_mutex_t write_lock;
    struct trivet_sqlite_conn writer; /* under write_lock; not open in a read-only store */
    pthread_mutex_t pool_lock;
    pthread_cond_t pool_freed;
    /* Under pool_lock. The first n_readers are open: one from the start, others when all are taken,
     * as opening one costs a start a millisecond. */
    struct trivet_sqlite_conn readers[TRIVET_SQLITE_READERS];
    bool reader_taken[TRIVET_SQLITE_READERS];
    size_t n_readers;
};

struct trivet_sqlite_store {
    int lock_fd; /* -1 in a read-only store */
    struct trivet_sqlite_db catalog;
    struct trivet_sqlite_db data;
    struct trivet_sqlite_db log;   /* not open in a read-only store, nor after log_error */
    struct trivet_error log_error; /* why it could not be opened; status OK = none */
};

/* --- sqlite_lock.c: the data directory ------------------------------------------------------- */

/* Makes the directory when it is not there and takes its lock; *lock_fd holds it until closed. */
enum trivet_status trivet_sqlite_lock_dir(const char *data_dir, int *lock_fd,
                                          struct trivet_error *err) TRIVET_MUST_USE;

/* --- sqlite_open.c: files and connections ---------------------------------------------------- */

enum trivet_status trivet_sqlite_db_open(struct trivet_sqlite_db *db, const char *data_dir,
                                         const struct trivet_sqlite_schema *schema,
                                         enum trivet_store_mode mode,
                                         struct trivet_error *err) TRIVET_MUST_USE;
/* Zeroed or failed to open is fine. */
void trivet_sqlite_db_close(struct trivet_sqlite_db *db);
/* A connection to `path` as the backend wants it. */
enum trivet_status trivet_sqlite_conn_open(struct trivet_sqlite_conn *conn, const char *path,
                                           const struct trivet_sqlite_schema *schema,
                                           bool read_only,
                                           struct trivet_error *err) TRIVET_MUST_USE;
void trivet_sqlite_conn_close(struct trivet_sqlite_conn *conn);
/* Borrow a reader, waiting for one; never fails. */
struct trivet_sqlite_conn *trivet_sqlite_reader_take(struct trivet_sqlite_db *db);
void trivet_sqlite_reader_give(struct trivet_sqlite_db *db, struct trivet_sqlite_conn *conn);
/* Take the writer lock and begin; on an error the lock is not held. After a write found no room, it
 * first tries to copy the log back, so that its file is used from the start again. */
enum trivet_status trivet_sqlite_begin(struct trivet_sqlite_db *db,
                                       struct trivet_error *err) TRIVET_MUST_USE;
/* Both release the lock. */
enum trivet_status trivet_sqlite_commit(struct trivet_sqlite_db *db,
                                        struct trivet_error *err) TRIVET_MUST_USE;
void trivet_sqlite_abort(struct trivet_sqlite_db *db);
/* Several statements of a reader that see the same state. */
enum trivet_status trivet_sqlite_snapshot_begin(struct trivet_sqlite_conn *reader,
                                                struct trivet_error *err) TRIVET_MUST_USE;
void trivet_sqlite_snapshot_end(struct trivet_sqlite_conn *reader);

/* --- sqlite_migrations.c --------------------------------------------------------------------- */

/* Bring the file to the schema's version, each step in a transaction of its own.
 * FAILED_PRECONDITION when it is newer or not ours. */
enum trivet_status trivet_sqlite_migrate(struct trivet_sqlite_conn *conn,
                                         const struct trivet_sqlite_schema *schema,
                                         struct trivet_error *err) TRIVET_MUST_USE;
/* The same refusals, and also of an older file; changes nothing. */
enum trivet_status trivet_sqlite_schema_check(struct trivet_sqlite_conn *conn,
                                              const struct trivet_sqlite_schema *schema,
                                              struct trivet_error *err) TRIVET_MUST_USE;

/* --- sqlite_query.c: one statement, run once ----------------------------------------------------
 * Errors stick: binds and columns need no check of their own, the next step or finish tells. */
struct trivet_sqlite_query {
    struct trivet_sqlite_conn *conn;
    sqlite3_stmt *stmt; /* owned by the connection; NULL when it could not be prepared */
    int rc;             /* first failure, or SQLITE_OK */
    int n_bound;
    int n_read;
};

/* `sql` is static text, prepared once per connection; not re-entrant. */
void trivet_sqlite_query_open(struct trivet_sqlite_query *query, struct trivet_sqlite_conn *conn,
                              const char *sql);
/* The next parameter. Texts and blobs are borrowed until finish; texts are not NULL. */
void trivet_sqlite_bind_text(struct trivet_sqlite_query *query, const char *text);
void trivet_sqlite_bind_int(struct trivet_sqlite_query *query, int64_t value);
void trivet_sqlite_bind_u64(struct trivet_sqlite_query *query, uint64_t value);
void trivet_sqlite_bind_blob(struct trivet_sqlite_query *query, const void *data, size_t n_bytes);
void trivet_sqlite_bind_double(struct trivet_sqlite_query *query, double value); /* not NaN */
/* *row: there is a row to read. */
enum trivet_status trivet_sqlite_query_step(struct trivet_sqlite_query *query, bool *row,
                                            struct trivet_error *err) TRIVET_MUST_USE;
/* The next column of the row; a value that cannot be one of ours is damage. */
void trivet_sqlite_column_text(struct trivet_sqlite_query *query, char *to, size_t to_bytes);
int64_t trivet_sqlite_column_int(struct trivet_sqlite_query *query);
uint64_t trivet_sqlite_column_u64(struct trivet_sqlite_query *query);
double trivet_sqlite_column_double(struct trivet_sqlite_query *query);
void trivet_sqlite_column_fixed(struct trivet_sqlite_query *query, void *to, size_t n_bytes);
/* Valid until the next step or finish. */
const void *trivet_sqlite_column_blob(struct trivet_sqlite_query *query, size_t *n_bytes);
/* A blob appended to `to`; NULL skips it. */
enum trivet_status trivet_sqlite_column_append(struct trivet_sqlite_query *query,
                                               struct trivet_buffer *to,
                                               struct trivet_error *err) TRIVET_MUST_USE;
/* Ends the query. Passes a failed `status` on, else tells what stuck. */
enum trivet_status trivet_sqlite_query_finish(struct trivet_sqlite_query *query,
                                              enum trivet_status status,
                                              struct trivet_error *err) TRIVET_MUST_USE;
/* Step and finish, for statements without rows. */
enum trivet_status trivet_sqlite_query_run(struct trivet_sqlite_query *query,
                                           struct trivet_error *err) TRIVET_MUST_USE;
/* One row into place `index` of `out`. */
typedef void (*trivet_sqlite_read_row)(struct trivet_sqlite_query *query, void *out, size_t index);
/* All rows, at most `count_max`, and finish; *count is set when OK. */
enum trivet_status trivet_sqlite_query_list(struct trivet_sqlite_query *query,
                                            trivet_sqlite_read_row read_row, void *out,
                                            size_t count_max, size_t *count,
                                            struct trivet_error *err) TRIVET_MUST_USE;
/* For statements of one row and one number: *out is set when OK, to 0 when there is no row. */
enum trivet_status trivet_sqlite_query_number(struct trivet_sqlite_query *query, int64_t *out,
                                              struct trivet_error *err) TRIVET_MUST_USE;
/* SQLite's code as a status with a message. */
enum trivet_status trivet_sqlite_error(const struct trivet_sqlite_conn *conn, int rc,
                                       struct trivet_error *err);

/* --- The operations, by file ----------------------------------------------------------------- */
#define TRIVET_SQLITE_TXN_CONN(txn) (&((struct trivet_sqlite_db *)(txn))->writer)

enum trivet_status trivet_sqlite_find_reply(void *txn, const struct trivet_store_call *call,
                                            int64_t oldest_unix_us, bool *found,
                                            uint8_t body_hash[TRIVET_SHA256_BYTES],
                                            struct trivet_buffer *reply, struct trivet_error *err);
enum trivet_status trivet_sqlite_put_reply(void *txn, const struct trivet_store_call *call,
                                           int64_t now_unix_us, int64_t oldest_unix_us,
                                           struct trivet_store_bytes reply,
                                           struct trivet_error *err);

enum trivet_status trivet_sqlite_dataset_create(void *txn,
                                                const struct trivet_store_dataset *record,
                                                struct trivet_store_bytes schema,
                                                struct trivet_error *err);
enum trivet_status trivet_sqlite_dataset_append(void *backend,
                                                const struct trivet_store_chunk *chunk,
                                                struct trivet_store_dataset *out,
                                                struct trivet_error *err);
enum trivet_status trivet_sqlite_dataset_commit(void *txn, const char *id, uint32_t n_chunks,
                                                int64_t now_unix_us,
                                                struct trivet_store_dataset *out,
                                                struct trivet_error *err);
enum trivet_status trivet_sqlite_dataset_set_origin(void *txn, const char *id,
                                                    const char *grown_from, uint64_t n_base_rows,
                                                    struct trivet_error *err);
enum trivet_status trivet_sqlite_dataset_delete(void *txn, const char *id,
                                                struct trivet_error *err);
enum trivet_status trivet_sqlite_dataset_expire(void *txn, int64_t oldest_unix_us,
                                                char id[TRIVET_STORE_ID_BYTES],
                                                struct trivet_error *err);
enum trivet_status trivet_sqlite_dataset_get(void *backend, const char *id,
                                             struct trivet_store_dataset *out,
                                             struct trivet_buffer *schema,
                                             struct trivet_error *err);
enum trivet_status trivet_sqlite_dataset_list(void *backend, struct trivet_store_dataset *out,
                                              size_t count_max, size_t *count,
                                              struct trivet_error *err);
enum trivet_status trivet_sqlite_dataset_read(void *backend, const char *id, uint32_t chunk,
                                              struct trivet_buffer *data, uint64_t *n_rows,
                                              uint8_t digest[TRIVET_SHA256_BYTES],
                                              struct trivet_error *err);

enum trivet_status trivet_sqlite_version_create(void *txn, struct trivet_store_version *record,
                                                struct trivet_store_bytes artefact,
                                                struct trivet_store_bytes summary,
                                                struct trivet_error *err);
enum trivet_status trivet_sqlite_version_get(void *backend, const char *model, uint64_t version,
                                             struct trivet_store_version *out,
                                             struct trivet_buffer *artefact,
                                             struct trivet_buffer *summary,
                                             struct trivet_error *err);
enum trivet_status trivet_sqlite_version_list(void *backend, const char *model,
                                              struct trivet_store_version *out, size_t count_max,
                                              size_t *count, struct trivet_error *err);
enum trivet_status trivet_sqlite_version_delete(void *txn, const struct trivet_store_alias *change,
                                                const struct trivet_store_cause *cause,
                                                struct trivet_error *err);
enum trivet_status trivet_sqlite_version_retain(void *txn, const struct trivet_store_alias *change,
                                                uint64_t keep,
                                                const struct trivet_store_cause *cause,
                                                uint64_t *gone, size_t count_max, size_t *count,
                                                struct trivet_error *err) TRIVET_MUST_USE;
enum trivet_status trivet_sqlite_model_list(void *backend, const char *after,
                                            char (*names)[TRIVET_STORE_NAME_BYTES],
                                            uint64_t *version_counts, size_t count_max,
                                            size_t *count, struct trivet_error *err);

enum trivet_status trivet_sqlite_alias_set(void *txn, struct trivet_store_alias *alias,
                                           const struct trivet_store_cause *cause,
                                           struct trivet_error *err);
enum trivet_status trivet_sqlite_alias_remove(void *txn, struct trivet_store_alias *alias,
                                              const struct trivet_store_cause *cause,
                                              struct trivet_error *err);
enum trivet_status trivet_sqlite_alias_rollback(void *txn, struct trivet_store_alias *alias,
                                                const struct trivet_store_cause *cause,
                                                struct trivet_error *err);
enum trivet_status trivet_sqlite_alias_list(void *backend, const char *model,
                                            struct trivet_store_alias *out, size_t count_max,
                                            size_t *count, struct trivet_error *err);
enum trivet_status trivet_sqlite_alias_history(void *backend, const char *model, const char *alias,
                                               uint64_t before,
                                               struct trivet_store_alias_change *out,
                                               size_t count_max, size_t *count,
                                               struct trivet_error *err);
enum trivet_status trivet_sqlite_settings_set(void *txn, const struct trivet_store_alias *change,
                                              struct trivet_store_bytes settings,
                                              const struct trivet_store_cause *cause,
                                              struct trivet_error *err);
enum trivet_status trivet_sqlite_settings_get(void *backend, const char *model,
                                              struct trivet_buffer *settings,
                                              struct trivet_error *err);
/* NOT_FOUND when there is no such model. */
enum trivet_status trivet_sqlite_model_exists(struct trivet_sqlite_conn *conn, const char *model,
                                              struct trivet_error *err) TRIVET_MUST_USE;
/* NOT_FOUND when the model has no such version. */
enum trivet_status trivet_sqlite_version_exists(struct trivet_sqlite_conn *conn, const char *model,
                                                uint64_t version,
                                                struct trivet_error *err) TRIVET_MUST_USE;
/* A change on its way into the history. */
struct trivet_sqlite_change {
    enum trivet_store_alias_change_kind kind;
    const struct trivet_store_alias *alias;
    const char *shares;                        /* as text (sqlite_traffic.c); NULL = none */
    const struct trivet_store_bytes *settings; /* NULL = none */
    const struct trivet_store_cause *cause;
};
enum trivet_status trivet_sqlite_store_change(struct trivet_sqlite_conn *conn,
                                              const struct trivet_sqlite_change *change,
                                              struct trivet_error *err) TRIVET_MUST_USE;
enum trivet_status trivet_sqlite_traffic_set(void *txn, const struct trivet_store_alias *change,
                                             const struct trivet_store_share *shares, size_t count,
                                             const struct trivet_store_cause *cause, bool *changed,
                                             struct trivet_error *err);
enum trivet_status trivet_sqlite_traffic_list(void *backend, const char *model,
                                              struct trivet_store_share *out, size_t count_max,
                                              size_t *count, struct trivet_error *err);
/* The next column, which trivet_sqlite_store_change wrote, as shares; anything else is damage. */
void trivet_sqlite_column_shares(struct trivet_sqlite_query *query,
                                 struct trivet_store_alias_change *out);
/* FAILED_PRECONDITION, naming it, when an alias points at the version, it has a share of the
 * traffic, or an unfinished job needs it (version 0: any of the model). */
enum trivet_status trivet_sqlite_version_unused(struct trivet_sqlite_conn *conn, const char *model,
                                                uint64_t version,
                                                struct trivet_error *err) TRIVET_MUST_USE;

enum trivet_status trivet_sqlite_version_no_job(struct trivet_sqlite_conn *conn, const char *model,
                                                uint64_t version,
                                                struct trivet_error *err) TRIVET_MUST_USE;

enum trivet_status trivet_sqlite_job_create(void *txn, const struct trivet_store_job *job,
                                            struct trivet_store_bytes spec,
                                            struct trivet_error *err);
enum trivet_status trivet_sqlite_job_update(void *txn, const struct trivet_store_job *job,
                                            struct trivet_store_bytes report,
                                            struct trivet_error *err);
enum trivet_status trivet_sqlite_job_get(void *backend, const char *id,
                                         struct trivet_store_job *out, struct trivet_buffer *spec,
                                         struct trivet_buffer *report, struct trivet_error *err);
enum trivet_status trivet_sqlite_job_list(void *backend, const char *model, bool unfinished,
                                          struct trivet_store_job *out, size_t count_max,
                                          size_t *count, struct trivet_error *err);

/* --- sqlite_log*.c. Those that take the backend answer with log_error when there is no log. -----
 */
enum trivet_status trivet_sqlite_log_reader(struct trivet_sqlite_store *store,
                                            struct trivet_sqlite_conn **out,
                                            struct trivet_error *err) TRIVET_MUST_USE;
enum trivet_status trivet_sqlite_log_get_key(void *backend, uint8_t key[TRIVET_HASH_KEY_BYTES],
                                             struct trivet_error *err);
enum trivet_status trivet_sqlite_log_put(void *txn,
                                         const struct trivet_store_prediction *prediction,
                                         bool *added, struct trivet_error *err);
enum trivet_status trivet_sqlite_log_find(void *txn, const char *model, const char *id,
                                          struct trivet_store_logged *out, bool *found,
                                          struct trivet_error *err);
enum trivet_status trivet_sqlite_log_set_outcome(void *txn, uint64_t key,
                                                 const struct trivet_store_outcome *outcome,
                                                 struct trivet_error *err);
enum trivet_status trivet_sqlite_log_put_level(void *txn, const char *model, unsigned level,
                                               int64_t last_unix_us, struct trivet_error *err);
enum trivet_status trivet_sqlite_log_list_levels(void *backend, struct trivet_store_level *out,
                                                 size_t count_max, size_t *count,
                                                 struct trivet_error *err);
enum trivet_status trivet_sqlite_log_usage(void *backend, struct trivet_store_usage *out,
                                           size_t count_max, size_t *count,
                                           struct trivet_error *err);
enum trivet_status trivet_sqlite_log_count_kept(void *backend, const char *model,
                                                struct trivet_store_kept *out,
                                                struct trivet_error *err);
enum trivet_status trivet_sqlite_log_count_zeros(void *backend, const char *model,
                                                 struct trivet_store_zeros *out,
                                                 struct trivet_error *err);
enum trivet_status trivet_sqlite_log_thin(void *txn, const char *model, unsigned level,
                                          uint64_t *cursor, size_t count_max,
                                          struct trivet_store_dropped *dropped,
                                          struct trivet_error *err);
enum trivet_status trivet_sqlite_log_strip(void *txn, const char *model, unsigned level,
                                           uint64_t *cursor, size_t count_max,
                                           struct trivet_store_dropped *dropped,
                                           struct trivet_error *err);
enum trivet_status trivet_sqlite_log_drop(void *txn, const char *model, int64_t before_unix_us,
                                          size_t count_max, struct trivet_store_dropped *dropped,
                                          struct trivet_error *err);
enum trivet_status trivet_sqlite_log_drop_levels(void *txn, int64_t before_unix_us,
                                                 struct trivet_error *err);
enum trivet_status trivet_sqlite_log_erase(void *txn, const char *model, uint64_t until_key,
                                           size_t count_max, struct trivet_store_dropped *dropped,
                                           struct trivet_error *err);
enum trivet_status trivet_sqlite_log_begin_erasure(void *txn, const char *model,
                                                   uint64_t *until_key, struct trivet_error *err);
enum trivet_status trivet_sqlite_log_end_erasure(void *txn, const char *model, uint64_t until_key,
                                                 struct trivet_error *err);
enum trivet_status trivet_sqlite_log_list_erasures(void *backend, struct trivet_store_erasure *out,
                                                   size_t count_max, size_t *count,
                                                   struct trivet_error *err);
enum trivet_status trivet_sqlite_log_newest(void *backend, uint64_t *key, struct trivet_error *err);
void trivet_sqlite_log_wipe(void *backend);
enum trivet_status trivet_sqlite_log_grown_from(void *backend, const char *model,
                                                int64_t since_unix_us, uint64_t rows_max,
                                                uint64_t *after, struct trivet_error *err);
enum trivet_status trivet_sqlite_log_list_labelled(void *backend, const char *model,
                                                   int64_t since_unix_us, uint64_t after,
                                                   struct trivet_store_labelled *out,
                                                   size_t count_max, size_t *count,
                                                   struct trivet_buffer *features,
                                                   struct trivet_error *err);
enum trivet_status trivet_sqlite_log_get_columns(void *backend, uint64_t columns_key,
                                                 struct trivet_buffer *columns,
                                                 struct trivet_error *err);

#endif
