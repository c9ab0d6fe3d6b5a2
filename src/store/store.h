/* The catalogue and the data of a server: models, versions, aliases, jobs, datasets, answers to
 * repeat. It knows bytes, not models, and names no SQL type: a backend is one table of functions
 * (store/backend.h) and every backend passes the one conformance suite.
 *
 * Any thread may call; writers are serialised inside. A change is durable when the call (or the
 * commit of its transaction) has returned OK.
 * Errors everywhere: UNAVAILABLE (disk full, I/O, locked), DATA_LOSS (what was read is damaged),
 * RESOURCE_EXHAUSTED (out of memory), INVALID_ARGUMENT (a name, text or size out of its limits).
 * After an error other than INVALID_ARGUMENT, NOT_FOUND, ALREADY_EXISTS and FAILED_PRECONDITION a
 * transaction can only be aborted; its commit says ABORTED. Reads do not see a transaction that is
 * still open, not even the thread's own.
 *
 * A full disk. New datasets and chunks are refused until the log could be copied back, so that what
 * room the log has left is there for deletes: deleting datasets works, and the room of the deleted
 * takes later chunks. The files do not shrink. When not even the log has room (a few dozen KiB),
 * deletes answer UNAVAILABLE too, until space on the disk is freed by other means. */
#ifndef TRIVET_STORE_STORE_H
#define TRIVET_STORE_STORE_H

#include "base/buffer.h"
#include "base/compiler.h"

#include <trivet/error.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TRIVET_STORE_NAME_BYTES         65  /* model, alias; with its NUL */
#define TRIVET_STORE_ID_BYTES           33  /* dataset, job */
#define TRIVET_STORE_HASH_BYTES         65  /* SHA-256 as hex */
#define TRIVET_STORE_TITLE_BYTES        129 /* a dataset's name */
#define TRIVET_STORE_CHUNK_BYTES_MAX    (8u << 20)
#define TRIVET_STORE_CHUNKS_MAX         65536
#define TRIVET_STORE_REPLY_BYTES_MAX    (64u << 10)
#define TRIVET_STORE_REPLIES_MAX        200000 /* the oldest go first */
#define TRIVET_STORE_REPLY_KEEP_US      (24LL * 3600 * 1000000)
#define TRIVET_STORE_ARTEFACT_BYTES_MAX (512u << 20)
#define TRIVET_STORE_CHUNK_ROWS_MAX     UINT32_MAX
#define TRIVET_STORE_OPAQUE_BYTES_MAX   (16u << 20) /* a schema, summary, spec or report */
#define TRIVET_STORE_KEY_BYTES_MAX      256         /* identity, method, request id; each */
#define TRIVET_STORE_REASON_BYTES       257         /* why an alias changed; with its NUL */
#define TRIVET_STORE_PEER_BYTES         64          /* where a call came from; with its NUL */
#define TRIVET_STORE_ALIAS_HISTORY_MAX  1000        /* changes kept per alias */
#define TRIVET_STORE_ALIASES_MAX        256         /* of one model */
#define TRIVET_STORE_SHARES_MAX         16          /* of the traffic of one model */
#define TRIVET_STORE_SETTINGS_BYTES_MAX 512
#define TRIVET_STORE_GONE_HISTORY_MAX   10000 /* changes kept of models that are deleted, of all */
#define TRIVET_STORE_RETAIN_MAX         16    /* versions deleted by one change */
#define TRIVET_STORE_OPEN_DATASETS_MAX  256   /* not yet committed */
#define TRIVET_STORE_OPEN_KEEP_US       (24LL * 3600 * 1000000) /* since the last chunk */
#define TRIVET_STORE_EXPIRE_MAX         16                      /* datasets deleted by one call */

struct trivet_store;

enum trivet_store_mode {
    TRIVET_STORE_OWNER,     /* read and write, holds the directory's lock */
    TRIVET_STORE_READ_ONLY, /* beside an owner: the trainer child */
};

/* Open, creating and migrating as needed (OWNER). FAILED_PRECONDITION when another process owns
 * the directory (the message names it), or when the files are of a newer schema; READ_ONLY also
 * when they are not there or of an older one. The directory is made with mode 0700, its parent
 * must exist. */
enum trivet_status trivet_store_open(const char *data_dir, enum trivet_store_mode mode,
                                     struct trivet_store **out,
                                     struct trivet_error *err) TRIVET_MUST_USE;
void trivet_store_close(struct trivet_store *store);

/* --- Transactions: several changes and the answer to the call, all or nothing ------------------
 * One domain each. Between begin and commit/abort the calling thread holds the domain's writer
 * lock: keep it short, no waiting inside. Lock order: never begin inside a transaction. */
