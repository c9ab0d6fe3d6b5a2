#include "models/xgboost_model.h"

#include "models/ubjson.h"

#include <math.h>
#include <stdlib.h>

#define NUMBER_BYTES 64

/* The arrays of one tree, by XGBoost's number of a node; borrowed. */
struct source {
    size_t n_nodes;
    struct trivet_ubjson_array lefts; /* -1: a leaf */
    struct trivet_ubjson_array rights;
    struct trivet_ubjson_array features;
    struct trivet_ubjson_array thresholds; /* of a leaf, its value */
    struct trivet_ubjson_array missing_left;
    struct trivet_ubjson_array covers;
};

/* A node; without children it is a leaf. */
struct node {
    int64_t left;
    int64_t right;
    int64_t feature;
    int64_t missing_left;
    float threshold;
    float cover;
};

static enum trivet_status unreadable(const char *what, struct trivet_error *err)
{
    return trivet_error_set(err, TRIVET_INVALID_ARGUMENT, "XGBoost's model cannot be read: %s",
                            what);
}

static bool open_array(struct trivet_ubjson tree, const char *name, struct trivet_ubjson_array *out)
{
    struct trivet_ubjson value;
    return trivet_ubjson_member(tree, name, &value) && trivet_ubjson_open(value, out) &&
           out->type != 0;
}

static bool open_tree(struct trivet_ubjson tree, struct source *out)
{
    if (!open_array(tree, "left_children", &out->lefts) ||
        !open_array(tree, "right_children", &out->rights) ||
        !open_array(tree, "split_indices", &out->features) ||
        !open_array(tree, "split_conditions", &out->thresholds) ||
        !open_array(tree, "default_left", &out->missing_left) ||
        !open_array(tree, "sum_hessian", &out->covers)) {
        return false;
    }
    size_t n = out->lefts.n_items;
    out->n_nodes = n;
    return n > 0 && out->rights.n_items == n && out->features.n_items == n &&
           out->thresholds.n_items == n && out->missing_left.n_items == n &&
           out->covers.n_items == n;
}

static bool read_node(const struct source *from, size_t i, struct node *out)
{
    return trivet_ubjson_item_integer(&from->lefts, i, &out->left) &&
           trivet_ubjson_item_integer(&from->rights, i, &out->right) &&
           trivet_ubjson_item_integer(&from->features, i, &out->feature) &&
           trivet_ubjson_item_integer(&from->missing_left, i, &out->missing_left) &&
           trivet_ubjson_item_float(&from->thresholds, i, &out->threshold) &&
           trivet_ubjson_item_float(&from->covers, i, &out->cover);
}

static bool is_node(int64_t i, size_t n_nodes)
{
    return i >= 0 && (uint64_t)i < n_nodes;
}

/* Nodes in our order, from out->n_nodes on. False: not a tree. */
static bool read_nodes(const struct source *from, struct trivet_trees *out)
{
    size_t stack[TRIVET_TREES_DEPTH_MAX + 2] = {0};
    size_t n_waiting = 1;
    size_t n = from->n_nodes;
    size_t room = n;
    while (n_waiting > 0) {
        struct node node;
        if (room-- == 0 || !read_node(from, stack[--n_waiting], &node)) {
            return false;
        }
        out->values[out->n_nodes] = (double)node.threshold;
        out->covers[out->n_nodes] = (double)node.cover;
        out->kinds[out->n_nodes] = TRIVET_TREES_LEAF;
        if (node.left != -1) {
            if (!is_node(node.left, n) || !is_node(node.right, n) ||
                !is_node(node.feature, out->n_features) || n_waiting > TRIVET_TREES_DEPTH_MAX) {
                return false;
            }
            out->kinds[out->n_nodes] = TRIVET_TREES_SPLIT(node.feature, node.missing_left == 0);
            stack[n_waiting++] = (size_t)node.right;
            stack[n_waiting++] = (size_t)node.left;
        }
        out->n_nodes++;
    }
    return true;
}

