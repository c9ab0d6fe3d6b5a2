/* How rows are chosen: a bucket of tokens, one per row, holds those of two seconds and is filled at
 * `rows_per_s_max`. A batch that leaves a second's worth in it is counted whole; while no second
 * has more rows than that, this is so for every batch. Any other batch is sampled at the rate that
 * would have kept the second before, or the current one with this batch, a little under the limit.
 */
#include "serving/observer.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/text.h"
#include "profile/profile.h"

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#define MODEL_BYTES 65
/* Of the limit, so that the bucket does not fill while rows are sampled. */
#define HEADROOM   0.95
#define GROW_COUNT 16

struct trivet_observer {
    /* Set once. */
    char model[MODEL_BYTES];
    uint64_t version;
    enum trivet_output_kind kind;
    size_t n_features;
    uint32_t *decisions; /* the cell of each class or cluster in the first column of predictions */
    bool *knows_all;     /* of each column: the reference counts no category as "other" */
    size_t n_bytes;

    atomic_int n_refs;
    atomic_uint_fast64_t n_rows;
    struct trivet_observer_sent sent; /* the publisher's thread */

    pthread_mutex_t lock; /* all below */
    struct trivet_bins *bins;
    double confidence;
    double confidence_weights;
    double rows_per_s_max;
    double tokens;
    int64_t filled_ns;
    int64_t second_ns; /* begin of the current second */
    double n_offered;  /* in it */
    double per_s;      /* in the one before */
};

struct trivet_observers {
    uint64_t rows_per_s_max;
    pthread_mutex_t lock; /* all below */
    struct trivet_observer **list;
    size_t n;
    size_t n_bytes;
};

/* --- life ------------------------------------------------------------------------------------ */

static void observer_free(struct trivet_observer *observer)
{
    if (observer != NULL) {
        trivet_bins_free(observer->bins);
        trivet_free(observer->decisions);
        trivet_free(observer->knows_all);
        pthread_mutex_destroy(&observer->lock);
        trivet_free(observer);
    }
}

void trivet_observer_unref(struct trivet_observer *observer)
{
    if (observer != NULL &&
        atomic_fetch_sub_explicit(&observer->n_refs, 1, memory_order_acq_rel) == 1) {
        observer_free(observer);
    }
}

static struct trivet_observer *observer_ref(struct trivet_observer *observer)
{
    atomic_fetch_add_explicit(&observer->n_refs, 1, memory_order_relaxed);
    return observer;
}

struct trivet_observers *trivet_observers_create(uint64_t rows_per_s_max)
{
    struct trivet_observers *observers = trivet_calloc(1, sizeof(*observers));
    if (observers != NULL) {
        observers->rows_per_s_max = rows_per_s_max;
        pthread_mutex_init(&observers->lock, NULL);
    }
    return observers;
}

void trivet_observers_free(struct trivet_observers *observers)
{
    if (observers == NULL) {
        return;
    }
    for (size_t i = 0; i < observers->n; i++) {
        trivet_observer_unref(observers->list[i]);
    }
    trivet_free(observers->list);
    pthread_mutex_destroy(&observers->lock);
    trivet_free(observers);
}

/* The artefact was checked for all else. */
static bool fits(const Trivet__V1__Profile *profile)
{
    for (size_t i = 0; i < profile->n_features + profile->n_predictions; i++) {
        if (trivet_bins_column(profile, i)->n_counts >= TRIVET_OBSERVER_CELLS_MAX) {
            return false;
        }
    }
    return true;
}

static size_t n_decisions(const struct trivet_pipeline *pipeline)
{
    const struct trivet_labels *labels = trivet_pipeline_labels(pipeline);
    return labels->n_labels > 0 ? labels->n_labels : trivet_pipeline_n_outputs(pipeline);
}

static void fill_decisions(struct trivet_observer *observer, const Trivet__V1__Profile *profile,
                           const struct trivet_pipeline *pipeline)
{
    const struct trivet_labels *labels = trivet_pipeline_labels(pipeline);
    for (size_t k = 0; observer->kind != TRIVET_OUTPUT_VALUE && k < n_decisions(pipeline); k++) {
        char number[24];
        (void)trivet_text_format(number, sizeof(number), "%zu", k);
        observer->decisions[k] = (uint32_t)trivet_profile_category(
            profile->predictions[0], labels->n_labels > 0 ? labels->texts[k] : number);
    }
}

