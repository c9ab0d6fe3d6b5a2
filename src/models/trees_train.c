#include "models/trees_train.h"

#include "base/alloc.h"
#include "base/rng.h"
#include "base/text.h"
#include "models/xgboost_library.h"
#include "models/xgboost_model.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Seeds of XGBoost's generator. */
#define SEED_MASK 0x7FFFFFFFU
/* A column is shifted when its deviation is no more than so many steps of single precision. */
#define COARSE_STEPS 1024.0
/* The step of a shift, in deviations: coarse, so that the shift is a round number and differences
 * stay exact. */
#define GRID_DEVIATIONS 16.0

/* Parameters that are handed on, and what XGBoost calls them. */
static const struct {
    const char *ours;
    const char *theirs;
} passed[] = {
    {"learning_rate", "learning_rate"},
    {"max_depth", "max_depth"},
    {"min_child_weight", "min_child_weight"},
    {"gamma", "gamma"},
    {"reg_lambda", "reg_lambda"},
    {"reg_alpha", "reg_alpha"},
    {"subsample", "subsample"},
    {"colsample_bytree", "colsample_bytree"},
    {"colsample_bynode", "colsample_bynode"},
    {"max_bins", "max_bin"},
    {"tree_method", "tree_method"},
    {"base_score", "base_score"},
    {"scale_pos_weight", "scale_pos_weight"},
};

struct training {
    const struct trivet_trees_plan *plan;
    const struct trivet_params *params;
    const struct trivet_fit_context *context;
    const struct trivet_xgboost *library;
    struct trivet_matrix x;
    size_t n_classes;
    size_t n_train;        /* rows, which come first */
    double *shift;         /* owned, (n_features): taken off x */
    double offset;         /* taken off the target */
    float *labels;         /* owned, (n_rows) */
    float *weights;        /* owned, (n_rows); NULL: all 1 */
    DMatrixHandle rows;    /* owned */
    DMatrixHandle aside;   /* owned; NULL: none */
    BoosterHandle booster; /* owned */
    double *losses;        /* owned, (n_rounds); NULL: not measured */
    size_t n_done;         /* rounds */
    size_t best;           /* round of the least loss */
};

static enum trivet_status failed(const struct training *training, struct trivet_error *err)
{
    char text[256];
    trivet_xgboost_error_text(training->library, text, sizeof text);
    return trivet_error_set(err, TRIVET_INVALID_ARGUMENT, "XGBoost does not train: %s", text);
}

static void training_release(struct training *training)
{
    if (training->rows != NULL) {
        training->library->matrix_free(training->rows);
    }
    if (training->aside != NULL) {
        training->library->matrix_free(training->aside);
    }
    if (training->booster != NULL) {
        training->library->booster_free(training->booster);
    }
    trivet_free(training->shift);
    trivet_free(training->labels);
    trivet_free(training->weights);
    trivet_free(training->losses);
}

/* Of one column. */
struct extent {
    double first; /* value that is not missing */
    double sum;   /* of differences to it, and of their squares */
    double sum2;
    double greatest; /* |value| */
    size_t n;
};

static inline void add_to_extent(struct extent *extent, double value)
{
    extent->first = extent->n == 0 ? value : extent->first;
    double d = value - extent->first;
    extent->sum += d;
    extent->sum2 += d * d;
    extent->greatest = fmax(extent->greatest, fabs(value));
    extent->n++;
}

static void measure(struct trivet_matrix x, struct extent *extents)
{
    for (size_t i = 0; i < x.n_rows; i++) {
        const double *row = &x.data[i * x.stride];
        for (size_t j = 0; j < x.n_cols; j++) {
            if (!isnan(row[j])) {
                add_to_extent(&extents[j], row[j]);
            }
        }
    }
}