enum trivet_store_domain {
    TRIVET_STORE_CATALOG, /* versions, aliases, settings, jobs */
    TRIVET_STORE_DATA,    /* datasets */
    TRIVET_STORE_LOG,     /* predictions and their outcomes: store/log_store.h */
};

struct trivet_store_txn;

enum trivet_status trivet_store_begin(struct trivet_store *store, enum trivet_store_domain domain,
                                      struct trivet_store_txn **out,
                                      struct trivet_error *err) TRIVET_MUST_USE;
/* Both end the transaction and free it, whatever they return. */
enum trivet_status trivet_store_commit(struct trivet_store_txn *txn,
                                       struct trivet_error *err) TRIVET_MUST_USE;
void trivet_store_abort(struct trivet_store_txn *txn); /* NULL is fine */

/* --- Idempotency ----------------------------------------------------------------------------- */
/* Who asked for what: the key of an answer. */
struct trivet_store_call {
    const char *identity; /* "" while there is no security */
    const char *method;
    const char *request_id; /* not empty */
    uint8_t body_hash[32];
};

/* Look the call up: found with the same body → *found = true and the reply appended to `reply`;
 * found with another body → ALREADY_EXISTS; else *found = false. */
enum trivet_status trivet_store_find_reply(struct trivet_store_txn *txn,
                                           const struct trivet_store_call *call, bool *found,
                                           struct trivet_buffer *reply,
                                           struct trivet_error *err) TRIVET_MUST_USE;
/* Remember the reply (at most TRIVET_STORE_REPLY_BYTES_MAX) in this transaction; drops what is
 * too old or too many. */
enum trivet_status trivet_store_put_reply(struct trivet_store_txn *txn,
                                          const struct trivet_store_call *call, const void *reply,
                                          size_t n_bytes, struct trivet_error *err) TRIVET_MUST_USE;

/* --- Datasets (domain DATA) ------------------------------------------------------------------ */
struct trivet_store_dataset {
    char id[TRIVET_STORE_ID_BYTES];
    char name[TRIVET_STORE_TITLE_BYTES];
    bool committed;
    uint64_t n_rows;
    uint64_t n_chunks;
    uint64_t stored_bytes;
    char content_hash[TRIVET_STORE_HASH_BYTES]; /* "" until committed */
    int64_t created_unix_us;
    int64_t committed_unix_us;
    char grown_from[TRIVET_STORE_NAME_BYTES]; /* the model whose log it is made of; "" = of none */
    uint64_t n_base_rows; /* with it: the first rows, which are not of the log */
};

/* Makes the id ("ds-" and 16 hex digits). `schema` is opaque bytes. RESOURCE_EXHAUSTED when
 * TRIVET_STORE_OPEN_DATASETS_MAX are open. */
enum trivet_status trivet_store_dataset_create(struct trivet_store_txn *txn, const char *name,
                                               const void *schema, size_t schema_bytes,
                                               struct trivet_store_dataset *out,
                                               struct trivet_error *err) TRIVET_MUST_USE;
/* As above, with an id of the caller's, which no other dataset may have. */
enum trivet_status trivet_store_dataset_create_as(struct trivet_store_txn *txn, const char *id,
                                                  const char *name, const void *schema,
                                                  size_t schema_bytes,
                                                  struct trivet_store_dataset *out,
                                                  struct trivet_error *err) TRIVET_MUST_USE;
/* Own transaction. The same chunk with the same bytes again is OK; other bytes ALREADY_EXISTS;
 * a committed dataset FAILED_PRECONDITION; NOT_FOUND. `out` is the dataset after it. */
enum trivet_status trivet_store_dataset_append(struct trivet_store *store, const char *id,
                                               uint32_t chunk, const void *data, size_t n_bytes,
                                               uint64_t n_rows, struct trivet_store_dataset *out,
                                               struct trivet_error *err) TRIVET_MUST_USE;
/* Checks that chunks 0..n_chunks-1 are there and no others (FAILED_PRECONDITION names the first one
 * missing), hashes schema and chunks, and makes it immutable. FAILED_PRECONDITION when committed
 * already, or without rows. */
enum trivet_status trivet_store_dataset_commit(struct trivet_store_txn *txn, const char *id,
                                               uint32_t n_chunks, struct trivet_store_dataset *out,
                                               struct trivet_error *err) TRIVET_MUST_USE;
/* Says of an open dataset that it is made of a model's log, behind its first rows. NOT_FOUND. */
enum trivet_status trivet_store_dataset_set_origin(struct trivet_store_txn *txn, const char *id,
                                                   const char *grown_from, uint64_t n_base_rows,
                                                   struct trivet_error *err) TRIVET_MUST_USE;