static enum trivet_status observer_create(const struct trivet_servable *servable,
                                          uint64_t rows_per_s_max, struct trivet_observer **out,
                                          struct trivet_error *err)
{
    const struct trivet_pipeline *pipeline = trivet_servable_pipeline(servable);
    const Trivet__V1__Profile *profile = trivet_servable_artefact(servable)->message->profile;
    const size_t n_columns = profile->n_features + profile->n_predictions;
    struct trivet_observer *observer = trivet_calloc(1, sizeof(*observer));
    if (observer == NULL) {
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "out of memory to observe drift");
    }
    pthread_mutex_init(&observer->lock, NULL);
    atomic_init(&observer->n_refs, 1);
    (void)trivet_text_copy(observer->model, sizeof(observer->model),
                           trivet_servable_model(servable));
    observer->version = trivet_servable_version(servable);
    observer->kind = trivet_pipeline_output_kind(pipeline);
    observer->n_features = profile->n_features;
    observer->rows_per_s_max = (double)rows_per_s_max;
    observer->tokens = 2.0 * observer->rows_per_s_max;
    observer->decisions = trivet_calloc(n_decisions(pipeline) + 1, sizeof(*observer->decisions));
    observer->knows_all = trivet_calloc(n_columns + 1, sizeof(*observer->knows_all));
    enum trivet_status status = trivet_bins_create(profile, &observer->bins, err);
    if (status == TRIVET_OK && (observer->decisions == NULL || observer->knows_all == NULL)) {
        status = trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "out of memory to observe drift");
    }
    if (status != TRIVET_OK) {
        observer_free(observer);
        return status;
    }
    for (size_t i = 0; i < n_columns; i++) {
        const Trivet__V1__FeatureProfile *column = trivet_bins_column(profile, i);
        observer->knows_all[i] = column->categorical && column->counts[column->n_counts - 1] == 0;
    }
    fill_decisions(observer, profile, pipeline);
    observer->n_bytes = sizeof(*observer) + n_columns * (sizeof(size_t) + sizeof(bool)) +
                        observer->bins->first[n_columns] * sizeof(double) +
                        n_decisions(pipeline) * sizeof(uint32_t);
    *out = observer;
    return TRIVET_OK;
}

/* --- the list -------------------------------------------------------------------------------- */

/* Under the lock. */
static struct trivet_observer *find(const struct trivet_observers *observers, const char *model,
                                    uint64_t version)
{
    for (size_t i = 0; i < observers->n; i++) {
        struct trivet_observer *each = observers->list[i];
        if (each->version == version && strcmp(each->model, model) == 0) {
            return each;
        }
    }
    return NULL;
}

/* Under the lock: the one unloaded version that came first. */
static bool drop_unloaded(struct trivet_observers *observers)
{
    for (size_t i = 0; i < observers->n; i++) {
        struct trivet_observer *each = observers->list[i];
        if (atomic_load_explicit(&each->n_refs, memory_order_acquire) == 1) {
            observers->n_bytes -= each->n_bytes;
            observer_free(each);
            observers->n--;
            memmove(&observers->list[i], &observers->list[i + 1],
                    (observers->n - i) * sizeof(struct trivet_observer *));
            return true;
        }
    }
    return false;
}

/* Under the lock: takes `observer`. */
static bool append(struct trivet_observers *observers, struct trivet_observer *observer)
{
    while (observers->n_bytes + observer->n_bytes > TRIVET_OBSERVERS_BYTES_MAX) {
        if (!drop_unloaded(observers)) {
            return false;
        }
    }
    if (observers->n % GROW_COUNT == 0) {
        struct trivet_observer **list = trivet_realloc(
            observers->list, (observers->n + GROW_COUNT) * sizeof(struct trivet_observer *));
        if (list == NULL) {
            return false;
        }
        observers->list = list;
    }
    observers->list[observers->n++] = observer;
    observers->n_bytes += observer->n_bytes;
    return true;
}