/* A round number near the mean of a column that single precision would blur; 0 of any other. */
static double shift_of(const struct extent *extent)
{
    double n = extent->n > 0 ? (double)extent->n : 1.0;
    double mean = extent->sum / n;
    double deviation = sqrt(fmax(extent->sum2 / n - mean * mean, 0.0));
    double step = ldexp(1.0, ilogb(GRID_DEVIATIONS * deviation) + 1);
    if (deviation >= COARSE_STEPS * extent->greatest * (double)FLT_EPSILON || !isnormal(step)) {
        return 0.0;
    }
    return step * round((extent->first + mean) / step);
}

/* Values beyond single precision are refused; what it would blur is shifted, in double precision.
 */
static enum trivet_status shift_columns(struct training *training, struct trivet_error *err)
{
    struct trivet_matrix x = training->x;
    bool shifted = false;
    struct extent *extents = trivet_calloc(x.n_cols, sizeof *extents);
    training->shift = trivet_calloc(x.n_cols, sizeof(double));
    enum trivet_status status = TRIVET_OK;
    if (extents == NULL || training->shift == NULL) {
        trivet_free(extents);
        return trivet_trees_no_memory(err);
    }
    measure(x, extents);
    for (size_t j = 0; status == TRIVET_OK && j < x.n_cols; j++) {
        training->shift[j] = shift_of(&extents[j]);
        shifted = shifted || training->shift[j] != 0.0;
        if (extents[j].greatest > (double)FLT_MAX) {
            status = trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                      "feature %zu has a value of %g, trees compare single-"
                                      "precision numbers, up to %g: scale the column",
                                      j, extents[j].greatest, (double)FLT_MAX);
        }
    }
    for (size_t i = 0; i < x.n_rows && shifted && status == TRIVET_OK; i++) {
        for (size_t j = 0; j < x.n_cols; j++) {
            x.data[i * x.stride + j] -= training->shift[j];
        }
    }
    trivet_free(extents);
    return status;
}

/* As shift_columns. */
static enum trivet_status copy_labels(struct training *training, const struct trivet_fit_data *data,
                                      struct trivet_error *err)
{
    size_t n = data->x.n_rows;
    struct extent extent = {0};
    training->labels = trivet_alloc_array(n, sizeof(float));
    if (training->labels == NULL) {
        return trivet_trees_no_memory(err);
    }
    for (size_t i = 0; i < n; i++) {
        if (fabs(data->y[i]) > (double)FLT_MAX) {
            return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                    "the target of row %zu is %g, trees are trained on single-"
                                    "precision numbers, up to %g: scale the target",
                                    i, data->y[i], (double)FLT_MAX);
        }
        add_to_extent(&extent, data->y[i]);
    }
    training->offset = data->n_classes == 0 ? shift_of(&extent) : 0.0;
    for (size_t i = 0; i < n; i++) {
        training->labels[i] = (float)(data->y[i] - training->offset);
    }
    return TRIVET_OK;
}

static void swap_rows(struct training *training, size_t i, size_t k)
{
    double *a = &training->x.data[i * training->x.stride];
    double *b = &training->x.data[k * training->x.stride];
    float label = training->labels[i];
    training->labels[i] = training->labels[k];
    training->labels[k] = label;
    for (size_t j = 0; j < training->x.n_cols; j++) {
        double value = a[j];
        a[j] = b[j];
        b[j] = value;
    }
}

/* Marks rows to set aside: of each class every so manieth in a shuffled order, never the first.
 * `seen` (n_classes or 1), zeros. */
static void mark_aside(const struct training *training, size_t *order, size_t *seen, bool *aside)
{
    struct trivet_rng rng;
    size_t n_rows = training->x.n_rows;
    double fraction = training->plan->validation_fraction;
    for (size_t i = 0; i < n_rows; i++) {
        order[i] = i;
    }
    trivet_rng_seed(&rng, training->context->seed);
    trivet_rng_shuffle(&rng, order, n_rows);
    for (size_t i = 0; i < n_rows; i++) {
        size_t group = training->n_classes > 0 ? (size_t)training->labels[order[i]] : 0;
        double before = floor((double)seen[group] * fraction);
        aside[order[i]] = floor((double)++seen[group] * fraction) > before;
    }
}

