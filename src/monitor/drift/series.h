/* Drift of the monitor's series: snapshots of what was served (BinTotals), put together from their
 * pieces, their differences brought to the watch of the version (monitor/drift/drift.h).
 *
 * A snapshot is running totals, so that one that lost a piece costs nothing but time: the next one
 * holds its rows. The first one of a source says what was served so far, of which only a version
 * whose first call was seen here is known to be news; of any other it is where counting begins. An
 * epoch that ends takes with it what was served since its last snapshot.
 *
 * All of it under the monitor's lock, where it does not say otherwise. Memory is counted; versions
 * that are over the budget are not watched. */
#ifndef TRIVET_MONITOR_DRIFT_SERIES_H
#define TRIVET_MONITOR_DRIFT_SERIES_H

#include "base/arena.h"
#include "base/compiler.h"
#include "monitor/drift/drift.h"
#include "profile/calibration.h"
#include "trivet/v1/events.pb-c.h"

#include <trivet/error.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TRIVET_MONITOR_DRIFT_SOURCES   16
#define TRIVET_MONITOR_DRIFT_BYTES_MAX ((size_t)256 << 20)
/* A profile that could not be had is asked for again after this long. */
#define TRIVET_MONITOR_DRIFT_RETRY_US 30000000
/* Nothing of a version for this long, and it makes room for others. */
#define TRIVET_MONITOR_DRIFT_IDLE_US 600000000

struct trivet_monitor;
struct trivet_monitor_series;

/* Of a monitor. */
struct trivet_drift_budget {
    size_t bytes;
    size_t bytes_max;
    uint64_t refused; /* versions that it had no room for */
};

/* Sums over rows with probabilities: their ratio is the mean confidence. */
struct trivet_drift_confidence {
    double sum;
    double weights;
};

/* What one source serves of a version. */
struct trivet_drift_part {
    uint64_t epoch;     /* of all that follows */
    uint64_t snapshot;  /* the one that `coming` is of, or the last one taken */
    size_t next_column; /* of `coming`; 0 = no snapshot is on its way */
    struct trivet_bins *coming;
    struct trivet_bins *taken; /* running totals so far */
    struct trivet_drift_confidence coming_confidence;
    struct trivet_drift_confidence taken_confidence;
    bool has_taken;
};

/* The drift of one series. */
struct trivet_monitor_drift {
    struct trivet_arena *arena; /* owns the profile */
    const Trivet__V1__Profile *profile;
    struct trivet_drift_watch *watch; /* NULL: the profile is not here yet */
    struct trivet_drift_part *parts[TRIVET_MONITOR_DRIFT_SOURCES]; /* NULL = nothing yet */
    struct trivet_drift_confidence open;
    struct trivet_drift_confidence closed; /* of the last window */
    bool has_confidence;                   /* it decides by probabilities */
    int64_t closed_us;                     /* when the last window closed; 0 = none yet */
    int64_t fed_us;                        /* last news */
    int64_t ask_us;                        /* not before, when it is `wanted` */
    bool wanted;                           /* the profile */
    bool refused;                          /* there is none, or no room */
    bool fed;                              /* rows since the program started */
    bool unsaved;                          /* a window has closed since the history took it */
    size_t n_bytes;                        /* of the budget */
};

void trivet_monitor_drift_free(struct trivet_drift_budget *budget,
                               struct trivet_monitor_drift *drift);

/* Take one piece in. `from_zero`: the source's totals of this version began under our eyes in
 * `epoch`. INVALID_ARGUMENT: it is not laid out as the profile; RESOURCE_EXHAUSTED. */
enum trivet_status trivet_monitor_drift_piece(struct trivet_monitor *monitor,
                                              struct trivet_monitor_series *series, size_t source,
                                              uint64_t epoch, bool from_zero,
                                              const Trivet__V1__BinTotals *piece, int64_t now_us,
                                              struct trivet_error *err) TRIVET_MUST_USE;
/* The source deleted the version (0: all of the model). One that is only unloaded stays, until room
 * is needed: its totals go on when it is loaded again. */
void trivet_monitor_drift_deleted(struct trivet_monitor *monitor, size_t source, const char *model,
                                  uint64_t version);
/* Close the windows that are due. */
void trivet_monitor_drift_tick(struct trivet_monitor *monitor, int64_t now_us);

/* For who fetches profiles; both take the lock. A version of `source` whose profile is wanted, into
 * `model` (TRIVET_MONITOR_MODEL_BYTES); false when there is none. It is not named again for
 * TRIVET_MONITOR_DRIFT_RETRY_US. */
bool trivet_monitor_drift_wanted(struct trivet_monitor *monitor, size_t source, int64_t now_us,
                                 char *model, uint64_t *version);
/* A copy of `profile` is made; NULL: the version has none. DATA_LOSS: it is damaged;
 * RESOURCE_EXHAUSTED: no room. None of these is asked for again. */
enum trivet_status trivet_monitor_drift_profile(struct trivet_monitor *monitor, const char *model,
                                                uint64_t version,
                                                const Trivet__V1__Profile *profile,
                                                struct trivet_error *err) TRIVET_MUST_USE;
/* Anew, with a watch that has seen nothing; takes no lock and is counted in no budget. */
enum trivet_status trivet_monitor_drift_create(const struct trivet_drift_options *options,
                                               const Trivet__V1__Profile *profile,
                                               struct trivet_monitor_drift **out,
                                               struct trivet_error *err) TRIVET_MUST_USE;
/* Under the lock: takes `drift` into a series that has no watch, where the budget allows. */
enum trivet_status trivet_monitor_drift_attach(struct trivet_monitor *monitor,
                                               struct trivet_monitor_series *series,
                                               struct trivet_monitor_drift *drift,
                                               struct trivet_error *err) TRIVET_MUST_USE;

/* --- what is told of it ---------------------------------------------------------------------- */

/* One kind of finding, over the columns of a version. */
struct trivet_drift_told {
    size_t n_firing;
    size_t n_pending;
    /* Of the firing columns, or of the pending ones where none is: the farthest over its limit.
     * NULL when there is none. Lives as long as the lock is held. */
    const char *worst;
    double excess; /* of it: 1 = at its limit */
    double value;  /* PSI, or the share of rows */
    int64_t since_us;
};

/* For alerts and pages. */
struct trivet_drift_summary {
    bool known; /* a window was scored; else only `watched` and `open_rows` mean anything */
    bool watched;
    uint64_t n_windows;
    int64_t closed_us;
    double rows;      /* of the last window; effective */
    double open_rows; /* of the one that is open */
    double psi_max;
    struct trivet_drift_told told[TRIVET_DRIFT_FINDING_COUNT];
    /* Columns that moved, by distribution or by range; a column with both counts once. */
    size_t n_moved_firing;
    size_t n_moved_pending;
    /* Share of the answers of the last window that a calibrated classifier expects to be right, and
     * of the held-out rows that it decided right (profile/calibration.h). NaN = not known. */
    double expected_accuracy;
    double reference_accuracy;
    /* Why the first is not told of a classifier with probabilities; "": it is, or will be. */
    char expected_doubt[TRIVET_CALIBRATION_TEXT_BYTES];
};

/* Under the lock. Any series. */
void trivet_monitor_drift_summary(const struct trivet_monitor_series *series,
                                  struct trivet_drift_summary *out);

#endif
