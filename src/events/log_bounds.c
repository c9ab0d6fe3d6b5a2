/* Keeps the log within its bounds, a piece of PIECE_ROWS rows after each tick of the writer.
 *
 * A model with too many rows is thinned: of the rows that have no outcome yet those with few zeros
 * go, so that what stays is spread over all the time that is kept, rows of before and of now alike,
 * and outcomes that come late find some. The level is the lowest that leaves three quarters. Only
 * where rows with outcomes alone are too many do the oldest go; their outcomes are in the totals.
 */
#include "base/alloc.h"
#include "base/log.h"
#include "events/prediction_log_internal.h"

#include <string.h>

#define PIECE_ROWS   4096
#define MODELS_MAX   4096
#define AGE_CHECK_NS (60 * TRIVET_NS_PER_S)

void trivet_log_count_rows(struct trivet_prediction_log *log)
{
    struct trivet_store_usage *usage = trivet_alloc_array(MODELS_MAX, sizeof(*usage));
    struct trivet_error err;
    size_t count = 0;
    if (usage == NULL) {
        return;
    }
    if (trivet_store_log_usage(log->options.store, usage, MODELS_MAX, &count, &err) != TRIVET_OK) {
        trivet_log_complain(log, &err);
    }
    pthread_mutex_lock(&log->names_lock);
    for (size_t i = 0; i < count; i++) {
        struct log_model *model = trivet_log_find_model(log, usage[i].model);
        if (model != NULL) {
            model->n_rows = usage[i].n_rows;
        }
    }
    pthread_mutex_unlock(&log->names_lock);
    trivet_free(usage);
}

/* --- what a model needs ---------------------------------------------------------------------- */

/* Brings the model below `rows_max`: decides how. */
static void plan(struct trivet_prediction_log *log, struct log_model *model, uint64_t rows_max)
{
    uint64_t counts[TRIVET_STORE_LEVELS];
    struct trivet_error err;
    if (trivet_store_log_count_zeros(log->options.store, model->name, counts, &err) != TRIVET_OK) {
        trivet_log_complain(log, &err);
        return;
    }
    uint64_t unlabelled = 0;
    for (unsigned level = 0; level < TRIVET_STORE_LEVELS; level++) {
        unlabelled += counts[level];
    }
    uint64_t left = model->n_rows > unlabelled ? model->n_rows : unlabelled;
    uint64_t labelled = left - unlabelled;
    uint64_t wanted = rows_max / 4 * 3;
    unsigned level = 0;
    while (left > wanted && level < TRIVET_STORE_LEVELS - 1) {
        left -= counts[level++];
    }
    model->thin_level = level;
    model->thin_cursor = 0;
    model->n_to_drop = labelled > wanted ? labelled - wanted : 0;
    trivet_log(TRIVET_LOG_INFO, "log_thinned",
               "model=%s rows=%llu level=%u message=of the predictions without an outcome one in "
               "%.0f is kept",
               model->name, (unsigned long long)model->n_rows, level,
               (double)((uint64_t)1 << level));
}

static void check_rows(struct trivet_prediction_log *log, struct log_model *const *models,
                       size_t n_models)
{
    uint64_t n_rows = 0;
    struct log_model *largest = NULL;
    for (size_t i = 0; i < n_models; i++) {
        struct log_model *model = models[i];
        n_rows += model->n_rows;
        if (model->thin_level > 0 || model->n_to_drop > 0) {
            return; /* one at a time */
        }
        if (largest == NULL || model->n_rows > largest->n_rows) {
            largest = model;
        }
    }
    if (largest == NULL) {
        return;
    }
    if (largest->n_rows > log->options.model_rows_max) {
        plan(log, largest, log->options.model_rows_max);
    } else if (n_rows > log->options.rows_max) {
        uint64_t over = n_rows - log->options.rows_max;
        plan(log, largest, largest->n_rows - (over < largest->n_rows ? over : largest->n_rows));
    }
}

/* --- pieces ---------------------------------------------------------------------------------- */

/* Ends the transaction. */
static bool end_piece(struct trivet_prediction_log *log, struct trivet_store_txn *txn,
                      enum trivet_status status, struct trivet_error *err)
{
    if (status == TRIVET_OK) {
        status = trivet_store_commit(txn, err);
    } else {
        trivet_store_abort(txn);
    }
    if (status != TRIVET_OK) {
        trivet_log_complain(log, err);
    }
    return status == TRIVET_OK;
}

