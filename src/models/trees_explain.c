#include "models/trees.h"

#include "base/alloc.h"

#include <math.h>
#include <string.h>

/* A split feature on the way from the root to a node. */
struct element {
    size_t feature;
    double zero;   /* share of paths that go on when the feature is not known */
    double one;    /* 1: the row goes this way; 0: it does not */
    double weight; /* of the subsets of the features before, by their size */
};

/* One row and one tree. */
struct walk {
    const struct trivet_trees *trees;
    const double *row;
    double *contributions; /* (n_features) of the tree's margin */
};

/* One more feature on the path, which has n. */
static void extend(struct element *path, size_t n, struct element added)
{
    path[n] = added;
    path[n].weight = n == 0 ? 1.0 : 0.0;
    for (size_t i = n; i-- > 0;) {
        double before = path[i].weight;
        path[i + 1].weight += added.one * before * (double)(i + 1) / (double)(n + 1);
        path[i].weight = added.zero * before * (double)(n - i) / (double)(n + 1);
    }
}

/* Takes element k off a path of n + 1. */
static void unwind(struct element *path, size_t n, size_t k)
{
    double one = path[k].one;
    double zero = path[k].zero;
    double next = path[n].weight;
    for (size_t i = n; i-- > 0;) {
        if (one != 0.0) {
            double before = path[i].weight;
            path[i].weight = next * (double)(n + 1) / ((double)(i + 1) * one);
            next = before - path[i].weight * zero * (double)(n - i) / (double)(n + 1);
        } else {
            path[i].weight = path[i].weight * (double)(n + 1) / (zero * (double)(n - i));
        }
    }
    for (size_t i = k; i < n; i++) {
        path[i].feature = path[i + 1].feature;
        path[i].zero = path[i + 1].zero;
        path[i].one = path[i + 1].one;
    }
}

/* Sum of the weights that unwinding element k of a path of n + 1 would leave. */
static double unwound_sum(const struct element *path, size_t n, size_t k)
{
    double one = path[k].one;
    double zero = path[k].zero;
    double next = path[n].weight;
    double total = 0.0;
    for (size_t i = n; i-- > 0;) {
        if (one != 0.0) {
            double weight = next * (double)(n + 1) / ((double)(i + 1) * one);
            total += weight;
            next = path[i].weight - weight * zero * ((double)(n - i) / (double)(n + 1));
        } else if (zero != 0.0) {
            total += path[i].weight / (zero * ((double)(n - i) / (double)(n + 1)));
        }
    }
    return total;
}

/* Share of a split's training rows that went to its left. */
static double left_share(const struct trivet_trees *trees, size_t node)
{
    double left = trees->covers[node + 1];
    double both = left + trees->covers[trees->rights[node]];
    return both > 0.0 ? left / both : 0.5;
}

static bool goes_left(const struct walk *walk, size_t node)
{
    size_t feature = trivet_trees_feature(walk->trees, node);
    double value = walk->row[feature] - walk->trees->shift[feature];
    if (isnan(value)) {
        return !trivet_trees_missing_right(walk->trees, node);
    }
    return (float)value < (float)walk->trees->values[node];
}

/* `parent`: the path to the parent, of n elements; room for the node's own lies behind it. */
static void walk_node(const struct walk *walk, size_t node, const struct element *parent, size_t n,
                      struct element *path, struct element added)
{
    memcpy(path, parent, n * sizeof *path);
    extend(path, n, added);
    if (trivet_trees_is_leaf(walk->trees, node)) {
        for (size_t i = 1; i <= n; i++) {
            walk->contributions[path[i].feature] +=
                unwound_sum(path, n, i) * (path[i].one - path[i].zero) * walk->trees->values[node];
        }
        return;
    }
    size_t feature = trivet_trees_feature(walk->trees, node);
    struct element incoming = {.feature = feature, .zero = 1.0, .one = 1.0};
    size_t length = n + 1;
    size_t k = 1; /* the first element stands for no feature */
    while (k < length && path[k].feature != feature) {
        k++;
    }
    if (k < length) {
        incoming = path[k];
        unwind(path, n, k);
        length--;
    }
    bool left = goes_left(walk, node);
    double share = left_share(walk->trees, node);
    struct element to_left = {feature, share * incoming.zero, left ? incoming.one : 0.0, 0.0};
    struct element to_right = {feature, (1.0 - share) * incoming.zero, left ? 0.0 : incoming.one,
                               0.0};
    struct element *room = &path[length];
    /* Neither the row nor any training row goes there: it adds nothing. */
    if (to_left.zero > 0.0 || to_left.one > 0.0) {
        walk_node(walk, node + 1, path, length, room, to_left);
    }
    if (to_right.zero > 0.0 || to_right.one > 0.0) {
        walk_node(walk, walk->trees->rights[node], path, length, room, to_right);
    }
}

/* base: of each margin, the mean over all ways, by their shares; `means` (n_nodes) is room. */
static void set_base(const struct trivet_trees *trees, double *means, double *base)
{
    for (size_t node = trees->n_nodes; node-- > 0;) {
        if (trivet_trees_is_leaf(trees, node)) {
            means[node] = trees->values[node];
        } else {
            double share = left_share(trees, node);
            means[node] = share * means[node + 1] + (1.0 - share) * means[trees->rights[node]];
        }
    }
    for (size_t m = 0; m < trees->n_margins; m++) {
        base[m] = trees->base[m] + trees->offset;
    }
    for (size_t t = 0; t < trees->n_trees; t++) {
        base[trees->tree_margins[t] - 1] += means[trees->roots[t]];
    }
}

enum trivet_status trivet_trees_explain(const void *state, struct trivet_const_matrix x,
                                        const double *means, double *contributions, double *base,
                                        struct trivet_error *err)
{
    const struct trivet_trees *trees = state;
    size_t depth = 0;
    (void)means;
    for (size_t t = 0; t < trees->n_trees; t++) {
        depth = trees->depths[t] > depth ? trees->depths[t] : depth;
    }
    double *node_means = trivet_alloc_array(trees->n_nodes, sizeof *node_means);
    struct element *paths = trivet_calloc((depth + 2) * (depth + 3) / 2, sizeof *paths);
    bool ok = node_means != NULL && paths != NULL;
    if (ok) {
        set_base(trees, node_means, base);
        memset(contributions, 0,
               x.n_rows * trees->n_margins * trees->n_features * sizeof *contributions);
    }
    for (size_t i = 0; ok && i < x.n_rows; i++) {
        for (size_t t = 0; t < trees->n_trees; t++) {
            size_t margin = (size_t)(trees->tree_margins[t] - 1);
            struct walk walk = {
                .trees = trees,
                .row = &x.data[i * x.stride],
                .contributions =
                    &contributions[(i * trees->n_margins + margin) * trees->n_features],
            };
            struct element root = {.zero = 1.0, .one = 1.0};
            walk_node(&walk, trees->roots[t], paths, 0, paths, root);
        }
    }
    trivet_free(node_means);
    trivet_free(paths);
    return ok ? TRIVET_OK : trivet_trees_no_memory(err);
}
