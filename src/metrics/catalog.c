#include "metrics/catalog.h"

#include <string.h>

/* clang-format off */
#define REGRESSION(metric, better, text)                                                           \
    {.name = (metric), .task = TRIVET_METRIC_REGRESSION, .greater_is_better = (better),            \
     .help = (text)}
#define CLASSES(metric, text)                                                                      \
    {.name = (metric), .task = TRIVET_METRIC_CLASSIFICATION, .greater_is_better = true,            \
     .help = (text)}
#define SCORES(metric, better, text)                                                               \
    {.name = (metric), .task = TRIVET_METRIC_CLASSIFICATION, .greater_is_better = (better),        \
     .needs_scores = true, .help = (text)}
#define CLUSTERING(metric, better, text)                                                           \
    {.name = (metric), .task = TRIVET_METRIC_CLUSTERING, .greater_is_better = (better),            \
     .help = (text)}
/* clang-format on */

static const struct trivet_metric_info catalog[] = {
    REGRESSION("mse", false, "mean squared error"),
    REGRESSION("rmse", false, "root of the mean squared error, in units of the target"),
    REGRESSION("mae", false, "mean absolute error, in units of the target"),
    REGRESSION("r2", true, "share of the target's variance that is predicted"),
    REGRESSION("mape", false, "mean absolute error relative to the target"),
    REGRESSION("explained_variance", true, "like r2, but forgives a constant offset"),
    REGRESSION("median_absolute_error", false, "half of the errors are smaller"),
    REGRESSION("max_error", false, "largest absolute error"),
    REGRESSION("pinball_loss", false, "quantile loss at the median"),
    CLASSES("accuracy", "share of the rows whose class is predicted"),
    CLASSES("balanced_accuracy", "mean recall over the classes"),
    CLASSES("precision", "of two classes the positive one's, else precision_macro"),
    CLASSES("recall", "of two classes the positive one's, else recall_macro"),
    CLASSES("f1", "of two classes the positive one's, else f1_macro"),
    CLASSES("precision_macro", "share of a class's predictions that are right, mean over classes"),
    CLASSES("recall_macro", "share of a class's rows that are found, mean over classes"),
    CLASSES("f1_macro", "harmonic mean of precision and recall, mean over classes"),
    CLASSES("precision_weighted", "precision, classes weighted by their rows"),
    CLASSES("recall_weighted", "recall, classes weighted by their rows"),
    CLASSES("f1_weighted", "F1, classes weighted by their rows"),
    CLASSES("f1_micro", "F1 over all rows together"),
    CLASSES("mcc", "Matthews correlation of truth and prediction"),
    SCORES("roc_auc", true,
           "area under the ROC curve; several classes: one against the rest, mean"),
    SCORES("pr_auc", true, "average precision; several classes: one against the rest, mean"),
    SCORES("log_loss", false, "mean negative log probability of the true class"),
    SCORES("brier", false, "mean squared error of the probabilities"),
    SCORES("calibration_error", false, "mean gap of predicted and observed frequency, ten bins"),
    CLUSTERING("inertia", false, "sum of squared distances to the own centre"),
    CLUSTERING("silhouette", true, "nearness to the own cluster against the next, mean"),
    CLUSTERING("calinski_harabasz", true, "dispersion between clusters relative to within"),
    CLUSTERING("davies_bouldin", false, "likeness of each cluster to the most alike, mean"),
    CLUSTERING("adjusted_rand", true, "agreement with known groups, 0 for chance"),
};

const struct trivet_metric_info *trivet_metric_catalog(size_t *count)
{
    *count = TRIVET_ARRAY_COUNT(catalog);
    return catalog;
}

const struct trivet_metric_info *trivet_metric_info_find(const char *name)
{
    for (size_t i = 0; name != NULL && i < TRIVET_ARRAY_COUNT(catalog); i++) {
        if (strcmp(catalog[i].name, name) == 0) {
            return &catalog[i];
        }
    }
    return NULL;
}

const struct trivet_metric_info *trivet_metric_info_main(enum trivet_metric_task task)
{
    switch (task) {
    case TRIVET_METRIC_REGRESSION:
        return trivet_metric_info_find("r2");
    case TRIVET_METRIC_CLASSIFICATION:
        return trivet_metric_info_find("f1_macro");
    case TRIVET_METRIC_CLUSTERING:
        return trivet_metric_info_find("silhouette");
    }
    return NULL;
}
