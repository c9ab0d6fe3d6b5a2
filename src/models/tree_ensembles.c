#include "models/tree_ensembles.h"

#include "models/trees.h"
#include "models/trees_train.h"

#include <math.h>
#include <string.h>

/* XGBoost's exact search takes as long for each level as for the first. */
#define DEPTH_MAX  30
#define ROUNDS_MAX 100000

static const char *const tree_methods[] = {"hist", "exact", "approx", NULL};
static const char *const class_weights[] = {"none", "balanced", NULL};

/* Rows of the tables; the text of each default is in quotes. */
#define N_ESTIMATORS(text)                                                                         \
    {                                                                                              \
        .name = "n_estimators", .type = TRIVET_PARAM_INT, .default_text = "100", .min = 1,         \
        .max = ROUNDS_MAX, .help = text                                                            \
    }
#define LEARNING_RATE                                                                              \
    {                                                                                              \
        .name = "learning_rate", .type = TRIVET_PARAM_REAL, .default_text = "0.3", .min = 0.0,     \
        .max = 1.0, .min_open = true,                                                              \
        .help = "leaf values are multiplied by this: less takes more rounds and overfits less"     \
    }
#define MAX_DEPTH                                                                                  \
    {                                                                                              \
        .name = "max_depth", .type = TRIVET_PARAM_INT, .default_text = "6", .min = 1,              \
        .max = DEPTH_MAX, .help = "splits between the root and a leaf at most"                     \
    }
#define MIN_CHILD_WEIGHT                                                                           \
    {                                                                                              \
        .name = "min_child_weight", .type = TRIVET_PARAM_REAL, .default_text = "1", .min = 0.0,    \
        .max = INFINITY, .max_open = true,                                                         \
        .help =                                                                                    \
            "sum of second derivatives of the loss in a leaf at least: regression, of its rows' "  \
            "weights; classes, of p (1 - p) times them"                                            \
    }
#define GAMMA                                                                                      \
    {                                                                                              \
        .name = "gamma", .type = TRIVET_PARAM_REAL, .default_text = "0", .min = 0.0,               \
        .max = INFINITY, .max_open = true, .help = "what a split must take off the loss at least"  \
    }
#define REG_LAMBDA(text)                                                                           \
    {                                                                                              \
        .name = "reg_lambda", .type = TRIVET_PARAM_REAL, .default_text = text, .min = 0.0,         \
        .max = INFINITY, .max_open = true, .help = "strength of the l2 penalty on leaf values"     \
    }
#define REG_ALPHA                                                                                  \
    {                                                                                              \
        .name = "reg_alpha", .type = TRIVET_PARAM_REAL, .default_text = "0", .min = 0.0,           \
        .max = INFINITY, .max_open = true, .help = "strength of the l1 penalty on leaf values"     \
    }
#define SHARE(of, text, what)                                                                      \
    {                                                                                              \
        .name = of, .type = TRIVET_PARAM_REAL, .default_text = text, .min = 0.0, .max = 1.0,       \
        .min_open = true, .help = what                                                             \
    }
#define SUBSAMPLE(text) SHARE("subsample", text, "share of the rows that a tree is grown on")
#define COLSAMPLE_BYTREE                                                                           \
    SHARE("colsample_bytree", "1", "share of the features that a tree may split on")
#define COLSAMPLE_BYNODE(text)                                                                     \
    SHARE("colsample_bynode", text, "share of the tree's features that one split may choose from")
#define MAX_BINS                                                                                   \
    {                                                                                              \
        .name = "max_bins", .type = TRIVET_PARAM_INT, .default_text = "256", .min = 2,             \
        .max = 65536,                                                                              \
        .help =                                                                                    \
            "of tree_method=hist and approx: bins of a feature between which splits are sought"    \
    }
#define TREE_METHOD(text)                                                                          \
    {                                                                                              \
        .name = "tree_method", .type = TRIVET_PARAM_ENUM, .default_text = text,                    \
        .choices = tree_methods,                                                                   \
        .help =                                                                                    \
            "where splits are sought: hist: between bins made once; approx: bins made anew each "  \
            "round; exact: between all values"                                                     \
    }
#define BASE_SCORE                                                                                 \
    {                                                                                              \
        .name = "base_score", .type = TRIVET_PARAM_REAL, .default_text = "0.5", .min = -INFINITY,  \
        .max = INFINITY, .min_open = true, .max_open = true,                                       \
        .help = "prediction that the first tree starts from; of a target that varies by less "     \
                "than 1 / 8192 of its size, counted from a round number near its mean"             \
    }
