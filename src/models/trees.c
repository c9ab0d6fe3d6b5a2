#include "models/trees.h"

#include "base/alloc.h"
#include "models/tensors.h"

#include <math.h>
#include <string.h>

#define FEATURES_MAX ((size_t)1 << 26)
#define NODES_MAX    ((size_t)1 << 28)
#define N_TENSORS    8

enum trivet_status trivet_trees_no_memory(struct trivet_error *err)
{
    return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "out of memory for trees");
}

enum trivet_status trivet_trees_alloc(struct trivet_trees *trees, struct trivet_error *err)
{
    trees->n_margins = trees->n_classes > 2 ? trees->n_classes : 1;
    trees->base = trivet_alloc_array(trees->n_margins, sizeof(double));
    trees->shift = trivet_calloc(trees->n_features, sizeof(double));
    trees->tree_margins = trivet_alloc_array(trees->n_trees, sizeof(int64_t));
    trees->kinds = trivet_alloc_array(trees->n_nodes, sizeof(int64_t));
    trees->values = trivet_alloc_array(trees->n_nodes, sizeof(double));
    trees->covers = trivet_alloc_array(trees->n_nodes, sizeof(double));
    bool ok = trees->base != NULL && trees->shift != NULL && trees->tree_margins != NULL &&
              trees->kinds != NULL && trees->values != NULL && trees->covers != NULL;
    return ok ? TRIVET_OK : trivet_trees_no_memory(err);
}

static enum trivet_status damaged(const char *name, const char *what, size_t which,
                                  struct trivet_error *err)
{
    return trivet_error_set(err, TRIVET_DATA_LOSS, "the saved state of '%s' is damaged: %s %zu",
                            name, what, which);
}

static bool is_single(double value)
{
    return isfinite(value) && (double)(float)value == value;
}

static enum trivet_status check_numbers(const struct trivet_trees *trees, const char *name,
                                        struct trivet_error *err)
{
    for (size_t m = 0; m < trees->n_margins; m++) {
        if (!is_single(trees->base[m])) {
            return damaged(name, "no single-precision number is base", m, err);
        }
    }
    for (size_t t = 0; t < trees->n_trees; t++) {
        if (trees->tree_margins[t] < 1 || trees->tree_margins[t] > (int64_t)trees->n_margins) {
            return damaged(name, "no margin for tree", t, err);
        }
    }
    for (size_t i = 0; i < trees->n_nodes; i++) {
        int64_t kind = trees->kinds[i];
        if (kind < 1 || kind > TRIVET_TREES_SPLIT(trees->n_features - 1, true)) {
            return damaged(name, "no leaf and no feature's split is node", i, err);
        }
        if (!is_single(trees->values[i])) {
            return damaged(name, "no single-precision number is the value of node", i, err);
        }
        if (!is_single(trees->covers[i]) || trees->covers[i] < 0.0 ||
            (kind != TRIVET_TREES_LEAF && trees->covers[i] == 0.0)) {
            return damaged(name, "no possible cover is that of node", i, err);
        }
    }
    return TRIVET_OK;
}

/* Finds the right children of tree t, which begins at *node, and its end. A split waits on the
 * stack while its subtrees are walked. False: no end, or too deep. */
static bool walk_tree(struct trivet_trees *trees, size_t t, size_t *node)
{
    uint32_t stack[TRIVET_TREES_DEPTH_MAX];
    size_t n_waiting = 0;
    trees->roots[t] = (uint32_t)*node;
    trees->depths[t] = 0;
    for (; *node < trees->n_nodes; ++*node) {
        if (!trivet_trees_is_leaf(trees, *node)) {
            if (n_waiting == TRIVET_TREES_DEPTH_MAX) {
                return false;
            }
            stack[n_waiting++] = (uint32_t)*node;
            trees->depths[t] =
                trees->depths[t] > n_waiting ? trees->depths[t] : (uint32_t)n_waiting;
            continue;
        }
        while (n_waiting > 0 && trees->rights[stack[n_waiting - 1]] != 0) {
            n_waiting--;
        }
        if (n_waiting == 0) {
            ++*node;
            return true;
        }
        trees->rights[stack[n_waiting - 1]] = (uint32_t)(*node + 1);
    }
    return false;
}

