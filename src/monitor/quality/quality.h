/* Live quality of one version, from outcomes that were joined to its predictions: running totals of
 * each source (QualityTotals), and a rolling window of their differences. Pure: no I/O, no clock,
 * no lock; under the owner's.
 *
 * The window is a list of slots, ten seconds at first; when there are too many, neighbours are put
 * together where that blurs least, so that a window of any length up to a day begins at most a
 * quarter of it too early, in bounded memory. A correction takes back what it corrects: sums of a
 * slot may be negative, and are right.
 *
 * A pair of classes that is 0 everywhere gives its place to another when there is no other. Those
 * beyond TRIVET_QUALITY_PAIRS_MAX, and those with long names, are counted together: accuracy stays
 * exact, F1 is then not told. */
#ifndef TRIVET_MONITOR_QUALITY_H
#define TRIVET_MONITOR_QUALITY_H

#include "base/arena.h"
#include "base/buffer.h"
#include "base/compiler.h"
#include "trivet/v1/events.pb-c.h"

#include <trivet/error.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TRIVET_QUALITY_SOURCES    16
#define TRIVET_QUALITY_PAIRS_MAX  512
#define TRIVET_QUALITY_NAME_BYTES 64
#define TRIVET_QUALITY_SLOTS_MAX  48
#define TRIVET_QUALITY_SLOT_US    10000000LL
#define TRIVET_QUALITY_WINDOW_US  (24 * 3600 * 1000000LL)
#define TRIVET_QUALITY_RECENT_US  (3600 * 1000000LL)
/* Of all versions together. Beyond, a version keeps TRIVET_QUALITY_SLOTS_FEW slots. */
#define TRIVET_QUALITY_BYTES_MAX ((size_t)64 << 20)
#define TRIVET_QUALITY_SLOTS_FEW 8
/* With fewer labels, nothing is said of the quality. */
#define TRIVET_QUALITY_LABELS_MIN 100

enum trivet_quality_sum {
    TRIVET_QUALITY_LOGGED,
    TRIVET_QUALITY_LABELLED,
    TRIVET_QUALITY_CORRECTED,
    TRIVET_QUALITY_DUPLICATE,
    TRIVET_QUALITY_LATE,
    TRIVET_QUALITY_INVALID, /* the last of the counts */
    TRIVET_QUALITY_LOGGED_WEIGHT,
    TRIVET_QUALITY_LABELLED_WEIGHT,
    TRIVET_QUALITY_ERROR,
    TRIVET_QUALITY_ABSOLUTE_ERROR,
    TRIVET_QUALITY_SQUARED_ERROR,
    TRIVET_QUALITY_OUTCOME,
    TRIVET_QUALITY_SQUARED_OUTCOME,
    TRIVET_QUALITY_SQUARED_WEIGHT,
    TRIVET_QUALITY_SQUARED_WEIGHT_RIGHT,
    TRIVET_QUALITY_SQUARED_WEIGHT_ABSOLUTE_ERROR,
    TRIVET_QUALITY_SQUARED_WEIGHT_SQUARED_ERROR,
    TRIVET_QUALITY_SQUARED_WEIGHT_FOURTH_ERROR,
    TRIVET_QUALITY_OTHER_RIGHT,
    TRIVET_QUALITY_OTHER_WRONG,
    TRIVET_QUALITY_SUM_COUNT,
};

/* Sums that add up and subtract. `pairs` (n_pairs) are weights of the quality's pairs; those beyond
 * n_pairs are 0. */
struct trivet_quality_sums {
    double values[TRIVET_QUALITY_SUM_COUNT];
    double *pairs; /* owned */
    size_t n_pairs;
    uint64_t life; /* of a message's totals; sums have none */
};

struct trivet_quality_pair {
    char truth[TRIVET_QUALITY_NAME_BYTES];
    char predicted[TRIVET_QUALITY_NAME_BYTES];
};

struct trivet_quality_part {
    struct trivet_quality_sums base;    /* of ended epochs, and lives of this one */
    struct trivet_quality_sums current; /* of the source's epoch */
    bool live;                          /* current was brought by this source's contact … */
    uint32_t contact;                   /* … of this number */
};

struct trivet_quality_slot {
    int64_t begin_us;
    int64_t end_us;
    struct trivet_quality_sums sums;
};

struct trivet_quality {
    struct trivet_quality_pair *pairs; /* owned */
    size_t n_pairs;
    size_t pairs_capacity;
    struct trivet_quality_part *parts[TRIVET_QUALITY_SOURCES];      /* NULL = nothing from there */
    struct trivet_quality_slot slots[TRIVET_QUALITY_SLOTS_MAX + 1]; /* oldest first */
    size_t n_slots;
    size_t *used_bytes; /* borrowed: of all */
    bool changed;       /* since the owner cleared it */
};

