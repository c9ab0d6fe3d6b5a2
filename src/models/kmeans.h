/* k-means: clusters of rows round centres. */
#ifndef TRIVET_MODELS_KMEANS_H
#define TRIVET_MODELS_KMEANS_H

#include "models/estimator.h"

/* Minimises the sum of squared distances of rows to the nearest of n_clusters centres (the
 * inertia), from n_init starts; see models/kmeans_engine.h. Output: distances to the centres. */
extern const struct trivet_estimator_ops trivet_kmeans_ops;

#endif