static void thin(struct trivet_prediction_log *log, struct log_model *model)
{
    struct trivet_store_txn *txn = NULL;
    struct trivet_error err;
    uint64_t cursor = model->thin_cursor;
    uint64_t n_dropped = 0;
    int64_t now_us = trivet_clock_unix_us();
    enum trivet_status status =
        trivet_store_begin(log->options.store, TRIVET_STORE_LOG, &txn, &err);
    if (status == TRIVET_OK) {
        status = trivet_store_log_put_level(txn, model->name, model->thin_level, now_us, &err);
    }
    if (status == TRIVET_OK) {
        status = trivet_store_log_thin(txn, model->name, model->thin_level, &cursor, PIECE_ROWS,
                                       &n_dropped, &err);
    }
    /* Before the rows are gone: who looks for one must find one or the other. */
    pthread_mutex_lock(&log->names_lock);
    trivet_log_note_level(model, model->thin_level, now_us);
    pthread_mutex_unlock(&log->names_lock);
    if (end_piece(log, txn, status, &err)) {
        model->n_rows -= n_dropped < model->n_rows ? n_dropped : model->n_rows;
        model->thin_cursor = cursor;
        model->thin_level = cursor == 0 ? 0 : model->thin_level;
    }
}

static uint64_t drop(struct trivet_prediction_log *log, struct log_model *model, int64_t before_us,
                     uint64_t count_max)
{
    struct trivet_store_txn *txn = NULL;
    struct trivet_error err;
    uint64_t n_dropped = 0;
    enum trivet_status status =
        trivet_store_begin(log->options.store, TRIVET_STORE_LOG, &txn, &err);
    if (status == TRIVET_OK) {
        status =
            trivet_store_log_drop(txn, model->name, before_us, (size_t)count_max, &n_dropped, &err);
    }
    if (!end_piece(log, txn, status, &err)) {
        return 0;
    }
    model->n_rows -= n_dropped < model->n_rows ? n_dropped : model->n_rows;
    return n_dropped;
}

static void erase(struct trivet_prediction_log *log, struct log_model *model)
{
    struct trivet_store_txn *txn = NULL;
    struct trivet_error err;
    uint64_t n_erased = 0;
    enum trivet_status status =
        trivet_store_begin(log->options.store, TRIVET_STORE_LOG, &txn, &err);
    if (status == TRIVET_OK) {
        status = trivet_store_log_erase(txn, model->name, PIECE_ROWS, &n_erased, &err);
    }
    if (!end_piece(log, txn, status, &err)) {
        return;
    }
    model->wipe = model->wipe || n_erased > 0;
    if (n_erased == PIECE_ROWS) {
        return;
    }
    pthread_mutex_lock(&log->names_lock);
    model->erase = model->erase == 1 ? 0 : model->erase;
    pthread_mutex_unlock(&log->names_lock);
    if (model->wipe) {
        model->wipe = false;
        trivet_store_log_wipe(log->options.store);
        trivet_log(TRIVET_LOG_INFO, "features_erased", "model=%s", model->name);
    }
}

/* What is too old; more than a piece of one model waits for the next look. */
static void check_age(struct trivet_prediction_log *log, struct log_model *const *models,
                      size_t n_models)
{
    int64_t before_us = trivet_clock_unix_us() - log->options.keep_us;
    bool more = false;
    for (size_t i = 0; i < n_models; i++) {
        if (models[i]->n_rows > 0) {
            more = drop(log, models[i], before_us, PIECE_ROWS) == PIECE_ROWS || more;
        }
    }
    struct trivet_store_txn *txn = NULL;
    struct trivet_error err;
    enum trivet_status status =
        trivet_store_begin(log->options.store, TRIVET_STORE_LOG, &txn, &err);
    if (status == TRIVET_OK) {
        status = trivet_store_log_drop_levels(txn, before_us, &err);
    }
    (void)end_piece(log, txn, status, &err);
    if (!more) {
        log->age_check_ns = trivet_clock_monotonic_ns() + AGE_CHECK_NS;
    }
}

void trivet_log_bound(struct trivet_prediction_log *log)
{
    pthread_mutex_lock(&log->names_lock);
    size_t n_models = log->n_models;
    struct log_model **models =
        n_models == 0 ? NULL : trivet_memdup(log->models, n_models * sizeof(struct log_model *));
    pthread_mutex_unlock(&log->names_lock);
    if (models == NULL) {
        return;
    }
    check_rows(log, models, n_models);
    for (size_t i = 0; i < n_models; i++) {
        struct log_model *model = models[i];
        pthread_mutex_lock(&log->names_lock);
        bool to_erase = model->erase == 1;
        model->erase = model->erase == 2 ? 1 : model->erase;
        pthread_mutex_unlock(&log->names_lock);
        if (to_erase) {
            erase(log, model);
        }
        if (model->thin_level > 0) {
            thin(log, model);
        } else if (model->n_to_drop > 0) {
            uint64_t n_wanted = model->n_to_drop < PIECE_ROWS ? model->n_to_drop : PIECE_ROWS;
            uint64_t n_dropped = drop(log, model, INT64_MAX, n_wanted);
            model->n_to_drop = n_dropped < n_wanted ? 0 : model->n_to_drop - n_dropped;
        }
    }
    if (trivet_clock_monotonic_ns() >= log->age_check_ns) {
        check_age(log, models, n_models);
    }
    trivet_free(models);
}