enum trivet_status trivet_trees_finish(struct trivet_trees *trees, const char *name,
                                       struct trivet_error *err)
{
    size_t node = 0;
    if (trees->n_features < 1 || trees->n_features > FEATURES_MAX || trees->n_nodes > NODES_MAX) {
        return damaged(name, "no possible number of features, or of nodes:",
                       trees->n_nodes > NODES_MAX ? trees->n_nodes : trees->n_features, err);
    }
    enum trivet_status status = check_numbers(trees, name, err);
    if (status != TRIVET_OK) {
        return status;
    }
    trees->rights = trivet_calloc(trees->n_nodes, sizeof *trees->rights);
    trees->roots = trivet_alloc_array(trees->n_trees, sizeof *trees->roots);
    trees->depths = trivet_alloc_array(trees->n_trees, sizeof *trees->depths);
    if (trees->rights == NULL || trees->roots == NULL || trees->depths == NULL) {
        return trivet_trees_no_memory(err);
    }
    for (size_t t = 0; t < trees->n_trees; t++) {
        if (!walk_tree(trees, t, &node)) {
            return damaged(name, "no end, or too great a depth has tree", t, err);
        }
    }
    if (node != trees->n_nodes) {
        return damaged(name, "of no tree is node", node, err);
    }
    return trivet_trees_kernel_make(trees, &trees->kernel) ? TRIVET_OK
                                                           : trivet_trees_no_memory(err);
}

static void to_probabilities(const float *margins, size_t n_margins, double *out)
{
    if (n_margins == 1) {
        out[1] = 1.0 / (1.0 + exp(-(double)*margins));
        out[0] = 1.0 - out[1];
        return;
    }
    float greatest = margins[0];
    double sum = 0.0;
    for (size_t m = 1; m < n_margins; m++) {
        greatest = margins[m] > greatest ? margins[m] : greatest;
    }
    for (size_t m = 0; m < n_margins; m++) {
        out[m] = exp((double)margins[m] - (double)greatest);
        sum += out[m];
    }
    for (size_t m = 0; m < n_margins; m++) {
        out[m] /= sum;
    }
}

size_t trivet_trees_scratch_bytes(const void *state, size_t n_rows)
{
    const struct trivet_trees *trees = state;
    return trivet_trees_kernel_scratch_bytes(&trees->kernel, n_rows) +
           n_rows * trees->n_margins * sizeof(float);
}

void trivet_trees_predict_in(const void *state, struct trivet_const_matrix x,
                             struct trivet_matrix out, void *scratch)
{
    const struct trivet_trees *trees = state;
    const size_t kernel_bytes = trivet_trees_kernel_scratch_bytes(&trees->kernel, x.n_rows);
    float *margins = (float *)(void *)((char *)scratch + kernel_bytes);
    trivet_trees_kernel_run(&trees->kernel, x, margins, scratch);
    for (size_t i = 0; i < x.n_rows; i++) {
        if (trees->n_classes == 0) {
            out.data[i * out.stride] = (double)margins[i] + trees->offset;
        } else {
            to_probabilities(&margins[i * trees->n_margins], trees->n_margins,
                             &out.data[i * out.stride]);
        }
    }
}

enum trivet_status trivet_trees_predict(const void *state, struct trivet_const_matrix x,
                                        struct trivet_matrix out, struct trivet_error *err)
{
    const struct trivet_trees *trees = state;
    if (x.n_cols != trees->n_features || out.n_cols != trivet_trees_n_outputs(trees) ||
        out.n_rows != x.n_rows) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "the model takes %zu features and gives %zu outputs a row, the "
                                "matrices have %zu and %zu columns",
                                trees->n_features, trivet_trees_n_outputs(trees), x.n_cols,
                                out.n_cols);
    }
    void *scratch = trivet_alloc_aligned(trivet_trees_scratch_bytes(trees, x.n_rows), 1);
    if (scratch == NULL) {
        return trivet_trees_no_memory(err);
    }
    trivet_trees_predict_in(trees, x, out, scratch);
    trivet_free(scratch);
    return TRIVET_OK;
}