/* Rows that are set aside become the last ones. */
static enum trivet_status set_aside(struct training *training, struct trivet_error *err)
{
    size_t n_rows = training->x.n_rows;
    size_t n_groups = training->n_classes > 0 ? training->n_classes : 1;
    training->n_train = n_rows;
    if (training->plan->early_stopping_rounds == 0) {
        return TRIVET_OK;
    }
    size_t *order = trivet_alloc_array(n_rows, sizeof *order);
    size_t *seen = trivet_calloc(n_groups, sizeof *seen);
    bool *aside = trivet_alloc_array(n_rows, sizeof *aside);
    training->losses = trivet_calloc(training->plan->n_rounds, sizeof *training->losses);
    bool ok = order != NULL && seen != NULL && aside != NULL && training->losses != NULL;
    if (ok) {
        mark_aside(training, order, seen, aside);
        size_t n = 0;
        for (size_t i = 0; i < n_rows; i++) {
            if (!aside[i]) {
                swap_rows(training, n++, i);
            }
        }
        training->n_train = n;
    }
    trivet_free(order);
    trivet_free(seen);
    trivet_free(aside);
    if (ok && training->n_train == n_rows) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "early_stopping_rounds needs rows to measure on; of %zu rows "
                                "validation_fraction sets none aside: raise it or give more rows",
                                n_rows);
    }
    return ok ? TRIVET_OK : trivet_trees_no_memory(err);
}

/* n / (n_classes × rows of the class), as scikit-learn balances. */
static enum trivet_status weigh(struct training *training, struct trivet_error *err)
{
    size_t n_rows = training->x.n_rows;
    if (!training->plan->balanced) {
        return TRIVET_OK;
    }
    double *counts = trivet_calloc(training->n_classes, sizeof *counts);
    training->weights = trivet_alloc_array(n_rows, sizeof(float));
    bool ok = counts != NULL && training->weights != NULL;
    for (size_t i = 0; ok && i < n_rows; i++) {
        counts[(size_t)training->labels[i]] += 1.0;
    }
    for (size_t i = 0; ok && i < n_rows; i++) {
        double count = counts[(size_t)training->labels[i]];
        training->weights[i] = (float)((double)n_rows / ((double)training->n_classes * count));
    }
    trivet_free(counts);
    return ok ? TRIVET_OK : trivet_trees_no_memory(err);
}

static unsigned n_threads(const struct training *training)
{
    return training->context->n_threads > 0 ? training->context->n_threads : 1;
}

/* Rows [first, end) as XGBoost's matrix, which copies them to single precision. */
static enum trivet_status make_matrix(const struct training *training, size_t first, size_t end,
                                      DMatrixHandle *out, struct trivet_error *err)
{
    char place[256];
    char config[64];
    const struct trivet_xgboost *library = training->library;
    trivet_text_format(place, sizeof place,
                       "{\"data\": [%zu, true], \"shape\": [%zu, %zu], \"strides\": [%zu, %zu], "
                       "\"typestr\": \"<f8\", \"version\": 3}",
                       (size_t)(uintptr_t)&training->x.data[first * training->x.stride],
                       end - first, training->x.n_cols, training->x.stride * sizeof(double),
                       sizeof(double));
    trivet_text_format(config, sizeof config, "{\"missing\": NaN, \"nthread\": %u}",
                       n_threads(training));
    if (library->matrix_create(place, config, out) != 0 ||
        library->matrix_set_floats(*out, "label", &training->labels[first], end - first) != 0 ||
        (training->weights != NULL &&
         library->matrix_set_floats(*out, "weight", &training->weights[first], end - first) != 0)) {
        return failed(training, err);
    }
    return TRIVET_OK;
}

static bool set(const struct training *training, const char *name, const char *value)
{
    return training->library->booster_set(training->booster, name, value) == 0;
}

