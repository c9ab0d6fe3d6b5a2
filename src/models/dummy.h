/* Baselines that look at the target alone: what any model has to beat. */
#ifndef TRIVET_MODELS_DUMMY_H
#define TRIVET_MODELS_DUMMY_H

#include "models/estimator.h"

/* The same number for every row: mean, median, a quantile (linear between order statistics, as
 * numpy.quantile) or a constant. */
extern const struct trivet_estimator_ops trivet_dummy_regressor_ops;
/* The same probabilities for every row. prior: the classes' shares of the training rows;
 * most_frequent: 1 for the most frequent class, of equals the first; uniform: 1 / n_classes. */
extern const struct trivet_estimator_ops trivet_dummy_classifier_ops;

#endif
