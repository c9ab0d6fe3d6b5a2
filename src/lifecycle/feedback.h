/* Joins outcomes to the predictions of the log, inside one transaction of the store. */
#ifndef TRIVET_LIFECYCLE_FEEDBACK_H
#define TRIVET_LIFECYCLE_FEEDBACK_H

#include "base/compiler.h"
#include "events/prediction_log.h"
#include "events/quality.h"
#include "store/log_store.h"

#include <trivet/error.h>

#include <stdbool.h>
#include <stdint.h>

/* Longer after the prediction an outcome is late. */
#define TRIVET_FEEDBACK_LATE_US (24LL * 3600 * 1000000)

/* As feedback.proto says. */
struct trivet_feedback_counts {
    uint64_t joined;
    uint64_t not_sampled;
    uint64_t unmatched;
    uint64_t duplicate;
    uint64_t corrected;
    uint64_t invalid;
    uint64_t late;
};

/* What outcomes of a version can be. Zeroed: nothing is known of it. */
struct trivet_feedback_target {
    bool known;
    bool is_numeric; /* the target's column: labels are numbers too */
    bool bounded;    /* numbers lie between these */
    double lowest;
    double highest;
    /* Whether it is a class of the version; any thread, no error. */
    bool (*has_class)(const void *classes, const char *label);
    const void *classes; /* borrowed */
};

/* A call's outcomes, one after the other. */
struct trivet_feedback {
    struct trivet_store_txn *txn;      /* domain LOG; its log is flushed */
    struct trivet_prediction_log *log; /* that knows which ids were chosen */
    const char *model;
    int64_t now_unix_us;
    /* What a version predicts, until it is asked again; NULL: not known of any. */
    const struct trivet_feedback_target *(*target_of)(void *context, uint64_t version);
    void *context; /* borrowed */
    struct trivet_feedback_counts counts;
    struct trivet_quality *quality; /* of this call alone: to be added when it is stored */
};

struct trivet_feedback_outcome {
    const char *prediction;   /* "<id>/<row>" */
    const char *label;        /* NULL: a number */
    double number;            /* NaN: neither */
    int64_t observed_unix_us; /* 0 = now */
};
/* Where the target is numeric, labels are numbers in one form ("1", not "1.0") and a number is as
 * good as a label; where the prediction is a number, so is a text that reads as one. Counts the
 * outcome in exactly one of the counts, but for `late`. Errors are the store's. */
enum trivet_status trivet_feedback_add(struct trivet_feedback *feedback,
                                       const struct trivet_feedback_outcome *outcome,
                                       struct trivet_error *err) TRIVET_MUST_USE;

/* "<id>/<row>", as a prediction is known: its hash in the log. False: no prediction is called that.
 */
bool trivet_feedback_hash(const struct trivet_prediction_log *log, const char *prediction,
                          uint64_t *hash);
/* Whether the prediction belongs to the share of it that is held out: the same whenever asked, and
 * whatever was sampled. The log's key decides, so that nobody chooses it with an id. */
bool trivet_feedback_is_held_out(const struct trivet_prediction_log *log, const char *prediction,
                                 double share);

#endif