enum trivet_status trivet_store_dataset_delete(struct trivet_store_txn *txn, const char *id,
                                               struct trivet_error *err) TRIVET_MUST_USE;
/* Deletes open datasets that got no chunk in the TRIVET_STORE_OPEN_KEEP_US before `now_unix_us`,
 * the longest idle first and at most TRIVET_STORE_EXPIRE_MAX, each in its own transaction; returns
 * how many. Done when an owner opens the store; a server also does it before each new dataset. A
 * failure is logged: nobody waits for the room, and the next call tries again. */
size_t trivet_store_dataset_expire(struct trivet_store *store, int64_t now_unix_us);
/* `schema` (may be NULL) gets the schema bytes appended. NOT_FOUND. */
enum trivet_status trivet_store_dataset_get(struct trivet_store *store, const char *id,
                                            struct trivet_store_dataset *out,
                                            struct trivet_buffer *schema,
                                            struct trivet_error *err) TRIVET_MUST_USE;
/* Newest first, at most `count_max`; `out` is the caller's room; *count is set. */
enum trivet_status trivet_store_dataset_list(struct trivet_store *store,
                                             struct trivet_store_dataset *out, size_t count_max,
                                             size_t *count,
                                             struct trivet_error *err) TRIVET_MUST_USE;
/* Chunk bytes appended to `data`; *n_rows of the chunk. */
enum trivet_status trivet_store_dataset_read(struct trivet_store *store, const char *id,
                                             uint32_t chunk, struct trivet_buffer *data,
                                             uint64_t *n_rows,
                                             struct trivet_error *err) TRIVET_MUST_USE;

/* --- Versions and aliases (domain CATALOG) --------------------------------------------------- */
struct trivet_store_version {
    char model[TRIVET_STORE_NAME_BYTES];
    uint64_t version; /* from 1, never used again */
    int64_t created_unix_us;
    char job_id[TRIVET_STORE_ID_BYTES];
    char dataset_id[TRIVET_STORE_ID_BYTES];
    uint64_t artefact_bytes;
    char checksum[TRIVET_STORE_HASH_BYTES];
};

struct trivet_store_alias {
    char model[TRIVET_STORE_NAME_BYTES];
    char name[TRIVET_STORE_NAME_BYTES];
    uint64_t version;
    uint64_t previous_version; /* 0 = none */
    int64_t changed_unix_us;
};

/* Takes the next number of the model; `summary` is opaque bytes for lists (the report's head). */
enum trivet_status trivet_store_version_create(struct trivet_store_txn *txn, const char *model,
                                               const char *job_id, const char *dataset_id,
                                               const void *artefact, size_t artefact_bytes,
                                               const void *summary, size_t summary_bytes,
                                               struct trivet_store_version *out,
                                               struct trivet_error *err) TRIVET_MUST_USE;
/* NOT_FOUND. `artefact` and `summary` may be NULL; the checksum is verified when the artefact is
 * read (DATA_LOSS). */
enum trivet_status trivet_store_version_get(struct trivet_store *store, const char *model,
                                            uint64_t version, struct trivet_store_version *out,
                                            struct trivet_buffer *artefact,
                                            struct trivet_buffer *summary,
                                            struct trivet_error *err) TRIVET_MUST_USE;
/* Of one model, newest first. */
enum trivet_status trivet_store_version_list(struct trivet_store *store, const char *model,
                                             struct trivet_store_version *out, size_t count_max,
                                             size_t *count,
                                             struct trivet_error *err) TRIVET_MUST_USE;
struct trivet_store_cause;
/* FAILED_PRECONDITION while an alias points at it, it has a share of the traffic, or an unfinished
 * job needs it. version 0 = the model with all its versions, aliases, shares and settings:
 * FAILED_PRECONDITION only while a job needs one. Its history stays and tells of the deletion.
 * NOT_FOUND. */
enum trivet_status trivet_store_version_delete(struct trivet_store_txn *txn, const char *model,
                                               uint64_t version,
                                               const struct trivet_store_cause *cause,
                                               struct trivet_error *err) TRIVET_MUST_USE;
/* Retention. Of the versions that nothing points at (no alias, no rollback of one, no share of the
 * traffic, no unfinished job) the newest `keep` stay; `gone` gets the others' numbers, the oldest
 * first and at most TRIVET_STORE_RETAIN_MAX: the next change takes the rest. keep 0 = all stay. The
 * history tells of each. */
