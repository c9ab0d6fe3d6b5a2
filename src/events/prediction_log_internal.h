/* Between prediction_log.c, log_writer.c and log_bounds.c only. */
#ifndef TRIVET_EVENTS_PREDICTION_LOG_INTERNAL_H
#define TRIVET_EVENTS_PREDICTION_LOG_INTERNAL_H

#include "base/buffer.h"
#include "base/clock.h"
#include "events/prediction_log.h"

#include <pthread.h>

#define LOG_TICK_NS    (250 * TRIVET_NS_PER_MS)
#define LOG_WAKE_BYTES (1u << 20) /* queued, that the writer does not wait for its tick */

struct log_model {
    char name[TRIVET_STORE_NAME_BYTES];
    atomic_bool keeps_features;            /* written under the queue's lock */
    atomic_uint keep_level;                /* only rows with so many zeros are logged with them */
    int64_t level_us[TRIVET_STORE_LEVELS]; /* names_lock: last time in force; 0 = not */
    uint64_t
        erase_until; /* names_lock: features of rows up to this key are to be erased; 0 = none */

    /* The writer's. */
    bool level_dirty[TRIVET_STORE_LEVELS]; /* to be stored */
    uint64_t n_rows;
    struct trivet_store_kept kept; /* features */
    uint64_t thin_cursor;
    unsigned thin_level; /* 0 = nothing to thin */
    uint64_t n_to_drop;  /* of the oldest */
    uint64_t strip_cursor;
    unsigned strip_level; /* 0 = no features to drop by the hash */
    uint64_t n_to_strip;  /* of the oldest that have some */
    bool wipe;            /* something was erased */
};

struct trivet_log_version {
    struct trivet_prediction_log *log;
    struct trivet_log_version *next_dead;
    atomic_uint n_refs;     /* raised under names_lock */
    atomic_ullong released; /* log->n_taken when a reference was given back last */
    uint64_t key;           /* of model and version */
    struct log_model *model;
    uint64_t version;
    void *columns;
    size_t columns_bytes;
    atomic_uint level;
    atomic_uint base_level;   /* the writer's choice of the last tick */
    atomic_llong n_tokens;    /* rows that may still be logged */
    atomic_llong raise_below; /* with fewer tokens the level rises, by one … */
    atomic_llong raise_step;  /* … for each so many */
    atomic_ullong n_offered;

    /* The writer's. */
    uint64_t n_offered_before;
    uint64_t n_added; /* of the batch */
    struct trivet_store_kept kept_added;
    double weight_added;
};

/* A row in the queue, followed by id, label and features; the next begins at a multiple of 8. */
struct queued_row {
    struct trivet_log_version *version;
    int64_t unix_us;
    double number;
    double probability;
    uint32_t id_bytes;    /* with its NUL */
    uint32_t label_bytes; /* with its NUL; 0 = a number */
    uint32_t features_bytes;
    uint16_t level;
    uint16_t zeros;
};

struct trivet_prediction_log {
    struct trivet_prediction_log_options options;
    struct trivet_hash_key hash_key; /* set once, at the opening */
    uint64_t opened_key;             /* of the newest row then */
    atomic_ullong n_dropped;
    atomic_ullong n_repeated;
    atomic_ullong n_stripped;

    pthread_mutex_t names_lock; /* lists of models and versions, levels, erase_until */
    struct log_model **models;
    size_t n_models;
    struct trivet_log_version **versions;
    size_t n_versions;
    struct trivet_log_version *dead; /* made room; the writer may still look at them */
    int64_t full_ns;                 /* the next message about too many versions */

    pthread_mutex_t lock; /* the queue */
    pthread_cond_t wanted;
    pthread_cond_t written;
    struct trivet_buffer queue;
    uint64_t n_queued;       /* rounds of writing asked for: grows with every row */
    uint64_t n_written;      /* of them, done */
    atomic_ullong n_taken;   /* how often the writer took the queue … */
    atomic_ullong n_settled; /* … and had done with what it took */
    bool flush;
    bool stopping;
    pthread_t writer;

    /* The writer's. */
    struct trivet_buffer batch;
    int64_t tick_ns;      /* of the last tick */
    int64_t age_check_ns; /* the next look for what is too old */
    int64_t complain_ns;  /* the next message about a failure */
};

/* Under names_lock. NULL when out of memory. */
struct log_model *trivet_log_find_model(struct trivet_prediction_log *log, const char *name);
/* What may be logged until the next tick, with so many tokens: sets when the level rises, returns
 * the rows per second to aim at. */
double trivet_log_allow(const struct trivet_prediction_log *log, struct trivet_log_version *version,
                        int64_t n_tokens);
/* Frees versions that made room. The writer, between batches; or when it has ended. */
void trivet_log_bury(struct trivet_prediction_log *log);
/* The thread of the writer. */
void *trivet_log_run(void *log);
/* Tell of a failure, not too often. The writer. */
void trivet_log_complain(struct trivet_prediction_log *log, const struct trivet_error *err);
/* A bounded piece of what keeps the log within its bounds. The writer. */
void trivet_log_bound(struct trivet_prediction_log *log);
/* Rows per model, at the start. The writer. */
void trivet_log_count_rows(struct trivet_prediction_log *log);
/* A level was in force at that time. Under names_lock. */
void trivet_log_note_level(struct log_model *model, unsigned level, int64_t unix_us);

#endif
