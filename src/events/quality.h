/* Running totals of what came of predictions: how many are logged, how many have an outcome, and
 * how right they were. They count from the publisher's epoch; a correction takes back what it
 * corrects, also when that was counted in an epoch before, so that a sum of one epoch alone can be
 * below 0. Sums are exact and finite, whatever is counted. May be used by: events, lifecycle, rpc,
 * server. */
#ifndef TRIVET_EVENTS_QUALITY_H
#define TRIVET_EVENTS_QUALITY_H

#include "base/arena.h"
#include "base/compiler.h"
#include "trivet/v1/events.pb-c.h"

#include <trivet/error.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Versions, and models with outcomes that joined to none. Of more the one without news for the
 * longest time makes room, and begins again at zero, in another life, when it is back; while all
 * have news, the rest share one named "(other)". */
#define TRIVET_QUALITY_VERSIONS_MAX 4096
/* Of a version's pairs of classes, "(other)" included. */
#define TRIVET_QUALITY_PAIRS_MAX 400
/* Beyond, either way, a number is in no sum: fourth powers of the error must add up, with the
 * squares of weights up to 2^63. */
#define TRIVET_QUALITY_NUMBER_MAX 1e60

struct trivet_quality;

/* NULL when out of memory. */
struct trivet_quality *trivet_quality_create(void);
void trivet_quality_free(struct trivet_quality *quality);

/* What was predicted, or what was true: a label, or with NULL a number. */
struct trivet_quality_value {
    const char *label;
    double number;
};

/* One outcome of a prediction in the log. */
struct trivet_quality_outcome {
    const char *model;
    uint64_t version;
    double weight; /* predictions that it stands for, up to 2^63 */
    struct trivet_quality_value predicted;
    struct trivet_quality_value truth;
    const struct trivet_quality_value *before; /* what it corrects; NULL = the first */
    bool is_late;
    bool is_foreign; /* the truth is no class that the version has, or perhaps none */
};

/* Whether a predicted or true number is in the sums: what is not, is invalid. */
bool trivet_quality_is_countable(double number);

/* Any thread; a short lock. Labels are copied. */
void trivet_quality_add_logged(struct trivet_quality *quality, const char *model, uint64_t version,
                               uint64_t n_rows, double weight);
void trivet_quality_add_outcome(struct trivet_quality *quality,
                                const struct trivet_quality_outcome *outcome);
void trivet_quality_add_duplicate(struct trivet_quality *quality, const char *model,
                                  uint64_t version);
void trivet_quality_add_invalid(struct trivet_quality *quality, const char *model,
                                uint64_t version);

/* Outcomes that joined to no version. */
struct trivet_unjoined {
    uint64_t unmatched;
    uint64_t not_sampled;
    uint64_t refused;
    uint64_t invalid;
};
void trivet_quality_add_unjoined(struct trivet_quality *quality, const char *model,
                                 struct trivet_unjoined counts);

/* Adds all of `from`, which no other thread uses. A call's outcomes are collected in a quality of
 * its own and added when they are stored. */
void trivet_quality_add_all(struct trivet_quality *quality, const struct trivet_quality *from);

/* Messages in `arena`. `changed_only`: what has changed since
 * the last encode with it; its one user is the publisher. */
struct trivet_quality_messages {
    Trivet__V1__QualityTotals **versions;
    size_t n_versions;
    Trivet__V1__UnjoinedTotals **models;
    size_t n_models;
};
enum trivet_status trivet_quality_encode(struct trivet_quality *quality, bool changed_only,
                                         struct trivet_arena *arena,
                                         struct trivet_quality_messages *out,
                                         struct trivet_error *err) TRIVET_MUST_USE;

#endif
