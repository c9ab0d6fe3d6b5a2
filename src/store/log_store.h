/* What is kept of predictions, and their outcomes (domain LOG of the store). Rows of one model are
 * known by the prediction's id; each stands for 2^level predictions, as its hash was one of those
 * that begin with so many zero bits.
 *
 * Everything else is as store/store.h says. A log that cannot be opened for damage or want of room
 * does not keep the store from opening: begin and reads then say why. */
#ifndef TRIVET_STORE_LOG_STORE_H
#define TRIVET_STORE_LOG_STORE_H

#include "base/hash.h"
#include "store/store.h"

#define TRIVET_STORE_PREDICTION_BYTES   80  /* "<id>/<row>", with its NUL */
#define TRIVET_STORE_LABEL_BYTES        257 /* with its NUL */
#define TRIVET_STORE_FEATURES_BYTES_MAX (256u << 10)
#define TRIVET_STORE_LEVELS             64

/* A prediction on its way in. Borrowed for the call. */
struct trivet_store_prediction {
    const char *model;
    const char *id; /* less than TRIVET_STORE_PREDICTION_BYTES */
    uint64_t version;
    int64_t predicted_unix_us;
    unsigned level;                /* less than TRIVET_STORE_LEVELS, at most `zeros` */
    unsigned zeros;                /* that its hash begins with, at most 64 */
    double number;                 /* finite; of no meaning with a label */
    const char *label;             /* NULL: a number */
    double probability;            /* -1 = none */
    struct trivet_buffer columns;  /* what `features` hold; both opaque, both empty: not kept */
    struct trivet_buffer features; /* at most TRIVET_STORE_FEATURES_BYTES_MAX */
};

struct trivet_store_outcome {
    bool is_label;
    double number; /* finite */
    char label[TRIVET_STORE_LABEL_BYTES];
    int64_t observed_unix_us;
    int64_t recorded_unix_us;
};

/* One as it is in the log. */
struct trivet_store_logged {
    uint64_t key; /* grows with every one that is put */
    uint64_t version;
    int64_t predicted_unix_us;
    unsigned level;
    bool is_label;
    double number;
    char label[TRIVET_STORE_LABEL_BYTES];
    bool has_outcome;
    struct trivet_store_outcome outcome;
};

/* The secret key of hashes of ids, made with the log: 16 bytes. */
enum trivet_status trivet_store_log_get_key(struct trivet_store *store,
                                            uint8_t key[TRIVET_HASH_KEY_BYTES],
                                            struct trivet_error *err) TRIVET_MUST_USE;
/* *added: false when the model has one of that id, which stays as it is. */
enum trivet_status trivet_store_log_put(struct trivet_store_txn *txn,
                                        const struct trivet_store_prediction *prediction,
                                        bool *added, struct trivet_error *err) TRIVET_MUST_USE;
/* Sees what the transaction has changed. Not found is OK. */
enum trivet_status trivet_store_log_find(struct trivet_store_txn *txn, const char *model,
                                         const char *id, struct trivet_store_logged *out,
                                         bool *found, struct trivet_error *err) TRIVET_MUST_USE;
/* In the place of the one before. NOT_FOUND. */
enum trivet_status trivet_store_log_set_outcome(struct trivet_store_txn *txn, uint64_t key,
                                                const struct trivet_store_outcome *outcome,
                                                struct trivet_error *err) TRIVET_MUST_USE;

/* --- Which ids were chosen -------------------------------------------------------------------- */
/* Until `last_unix_us` only ids whose hash begins with `level` zeros were chosen at times. */
struct trivet_store_level {
    char model[TRIVET_STORE_NAME_BYTES];
    unsigned level; /* from 1 */
    int64_t last_unix_us;
};
/* Keeps the later of the two times. */
enum trivet_status trivet_store_log_put_level(struct trivet_store_txn *txn, const char *model,
                                              unsigned level, int64_t last_unix_us,
                                              struct trivet_error *err) TRIVET_MUST_USE;
/* By model and level. */
enum trivet_status trivet_store_log_list_levels(struct trivet_store *store,
                                                struct trivet_store_level *out, size_t count_max,
                                                size_t *count,
                                                struct trivet_error *err) TRIVET_MUST_USE;

/* --- Bounds: each call does a bounded piece ----------------------------------------------------
 */
struct trivet_store_usage {
    char model[TRIVET_STORE_NAME_BYTES];
    uint64_t n_rows;
    int64_t oldest_unix_us;
};
/* By model. Reads an index of the whole log. */
enum trivet_status trivet_store_log_usage(struct trivet_store *store,
                                          struct trivet_store_usage *out, size_t count_max,
                                          size_t *count, struct trivet_error *err) TRIVET_MUST_USE;
/* Rows that have features, and the bytes of these: as many for each as the newest thousand have.
 * Reads an index of the model's rows. */
struct trivet_store_kept {
    uint64_t n_rows;
    uint64_t n_bytes;
};
enum trivet_status trivet_store_log_count_kept(struct trivet_store *store, const char *model,
                                               struct trivet_store_kept *out,
                                               struct trivet_error *err) TRIVET_MUST_USE;
/* Rows without an outcome by the zeros of their hash (the last: and more), and what all rows have
 * of features. Reads all rows. */
