/* Decision trees, random forests and gradient boosting, named in XGBoost's terms. */
#ifndef TRIVET_MODELS_TREE_ENSEMBLES_H
#define TRIVET_MODELS_TREE_ENSEMBLES_H

#include "models/estimator.h"

/* XGBoost trains (models/trees_train.h); what it leaves is kept, served and explained as our own
 * trees (models/trees.h). A decision tree is one tree of one round; a forest is one round of
 * n_estimators trees, each on a sample of rows, whose leaves add up to their mean; boosting is
 * n_estimators rounds of one tree, each fitted to what is left of the loss. More than two classes
 * have as many trees for each. */
extern const struct trivet_estimator_ops trivet_decision_tree_classifier_ops;
extern const struct trivet_estimator_ops trivet_decision_tree_regressor_ops;
extern const struct trivet_estimator_ops trivet_gradient_boosting_classifier_ops;
extern const struct trivet_estimator_ops trivet_gradient_boosting_regressor_ops;
extern const struct trivet_estimator_ops trivet_random_forest_classifier_ops;
extern const struct trivet_estimator_ops trivet_random_forest_regressor_ops;

#endif
