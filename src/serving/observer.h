/* What is served, counted in the bins of each version's reference profile: running totals of a
 * sample of the rows, each with the number of rows it stands for.
 *
 * Rows are chosen by a hash of their prediction's id. While a version serves no more than
 * `rows_per_s_max` rows in any second, every row is; beyond that as many of them as keep to it,
 * with weights so that sums over the sample are those of all rows in expectation. What is chosen at
 * is set before a batch is looked at, so that no weight depends on who was chosen.
 *
 * One observer per version, with a lock of its own that is held for the bins of one row: never
 * while anything is predicted. It outlives the servable: a version that is loaded again goes on
 * counting, until memory is needed for others. */
#ifndef TRIVET_SERVING_OBSERVER_H
#define TRIVET_SERVING_OBSERVER_H

#include "base/compiler.h"
#include "data/table.h"
#include "profile/bins.h"
#include "serving/servable.h"

#include <trivet/error.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Of all versions together; 100 of 1,000 numeric columns take a tenth. */
#define TRIVET_OBSERVERS_BYTES_MAX ((size_t)128 << 20)
/* Of one column, so that a column fits in one event. */
#define TRIVET_OBSERVER_CELLS_MAX 1900

struct trivet_observer;
struct trivet_observers;

/* `rows_per_s_max` of each version; 0 = nothing is counted. NULL when out of memory. */
struct trivet_observers *trivet_observers_create(uint64_t rows_per_s_max);
/* No round may be open. */
void trivet_observers_free(struct trivet_observers *observers);
/* When a version was loaded, before it is found by anyone: gives it its observer. One without a
 * profile gets none. INVALID_ARGUMENT: a column has too many bins;
 * RESOURCE_EXHAUSTED: no memory, or all of the budget is used by loaded versions. */
enum trivet_status trivet_observers_add(struct trivet_observers *observers,
                                        struct trivet_servable *servable,
                                        struct trivet_error *err) TRIVET_MUST_USE;
void trivet_observer_unref(struct trivet_observer *observer); /* NULL is fine */

/* --- on the data path; any thread ------------------------------------------------------------- */

/* `n_rows` rows of one version that were answered: those for which _chooses is true are to be
 * added. Of a version without an observer none is. */
struct trivet_observer_round {
    struct trivet_observer *observer; /* NULL: none; as long as the servable */
    const struct trivet_servable *servable;
    uint64_t threshold;
    double weight;
};
struct trivet_observer_round trivet_observer_begin(const struct trivet_servable *servable,
                                                   uint64_t n_rows, int64_t now_ns);
static inline bool trivet_observer_chooses(const struct trivet_observer_round *round, uint64_t hash)
{
    return round->observer != NULL && hash <= round->threshold;
}
/* A row of numbers, dense, at any address, in the order of the pipeline's inputs. `outputs`: of the
 * row; NULL: it could not be predicted. */
void trivet_observer_add_numbers(const struct trivet_observer_round *round, const void *row,
                                 bool single_precision, const double *outputs);
/* Row `i` of a table that is bound to the pipeline's inputs. */
void trivet_observer_add_row(const struct trivet_observer_round *round,
                             const struct trivet_table *table, size_t i, const double *outputs);

/* --- for who publishes; one thread ------------------------------------------------------------ */

/* Observer `i` with a reference for the caller; NULL beyond the last. */
struct trivet_observer *trivet_observers_get(struct trivet_observers *observers, size_t i);
const char *trivet_observer_model(const struct trivet_observer *observer);
uint64_t trivet_observer_version(const struct trivet_observer *observer);
/* Rows added so far. Without the lock. */
uint64_t trivet_observer_rows(const struct trivet_observer *observer);
/* For the publisher's own use. */
struct trivet_observer_sent {
    int64_t at_ns; /* 0 = never */
    uint64_t rows; /* as of then */
    bool repeated;
};
struct trivet_observer_sent *trivet_observer_sent(struct trivet_observer *observer);

/* All of one moment. */
struct trivet_observed {
    size_t n_columns;
    const size_t *first; /* as in struct trivet_bins; the observer's */
    double *cells;       /* owned */
    double weights;
    double squares;
    double confidence; /* sums over rows with probabilities */
    double confidence_weights;
    double unseen; /* categories that the reference does not have */
    uint64_t rows; /* trivet_observer_rows */
};
/* False when out of memory. */
bool trivet_observer_copy(struct trivet_observer *observer, struct trivet_observed *out);
void trivet_observed_release(struct trivet_observed *observed);

#endif