#define BASE_PROBABILITY                                                                           \
    {                                                                                              \
        .name = "base_score", .type = TRIVET_PARAM_REAL, .default_text = "0.5", .min = 0.0,        \
        .max = 1.0, .min_open = true, .max_open = true,                                            \
        .help = "probability of the second of two classes that the first tree starts from"         \
    }
#define SCALE_POS_WEIGHT                                                                           \
    {                                                                                              \
        .name = "scale_pos_weight", .type = TRIVET_PARAM_REAL, .default_text = "1", .min = 0.0,    \
        .max = INFINITY, .min_open = true, .max_open = true,                                       \
        .help = "weight of a row of the second of two classes; refused with more classes"          \
    }
#define CLASS_WEIGHT                                                                               \
    {                                                                                              \
        .name = "class_weight", .type = TRIVET_PARAM_ENUM, .default_text = "none",                 \
        .choices = class_weights,                                                                  \
        .help = "balanced: a row weighs in inverse proportion to how frequent its class is"        \
    }
#define EARLY_STOPPING_ROUNDS                                                                      \
    {                                                                                              \
        .name = "early_stopping_rounds", .type = TRIVET_PARAM_INT, .default_text = "0", .min = 0,  \
        .max = ROUNDS_MAX,                                                                         \
        .help =                                                                                    \
            "set rows aside, stop after so many rounds without less loss on them, keep the trees " \
            "up to the best; 0: all rounds on all rows"                                            \
    }
#define VALIDATION_FRACTION                                                                        \
    {                                                                                              \
        .name = "validation_fraction", .type = TRIVET_PARAM_REAL, .default_text = "0.1",           \
        .min = 0.0, .max = 1.0, .min_open = true, .max_open = true,                                \
        .help = "share of the rows that early_stopping_rounds sets aside"                          \
    }

static const struct trivet_param_spec tree_classifier_params[] = {
    MAX_DEPTH,        MIN_CHILD_WEIGHT,     GAMMA,          REG_LAMBDA("0"),
    REG_ALPHA,        TREE_METHOD("exact"), MAX_BINS,       BASE_PROBABILITY,
    SCALE_POS_WEIGHT, CLASS_WEIGHT,         {.name = NULL},
};

static const struct trivet_param_spec tree_regressor_params[] = {
    MAX_DEPTH, MIN_CHILD_WEIGHT, GAMMA,          REG_LAMBDA("0"), REG_ALPHA, TREE_METHOD("exact"),
    MAX_BINS,  BASE_SCORE,       {.name = NULL},
};

static const struct trivet_param_spec forest_classifier_params[] = {
    N_ESTIMATORS("trees"),   MAX_DEPTH,           MIN_CHILD_WEIGHT, GAMMA,
    REG_LAMBDA("1e-05"),     REG_ALPHA,           SUBSAMPLE("0.8"), COLSAMPLE_BYTREE,
    COLSAMPLE_BYNODE("0.8"), TREE_METHOD("hist"), MAX_BINS,         BASE_PROBABILITY,
    SCALE_POS_WEIGHT,        CLASS_WEIGHT,        {.name = NULL},
};

static const struct trivet_param_spec forest_regressor_params[] = {
    N_ESTIMATORS("trees"),   MAX_DEPTH,           MIN_CHILD_WEIGHT, GAMMA,
    REG_LAMBDA("1e-05"),     REG_ALPHA,           SUBSAMPLE("0.8"), COLSAMPLE_BYTREE,
    COLSAMPLE_BYNODE("0.8"), TREE_METHOD("hist"), MAX_BINS,         BASE_SCORE,
    {.name = NULL},
};

static const struct trivet_param_spec boosting_classifier_params[] = {
    N_ESTIMATORS("rounds: trees, of more than two classes for each"),
    LEARNING_RATE,
    MAX_DEPTH,
    MIN_CHILD_WEIGHT,
    GAMMA,
    REG_LAMBDA("1"),
    REG_ALPHA,
    SUBSAMPLE("1"),
    COLSAMPLE_BYTREE,
    COLSAMPLE_BYNODE("1"),
    TREE_METHOD("hist"),
    MAX_BINS,
    BASE_PROBABILITY,
    SCALE_POS_WEIGHT,
    CLASS_WEIGHT,
    EARLY_STOPPING_ROUNDS,
    VALIDATION_FRACTION,
    {.name = NULL},
};