/* base_score is in the units of the prediction: of two classes, a probability. */
static bool read_base(struct trivet_ubjson learner, struct trivet_trees *out)
{
    char text[NUMBER_BYTES];
    struct trivet_ubjson param;
    struct trivet_ubjson value;
    if (!trivet_ubjson_member(learner, "learner_model_param", &param) ||
        !trivet_ubjson_member(param, "base_score", &value) ||
        !trivet_ubjson_text(value, text, sizeof text)) {
        return false;
    }
    float base = strtof(text, NULL);
    base = out->n_classes == 2 ? -logf(1.0F / base - 1.0F) : base;
    for (size_t m = 0; m < out->n_margins; m++) {
        out->base[m] = (double)base;
    }
    return isfinite(base);
}

/* Numbers that training left without being finite: no model, and no damage either. */
static bool all_finite(const struct trivet_trees *trees)
{
    for (size_t i = 0; i < trees->n_nodes; i++) {
        if (!isfinite(trees->values[i]) || !isfinite(trees->covers[i])) {
            return false;
        }
    }
    return true;
}

/* Lists of the trees and of their margins. */
static bool open_lists(struct trivet_ubjson learner, struct trivet_ubjson_array *trees,
                       struct trivet_ubjson_array *margins)
{
    struct trivet_ubjson booster;
    struct trivet_ubjson model;
    struct trivet_ubjson value;
    return trivet_ubjson_member(learner, "gradient_booster", &booster) &&
           trivet_ubjson_member(booster, "model", &model) &&
           trivet_ubjson_member(model, "trees", &value) && trivet_ubjson_open(value, trees) &&
           trees->type == 0 && trivet_ubjson_member(model, "tree_info", &value) &&
           trivet_ubjson_open(value, margins) && margins->type == 0 &&
           trees->n_items == margins->n_items && trees->n_items > 0;
}

/* Nodes of the first out->n_trees, those that were pruned away too. */
static bool count_nodes(struct trivet_ubjson tree, struct trivet_trees *out)
{
    for (size_t t = 0; t < out->n_trees; t++) {
        struct source source;
        if (!open_tree(tree, &source) || !trivet_ubjson_skip(&tree)) {
            return false;
        }
        out->n_nodes += source.n_nodes;
    }
    return true;
}

static enum trivet_status read_trees(struct trivet_ubjson learner, size_t n_trees_max,
                                     struct trivet_trees *out, struct trivet_error *err)
{
    struct trivet_ubjson_array trees;
    struct trivet_ubjson_array margins;
    if (!open_lists(learner, &trees, &margins)) {
        return unreadable("it has no trees", err);
    }
    out->n_trees = trees.n_items < n_trees_max ? trees.n_items : n_trees_max;
    if (!count_nodes(trees.items, out)) {
        return unreadable("a tree lacks an array", err);
    }
    enum trivet_status status = trivet_trees_alloc(out, err);
    if (status != TRIVET_OK) {
        return status;
    }
    out->n_nodes = 0;
    for (size_t t = 0; t < out->n_trees; t++) {
        struct source source;
        int64_t margin = 0;
        if (!open_tree(trees.items, &source) || !read_nodes(&source, out) ||
            !trivet_ubjson_integer(margins.items, &margin) || margin < 0 ||
            (uint64_t)margin >= out->n_margins) {
            return unreadable("a tree is none, or is too deep", err);
        }
        out->tree_margins[t] = margin + 1;
        if (t + 1 < out->n_trees &&
            (!trivet_ubjson_skip(&trees.items) || !trivet_ubjson_skip(&margins.items))) {
            return unreadable("it ends before its trees do", err);
        }
    }
    if (!all_finite(out)) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "training left numbers that are not finite: scale the target, or "
                                "raise reg_lambda or min_child_weight");
    }
    return read_base(learner, out) ? TRIVET_OK : unreadable("it has no base_score", err);
}

enum trivet_status trivet_xgboost_model_read(const char *model, size_t n_bytes, size_t n_trees_max,
                                             struct trivet_trees *out, struct trivet_error *err)
{
    struct trivet_trees made = {.n_features = out->n_features, .n_classes = out->n_classes};
    struct trivet_ubjson root = {(const uint8_t *)model, n_bytes};
    struct trivet_ubjson learner;
    enum trivet_status status = trivet_ubjson_member(root, "learner", &learner)
                                    ? read_trees(learner, n_trees_max, &made, err)
                                    : unreadable("it has no learner", err);
    if (status == TRIVET_OK) {
        status = trivet_trees_finish(&made, "XGBoost", err);
    }
    if (status != TRIVET_OK) {
        trivet_trees_release(&made);
        return status;
    }
    *out = made;
    return TRIVET_OK;
}
