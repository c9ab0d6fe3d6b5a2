#include "models/registry.h"

#include "base/text.h"
#include "models/dummy.h"
#include "models/kmeans.h"
#include "models/linear_regression.h"
#include "models/linear_svc.h"
#include "models/logistic_regression.h"
#include "models/mlp.h"
#include "models/svc.h"
#include "models/transformers/drop_correlated.h"
#include "models/transformers/hashing.h"
#include "models/transformers/imputer.h"
#include "models/transformers/lag.h"
#include "models/transformers/max_abs_scaler.h"
#include "models/transformers/min_max_scaler.h"
#include "models/transformers/normalizer.h"
#include "models/transformers/one_hot_encoder.h"
#include "models/transformers/ordinal_encoder.h"
#include "models/transformers/outlier_clipper.h"
#include "models/transformers/pca.h"
#include "models/transformers/polynomial_features.h"
#include "models/transformers/power_transformer.h"
#include "models/transformers/quantile_binner.h"
#include "models/transformers/robust_scaler.h"
#include "models/transformers/rolling_window.h"
#include "models/transformers/select_k_best.h"
#include "models/transformers/standard_scaler.h"
#include "models/transformers/tfidf.h"
#include "models/transformers/variance_threshold.h"
#include "models/tree_ensembles.h"

#include <string.h>

#define NAMES_BYTES 1024

/* clang-format off */
static const struct trivet_estimator_ops *const estimators[] = {
    &trivet_decision_tree_classifier_ops,
    &trivet_decision_tree_regressor_ops,
    &trivet_dummy_classifier_ops,
    &trivet_dummy_regressor_ops,
    &trivet_gradient_boosting_classifier_ops,
    &trivet_gradient_boosting_regressor_ops,
    &trivet_kmeans_ops,
    &trivet_linear_regression_ops,
    &trivet_linear_svc_ops,
    &trivet_linear_svr_ops,
    &trivet_logistic_regression_ops,
    &trivet_mlp_classifier_ops,
    &trivet_mlp_regressor_ops,
    &trivet_random_forest_classifier_ops,
    &trivet_random_forest_regressor_ops,
    &trivet_svc_ops,
    &trivet_svr_ops,
    NULL,
};
/* clang-format on */

/* clang-format off */
static const struct trivet_transformer_ops *const transformers[] = {
    &trivet_drop_correlated_ops,
    &trivet_hashing_ops,
    &trivet_imputer_ops,
    &trivet_lag_ops,
    &trivet_max_abs_scaler_ops,
    &trivet_min_max_scaler_ops,
    &trivet_normalizer_ops,
    &trivet_one_hot_encoder_ops,
    &trivet_ordinal_encoder_ops,
    &trivet_outlier_clipper_ops,
    &trivet_pca_ops,
    &trivet_polynomial_features_ops,
    &trivet_power_transformer_ops,
    &trivet_quantile_binner_ops,
    &trivet_robust_scaler_ops,
    &trivet_rolling_window_ops,
    &trivet_select_k_best_ops,
    &trivet_standard_scaler_ops,
    &trivet_tfidf_ops,
    &trivet_variance_threshold_ops,
    NULL,
};
/* clang-format on */

const struct trivet_estimator_ops *const *trivet_registry_estimators(void)
{
    return estimators;
}

const struct trivet_transformer_ops *const *trivet_registry_transformers(void)
{
    return transformers;
}

static void append_name(char *names, size_t names_bytes, const char *name)
{
    size_t used = strlen(names);
    trivet_text_format(&names[used], names_bytes - used, "%s%s", used > 0 ? ", " : "", name);
}

enum trivet_status trivet_registry_estimator(const char *name,
                                             const struct trivet_estimator_ops **out,
                                             struct trivet_error *err)
{
    char names[NAMES_BYTES] = "";
    for (size_t i = 0; estimators[i] != NULL; i++) {
        if (strcmp(estimators[i]->name, name) == 0) {
            *out = estimators[i];
            return TRIVET_OK;
        }
        append_name(names, sizeof names, estimators[i]->name);
    }
    trivet_error_set(err, TRIVET_INVALID_ARGUMENT, "no estimator '%s'; there is: %s", name, names);
    trivet_error_add_violation(err, "estimator", "give one of: %s", names);
    return TRIVET_INVALID_ARGUMENT;
}

enum trivet_status trivet_registry_transformer(const char *name,
                                               const struct trivet_transformer_ops **out,
                                               struct trivet_error *err)
{
    char names[NAMES_BYTES] = "";
    for (size_t i = 0; transformers[i] != NULL; i++) {
        if (strcmp(transformers[i]->name, name) == 0) {
            *out = transformers[i];
            return TRIVET_OK;
        }
        append_name(names, sizeof names, transformers[i]->name);
    }
    trivet_error_set(err, TRIVET_INVALID_ARGUMENT, "no transformer '%s'; there are: %s", name,
                     names);
    trivet_error_add_violation(err, "transformers", "give one of: %s", names);
    return TRIVET_INVALID_ARGUMENT;
}
