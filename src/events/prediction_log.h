/* The log of predictions, that outcomes are joined to: which rows are chosen, a bounded queue in
 * memory, and one thread that writes it to the store and keeps the log within its bounds.
 *
 * Which rows. A row's hash is that of its prediction's id and its number. At level L the rows are
 * chosen whose hash begins with L zero bits, one of 2^L, and each stands for 2^L. The level of a
 * version follows its rate, so that it logs about rows_per_s, after a burst of its first rows; and
 * when a model has too many rows in the log, those with fewer zeros go from it, and the rest stand
 * for more. The levels that were in force are remembered, with the time, as long as rows are kept.
 * What an id tells therefore, when the log does not have it:
 * - its hash begins with fewer zeros than some level that was in force: perhaps it was not chosen.
 *   Every prediction that its hash kept out of the log, or took from it, is told as that;
 * - it begins with as many as the highest level: it would have been logged. So with a model that
 * has always logged all its rows every id that is not there is told as not known. Exceptions, which
 * count as not known: rows that were dropped (the queue full, the disk full; they are counted),
 * rows older than what is kept, and the last quarter of a second before a crash. May be used by:
 * rpc, server, lifecycle. */
#ifndef TRIVET_EVENTS_PREDICTION_LOG_H
#define TRIVET_EVENTS_PREDICTION_LOG_H

#include "base/compiler.h"
#include "base/hash.h"
#include "events/quality.h"
#include "store/log_store.h"

#include <trivet/error.h>

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TRIVET_LOG_VERSIONS_MAX 4096

struct trivet_prediction_log;

struct trivet_prediction_log_options {
    struct trivet_store *store;     /* borrowed */
    struct trivet_quality *quality; /* borrowed: gets what was logged */
    uint32_t rows_per_s;            /* of a version */
    uint32_t burst_rows;            /* of a version, beyond */
    size_t queue_bytes_max;
    uint64_t model_rows_max;
    uint64_t rows_max;
    uint64_t model_bytes_max; /* of rows and features, about as the file has them */
    uint64_t bytes_max;
    int64_t keep_us;
};

/* Reads the levels and starts the writer. A log that cannot be read is told in the program's log:
 * then nothing is logged until it can. RESOURCE_EXHAUSTED. */
enum trivet_status trivet_prediction_log_open(const struct trivet_prediction_log_options *options,
                                              struct trivet_prediction_log **out,
                                              struct trivet_error *err) TRIVET_MUST_USE;
/* Writes what is queued. */
void trivet_prediction_log_close(struct trivet_prediction_log *log);

/* A version's part, made at first use. Each is a reference, to be given back after the last round;
 * when there are too many versions, the one that nobody has a reference to for the longest time
 * makes room. `columns` (opaque, copied) is what the features of its rows hold. NULL: out of
 * memory, or too many versions are in use, which the program's log tells; then nothing is logged of
 * it. Any thread; a short lock. */
struct trivet_log_version;
struct trivet_log_version *trivet_prediction_log_find(struct trivet_prediction_log *log,
                                                      const char *model, uint64_t version);
struct trivet_log_version *trivet_prediction_log_add(struct trivet_prediction_log *log,
                                                     const char *model, uint64_t version,
                                                     const void *columns, size_t columns_bytes);
/* NULL is fine. Before the log is closed. Any thread. */
void trivet_log_version_release(struct trivet_log_version *version);

/* Whether rows of the model are logged with their features. Off: those that are in the log by then
 * are erased, soon, whatever is asked for later, and also when the program ends before; waits for
 * the disk. Any thread but the writer. RESOURCE_EXHAUSTED. */
enum trivet_status trivet_prediction_log_keep_features(struct trivet_prediction_log *log,
                                                       const char *model, bool keep,
                                                       struct trivet_error *err) TRIVET_MUST_USE;

/* --- Rows: any thread, never waits for the disk ------------------------------------------------
 */

/* Of a prediction's id, with the log's own key, which nobody else knows: who chooses ids does not
 * choose what their hashes decide. The same as long as there is the log's file. `log` may be NULL:
 * with no key. */
uint64_t trivet_prediction_log_hash(const struct trivet_prediction_log *log, const void *id,
                                    size_t id_bytes);
/* Hash of row `row`; `id_hash` is trivet_prediction_log_hash of the prediction's id. */
static inline uint64_t trivet_log_row_hash(uint64_t id_hash, uint32_t row)
{
    return trivet_hash_mix64(id_hash + row);
}

/* Rows of one version, one after the other. */
struct trivet_log_round {
    struct trivet_prediction_log *log;
    struct trivet_log_version *version; /* NULL: none is chosen */
    unsigned level;
    uint64_t threshold; /* a row whose hash is at most this is chosen */
    bool keeps_features;
};
/* `version` may be NULL. */
struct trivet_log_round trivet_log_begin(struct trivet_prediction_log *log,
                                         struct trivet_log_version *version, uint64_t n_rows);
static inline bool trivet_log_chooses(const struct trivet_log_round *round, uint64_t hash)
{
    return hash <= round->threshold && round->version != NULL;
}

struct trivet_log_row {
    const char *id; /* of the prediction */
    size_t id_bytes;
    uint32_t row;
    uint64_t hash;
    double number;        /* without a label */
    const char *label;    /* or NULL */
    double probability;   /* or -1 */
    const void *features; /* when the round keeps them, else NULL; too large ones are left out */
    size_t features_bytes;
};
/* A row that was chosen: to the queue. May raise the round's level. */
void trivet_log_put(struct trivet_log_round *round, const struct trivet_log_row *row);

/* --- Outcomes ----------------------------------------------------------------------------------
 */

/* Waits until all that was put before is written, or dropped. Not on a thread that must not wait.
 */
void trivet_prediction_log_flush(struct trivet_prediction_log *log);
/* Of an id that the log does not have, after a flush: whether its hash may have kept it out. */
bool trivet_prediction_log_may_skip(struct trivet_prediction_log *log, const char *model,
                                    uint64_t hash);
/* Rows that were chosen and are not in the log, so far: no room in the queue or on the disk. */
uint64_t trivet_prediction_log_dropped(struct trivet_prediction_log *log);
/* Rows whose id the log had already, so far: the first stays, outcomes join that one. */
uint64_t trivet_prediction_log_repeated(struct trivet_prediction_log *log);
/* Rows whose features were dropped to keep the log within its bytes, so far. */
uint64_t trivet_prediction_log_stripped(struct trivet_prediction_log *log);

#endif
