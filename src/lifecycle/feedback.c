#include "lifecycle/feedback.h"

#include "base/text.h"

#include <math.h>
#include <string.h>

bool trivet_feedback_hash(const struct trivet_prediction_log *log, const char *prediction,
                          uint64_t *hash)
{
    const char *slash = strrchr(prediction, '/');
    uint64_t row = 0;
    if (slash == NULL || slash == prediction || slash[1] == '\0' ||
        strlen(prediction) >= TRIVET_STORE_PREDICTION_BYTES) {
        return false;
    }
    for (const char *at = slash + 1; *at != '\0'; at++) {
        row = row * 10 + (uint64_t)(*at - '0');
        if (*at < '0' || *at > '9' || row > UINT32_MAX) {
            return false;
        }
    }
    if (slash[1] == '0' && slash[2] != '\0') {
        return false; /* the server writes no zeros in front */
    }
    *hash = trivet_log_row_hash(
        trivet_prediction_log_hash(log, prediction, (size_t)(slash - prediction)), (uint32_t)row);
    return true;
}

bool trivet_feedback_is_held_out(const struct trivet_prediction_log *log, const char *prediction,
                                 double share)
{
    /* Mixed anew: the hash that sampling looks at begins with zeros in all rows of a busy model. */
    const uint64_t salt = UINT64_C(0x9e3779b97f4a7c15);
    uint64_t hash =
        trivet_hash_mix64(trivet_prediction_log_hash(log, prediction, strlen(prediction)) ^ salt);
    return (double)(hash >> 11) * 0x1p-53 < share;
}

/* As it is stored; false: no value that a prediction can have. */
static bool read_outcome(const struct trivet_feedback *feedback,
                         const struct trivet_feedback_outcome *outcome,
                         struct trivet_store_outcome *out)
{
    *out = (struct trivet_store_outcome){
        .is_label = outcome->label != NULL,
        .number = outcome->label != NULL ? 0 : outcome->number,
        .observed_unix_us =
            outcome->observed_unix_us != 0 ? outcome->observed_unix_us : feedback->now_unix_us,
        .recorded_unix_us = feedback->now_unix_us,
    };
    if (!out->is_label) {
        return isfinite(outcome->number);
    }
    return outcome->label[0] != '\0' &&
           trivet_text_copy(out->label, sizeof(out->label), outcome->label);
}

static void count_missing(struct trivet_feedback *feedback, const char *prediction)
{
    uint64_t hash = 0;
    struct trivet_unjoined unjoined = {0};
    if (trivet_feedback_hash(feedback->log, prediction, &hash) &&
        trivet_prediction_log_may_skip(feedback->log, feedback->model, hash)) {
        unjoined.not_sampled = 1;
    } else {
        unjoined.unmatched = 1;
    }
    feedback->counts.not_sampled += unjoined.not_sampled;
    feedback->counts.unmatched += unjoined.unmatched;
    trivet_quality_add_unjoined(feedback->quality, feedback->model, unjoined);
}

static bool is_same(const struct trivet_store_outcome *a, const struct trivet_store_outcome *b)
{
    return a->is_label == b->is_label &&
           (a->is_label ? strcmp(a->label, b->label) == 0 : a->number == b->number);
}

static struct trivet_quality_value value_of(const struct trivet_store_outcome *outcome)
{
    return (struct trivet_quality_value){.label = outcome->is_label ? outcome->label : NULL,
                                         .number = outcome->number};
}

/* Of a prediction in the log; another than before or the first. */
static enum trivet_status join(struct trivet_feedback *feedback,
                               const struct trivet_store_logged *logged,
                               const struct trivet_store_outcome *outcome, struct trivet_error *err)
{
    enum trivet_status status =
        trivet_store_log_set_outcome(feedback->txn, logged->key, outcome, err);
    if (status != TRIVET_OK) {
        return status;
    }
    struct trivet_quality_value before = value_of(&logged->outcome);
    const struct trivet_quality_outcome counted = {
        .model = feedback->model,
        .version = logged->version,
        .weight = ldexp(1, (int)logged->level),
        .predicted = {.label = logged->is_label ? logged->label : NULL, .number = logged->number},
        .truth = value_of(outcome),
        .before = logged->has_outcome ? &before : NULL,
        .is_late = outcome->observed_unix_us - logged->predicted_unix_us > TRIVET_FEEDBACK_LATE_US,
    };
    trivet_quality_add_outcome(feedback->quality, &counted);
    feedback->counts.joined += !logged->has_outcome;
    feedback->counts.corrected += logged->has_outcome;
    feedback->counts.late += counted.is_late;
    return TRIVET_OK;
}

enum trivet_status trivet_feedback_add(struct trivet_feedback *feedback,
                                       const struct trivet_feedback_outcome *outcome,
                                       struct trivet_error *err)
{
    struct trivet_store_outcome value;
    struct trivet_store_logged logged;
    bool found = false;
    if (!read_outcome(feedback, outcome, &value)) {
        feedback->counts.invalid++;
        return TRIVET_OK;
    }
    enum trivet_status status = trivet_store_log_find(feedback->txn, feedback->model,
                                                      outcome->prediction, &logged, &found, err);
    if (status != TRIVET_OK) {
        return status;
    }
    if (!found) {
        count_missing(feedback, outcome->prediction);
    } else if (logged.is_label != value.is_label) {
        feedback->counts.invalid++;
    } else if (logged.has_outcome && is_same(&logged.outcome, &value)) {
        feedback->counts.duplicate++;
        trivet_quality_add_duplicate(feedback->quality, feedback->model, logged.version);
    } else {
        return join(feedback, &logged, &value, err);
    }
    return TRIVET_OK;
}