enum trivet_status trivet_observers_add(struct trivet_observers *observers,
                                        struct trivet_servable *servable, struct trivet_error *err)
{
    const Trivet__V1__Profile *profile = trivet_servable_artefact(servable)->message->profile;
    if (observers->rows_per_s_max == 0 || profile == NULL ||
        profile->n_features + profile->n_predictions == 0) {
        return TRIVET_OK;
    }
    if (!fits(profile)) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "the drift of %s:%llu cannot be observed: its reference profile "
                                "has a column of too many bins; train it again",
                                trivet_servable_model(servable),
                                (unsigned long long)trivet_servable_version(servable));
    }
    enum trivet_status status = TRIVET_OK;
    pthread_mutex_lock(&observers->lock);
    struct trivet_observer *observer =
        find(observers, trivet_servable_model(servable), trivet_servable_version(servable));
    if (observer == NULL) {
        status = observer_create(servable, observers->rows_per_s_max, &observer, err);
        if (status == TRIVET_OK && !append(observers, observer)) {
            observer_free(observer);
            status = trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                                      "the drift of %s:%llu is not observed: no memory left for it",
                                      trivet_servable_model(servable),
                                      (unsigned long long)trivet_servable_version(servable));
        }
    }
    if (status == TRIVET_OK) {
        trivet_servable_set_observer(servable, observer_ref(observer));
    }
    pthread_mutex_unlock(&observers->lock);
    return status;
}

/* --- choosing -------------------------------------------------------------------------------- */

/* Under the lock. */
static void roll(struct trivet_observer *observer, int64_t now_ns)
{
    if (observer->filled_ns != 0 && now_ns > observer->filled_ns) {
        observer->tokens +=
            observer->rows_per_s_max * (double)(now_ns - observer->filled_ns) / TRIVET_NS_PER_S;
        observer->tokens = fmin(observer->tokens, 2.0 * observer->rows_per_s_max);
    }
    observer->filled_ns = now_ns > observer->filled_ns ? now_ns : observer->filled_ns;
    int64_t passed_ns = now_ns - observer->second_ns;
    if (observer->second_ns == 0 || passed_ns >= TRIVET_NS_PER_S) {
        observer->per_s = observer->second_ns == 0
                              ? 0
                              : observer->n_offered * TRIVET_NS_PER_S / (double)passed_ns;
        observer->second_ns = now_ns;
        observer->n_offered = 0;
    }
}

struct trivet_observer_round trivet_observer_begin(const struct trivet_servable *servable,
                                                   uint64_t n_rows, int64_t now_ns)
{
    struct trivet_observer *observer = trivet_servable_observer(servable);
    struct trivet_observer_round round = {.servable = servable, .weight = 1};
    if (observer == NULL || n_rows == 0) {
        return round;
    }
    double rate = 1;
    pthread_mutex_lock(&observer->lock);
    roll(observer, now_ns);
    observer->n_offered += (double)n_rows;
    if (observer->tokens - (double)n_rows < observer->rows_per_s_max) {
        double per_s = fmax(observer->per_s, observer->n_offered);
        rate = fmin(HEADROOM * observer->rows_per_s_max / per_s, 1.0);
    }
    observer->tokens = fmax(observer->tokens - rate * (double)n_rows, 0);
    pthread_mutex_unlock(&observer->lock);
    round.observer = observer;
    round.threshold = rate < 1 ? (uint64_t)(rate * 0x1p64) : UINT64_MAX;
    round.weight = 1 / rate;
    return round;
}

/* --- counting -------------------------------------------------------------------------------- */

/* Under the lock: what was predicted, and that the row is whole. */
static void finish_row(const struct trivet_observer_round *round,
                       const Trivet__V1__Profile *profile, const double *outputs)
{
    struct trivet_observer *observer = round->observer;
    struct trivet_bins *bins = observer->bins;
    const size_t at = observer->n_features;
    if (observer->kind == TRIVET_OUTPUT_VALUE) {
        trivet_bins_add_number(bins, profile, at, outputs != NULL ? outputs[0] : (double)NAN,
                               round->weight);
    } else {
        uint32_t code = 0;
        size_t cell = bins->first[at + 1] - bins->first[at] - 1; /* missing */
        if (outputs != NULL) {
            code = trivet_pipeline_decide(trivet_servable_pipeline(round->servable), outputs);
            cell = observer->decisions[code];
        }
        bins->cells[bins->first[at] + cell] += round->weight;
        if (observer->kind == TRIVET_OUTPUT_PROBABILITIES) {
            double confidence = outputs != NULL ? outputs[code] : (double)NAN;
            trivet_bins_add_number(bins, profile, at + 1, confidence, round->weight);
            observer->confidence += outputs != NULL ? confidence * round->weight : 0;
            observer->confidence_weights += outputs != NULL ? round->weight : 0;
        }
    }
    trivet_bins_add_row(bins, round->weight);
    atomic_fetch_add_explicit(&observer->n_rows, 1, memory_order_relaxed);
}

