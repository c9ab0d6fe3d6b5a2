/* Ensembles of decision trees as they are kept, saved and served, whatever trained them.
 *
 * Row x reaches one leaf of each tree: at a split of feature j it goes left when x_j - shift_j, as
 * a single-precision number, is less than the threshold, and the split's own way where x_j is
 * missing. The shift is 0 but for a column whose mean is so large that single precision would lose
 * what its values differ by; it is taken off in double precision. The margin m of a row is base[m]
 * plus the leaf values of its trees, summed in their order in single precision. Output: regression,
 * the margin plus an offset; two classes, 1 / (1 + exp(-margin)) for class 1; more classes, the
 * softmax of one margin a class.
 *
 * All numbers of a model are single precision, as XGBoost's are. */
#ifndef TRIVET_MODELS_TREES_H
#define TRIVET_MODELS_TREES_H

#include "base/compiler.h"
#include "models/estimator.h"
#include "models/trees_kernel.h"

#include <trivet/error.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Splits between a root and its farthest leaf. */
#define TRIVET_TREES_DEPTH_MAX 64

/* Kinds of nodes, as saved: a leaf, or a split of feature j with missing values to the left or to
 * the right. */
#define TRIVET_TREES_LEAF            1
#define TRIVET_TREES_SPLIT(j, right) (2 + 2 * (int64_t)(j) + ((right) ? 1 : 0))

/* The state of the tree estimators. Arrays are owned. The nodes of a tree follow each other, each
 * split before its left subtree and that before its right subtree, so that the kinds alone say
 * where every tree, and every subtree, ends. */
struct trivet_trees {
    size_t n_features;
    size_t n_classes; /* 0: regression */
    size_t n_margins; /* 1, or n_classes where there are more than two */
    size_t n_trees;
    size_t n_nodes;
    double *base;          /* (n_margins) */
    double *shift;         /* (n_features) */
    double offset;         /* as shift, of the target of a regression */
    int64_t *tree_margins; /* (n_trees): margin that the tree adds to, from 1 */
    int64_t *kinds;        /* (n_nodes) */
    double *values;        /* (n_nodes): a split's threshold, a leaf's value */
    double *covers;        /* (n_nodes): sum of second derivatives of its training rows */
    /* What follows from these, made by trivet_trees_finish. */
    uint32_t *rights; /* (n_nodes): right child of a split; the left one is the next node */
    uint32_t *roots;  /* (n_trees) */
    uint32_t *depths; /* (n_trees): splits between the root and its farthest leaf */
    struct trivet_trees_kernel kernel;
};

static inline bool trivet_trees_is_leaf(const struct trivet_trees *trees, size_t node)
{
    return trees->kinds[node] == TRIVET_TREES_LEAF;
}

static inline size_t trivet_trees_feature(const struct trivet_trees *trees, size_t node)
{
    return (size_t)(trees->kinds[node] / 2 - 1);
}

static inline bool trivet_trees_missing_right(const struct trivet_trees *trees, size_t node)
{
    return trees->kinds[node] % 2 != 0;
}

/* Room for the arrays that are saved, `shift` all 0; n_features, n_classes, n_trees and n_nodes are
 * set by the caller. RESOURCE_EXHAUSTED. */
enum trivet_status trivet_trees_alloc(struct trivet_trees *trees,
                                      struct trivet_error *err) TRIVET_MUST_USE;
/* Checks all of the arrays that are saved and makes what follows from them. DATA_LOSS when they are
 * not an ensemble of trees; RESOURCE_EXHAUSTED. `name`: for messages. */
enum trivet_status trivet_trees_finish(struct trivet_trees *trees, const char *name,
                                       struct trivet_error *err) TRIVET_MUST_USE;
enum trivet_status trivet_trees_no_memory(struct trivet_error *err);

/* The functions of the estimators' tables; see models/estimator.h. */
enum trivet_status trivet_trees_predict(const void *state, struct trivet_const_matrix x,
                                        struct trivet_matrix out, struct trivet_error *err);
size_t trivet_trees_scratch_bytes(const void *state, size_t n_rows);
void trivet_trees_predict_in(const void *state, struct trivet_const_matrix x,
                             struct trivet_matrix out, void *scratch);
enum trivet_status trivet_trees_save(const void *state, struct trivet_arena *arena,
                                     Trivet__V1__Step *out, struct trivet_error *err);
enum trivet_status trivet_trees_load_regressor(void *state, const struct trivet_params *params,
                                               const Trivet__V1__Step *step,
                                               struct trivet_error *err);
enum trivet_status trivet_trees_load_classifier(void *state, const struct trivet_params *params,
                                                const Trivet__V1__Step *step,
                                                struct trivet_error *err);
/* Path-dependent TreeSHAP of the margins: Lundberg, Erion, Lee, Consistent individualized feature
 * attribution for tree ensembles, 2018, algorithm 2. The worth of a set of features is the mean of
 * the leaves that a row may reach when only those are known, each side of another split weighing as
 * much as its training rows (their covers). Cost: leaves × depth² a row and tree. */
enum trivet_status trivet_trees_explain(const void *state, struct trivet_const_matrix x,
                                        const double *means, double *contributions, double *base,
                                        struct trivet_error *err);
size_t trivet_trees_n_explained(const void *state);
size_t trivet_trees_n_features(const void *state);
size_t trivet_trees_n_outputs(const void *state);
enum trivet_output_kind trivet_trees_output_kind(const void *state);
size_t trivet_trees_memory_bytes(const void *state);
void trivet_trees_release(void *state);

#endif
