#include "models/xgboost_model.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The arrays of one tree, by XGBoost's number of a node; borrowed. */
struct source {
    const json_t *lefts; /* -1: a leaf */
    const json_t *rights;
    const json_t *features;
    const json_t *thresholds; /* of a leaf, its value */
    const json_t *missing_left;
    const json_t *covers;
};

static enum trivet_status unreadable(const char *what, struct trivet_error *err)
{
    return trivet_error_set(err, TRIVET_INVALID_ARGUMENT, "XGBoost's model cannot be read: %s",
                            what);
}

static const json_t *array_of(const json_t *object, const char *name)
{
    const json_t *array = json_object_get(object, name);
    return json_is_array(array) ? array : NULL;
}

static bool open_tree(const json_t *tree, struct source *out)
{
    *out = (struct source){
        .lefts = array_of(tree, "left_children"),
        .rights = array_of(tree, "right_children"),
        .features = array_of(tree, "split_indices"),
        .thresholds = array_of(tree, "split_conditions"),
        .missing_left = array_of(tree, "default_left"),
        .covers = array_of(tree, "sum_hessian"),
    };
    if (out->lefts == NULL || out->rights == NULL || out->features == NULL ||
        out->thresholds == NULL || out->missing_left == NULL || out->covers == NULL) {
        return false;
    }
    size_t n = json_array_size(out->lefts);
    return n > 0 && json_array_size(out->rights) == n && json_array_size(out->features) == n &&
           json_array_size(out->thresholds) == n && json_array_size(out->missing_left) == n &&
           json_array_size(out->covers) == n;
}

static json_int_t integer_at(const json_t *array, size_t i)
{
    const json_t *value = json_array_get(array, i);
    return json_is_boolean(value) ? json_is_true(value) : json_integer_value(value);
}

static double single_at(const json_t *array, size_t i)
{
    return (double)(float)json_number_value(json_array_get(array, i));
}

/* Nodes in our order, from out->n_nodes on. False: not a tree. */
static bool read_nodes(const struct source *from, struct trivet_trees *out)
{
    size_t stack[TRIVET_TREES_DEPTH_MAX + 2] = {0};
    size_t n_waiting = 1;
    size_t n = json_array_size(from->lefts);
    size_t room = n;
    while (n_waiting > 0) {
        size_t i = stack[--n_waiting];
        json_int_t left = integer_at(from->lefts, i);
        json_int_t right = integer_at(from->rights, i);
        json_int_t feature = integer_at(from->features, i);
        if (room-- == 0) {
            return false;
        }
        out->values[out->n_nodes] = single_at(from->thresholds, i);
        out->covers[out->n_nodes] = single_at(from->covers, i);
        out->kinds[out->n_nodes] = TRIVET_TREES_LEAF;
        if (left != -1) {
            if (left < 0 || (size_t)left >= n || right < 0 || (size_t)right >= n || feature < 0 ||
                (size_t)feature >= out->n_features || n_waiting > TRIVET_TREES_DEPTH_MAX) {
                return false;
            }
            out->kinds[out->n_nodes] =
                TRIVET_TREES_SPLIT(feature, integer_at(from->missing_left, i) == 0);
            stack[n_waiting++] = (size_t)right;
            stack[n_waiting++] = (size_t)left;
        }
        out->n_nodes++;
    }
    return true;
}

/* base_score is in the units of the prediction: of two classes, a probability. */
static bool read_base(const json_t *learner, struct trivet_trees *out)
{
    const json_t *param = json_object_get(learner, "learner_model_param");
    const char *text = json_string_value(json_object_get(param, "base_score"));
    if (text == NULL) {
        return false;
    }
    float base = strtof(text, NULL);
    base = out->n_classes == 2 ? -logf(1.0F / base - 1.0F) : base;
    for (size_t m = 0; m < out->n_margins; m++) {
        out->base[m] = (double)base;
    }
    return isfinite(base);
}

static enum trivet_status read_trees(const json_t *learner, size_t n_trees_max,
                                     struct trivet_trees *out, struct trivet_error *err)
{
    const json_t *booster = json_object_get(learner, "gradient_booster");
    const json_t *model = json_object_get(booster, "model");
    const json_t *trees = array_of(model, "trees");
    const json_t *margins = array_of(model, "tree_info");
    if (trees == NULL || margins == NULL || json_array_size(trees) != json_array_size(margins) ||
        json_array_size(trees) == 0) {
        return unreadable("it has no trees", err);
    }
    out->n_trees = json_array_size(trees);
    out->n_trees = out->n_trees < n_trees_max ? out->n_trees : n_trees_max;
    for (size_t t = 0; t < out->n_trees; t++) {
        struct source source;
        if (!open_tree(json_array_get(trees, t), &source)) {
            return unreadable("a tree lacks an array", err);
        }
        out->n_nodes += json_array_size(source.lefts);
    }
    enum trivet_status status = trivet_trees_alloc(out, err);
    if (status != TRIVET_OK) {
        return status;
    }
    out->n_nodes = 0;
    for (size_t t = 0; t < out->n_trees; t++) {
        struct source source;
        out->tree_margins[t] = (int64_t)integer_at(margins, t) + 1;
        if (!open_tree(json_array_get(trees, t), &source) || !read_nodes(&source, out)) {
            return unreadable("a tree is none, or is too deep", err);
        }
    }
    return read_base(learner, out) ? TRIVET_OK : unreadable("it has no base_score", err);
}

enum trivet_status trivet_xgboost_model_read(const char *json, size_t n_bytes, size_t n_trees_max,
                                             struct trivet_trees *out, struct trivet_error *err)
{
    json_error_t fault;
    struct trivet_trees made = {.n_features = out->n_features, .n_classes = out->n_classes};
    json_t *root = json_loadb(json, n_bytes, 0, &fault);
    if (root == NULL && json_error_code(&fault) == json_error_out_of_memory) {
        return trivet_trees_no_memory(err);
    }
    if (root == NULL) {
        /* JSON has no infinity. */
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "training left numbers that are not finite (%s): scale the target, "
                                "or raise reg_lambda or min_child_weight",
                                fault.text);
    }
    enum trivet_status status =
        read_trees(json_object_get(root, "learner"), n_trees_max, &made, err);
    json_decref(root);
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
