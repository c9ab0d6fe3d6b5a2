/* Keeps the log within its bounds, a piece of rows after each tick of the writer.
 *
 * A model with too many rows is thinned: of the rows that have no outcome yet those with few zeros
 * go, so that what stays is spread over all the time that is kept, rows of before and of now alike,
 * and outcomes that come late find some. The level is the lowest that leaves three quarters. Only
 * where rows with outcomes are too many for that do the oldest go; their outcomes are in the
 * totals.
 *
 * A model with too many bytes loses features in the same way, and keeps the rows: outcomes join as
 * before, there is less to train on. New rows with as few zeros are logged without, until there is
 * room for twice as many again. Rows may have half of the bytes, so that features are always
 * what is too much. */
#include "base/alloc.h"
#include "base/log.h"
#include "events/prediction_log_internal.h"

#include <math.h>
#include <string.h>

#define PIECE_ROWS     4096
#define PIECE_ROWS_MIN 16
#define PIECE_BYTES    (8u << 20)
#define MODELS_MAX     4096
#define AGE_CHECK_NS   (60 * TRIVET_NS_PER_S)
/* What a row without features takes in the file, with its places in the indices, about. */
#define ROW_BYTES 300

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
    for (size_t i = 0; i < count; i++) {
        struct trivet_store_kept kept = {.n_rows = 0};
        if (trivet_store_log_count_kept(log->options.store, usage[i].model, &kept, &err) !=
            TRIVET_OK) {
            trivet_log_complain(log, &err);
        }
        pthread_mutex_lock(&log->names_lock);
        struct log_model *model = trivet_log_find_model(log, usage[i].model);
        if (model != NULL) {
            model->n_rows = usage[i].n_rows;
            model->kept = kept;
        }
        pthread_mutex_unlock(&log->names_lock);
    }
    trivet_free(usage);
}

/* --- what a model needs ---------------------------------------------------------------------- */