enum trivet_status trivet_trees_save(const void *state, struct trivet_arena *arena,
                                     Trivet__V1__Step *out, struct trivet_error *err)
{
    const struct trivet_trees *trees = state;
    int64_t *n_features = trivet_arena_alloc(arena, sizeof *n_features);
    if (n_features == NULL) {
        return trivet_trees_no_memory(err);
    }
    *n_features = (int64_t)trees->n_features;
    enum trivet_status status = trivet_tensors_begin(arena, N_TENSORS, out, err);
    if (status == TRIVET_OK) {
        status = trivet_tensors_put_i64(arena, out, "n_features", n_features, 1, err);
    }
    if (status == TRIVET_OK) {
        status = trivet_tensors_put_f64(arena, out, "base", trees->base, trees->n_margins, err);
    }
    if (status == TRIVET_OK) {
        status = trivet_tensors_put_f64(arena, out, "offset", &trees->offset, 1, err);
    }
    if (status == TRIVET_OK) {
        status = trivet_tensors_put_f64(arena, out, "shift", trees->shift, trees->n_features, err);
    }
    if (status == TRIVET_OK) {
        status = trivet_tensors_put_i64(arena, out, "tree_margins", trees->tree_margins,
                                        trees->n_trees, err);
    }
    if (status == TRIVET_OK) {
        status = trivet_tensors_put_i64(arena, out, "kinds", trees->kinds, trees->n_nodes, err);
    }
    if (status == TRIVET_OK) {
        status = trivet_tensors_put_f64(arena, out, "values", trees->values, trees->n_nodes, err);
    }
    if (status == TRIVET_OK) {
        status = trivet_tensors_put_f64(arena, out, "covers", trees->covers, trees->n_nodes, err);
    }
    return status;
}

/* Borrowed from a message. */
struct saved {
    const int64_t *n_features;
    const double *base;
    const double *offset;
    const double *shift;
    const int64_t *tree_margins;
    const int64_t *kinds;
    const double *values;
    const double *covers;
};

/* The tensors; their numbers of values become those of the state. */
static enum trivet_status get_tensors(struct trivet_trees *trees, const Trivet__V1__Step *step,
                                      struct saved *saved, struct trivet_error *err)
{
    size_t n = 0;
    enum trivet_status status = trivet_tensors_expect(step, N_TENSORS, err);
    if (status == TRIVET_OK) {
        status = trivet_tensors_get_i64(step, "n_features", &saved->n_features, &n, err);
    }
    if (status == TRIVET_OK && (n != 1 || *saved->n_features < 1)) {
        status = damaged(step->name, "no number of features, of tensors with", n, err);
    }
    if (status == TRIVET_OK) {
        trees->n_features = (size_t)*saved->n_features;
        status = trivet_tensors_get_f64(step, "base", &saved->base, &trees->n_margins, err);
    }
    if (status == TRIVET_OK) {
        status = trivet_tensors_get_f64_exactly(step, "offset", 1, &saved->offset, err);
    }
    if (status == TRIVET_OK) {
        status =
            trivet_tensors_get_f64_exactly(step, "shift", trees->n_features, &saved->shift, err);
    }
    if (status == TRIVET_OK) {
        status = trivet_tensors_get_i64(step, "tree_margins", &saved->tree_margins, &trees->n_trees,
                                        err);
    }
    if (status == TRIVET_OK) {
        status = trivet_tensors_get_i64(step, "kinds", &saved->kinds, &trees->n_nodes, err);
    }
    if (status == TRIVET_OK) {
        status =
            trivet_tensors_get_f64_exactly(step, "values", trees->n_nodes, &saved->values, err);
    }
    if (status == TRIVET_OK) {
        status =
            trivet_tensors_get_f64_exactly(step, "covers", trees->n_nodes, &saved->covers, err);
    }
    return status;
}