static bool set_number(const struct training *training, const char *name, uint64_t value)
{
    char text[32];
    trivet_text_format(text, sizeof text, "%llu", (unsigned long long)value);
    return set(training, name, text);
}

static const char *objective_of(const struct training *training)
{
    if (training->n_classes == 0) {
        return "reg:squarederror";
    }
    return training->n_classes == 2 ? "binary:logistic" : "multi:softprob";
}

/* What has a meaning with two classes only. */
static enum trivet_status check_params(const struct training *training, struct trivet_error *err)
{
    if (training->n_classes > 2 &&
        trivet_params_real(training->params, "scale_pos_weight") != 1.0) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "scale_pos_weight is of two classes, the target has %zu: use "
                                "class_weight",
                                training->n_classes);
    }
    return TRIVET_OK;
}

/* Parameters of the table that XGBoost has too. */
static bool pass_params(const struct training *training)
{
    const struct trivet_params *params = training->params;
    bool ok = set(training, "learning_rate", "1");
    for (size_t i = 0; ok && i < params->n_params; i++) {
        for (size_t k = 0; ok && k < TRIVET_ARRAY_COUNT(passed); k++) {
            if (strcmp(params->specs[i].name, passed[k].ours) == 0) {
                char text[TRIVET_PARAM_VALUE_BYTES];
                trivet_params_format(params, i, text, sizeof text);
                ok = set(training, passed[k].theirs, text);
            }
        }
    }
    return ok;
}

static enum trivet_status make_booster(struct training *training, struct trivet_error *err)
{
    if (training->library->booster_create(&training->rows, 1, &training->booster) != 0) {
        return failed(training, err);
    }
    bool ok =
        set(training, "verbosity", "0") && set(training, "booster", "gbtree") &&
        set(training, "objective", objective_of(training)) &&
        set_number(training, "nthread", n_threads(training)) &&
        set_number(training, "seed", training->context->seed & SEED_MASK) &&
        set_number(training, "num_parallel_tree", training->plan->n_parallel) &&
        (training->n_classes <= 2 || set_number(training, "num_class", training->n_classes)) &&
        pass_params(training);
    return ok ? TRIVET_OK : failed(training, err);
}

/* The loss of the rows set aside after a round. */
static enum trivet_status evaluate(struct training *training, size_t round,
                                   struct trivet_error *err)
{
    static const char *name = "aside";
    const char *text = NULL;
    if (training->library->booster_evaluate(training->booster, (int)round, &training->aside, &name,
                                            1, &text) != 0) {
        return failed(training, err);
    }
    const char *value = strrchr(text, ':'); /* "[3]\taside-rmse:0.25" */
    training->losses[round] = value != NULL ? strtod(value + 1, NULL) : NAN;
    if (!isfinite(training->losses[round])) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "the loss of the rows set aside is not finite after round %zu: "
                                "lower learning_rate or scale the target",
                                round + 1);
    }
    if (training->losses[round] < training->losses[training->best]) {
        training->best = round;
    }
    return TRIVET_OK;
}

static enum trivet_status boost(struct training *training, struct trivet_error *err)
{
    size_t n_rounds = training->plan->n_rounds;
    enum trivet_status status = TRIVET_OK;
    for (size_t round = 0; status == TRIVET_OK && round < n_rounds; round++) {
        if (training->library->booster_update(training->booster, (int)round, training->rows) != 0) {
            return failed(training, err);
        }
        training->n_done = round + 1;
        if (training->aside != NULL) {
            status = evaluate(training, round, err);
            if (status == TRIVET_OK) {
                trivet_fit_loss(training->context, round + 1, training->losses[round]);
            }
            if (round - training->best >= training->plan->early_stopping_rounds) {
                break;
            }
        }
        if (status == TRIVET_OK) {
            status =
                trivet_fit_progress(training->context, (double)(round + 1) / (double)n_rounds, err);
        }
    }
    return status;
}