enum trivet_status trivet_store_version_retain(struct trivet_store_txn *txn, const char *model,
                                               uint64_t keep,
                                               const struct trivet_store_cause *cause,
                                               uint64_t gone[TRIVET_STORE_RETAIN_MAX],
                                               size_t *count,
                                               struct trivet_error *err) TRIVET_MUST_USE;
/* Names after `after` ("" = from the first), by bytes; rows of TRIVET_STORE_NAME_BYTES; version
 * counts beside them. */
enum trivet_status trivet_store_model_list(struct trivet_store *store, const char *after,
                                           char (*names)[TRIVET_STORE_NAME_BYTES],
                                           uint64_t *version_counts, size_t count_max,
                                           size_t *count, struct trivet_error *err) TRIVET_MUST_USE;
/* Who makes a change and why, for the history; NULL is "". */
struct trivet_store_cause {
    const char *identity;
    const char *request_id;
    const char *reason; /* less than TRIVET_STORE_REASON_BYTES */
    const char *peer;   /* where the call came from */
};

/* Point the alias at an existing version; the one before is remembered (a history, for rollback).
 * Already there: nothing changes. NOT_FOUND; RESOURCE_EXHAUSTED for a new alias of a model that has
 * TRIVET_STORE_ALIASES_MAX. */
enum trivet_status trivet_store_alias_set(struct trivet_store_txn *txn, const char *model,
                                          const char *alias, uint64_t version,
                                          const struct trivet_store_cause *cause,
                                          struct trivet_store_alias *out,
                                          struct trivet_error *err) TRIVET_MUST_USE;
/* Undo the last trivet_store_alias_set that is not undone yet: the alias points at the version that
 * it had before, and what that one had before is the next to go back to. NOT_FOUND: no such alias;
 * FAILED_PRECONDITION: there is nothing before, or it was deleted. */
enum trivet_status trivet_store_alias_rollback(struct trivet_store_txn *txn, const char *model,
                                               const char *alias,
                                               const struct trivet_store_cause *cause,
                                               struct trivet_store_alias *out,
                                               struct trivet_error *err) TRIVET_MUST_USE;
/* Take the alias away; `out` is what it was. NOT_FOUND: no such alias. */
enum trivet_status trivet_store_alias_remove(struct trivet_store_txn *txn, const char *model,
                                             const char *alias,
                                             const struct trivet_store_cause *cause,
                                             struct trivet_store_alias *out,
                                             struct trivet_error *err) TRIVET_MUST_USE;
/* Aliases of one model; model NULL: of all. */
enum trivet_status trivet_store_alias_list(struct trivet_store *store, const char *model,
                                           struct trivet_store_alias *out, size_t count_max,
                                           size_t *count, struct trivet_error *err) TRIVET_MUST_USE;

/* What a version gets of the traffic of its model; numbers as in models.proto. */
struct trivet_store_share {
    char model[TRIVET_STORE_NAME_BYTES]; /* told by a list; not read by a change */
    uint64_t version;
    uint32_t weight; /* at least 1 */
    bool shadow;
};

/* The shares of the model from now on, in this order; none: it has no split. *changed: they were
 * others before, which is recorded in the history of `alias` (the one whose calls are split).
 * NOT_FOUND: no such version; INVALID_ARGUMENT: more than TRIVET_STORE_SHARES_MAX, a weight of 0, a
 * version twice. */
enum trivet_status trivet_store_traffic_set(struct trivet_store_txn *txn, const char *model,
                                            const char *alias,
                                            const struct trivet_store_share *shares, size_t count,
                                            const struct trivet_store_cause *cause, bool *changed,
                                            struct trivet_error *err) TRIVET_MUST_USE;
/* Shares of one model in their order; model NULL: of all, model by model. */
enum trivet_status trivet_store_traffic_list(struct trivet_store *store, const char *model,
                                             struct trivet_store_share *out, size_t count_max,
                                             size_t *count,
                                             struct trivet_error *err) TRIVET_MUST_USE;
/* The model's settings, opaque bytes, in the place of those that are there; its history keeps them,
 * who and why. NOT_FOUND: no such model. */
enum trivet_status trivet_store_settings_set(struct trivet_store_txn *txn, const char *model,
                                             const void *settings, size_t n_bytes,
                                             const struct trivet_store_cause *cause,
                                             struct trivet_error *err) TRIVET_MUST_USE;
/* Appended to `settings`; nothing where none were set. */
enum trivet_status trivet_store_settings_get(struct trivet_store *store, const char *model,
                                             struct trivet_buffer *settings,
                                             struct trivet_error *err) TRIVET_MUST_USE;

