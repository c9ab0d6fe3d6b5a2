/* What comes back of a version's predictions, in the monitor: outcomes (quality.h), what shadows
 * said, and outcomes that joined to nothing. Running totals as everything: the newest replaces,
 * ended epochs are kept, so that a restart of either side loses nothing. Under the monitor's lock.
 */
#ifndef TRIVET_MONITOR_LIVE_H
#define TRIVET_MONITOR_LIVE_H

#include "base/compiler.h"
#include "monitor/quality/quality.h"
#include "telemetry/histogram.h"
#include "trivet/v1/events.pb-c.h"
#include "trivet/v1/models.pb-c.h"

#include <trivet/error.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TRIVET_LIVE_SOURCES 16
/* Versions that a version was the shadow of; more are not told. */
#define TRIVET_LIVE_SHADOWS_MAX 8
/* Models whose unjoined outcomes are counted; of more, those without news go (upkeep.h). */
#define TRIVET_LIVE_MODELS_MAX 1000
/* A version whose test could not be had is asked about again after this long. */
#define TRIVET_LIVE_RETRY_US 30000000

struct trivet_monitor;
struct trivet_monitor_series;

struct trivet_shadow_sums {
    uint64_t compared;
    uint64_t equal;
    uint64_t failed;
    uint64_t skipped;
    uint64_t immense; /* of the compared: in neither sum; not kept in the history */
    double absolute_difference;
    double squared_difference;
    struct trivet_histogram compute; /* per batch of the shadow */
    uint64_t life;                   /* of a message's totals; sums have none */
};

/* A version beside the one that answered. */
struct trivet_shadow {
    uint64_t answered_by;
    struct trivet_shadow_sums base; /* of ended epochs and lives, all sources */
    struct trivet_shadow_sums *current[TRIVET_LIVE_SOURCES]; /* NULL = nothing from there */
};

/* Of the version's own test, by Models.Describe; NaN = not known. */
struct trivet_live_test {
    bool known;
    double accuracy;
    double f1_macro;
    double mae;
    double mse;
    double r2;
};

/* Of one series; zeroed is empty. */
struct trivet_monitor_live {
    struct trivet_quality *quality; /* NULL = no outcome yet */
    struct trivet_shadow *shadows[TRIVET_LIVE_SHADOWS_MAX];
    size_t n_shadows;
    bool shadows_changed; /* since the history took them */
    struct trivet_live_test test;
    int64_t asked_us; /* when the test was last asked for */
};

struct trivet_unjoined_counts {
    uint64_t unmatched;
    uint64_t not_sampled;
    uint64_t refused;
    uint64_t invalid;
};

/* Outcomes of a model that joined to no prediction. */
struct trivet_unjoined {
    char model[65];
    struct trivet_unjoined_counts base;
    struct trivet_unjoined_counts current[TRIVET_LIVE_SOURCES];
    uint64_t lives[TRIVET_LIVE_SOURCES]; /* that current is of */
    int64_t active_us; /* the tick before its last news; 0 = none since the monitor's start */
    bool changed;      /* since the history took it */
};

/* Of a monitor; zeroed is empty. */
struct trivet_live_all {
    struct trivet_unjoined **models; /* by name */
    size_t n_models;
    size_t quality_bytes;
};

void trivet_live_series_release(struct trivet_monitor_live *live);
void trivet_live_release(struct trivet_live_all *all);

/* Running totals of `source`. INVALID_ARGUMENT: they cannot be; RESOURCE_EXHAUSTED. */
enum trivet_status trivet_live_quality(struct trivet_monitor *monitor, size_t source,
                                       const Trivet__V1__QualityTotals *totals, int64_t at_us,
                                       struct trivet_error *err) TRIVET_MUST_USE;
enum trivet_status trivet_live_shadow(struct trivet_monitor *monitor, size_t source,
                                      const Trivet__V1__ShadowTotals *totals,
                                      struct trivet_error *err) TRIVET_MUST_USE;
enum trivet_status trivet_live_unjoined(struct trivet_monitor *monitor, size_t source,
                                        const Trivet__V1__UnjoinedTotals *totals,
                                        struct trivet_error *err) TRIVET_MUST_USE;
/* The unjoined of a model; made when missing. RESOURCE_EXHAUSTED at the maximum. */
enum trivet_status trivet_live_unjoined_get(struct trivet_live_all *all, const char *model,
                                            struct trivet_unjoined **out,
                                            struct trivet_error *err) TRIVET_MUST_USE;
/* NULL when nothing was heard. */
const struct trivet_unjoined *trivet_live_unjoined_find(const struct trivet_live_all *all,
                                                        const char *model);
/* Whether the model is known or may be. */
bool trivet_live_unjoined_has_room(const struct trivet_live_all *all, const char *model);
/* Takes models[at] out. */
void trivet_live_unjoined_let_go(struct trivet_live_all *all, size_t at);
void trivet_live_unjoined_sum(const struct trivet_unjoined *unjoined,
                              struct trivet_unjoined_counts *out);
void trivet_live_shadow_sum(const struct trivet_shadow *shadow, struct trivet_shadow_sums *out);

/* Whether the pair is known or may be. */
bool trivet_live_shadow_has_room(const struct trivet_monitor *monitor, const char *model,
                                 uint64_t version, uint64_t answered_by);
/* The sums of a shadow from one source, or (TRIVET_LIVE_SOURCES) of ended epochs; made when
 * missing, with the series. */
enum trivet_status trivet_live_shadow_slot(struct trivet_monitor *monitor, const char *model,
                                           uint64_t version, uint64_t answered_by, size_t source,
                                           struct trivet_shadow_sums **out,
                                           struct trivet_error *err) TRIVET_MUST_USE;

/* The source's epoch has ended. */
void trivet_live_fold(struct trivet_monitor *monitor, size_t source);

/* A version with outcomes whose own test is not known, for the poller of any source to ask about.
 * False when there is none. Takes the monitor's lock, as the next. */
bool trivet_live_test_wanted(struct trivet_monitor *monitor, size_t source, int64_t now_us,
                             char *model, uint64_t *version);
void trivet_live_test_take(struct trivet_monitor *monitor, const Trivet__V1__Model *model);

#endif