struct trivet_quality *trivet_quality_create(size_t *used_bytes);
void trivet_quality_free(struct trivet_quality *quality);

/* Take running totals of `source` in, which replace the ones before; what they add goes into the
 * window when it `continues` what was seen. Ignored (`*stale`) when newer ones are there.
 * INVALID_ARGUMENT: a sum is no number. RESOURCE_EXHAUSTED: nothing was taken. */
enum trivet_status trivet_quality_take(struct trivet_quality *quality, size_t source,
                                       const Trivet__V1__QualityTotals *totals, bool continues,
                                       int64_t at_us, bool *stale,
                                       struct trivet_error *err) TRIVET_MUST_USE;
/* The source's epoch has ended: its totals go into the base. RESOURCE_EXHAUSTED: not done. */
enum trivet_status trivet_quality_fold(struct trivet_quality *quality, size_t source,
                                       struct trivet_error *err) TRIVET_MUST_USE;
/* As QualityTotals, and back. */
enum trivet_status trivet_quality_pack(const struct trivet_quality *quality,
                                       const struct trivet_quality_sums *sums,
                                       struct trivet_buffer *out,
                                       struct trivet_error *err) TRIVET_MUST_USE;
/* `out` is replaced. */
enum trivet_status trivet_quality_unpack(struct trivet_quality *quality, const void *data,
                                         size_t n_bytes, struct trivet_arena *arena,
                                         struct trivet_quality_sums *out,
                                         struct trivet_error *err) TRIVET_MUST_USE;
/* A slot of the window, oldest first, as trivet_quality_pack() wrote its sums. DATA_LOSS: more than
 * there can be. */
enum trivet_status trivet_quality_restore_slot(struct trivet_quality *quality, int64_t begin_us,
                                               int64_t end_us, const void *data, size_t n_bytes,
                                               struct trivet_arena *arena,
                                               struct trivet_error *err) TRIVET_MUST_USE;
/* The part of a source, made when missing. */
enum trivet_status trivet_quality_part_get(struct trivet_quality *quality, size_t source,
                                           struct trivet_quality_part **out,
                                           struct trivet_error *err) TRIVET_MUST_USE;

/* The clock was set back to `now_us`: the window's slots come with it, as far apart as they were.
 */
void trivet_quality_set_back(struct trivet_quality *quality, int64_t now_us);

/* Sums of the last `window_us` before `now_us`, and of all time; `out` is the caller's to release
 * with trivet_quality_sums_release(). */
enum trivet_status trivet_quality_window(const struct trivet_quality *quality, int64_t now_us,
                                         int64_t window_us, struct trivet_quality_sums *out,
                                         struct trivet_error *err) TRIVET_MUST_USE;
enum trivet_status trivet_quality_ever(const struct trivet_quality *quality,
                                       struct trivet_quality_sums *out,
                                       struct trivet_error *err) TRIVET_MUST_USE;
void trivet_quality_sums_release(struct trivet_quality_sums *sums);

/* The share of the logged predictions with an outcome, by weight; NaN without any. */
double trivet_quality_coverage(const struct trivet_quality_sums *sums);

/* A number with its 95 % interval. */
struct trivet_quality_estimate {
    bool known;
    double value;
    double lower;
    double upper;
};

enum trivet_quality_task {
    TRIVET_QUALITY_NOTHING, /* no outcome yet */
    TRIVET_QUALITY_CLASSES,
    TRIVET_QUALITY_NUMBERS,
};

struct trivet_quality_statement {
    enum trivet_quality_task task;
    uint64_t labels;
    bool enough;      /* labels for a statement; else no estimate is known */
    double effective; /* labels of equal weight that would tell as much */
    /* Wilson's interval (1927) with n the effective labels. */
    struct trivet_quality_estimate accuracy;
    bool f1_known;
    double f1_macro; /* over the classes that occur, as scikit-learn's */
    /* Of the absolute and of the squared error by their own variances among weighted labels; R²
     * from that of the squared error. */
    struct trivet_quality_estimate mae;
    struct trivet_quality_estimate mse;
    struct trivet_quality_estimate r2;
    double bias; /* mean of prediction - outcome; 0 unless mae is known */
};

void trivet_quality_state(const struct trivet_quality *quality,
                          const struct trivet_quality_sums *sums,
                          struct trivet_quality_statement *out);
/* What is told as the quality now: of the last hour, or with too few labels in it of the last day.
 * `sums` and `out` begin zeroed; `sums` is the caller's to release, also on failure. */
enum trivet_status trivet_quality_recent(const struct trivet_quality *quality, int64_t now_us,
                                         int64_t *window_us, struct trivet_quality_sums *sums,
                                         struct trivet_quality_statement *out,
                                         struct trivet_error *err) TRIVET_MUST_USE;

#endif