/* Numbers as in models.proto. */
enum trivet_store_alias_change_kind {
    TRIVET_STORE_ALIAS_PROMOTED = 1,
    TRIVET_STORE_ALIAS_ROLLED_BACK = 2,
    TRIVET_STORE_TRAFFIC_SET = 3,
    TRIVET_STORE_CONFIGURED = 4,    /* alias "", versions 0 */
    TRIVET_STORE_DELETED = 5,       /* alias "", the version, 0 = the whole model */
    TRIVET_STORE_ALIAS_REMOVED = 6, /* version 0 */
};

/* One change of a model. */
struct trivet_store_alias_change {
    uint64_t sequence; /* grows with every change in the store */
    enum trivet_store_alias_change_kind kind;
    char alias[TRIVET_STORE_NAME_BYTES];
    uint64_t version;
    uint64_t previous_version; /* what it pointed at until then; 0 = none */
    int64_t changed_unix_us;
    char identity[TRIVET_STORE_KEY_BYTES_MAX + 1];
    char request_id[TRIVET_STORE_KEY_BYTES_MAX + 1];
    char reason[TRIVET_STORE_REASON_BYTES];
    char peer[TRIVET_STORE_PEER_BYTES];
    /* Of TRAFFIC_SET, without their model; none: the split ended. */
    struct trivet_store_share shares[TRIVET_STORE_SHARES_MAX];
    size_t n_shares;
    /* Of CONFIGURED, as they were set; none of a change that is older than their keeping. */
    uint8_t settings[TRIVET_STORE_SETTINGS_BYTES_MAX];
    size_t settings_bytes;
    bool has_settings;
};

/* The changes of one alias (NULL or "": of all of the model), newest first, those before the
 * sequence number `before` (0 = from the newest); the last TRIVET_STORE_ALIAS_HISTORY_MAX of each
 * are kept, and as many without an alias. Of models that are gone the last
 * TRIVET_STORE_GONE_HISTORY_MAX of all together. A version named here may be gone. */
enum trivet_status trivet_store_alias_history(struct trivet_store *store, const char *model,
                                              const char *alias, uint64_t before,
                                              struct trivet_store_alias_change *out,
                                              size_t count_max, size_t *count,
                                              struct trivet_error *err) TRIVET_MUST_USE;

/* --- Jobs (domain CATALOG) ------------------------------------------------------------------- */
/* Numbers as in training.proto. */
enum trivet_store_job_state {
    TRIVET_STORE_JOB_QUEUED = 1,
    TRIVET_STORE_JOB_RUNNING = 2,
    TRIVET_STORE_JOB_SUCCEEDED = 3,
    TRIVET_STORE_JOB_FAILED = 4,
    TRIVET_STORE_JOB_CANCELLED = 5,
};

struct trivet_store_job {
    char id[TRIVET_STORE_ID_BYTES];
    int kind;
    enum trivet_store_job_state state;
    char model[TRIVET_STORE_NAME_BYTES];
    uint64_t version; /* 0 = none */
    char dataset_id[TRIVET_STORE_ID_BYTES];
    int error_status;
    char error_message[TRIVET_ERROR_MESSAGE_BYTES];
    int64_t created_unix_us;
    int64_t started_unix_us;
    int64_t ended_unix_us;
    uint32_t attempts;
};

/* Makes the id ("job-" and 16 hex digits) into job->id when it is empty; state QUEUED. `spec` is
 * opaque. */
enum trivet_status trivet_store_job_create(struct trivet_store_txn *txn,
                                           struct trivet_store_job *job, const void *spec,
                                           size_t spec_bytes,
                                           struct trivet_error *err) TRIVET_MUST_USE;
/* Writes every field but id, kind and created; `report` (opaque) replaces the stored one unless
 * NULL. */
enum trivet_status trivet_store_job_update(struct trivet_store_txn *txn,
                                           const struct trivet_store_job *job, const void *report,
                                           size_t report_bytes,
                                           struct trivet_error *err) TRIVET_MUST_USE;
/* `spec` and `report` may be NULL. NOT_FOUND. */
enum trivet_status trivet_store_job_get(struct trivet_store *store, const char *id,
                                        struct trivet_store_job *out, struct trivet_buffer *spec,
                                        struct trivet_buffer *report,
                                        struct trivet_error *err) TRIVET_MUST_USE;
/* Newest first; model "" = all; `unfinished`: only QUEUED and RUNNING, oldest first. */
enum trivet_status trivet_store_job_list(struct trivet_store *store, const char *model,
                                         bool unfinished, struct trivet_store_job *out,
                                         size_t count_max, size_t *count,
                                         struct trivet_error *err) TRIVET_MUST_USE;

#endif