static uint64_t lesser(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t bytes_of(const struct log_model *model)
{
    return model->n_rows * ROW_BYTES + model->kept.n_bytes;
}

static bool is_busy(const struct log_model *model)
{
    return model->thin_level > 0 || model->n_to_drop > 0 || model->strip_level > 0 ||
           model->n_to_strip > 0;
}

/* Brings the model below `rows_max`: decides how. Rows with an outcome may have half of it and what
 * the others do not need. */
static void plan_rows(struct trivet_prediction_log *log, struct log_model *model, uint64_t rows_max)
{
    struct trivet_store_zeros zeros;
    struct trivet_error err;
    if (trivet_store_log_count_zeros(log->options.store, model->name, &zeros, &err) != TRIVET_OK) {
        trivet_log_complain(log, &err);
        return;
    }
    uint64_t unlabelled = 0;
    for (unsigned level = 0; level < TRIVET_STORE_LEVELS; level++) {
        unlabelled += zeros.n_rows[level];
    }
    uint64_t left = model->n_rows > unlabelled ? model->n_rows : unlabelled;
    uint64_t labelled = left - unlabelled;
    uint64_t wanted = rows_max / 4 * 3;
    uint64_t labelled_max = wanted - lesser(unlabelled, wanted / 2); /* the others need room too */
    left = lesser(labelled, labelled_max) + unlabelled;
    unsigned level = 0;
    while (left > wanted && level < TRIVET_STORE_LEVELS - 1) {
        left -= zeros.n_rows[level++];
    }
    model->thin_level = level;
    model->thin_cursor = 0;
    model->n_to_drop = labelled - lesser(labelled, labelled_max);
    trivet_log(TRIVET_LOG_INFO, "log_thinned",
               "model=%s rows=%llu level=%u message=of the predictions without an outcome one in "
               "%.0f is kept",
               model->name, (unsigned long long)model->n_rows, level,
               (double)((uint64_t)1 << level));
}

/* Of the rows with an outcome the oldest have to lose their features, down to `bytes_max`. */
static void strip_labelled(struct log_model *model, const struct trivet_store_kept *labelled,
                           uint64_t bytes_max)
{
    model->n_to_strip = 0;
    if (labelled->n_bytes > bytes_max) {
        double share = (double)(labelled->n_bytes - bytes_max) / (double)labelled->n_bytes;
        model->n_to_strip = (uint64_t)ceil(share * (double)labelled->n_rows);
    }
}

/* Brings the model below `bytes_max`, of which its rows have half at most: by its features. Those
 * with an outcome may have half of what is left and what the others do not need: so there is always
 * room for new ones. */
static void plan_bytes(struct trivet_prediction_log *log, struct log_model *model,
                       uint64_t bytes_max)
{
    struct trivet_store_zeros zeros;
    struct trivet_error err;
    if (trivet_store_log_count_zeros(log->options.store, model->name, &zeros, &err) != TRIVET_OK) {
        trivet_log_complain(log, &err);
        return;
    }
    uint64_t unlabelled = 0;
    model->kept = zeros.labelled; /* it was an estimate */
    for (unsigned level = 0; level < TRIVET_STORE_LEVELS; level++) {
        unlabelled += zeros.kept[level].n_bytes;
        model->kept.n_rows += zeros.kept[level].n_rows;
        model->kept.n_bytes += zeros.kept[level].n_bytes;
    }
    uint64_t rows_bytes = model->n_rows * ROW_BYTES;
    uint64_t wanted = bytes_max / 4 * 3;
    wanted = wanted > rows_bytes ? wanted - rows_bytes : 0;
    uint64_t labelled = wanted - lesser(unlabelled, wanted / 2);
    strip_labelled(model, &zeros.labelled, labelled);
    uint64_t left = lesser(zeros.labelled.n_bytes, labelled) + unlabelled;
    unsigned level = 0;
    while (left > wanted && level < TRIVET_STORE_LEVELS - 1) {
        left -= zeros.kept[level++].n_bytes;
    }
    unsigned kept_level = atomic_load(&model->keep_level);
    model->strip_level = level;
    model->strip_cursor = 0;
    atomic_store(&model->keep_level,
                 level > kept_level ? level : kept_level); /* those to come too */
    trivet_log(TRIVET_LOG_WARN, "log_features_dropped",
               "model=%s bytes=%llu level=%u labelled=%llu message=the log has no room for all "
               "features of the model's predictions; of those without an outcome one in %.0f keeps "
               "them",
               model->name, (unsigned long long)bytes_of(model), level,
               (unsigned long long)model->n_to_strip, (double)((uint64_t)1 << level));
}

/* When a model has room again it keeps more, a step at a time. */
static void ease(const struct trivet_prediction_log *log, struct log_model *const *models,
                 size_t n_models)
{
    uint64_t n_bytes = 0;
    for (size_t i = 0; i < n_models; i++) {
        n_bytes += bytes_of(models[i]);
    }
    for (size_t i = 0; i < n_models; i++) {
        unsigned level = atomic_load(&models[i]->keep_level);
        if (level > 0 && bytes_of(models[i]) < log->options.model_bytes_max / 2 &&
            n_bytes < log->options.bytes_max / 2) {
            atomic_store(&models[i]->keep_level, level - 1);
        }
    }
}

static void check_bounds(struct trivet_prediction_log *log, struct log_model *const *models,
                         size_t n_models)
{
    const struct trivet_prediction_log_options *options = &log->options;
    uint64_t model_rows_max =
        lesser(options->model_rows_max, options->model_bytes_max / 2 / ROW_BYTES);
    uint64_t rows_max = lesser(options->rows_max, options->bytes_max / 2 / ROW_BYTES);
    uint64_t n_rows = 0;
    uint64_t n_bytes = 0;
    struct log_model *largest = NULL;
    struct log_model *widest = NULL;
    struct log_model *fullest = NULL; /* of features, which are what can go */
    for (size_t i = 0; i < n_models; i++) {
        struct log_model *model = models[i];
        if (is_busy(model)) {
            return; /* one at a time */
        }
        n_rows += model->n_rows;
        n_bytes += bytes_of(model);
        largest = largest == NULL || model->n_rows > largest->n_rows ? model : largest;
        widest = widest == NULL || bytes_of(model) > bytes_of(widest) ? model : widest;
        fullest = fullest == NULL || model->kept.n_bytes > fullest->kept.n_bytes ? model : fullest;
    }
    if (largest == NULL) {
        return;
    }
    if (largest->n_rows > model_rows_max) {
        plan_rows(log, largest, model_rows_max);
    } else if (n_rows > rows_max) {
        plan_rows(log, largest, largest->n_rows - lesser(n_rows - rows_max, largest->n_rows));
    } else if (bytes_of(widest) > options->model_bytes_max) {
        plan_bytes(log, widest, options->model_bytes_max);
    } else if (n_bytes > options->bytes_max && fullest->kept.n_bytes > 0) {
        uint64_t over = n_bytes - options->bytes_max;
        plan_bytes(log, fullest, bytes_of(fullest) - lesser(over, bytes_of(fullest)));
    }
}

/* Rows of one piece: few where they are wide, so that no transaction gets large. */
static size_t piece_rows(uint64_t n_bytes, uint64_t n_rows)
{
    uint64_t row_bytes = ROW_BYTES + (n_rows == 0 ? 0 : n_bytes / n_rows);
    uint64_t rows_max = lesser(PIECE_BYTES / row_bytes, PIECE_ROWS);
    return rows_max > PIECE_ROWS_MIN ? (size_t)rows_max : PIECE_ROWS_MIN;
}

/* … of any rows of the model, and of those that have features. */
static size_t piece_of(const struct log_model *model)
{
    return piece_rows(model->kept.n_bytes, model->n_rows);
}

static size_t piece_of_kept(const struct log_model *model)
{
    return piece_rows(model->kept.n_bytes, model->kept.n_rows);
}

/* A piece was committed. */
static void take_off(struct log_model *model, const struct trivet_store_dropped *dropped)
{
    model->n_rows -= lesser(dropped->n_rows, model->n_rows);
    model->kept.n_rows -= lesser(dropped->kept.n_rows, model->kept.n_rows);
    model->kept.n_bytes -= lesser(dropped->kept.n_bytes, model->kept.n_bytes);
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
    struct trivet_store_dropped dropped = {.n_rows = 0};
    int64_t now_us = trivet_clock_unix_us();
    enum trivet_status status =
        trivet_store_begin(log->options.store, TRIVET_STORE_LOG, &txn, &err);
    if (status == TRIVET_OK) {
        status = trivet_store_log_put_level(txn, model->name, model->thin_level, now_us, &err);
    }
    if (status == TRIVET_OK) {
        status = trivet_store_log_thin(txn, model->name, model->thin_level, &cursor,
                                       piece_of(model), &dropped, &err);
    }
    /* Before the rows are gone: who looks for one must find one or the other. */
    pthread_mutex_lock(&log->names_lock);
    trivet_log_note_level(model, model->thin_level, now_us);
    pthread_mutex_unlock(&log->names_lock);
    if (end_piece(log, txn, status, &err)) {
        take_off(model, &dropped);
        model->thin_cursor = cursor;
        model->thin_level = cursor == 0 ? 0 : model->thin_level;
    }
}

/* Features of rows without an outcome, by the hash. */
static void strip(struct trivet_prediction_log *log, struct log_model *model)
{
    struct trivet_store_txn *txn = NULL;
    struct trivet_error err;
    uint64_t cursor = model->strip_cursor;
    struct trivet_store_dropped dropped = {.n_rows = 0};
    enum trivet_status status =
        trivet_store_begin(log->options.store, TRIVET_STORE_LOG, &txn, &err);
    if (status == TRIVET_OK) {
        status = trivet_store_log_strip(txn, model->name, model->strip_level, &cursor,
                                        piece_of_kept(model), &dropped, &err);
    }
    if (end_piece(log, txn, status, &err)) {
        take_off(model, &dropped);
        atomic_fetch_add(&log->n_stripped, dropped.kept.n_rows);
        model->strip_cursor = cursor;
        model->strip_level = cursor == 0 ? 0 : model->strip_level;
    }
}

/* Whole rows, the oldest. */
static uint64_t drop(struct trivet_prediction_log *log, struct log_model *model, int64_t before_us,
                     uint64_t count_max)
{
    struct trivet_store_txn *txn = NULL;
    struct trivet_error err;
    struct trivet_store_dropped dropped = {.n_rows = 0};
    enum trivet_status status =
        trivet_store_begin(log->options.store, TRIVET_STORE_LOG, &txn, &err);
    if (status == TRIVET_OK) {
        status =
            trivet_store_log_drop(txn, model->name, before_us, (size_t)count_max, &dropped, &err);
    }
    if (!end_piece(log, txn, status, &err)) {
        return 0;
    }
    take_off(model, &dropped);
    return dropped.n_rows;
}

/* Features of the oldest rows up to a key. *n_erased of `count_max`; false: it failed. */
static bool erase_piece(struct trivet_prediction_log *log, struct log_model *model,
                        uint64_t until_key, size_t count_max, uint64_t *n_erased)
{
    struct trivet_store_txn *txn = NULL;
    struct trivet_error err;
    struct trivet_store_dropped dropped = {.n_rows = 0};
    enum trivet_status status =
        trivet_store_begin(log->options.store, TRIVET_STORE_LOG, &txn, &err);
    if (status == TRIVET_OK) {
        status = trivet_store_log_erase(txn, model->name, until_key, count_max, &dropped, &err);
    }
    if (status == TRIVET_OK && dropped.kept.n_rows < count_max) {
        status = trivet_store_log_end_erasure(txn, model->name, until_key, &err);
    }
    *n_erased = dropped.kept.n_rows;
    if (!end_piece(log, txn, status, &err)) {
        return false;
    }
    take_off(model, &dropped);
    return true;
}

static void erase(struct trivet_prediction_log *log, struct log_model *model, uint64_t until_key)
{
    const size_t count_max = piece_of_kept(model);
    uint64_t n_erased = 0;
    if (!erase_piece(log, model, until_key, count_max, &n_erased)) {
        return;
    }
    model->wipe = model->wipe || n_erased > 0;
    if (n_erased == count_max) {
        return;
    }
    pthread_mutex_lock(&log->names_lock);
    model->erase_until = model->erase_until == until_key ? 0 : model->erase_until;
    pthread_mutex_unlock(&log->names_lock);
    if (model->wipe) {
        model->wipe = false;
        trivet_store_log_wipe(log->options.store);
        trivet_log(TRIVET_LOG_INFO, "features_erased", "model=%s", model->name);
    }
}

/* Features of the oldest rows, for want of room. */
static void strip_oldest(struct trivet_prediction_log *log, struct log_model *model)
{
    const uint64_t n_wanted = lesser(model->n_to_strip, piece_of_kept(model));
    uint64_t n_erased = 0;
    if (erase_piece(log, model, UINT64_MAX, (size_t)n_wanted, &n_erased)) {
        atomic_fetch_add(&log->n_stripped, n_erased);
        model->n_to_strip = n_erased < n_wanted ? 0 : model->n_to_strip - n_erased;
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
            const size_t count_max = piece_of(models[i]);
            more = drop(log, models[i], before_us, count_max) == count_max || more;
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

/* The next piece of the model. */
static void bound_model(struct trivet_prediction_log *log, struct log_model *model)
{
    pthread_mutex_lock(&log->names_lock);
    const uint64_t erase_until = model->erase_until;
    pthread_mutex_unlock(&log->names_lock);
    if (erase_until > 0) {
        erase(log, model, erase_until);
    }
    if (model->thin_level > 0) {
        thin(log, model);
    } else if (model->n_to_drop > 0) {
        uint64_t n_wanted = lesser(model->n_to_drop, piece_of(model));
        uint64_t n_dropped = drop(log, model, INT64_MAX, n_wanted);
        model->n_to_drop = n_dropped < n_wanted ? 0 : model->n_to_drop - n_dropped;
    } else if (model->strip_level > 0) {
        strip(log, model);
    } else if (model->n_to_strip > 0) {
        strip_oldest(log, model);
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
    check_bounds(log, models, n_models);
    for (size_t i = 0; i < n_models; i++) {
        bound_model(log, models[i]);
    }
    if (trivet_clock_monotonic_ns() >= log->age_check_ns) {
        check_age(log, models, n_models);
        ease(log, models, n_models);
    }
    trivet_free(models);
}