static enum trivet_status load(struct trivet_trees *trees, bool classes,
                               const Trivet__V1__Step *step, struct trivet_error *err)
{
    struct saved saved = {0};
    enum trivet_status status = get_tensors(trees, step, &saved, err);
    size_t n_margins = trees->n_margins;
    if (status == TRIVET_OK && (n_margins == 0 || n_margins == 2 || (!classes && n_margins > 1) ||
                                trees->n_trees == 0 || trees->n_nodes == 0)) {
        status = damaged(step->name, "no trees, or a wrong number of margins:", n_margins, err);
    }
    if (status == TRIVET_OK) {
        trees->n_classes = !classes ? 0 : n_margins == 1 ? 2 : n_margins;
        status = trivet_trees_alloc(trees, err);
    }
    if (status == TRIVET_OK) {
        trees->offset = *saved.offset;
        memcpy(trees->base, saved.base, n_margins * sizeof(double));
        memcpy(trees->shift, saved.shift, trees->n_features * sizeof(double));
        memcpy(trees->tree_margins, saved.tree_margins, trees->n_trees * sizeof(int64_t));
        memcpy(trees->kinds, saved.kinds, trees->n_nodes * sizeof(int64_t));
        memcpy(trees->values, saved.values, trees->n_nodes * sizeof(double));
        memcpy(trees->covers, saved.covers, trees->n_nodes * sizeof(double));
        status = trivet_trees_finish(trees, step->name, err);
    }
    if (status != TRIVET_OK) {
        trivet_trees_release(trees);
    }
    return status;
}

enum trivet_status trivet_trees_load_regressor(void *state, const struct trivet_params *params,
                                               const Trivet__V1__Step *step,
                                               struct trivet_error *err)
{
    (void)params;
    return load(state, false, step, err);
}

enum trivet_status trivet_trees_load_classifier(void *state, const struct trivet_params *params,
                                                const Trivet__V1__Step *step,
                                                struct trivet_error *err)
{
    (void)params;
    return load(state, true, step, err);
}

size_t trivet_trees_n_explained(const void *state)
{
    return ((const struct trivet_trees *)state)->n_margins;
}

size_t trivet_trees_n_features(const void *state)
{
    return ((const struct trivet_trees *)state)->n_features;
}

size_t trivet_trees_n_outputs(const void *state)
{
    const struct trivet_trees *trees = state;
    return trees->n_classes > 0 ? trees->n_classes : 1;
}

enum trivet_output_kind trivet_trees_output_kind(const void *state)
{
    const struct trivet_trees *trees = state;
    return trees->n_classes > 0 ? TRIVET_OUTPUT_PROBABILITIES : TRIVET_OUTPUT_VALUE;
}

size_t trivet_trees_memory_bytes(const void *state)
{
    const struct trivet_trees *trees = state;
    return sizeof *trees + trees->n_features * sizeof(double) +
           trees->n_margins * (sizeof(double) + sizeof(float)) +
           trees->n_trees * (sizeof(int64_t) + 2 * sizeof(uint32_t)) +
           trees->n_nodes * (sizeof(int64_t) + 2 * sizeof(double) + sizeof(uint32_t)) +
           trees->n_trees * sizeof *trees->kernel.trees + trees->kernel.n_words * sizeof(uint32_t);
}

void trivet_trees_release(void *state)
{
    struct trivet_trees *trees = state;
    trivet_free(trees->base);
    trivet_free(trees->shift);
    trivet_free(trees->tree_margins);
    trivet_free(trees->kinds);
    trivet_free(trees->values);
    trivet_free(trees->covers);
    trivet_free(trees->rights);
    trivet_free(trees->roots);
    trivet_free(trees->depths);
    trivet_trees_kernel_release(&trees->kernel);
    memset(trees, 0, sizeof *trees);
}