/* The trees of the rounds that are kept; XGBoost's memory is given back on the way. */
static enum trivet_status take_trees(struct training *training, struct trivet_trees *out,
                                     struct trivet_error *err)
{
    bst_ulong n_bytes = 0;
    const char *model = NULL;
    size_t n_rounds = training->aside != NULL ? training->best + 1 : training->n_done;
    size_t n_margins = training->n_classes > 2 ? training->n_classes : 1;
    training->library->matrix_free(training->rows);
    training->rows = NULL;
    if (training->library->booster_save(training->booster, "{\"format\": \"ubj\"}", &n_bytes,
                                        &model) != 0) {
        return failed(training, err);
    }
    out->n_features = training->x.n_cols;
    out->n_classes = training->n_classes;
    enum trivet_status status = trivet_xgboost_model_read(
        model, n_bytes, n_rounds * n_margins * training->plan->n_parallel, out, err);
    if (status == TRIVET_OK) {
        memcpy(out->shift, training->shift, out->n_features * sizeof(double));
        out->offset = training->offset;
    }
    return status;
}

static void tell(struct training *training, const struct trivet_trees *trees,
                 struct trivet_fit_report *report)
{
    size_t n_leaves = 0;
    uint32_t depth = 0;
    for (size_t i = 0; i < trees->n_nodes; i++) {
        n_leaves += trivet_trees_is_leaf(trees, i) ? 1 : 0;
    }
    for (size_t t = 0; t < trees->n_trees; t++) {
        depth = trees->depths[t] > depth ? trees->depths[t] : depth;
    }
    report->converged = true;
    report->iterations = training->n_done;
    trivet_fit_report_fact(report, "trees", (double)trees->n_trees);
    trivet_fit_report_fact(report, "leaves", (double)n_leaves);
    trivet_fit_report_fact(report, "depth", (double)depth);
    if (training->losses != NULL) {
        trivet_fit_report_fact(report, "best_round", (double)(training->best + 1));
        trivet_fit_report_fact(report, "validation_loss", training->losses[training->best]);
        report->loss_curve = training->losses;
        report->n_losses = training->n_done;
        training->losses = NULL;
    }
    if (n_leaves == trees->n_trees) {
        trivet_fit_report_warn(report, "no tree has a split: every row is answered alike; lower "
                                       "min_child_weight or gamma, or give more rows");
    }
}

enum trivet_status trivet_trees_train(const struct trivet_trees_plan *plan,
                                      const struct trivet_params *params,
                                      const struct trivet_fit_data *data,
                                      const struct trivet_fit_context *context, void *state,
                                      struct trivet_fit_report *report, struct trivet_error *err)
{
    struct trivet_trees trees = {0};
    struct training training = {.plan = plan,
                                .params = params,
                                .context = context,
                                .x = data->x,
                                .n_classes = data->n_classes};
    enum trivet_status status = trivet_xgboost_get(&training.library, err);
    if (status == TRIVET_OK) {
        status = check_params(&training, err);
    }
    if (status == TRIVET_OK) {
        status = shift_columns(&training, err);
    }
    if (status == TRIVET_OK) {
        status = copy_labels(&training, data, err);
    }
    if (status == TRIVET_OK) {
        status = set_aside(&training, err);
    }
    if (status == TRIVET_OK) {
        status = weigh(&training, err);
    }
    if (status == TRIVET_OK) {
        status = make_matrix(&training, 0, training.n_train, &training.rows, err);
    }
    if (status == TRIVET_OK && training.n_train < data->x.n_rows) {
        status = make_matrix(&training, training.n_train, data->x.n_rows, &training.aside, err);
    }
    if (status == TRIVET_OK) {
        status = make_booster(&training, err);
    }
    if (status == TRIVET_OK) {
        status = boost(&training, err);
    }
    if (status == TRIVET_OK) {
        status = take_trees(&training, &trees, err);
    }
    if (status == TRIVET_OK) {
        tell(&training, &trees, report);
        memcpy(state, &trees, sizeof trees);
    }
    training_release(&training);
    return status;
}
