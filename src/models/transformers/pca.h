/* Columns turned to their principal components. */
#ifndef TRIVET_MODELS_TRANSFORMERS_PCA_H
#define TRIVET_MODELS_TRANSFORMERS_PCA_H

#include "models/transformer.h"

/* The directions of greatest variance of the centred training rows, by singular values
 * (scikit-learn's PCA with svd_solver=full; signs by its svd_flip, so that of all training rows the
 * one furthest out on a component is on its positive side). Outputs "pca0", "pca1" …: as many as
 * told, as many as explain more than a part of the variance, or all, which is the lesser of rows
 * and columns. whiten: divided by their deviation; one without variance by 1. The report has facts
 * "pca_components", "explained_variance_ratio", of all that are kept, and of the first five.
 * Missing values are faults of their rows: scale and impute before. Cost n·p² + p³; memory n·p
 * while fitting. */
extern const struct trivet_transformer_ops trivet_pca_ops;

#endif