static const struct trivet_param_spec boosting_regressor_params[] = {
    N_ESTIMATORS("rounds: trees, of more than two classes for each"),
    LEARNING_RATE,
    MAX_DEPTH,
    MIN_CHILD_WEIGHT,
    GAMMA,
    REG_LAMBDA("1"),
    REG_ALPHA,
    SUBSAMPLE("1"),
    COLSAMPLE_BYTREE,
    COLSAMPLE_BYNODE("1"),
    TREE_METHOD("hist"),
    MAX_BINS,
    BASE_SCORE,
    EARLY_STOPPING_ROUNDS,
    VALIDATION_FRACTION,
    {.name = NULL},
};

static bool is_balanced(const struct trivet_params *params, const struct trivet_fit_data *data)
{
    return data->n_classes > 0 &&
           strcmp(trivet_params_choice(params, "class_weight"), "balanced") == 0;
}

static enum trivet_status tree_fit(void *state, const struct trivet_params *params,
                                   const struct trivet_fit_data *data,
                                   const struct trivet_fit_context *context,
                                   struct trivet_fit_report *report, struct trivet_error *err)
{
    struct trivet_trees_plan plan = {
        .n_rounds = 1, .n_parallel = 1, .balanced = is_balanced(params, data)};
    return trivet_trees_train(&plan, params, data, context, state, report, err);
}

static enum trivet_status forest_fit(void *state, const struct trivet_params *params,
                                     const struct trivet_fit_data *data,
                                     const struct trivet_fit_context *context,
                                     struct trivet_fit_report *report, struct trivet_error *err)
{
    struct trivet_trees_plan plan = {
        .n_rounds = 1,
        .n_parallel = (size_t)trivet_params_int(params, "n_estimators"),
        .balanced = is_balanced(params, data),
    };
    return trivet_trees_train(&plan, params, data, context, state, report, err);
}

static enum trivet_status boosting_fit(void *state, const struct trivet_params *params,
                                       const struct trivet_fit_data *data,
                                       const struct trivet_fit_context *context,
                                       struct trivet_fit_report *report, struct trivet_error *err)
{
    struct trivet_trees_plan plan = {
        .n_rounds = (size_t)trivet_params_int(params, "n_estimators"),
        .n_parallel = 1,
        .early_stopping_rounds = (size_t)trivet_params_int(params, "early_stopping_rounds"),
        .validation_fraction = trivet_params_real(params, "validation_fraction"),
        .balanced = is_balanced(params, data),
    };
    return trivet_trees_train(&plan, params, data, context, state, report, err);
}

const struct trivet_estimator_ops trivet_decision_tree_classifier_ops = {
    .name = "decision_tree_classifier",
    .summary = "one decision tree, of classes; its probabilities are XGBoost's, one step from the "
               "log-odds before any data, not the shares of classes in the leaf",
    .task = TRIVET_TASK_CLASSIFICATION,
    .accepts_missing = true,
    .state_bytes = sizeof(struct trivet_trees),
    .params = tree_classifier_params,
    .fit = tree_fit,
    .predict = trivet_trees_predict,
    .save = trivet_trees_save,
    .load = trivet_trees_load_classifier,
    .explained = "log-odds",
    .n_explained = trivet_trees_n_explained,
    .explain = trivet_trees_explain,
    .scratch_bytes = trivet_trees_scratch_bytes,
    .predict_in = trivet_trees_predict_in,
    .exact_features = true,
    .n_features = trivet_trees_n_features,
    .n_outputs = trivet_trees_n_outputs,
    .output_kind = trivet_trees_output_kind,
    .memory_bytes = trivet_trees_memory_bytes,
    .release = trivet_trees_release,
};

const struct trivet_estimator_ops trivet_decision_tree_regressor_ops = {
    .name = "decision_tree_regressor",
    .summary = "one decision tree, of numbers",
    .task = TRIVET_TASK_REGRESSION,
    .accepts_missing = true,
    .state_bytes = sizeof(struct trivet_trees),
    .params = tree_regressor_params,
    .fit = tree_fit,
    .predict = trivet_trees_predict,
    .save = trivet_trees_save,
    .load = trivet_trees_load_regressor,
    .explained = "prediction",
    .n_explained = trivet_trees_n_explained,
    .explain = trivet_trees_explain,
    .scratch_bytes = trivet_trees_scratch_bytes,
    .predict_in = trivet_trees_predict_in,
    .exact_features = true,
    .n_features = trivet_trees_n_features,
    .n_outputs = trivet_trees_n_outputs,
    .output_kind = trivet_trees_output_kind,
    .memory_bytes = trivet_trees_memory_bytes,
    .release = trivet_trees_release,
};