static const Trivet__V1__Profile *profile_of(const struct trivet_observer_round *round)
{
    return trivet_servable_artefact(round->servable)->message->profile;
}

void trivet_observer_add_numbers(const struct trivet_observer_round *round, const void *row,
                                 bool single_precision, const double *outputs)
{
    struct trivet_observer *observer = round->observer;
    const Trivet__V1__Profile *profile = profile_of(round);
    const char *from = row;
    pthread_mutex_lock(&observer->lock);
    for (size_t i = 0; i < observer->n_features; i++) {
        double value;
        if (single_precision) {
            float narrow;
            memcpy(&narrow, from + i * sizeof(narrow), sizeof(narrow));
            value = (double)narrow;
        } else {
            memcpy(&value, from + i * sizeof(value), sizeof(value));
        }
        trivet_bins_add_number(observer->bins, profile, i, value, round->weight);
    }
    finish_row(round, profile, outputs);
    pthread_mutex_unlock(&observer->lock);
}

void trivet_observer_add_row(const struct trivet_observer_round *round,
                             const struct trivet_table *table, size_t i, const double *outputs)
{
    struct trivet_observer *observer = round->observer;
    const Trivet__V1__Profile *profile = profile_of(round);
    pthread_mutex_lock(&observer->lock);
    for (size_t j = 0; j < observer->n_features; j++) {
        const struct trivet_column *column = &table->columns[j];
        if (column->type == TRIVET_COLUMN_NUMERIC) {
            trivet_bins_add_number(observer->bins, profile, j, column->numbers[i * column->stride],
                                   round->weight);
        } else {
            uint32_t code = column->codes[i * column->stride];
            trivet_bins_add_category(observer->bins, profile, j,
                                     code < column->n_dictionary ? column->dictionary[code] : NULL,
                                     round->weight);
        }
    }
    finish_row(round, profile, outputs);
    pthread_mutex_unlock(&observer->lock);
}

/* --- publishing ------------------------------------------------------------------------------ */

struct trivet_observer *trivet_observers_get(struct trivet_observers *observers, size_t i)
{
    pthread_mutex_lock(&observers->lock);
    struct trivet_observer *observer = i < observers->n ? observer_ref(observers->list[i]) : NULL;
    pthread_mutex_unlock(&observers->lock);
    return observer;
}

const char *trivet_observer_model(const struct trivet_observer *observer)
{
    return observer->model;
}

uint64_t trivet_observer_version(const struct trivet_observer *observer)
{
    return observer->version;
}

uint64_t trivet_observer_rows(const struct trivet_observer *observer)
{
    return atomic_load_explicit(&observer->n_rows, memory_order_relaxed);
}

struct trivet_observer_sent *trivet_observer_sent(struct trivet_observer *observer)
{
    return &observer->sent;
}

bool trivet_observer_copy(struct trivet_observer *observer, struct trivet_observed *out)
{
    const struct trivet_bins *bins = observer->bins;
    const size_t n_cells = bins->first[bins->n_columns];
    double *cells = trivet_alloc_array(n_cells + 1, sizeof(*cells));
    if (cells == NULL) {
        return false;
    }
    pthread_mutex_lock(&observer->lock);
    memcpy(cells, bins->cells, n_cells * sizeof(*cells));
    *out = (struct trivet_observed){.n_columns = bins->n_columns,
                                    .first = bins->first,
                                    .cells = cells,
                                    .weights = bins->weights,
                                    .squares = bins->squares,
                                    .confidence = observer->confidence,
                                    .confidence_weights = observer->confidence_weights,
                                    .rows = trivet_observer_rows(observer)};
    pthread_mutex_unlock(&observer->lock);
    for (size_t i = 0; i < bins->n_columns; i++) {
        /* "other" is the last before the missing. */
        out->unseen += observer->knows_all[i] ? cells[bins->first[i + 1] - 2] : 0;
    }
    return true;
}

void trivet_observed_release(struct trivet_observed *observed)
{
    trivet_free(observed->cells);
    observed->cells = NULL;
}
