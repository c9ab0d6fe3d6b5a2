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

/* The end of the year 9999: beyond, and before 1970, no clock shows it. */
#define LAST_UNIX_US INT64_C(253402300799999999)

/* As it is stored; false: no value that any prediction can have. */
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
    if (out->observed_unix_us < 0 || out->observed_unix_us > LAST_UNIX_US) {
        return false;
    }
    if (!out->is_label) {
        return isfinite(outcome->number);
    }
    return outcome->label[0] != '\0' &&
           trivet_text_copy(out->label, sizeof(out->label), outcome->label);
}

static bool read_number(const char *text, double *out)
{
    return trivet_text_parse_double(text, strlen(text), out) && isfinite(*out);
}

/* Whether the class is the text of a number as the server writes it. */
static bool is_number(const char *label)
{
    char text[TRIVET_DOUBLE_TEXT_BYTES];
    double number = 0;
    if (!read_number(label, &number)) {
        return false;
    }
    (void)trivet_text_double(number, text);
    return strcmp(text, label) == 0;
}

static bool is_within(const struct trivet_feedback_target *target, double number)
{
    return trivet_quality_is_countable(number) &&
           (!target->bounded || (number >= target->lowest && number <= target->highest));
}

/* In the form of what was predicted, of which nothing but the target tells whether classes are
 * numbers; where that is not known, a class that looks like one is taken for one. False: no value
 * that this prediction can have. */
static bool fit_outcome(const struct trivet_feedback_target *target,
                        const struct trivet_store_logged *logged,
                        struct trivet_store_outcome *outcome)
{
    if (!logged->is_label) {
        bool is_number = !outcome->is_label || read_number(outcome->label, &outcome->number);
        outcome->is_label = false;
        outcome->label[0] = '\0';
        /* Of the prediction that is not asked: a version that runs away is that wrong. */
        return is_number && is_within(target, outcome->number) &&
               trivet_quality_is_countable(logged->number);
    }
    if (target->known ? !target->is_numeric : !is_number(logged->label)) {
        return outcome->is_label;
    }
    if (!outcome->is_label || read_number(outcome->label, &outcome->number)) {
        outcome->is_label = true;
        /* No "-0". */
        (void)trivet_text_double(outcome->number + 0.0, outcome->label);
        outcome->number = 0;
    }
    return true;
}

static const struct trivet_feedback_target *target_of(const struct trivet_feedback *feedback,
                                                      uint64_t version)
{
    static const struct trivet_feedback_target unknown = {.known = false};
    const struct trivet_feedback_target *target =
        feedback->target_of != NULL ? feedback->target_of(feedback->context, version) : NULL;
    return target != NULL ? target : &unknown;
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
                               const struct trivet_feedback_target *target,
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
        .is_foreign = outcome->is_label && (target->has_class == NULL ||
                                            !target->has_class(target->classes, outcome->label)),
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
        trivet_quality_add_unjoined(feedback->quality, feedback->model,
                                    (struct trivet_unjoined){.invalid = 1});
        return TRIVET_OK;
    }
    enum trivet_status status = trivet_store_log_find(feedback->txn, feedback->model,
                                                      outcome->prediction, &logged, &found, err);
    if (status != TRIVET_OK) {
        return status;
    }
    if (!found) {
        count_missing(feedback, outcome->prediction);
        return TRIVET_OK;
    }
    const struct trivet_feedback_target *target = target_of(feedback, logged.version);
    if (!fit_outcome(target, &logged, &value)) {
        feedback->counts.invalid++;
        trivet_quality_add_invalid(feedback->quality, feedback->model, logged.version);
    } else if (logged.has_outcome && is_same(&logged.outcome, &value)) {
        feedback->counts.duplicate++;
        trivet_quality_add_duplicate(feedback->quality, feedback->model, logged.version);
    } else {
        return join(feedback, target, &logged, &value, err);
    }
    return TRIVET_OK;
}