struct trivet_store_zeros {
    uint64_t n_rows[TRIVET_STORE_LEVELS];
    struct trivet_store_kept kept[TRIVET_STORE_LEVELS]; /* of these rows */
    struct trivet_store_kept labelled;                  /* of rows with an outcome */
};
enum trivet_status trivet_store_log_count_zeros(struct trivet_store *store, const char *model,
                                                struct trivet_store_zeros *out,
                                                struct trivet_error *err) TRIVET_MUST_USE;
/* What a piece took: rows, and features of them or of rows that stay. */
struct trivet_store_dropped {
    uint64_t n_rows;
    struct trivet_store_kept kept;
};
/* Of the next `count_max` rows after *cursor (0 = from the first): those of the model without an
 * outcome are dropped when their hash has fewer zeros than `level`, else stand for 2^level from
 * then on, if that is more. *cursor becomes the last one, 0 after the end. */
enum trivet_status trivet_store_log_thin(struct trivet_store_txn *txn, const char *model,
                                         unsigned level, uint64_t *cursor, size_t count_max,
                                         struct trivet_store_dropped *dropped,
                                         struct trivet_error *err) TRIVET_MUST_USE;
/* Likewise of the next rows of the model that have features, but these alone are dropped. */
enum trivet_status trivet_store_log_strip(struct trivet_store_txn *txn, const char *model,
                                          unsigned level, uint64_t *cursor, size_t count_max,
                                          struct trivet_store_dropped *dropped,
                                          struct trivet_error *err) TRIVET_MUST_USE;
/* Drops the oldest `count_max` of the model's predictions from before that time. */
enum trivet_status trivet_store_log_drop(struct trivet_store_txn *txn, const char *model,
                                         int64_t before_unix_us, size_t count_max,
                                         struct trivet_store_dropped *dropped,
                                         struct trivet_error *err) TRIVET_MUST_USE;
/* Levels that were last used before that time, of all models. */
enum trivet_status trivet_store_log_drop_levels(struct trivet_store_txn *txn,
                                                int64_t before_unix_us,
                                                struct trivet_error *err) TRIVET_MUST_USE;
/* The features of the oldest `count_max` of the model's rows that have some, up to a key. */
enum trivet_status trivet_store_log_erase(struct trivet_store_txn *txn, const char *model,
                                          uint64_t until_key, size_t count_max,
                                          struct trivet_store_dropped *dropped,
                                          struct trivet_error *err) TRIVET_MUST_USE;
/* Remembers that all features of the model's rows that are there now are to be erased: those up to
 * *until_key. */
enum trivet_status trivet_store_log_begin_erasure(struct trivet_store_txn *txn, const char *model,
                                                  uint64_t *until_key,
                                                  struct trivet_error *err) TRIVET_MUST_USE;
/* They are, up to that key. */
enum trivet_status trivet_store_log_end_erasure(struct trivet_store_txn *txn, const char *model,
                                                uint64_t until_key,
                                                struct trivet_error *err) TRIVET_MUST_USE;
struct trivet_store_erasure {
    char model[TRIVET_STORE_NAME_BYTES];
    uint64_t until_key;
};
/* Those that were begun and not ended. By model. */
enum trivet_status trivet_store_log_list_erasures(struct trivet_store *store,
                                                  struct trivet_store_erasure *out,
                                                  size_t count_max, size_t *count,
                                                  struct trivet_error *err) TRIVET_MUST_USE;
/* Of the newest row of all; 0 = none. */
enum trivet_status trivet_store_log_newest(struct trivet_store *store, uint64_t *key,
                                           struct trivet_error *err) TRIVET_MUST_USE;
/* After the last _erase: what was erased is in no file any more, as far as readers let it. */
void trivet_store_log_wipe(struct trivet_store *store);

/* --- Rows to train on --------------------------------------------------------------------------
 */
/* A prediction with features and an outcome. */
struct trivet_store_labelled {
    uint64_t key;
    char id[TRIVET_STORE_PREDICTION_BYTES];
    struct trivet_store_outcome outcome; /* without its times */
    uint64_t columns_key;
    size_t features_at; /* in the buffer that they are read into */
    size_t features_bytes;
};
/* *after: the newest `rows_max` (0 = all) of those predicted from `since_unix_us` on follow it. */
enum trivet_status trivet_store_log_grown_from(struct trivet_store *store, const char *model,
                                               int64_t since_unix_us, uint64_t rows_max,
                                               uint64_t *after,
                                               struct trivet_error *err) TRIVET_MUST_USE;
/* By key, those after `after`; their features are appended to `features`. */
enum trivet_status trivet_store_log_list_labelled(struct trivet_store *store, const char *model,
                                                  int64_t since_unix_us, uint64_t after,
                                                  struct trivet_store_labelled *out,
                                                  size_t count_max, size_t *count,
                                                  struct trivet_buffer *features,
                                                  struct trivet_error *err) TRIVET_MUST_USE;
/* What the features of a row hold, appended. NOT_FOUND. */
enum trivet_status trivet_store_log_get_columns(struct trivet_store *store, uint64_t columns_key,
                                                struct trivet_buffer *columns,
                                                struct trivet_error *err) TRIVET_MUST_USE;

#endif