const struct trivet_estimator_ops trivet_random_forest_classifier_ops = {
    .name = "random_forest_classifier",
    .summary =
        "XGBoost's random forest: one round of trees on samples of rows and features, of classes; "
        "its probabilities are one step from the log-odds before any data, not shares of votes",
    .task = TRIVET_TASK_CLASSIFICATION,
    .accepts_missing = true,
    .state_bytes = sizeof(struct trivet_trees),
    .params = forest_classifier_params,
    .fit = forest_fit,
    .predict = trivet_trees_predict,
    .save = trivet_trees_save,
    .load = trivet_trees_load_classifier,
    .explained = "log-odds",
    .n_explained = trivet_trees_n_explained,
    .explain = trivet_trees_explain,
    .scratch_bytes = trivet_trees_scratch_bytes,
    .predict_in = trivet_trees_predict_in,
    .exact_features = true,
    .n_features = trivet_trees_n_features,
    .n_outputs = trivet_trees_n_outputs,
    .output_kind = trivet_trees_output_kind,
    .memory_bytes = trivet_trees_memory_bytes,
    .release = trivet_trees_release,
};

const struct trivet_estimator_ops trivet_random_forest_regressor_ops = {
    .name = "random_forest_regressor",
    .summary =
        "XGBoost's random forest: one round of trees on samples of rows and features, of numbers",
    .task = TRIVET_TASK_REGRESSION,
    .accepts_missing = true,
    .state_bytes = sizeof(struct trivet_trees),
    .params = forest_regressor_params,
    .fit = forest_fit,
    .predict = trivet_trees_predict,
    .save = trivet_trees_save,
    .load = trivet_trees_load_regressor,
    .explained = "prediction",
    .n_explained = trivet_trees_n_explained,
    .explain = trivet_trees_explain,
    .scratch_bytes = trivet_trees_scratch_bytes,
    .predict_in = trivet_trees_predict_in,
    .exact_features = true,
    .n_features = trivet_trees_n_features,
    .n_outputs = trivet_trees_n_outputs,
    .output_kind = trivet_trees_output_kind,
    .memory_bytes = trivet_trees_memory_bytes,
    .release = trivet_trees_release,
};

const struct trivet_estimator_ops trivet_gradient_boosting_classifier_ops = {
    .name = "gradient_boosting_classifier",
    .summary = "sum of trees, each fitted to what the ones before left, of classes",
    .task = TRIVET_TASK_CLASSIFICATION,
    .accepts_missing = true,
    .state_bytes = sizeof(struct trivet_trees),
    .params = boosting_classifier_params,
    .fit = boosting_fit,
    .predict = trivet_trees_predict,
    .save = trivet_trees_save,
    .load = trivet_trees_load_classifier,
    .explained = "log-odds",
    .n_explained = trivet_trees_n_explained,
    .explain = trivet_trees_explain,
    .scratch_bytes = trivet_trees_scratch_bytes,
    .predict_in = trivet_trees_predict_in,
    .exact_features = true,
    .n_features = trivet_trees_n_features,
    .n_outputs = trivet_trees_n_outputs,
    .output_kind = trivet_trees_output_kind,
    .memory_bytes = trivet_trees_memory_bytes,
    .release = trivet_trees_release,
};

const struct trivet_estimator_ops trivet_gradient_boosting_regressor_ops = {
    .name = "gradient_boosting_regressor",
    .summary = "sum of trees, each fitted to what the ones before left, of numbers",
    .task = TRIVET_TASK_REGRESSION,
    .accepts_missing = true,
    .state_bytes = sizeof(struct trivet_trees),
    .params = boosting_regressor_params,
    .fit = boosting_fit,
    .predict = trivet_trees_predict,
    .save = trivet_trees_save,
    .load = trivet_trees_load_regressor,
    .explained = "prediction",
    .n_explained = trivet_trees_n_explained,
    .explain = trivet_trees_explain,
    .scratch_bytes = trivet_trees_scratch_bytes,
    .predict_in = trivet_trees_predict_in,
    .exact_features = true,
    .n_features = trivet_trees_n_features,
    .n_outputs = trivet_trees_n_outputs,
    .output_kind = trivet_trees_output_kind,
    .memory_bytes = trivet_trees_memory_bytes,
    .release = trivet_trees_release,
};
