/* DESIGN: a float becomes a key, an unsigned number of the same order, so that a step down a tree
 * is one comparison whose carry is added: at = 2 at + (x < threshold). Eight rows walk side by side
 * in registers, without branches; each waits for memory while the others go on. A row alone goes
 * down eight trees at once for the same reason. The keys of eight rows lie together, feature by
 * feature, twice: once with the greatest key where the value is missing, once with the least, so
 * that a split finds its way by where it looks and missing values cost nothing.
 *
 * Words of a complete tree of depth d, nodes from 1, the right child of node i at 2i, the left one
 * at 2i + 1: 2^d pairs (threshold, place of its feature in the keys), of which the first is not
 * used; then the values of 2^d leaves. A leaf that is nearer to the root is repeated below it. A
 * tree that is deeper than COMPLETE_DEPTH_MAX is triples (threshold, place, right child), the left
 * child after the right one; of a leaf (value, 0, 0).
 *
 * Rows go in chunks, trees in groups: keys of a chunk stay in the second cache, words of a group in
 * the first. Each row still meets all trees in their order. */
#include "models/trees_kernel.h"

#include "base/alloc.h"
#include "models/trees.h"

#include <string.h>

#define LANES              TRIVET_TREES_LANES
#define COMPLETE_DEPTH_MAX 8
/* Keys of one feature: of all lanes, for splits that send missing values right, then left. */
#define FEATURE_KEYS ((size_t)2 * LANES)
#define CHUNK_KEYS   ((size_t)1 << 16)
#define GROUP_WORDS  6144
/* Rows that are left over walk alone when they are no more: down eight complete trees at the same
 * time, or down a deep one. */
#define ALONE_MAX      2
#define DEEP_ALONE_MAX 4

/* The order of keys is that of floats, -0 equal to 0. */
static inline uint32_t key_of(float value)
{
    uint32_t bits;
    value += 0.0F;
    memcpy(&bits, &value, sizeof bits);
    return bits ^ ((0U - (bits >> 31)) | 0x80000000U);
}

static uint32_t float_bits(double value)
{
    float single = (float)value;
    uint32_t bits;
    memcpy(&bits, &single, sizeof bits);
    return bits;
}

static inline float bits_float(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static uint32_t place_of(const struct trivet_trees *trees, size_t node)
{
    size_t left = trivet_trees_missing_right(trees, node) ? 0 : LANES;
    return (uint32_t)(trivet_trees_feature(trees, node) * FEATURE_KEYS + left);
}

static size_t tree_end(const struct trivet_trees *trees, size_t t)
{
    return t + 1 < trees->n_trees ? trees->roots[t + 1] : trees->n_nodes;
}

static size_t words_of(const struct trivet_trees *trees, size_t t)
{
    if (trees->depths[t] <= COMPLETE_DEPTH_MAX) {
        return (size_t)3 << trees->depths[t];
    }
    return 3 * (tree_end(trees, t) - trees->roots[t]);
}

/* `at` (n_nodes): room for the number of each node in the complete tree. */
static void lay_complete(const struct trivet_trees *trees, size_t t, uint32_t *at, uint32_t *words)
{
    unsigned depth = trees->depths[t];
    uint32_t *leaves = &words[(size_t)2 << depth];
    memset(words, 0, words_of(trees, t) * sizeof *words);
    at[trees->roots[t]] = 1;
    for (size_t node = trees->roots[t]; node < tree_end(trees, t); node++) {
        uint32_t i = at[node];
        if (!trivet_trees_is_leaf(trees, node)) {
            words[2 * (size_t)i] = key_of((float)trees->values[node]);
            words[2 * (size_t)i + 1] = place_of(trees, node);
            at[trees->rights[node]] = 2 * i;
            at[node + 1] = 2 * i + 1;
            continue;
        }
        unsigned below = depth - (31U - (unsigned)__builtin_clz(i));
        size_t first = ((size_t)i << below) - ((size_t)1 << depth);
        for (size_t k = 0; k < (size_t)1 << below; k++) {
            leaves[first + k] = float_bits(trees->values[node]);
        }
    }
}

static void lay_deep(const struct trivet_trees *trees, size_t t, uint32_t *at, uint32_t *words)
{
    uint32_t next = 1;
    at[trees->roots[t]] = 0;
    for (size_t node = trees->roots[t]; node < tree_end(trees, t); node++) {
        uint32_t *word = &words[3 * (size_t)at[node]];
        bool leaf = trivet_trees_is_leaf(trees, node);
        word[0] = leaf ? float_bits(trees->values[node]) : key_of((float)trees->values[node]);
        word[1] = leaf ? 0 : place_of(trees, node);
        word[2] = leaf ? 0 : next;
        if (!leaf) {
            at[trees->rights[node]] = next;
            at[node + 1] = next + 1;
            next += 2;
        }
    }
}

static bool lay_out(const struct trivet_trees *trees, struct trivet_trees_kernel *kernel)
{
    uint32_t *at = trivet_alloc_array(trees->n_nodes, sizeof *at);
    size_t first = 0;
    if (at == NULL) {
        return false;
    }
    for (size_t t = 0; t < trees->n_trees; t++) {
        bool complete = trees->depths[t] <= COMPLETE_DEPTH_MAX;
        kernel->trees[t] = (struct trivet_trees_kernel_tree){
            .first = (uint32_t)first,
            .depth = complete ? trees->depths[t] : TRIVET_TREES_KERNEL_DEEP,
            .margin = (uint32_t)(trees->tree_margins[t] - 1),
        };
        (complete ? lay_complete : lay_deep)(trees, t, at, &kernel->words[first]);
        first += words_of(trees, t);
    }
    trivet_free(at);
    return true;
}

bool trivet_trees_kernel_make(const struct trivet_trees *trees, struct trivet_trees_kernel *out)
{
    struct trivet_trees_kernel made = {
        .n_trees = trees->n_trees,
        .n_features = trees->n_features,
        .n_margins = trees->n_margins,
        .shift = trees->shift,
    };
    for (size_t t = 0; t < trees->n_trees; t++) {
        made.n_words += words_of(trees, t);
    }
    if (made.n_words > UINT32_MAX) {
        return false;
    }
    made.trees = trivet_alloc_array(made.n_trees, sizeof *made.trees);
    made.words = trivet_alloc_aligned(made.n_words, sizeof *made.words);
    made.base = trivet_alloc_array(made.n_margins, sizeof *made.base);
    if (made.trees == NULL || made.words == NULL || made.base == NULL || !lay_out(trees, &made)) {
        trivet_trees_kernel_release(&made);
        return false;
    }
    for (size_t m = 0; m < made.n_margins; m++) {
        made.base[m] = (float)trees->base[m];
    }
    *out = made;
    return true;
}

void trivet_trees_kernel_release(struct trivet_trees_kernel *kernel)
{
    trivet_free(kernel->trees);
    trivet_free(kernel->words);
    trivet_free(kernel->base);
    memset(kernel, 0, sizeof *kernel);
}

/* Keys (n_features, 2, LANES) of x - shift for 1 to LANES rows; lanes without a row repeat the last
 * one. */
static void fill_keys(const double *x, size_t stride, size_t n_rows, size_t n_features,
                      const double *shift, uint32_t *restrict keys)
{
    const double *rows[LANES];
    for (size_t r = 0; r < LANES; r++) {
        rows[r] = &x[(r < n_rows ? r : n_rows - 1) * stride];
    }
    for (size_t j = 0; j < n_features; j++) {
        float values[LANES];
        for (size_t r = 0; r < LANES; r++) {
            values[r] = (float)(rows[r][j] - shift[j]);
        }
        uint32_t *to = &keys[j * FEATURE_KEYS];
        for (size_t r = 0; r < LANES; r++) {
            uint32_t key = key_of(values[r]);
            uint32_t missing = values[r] != values[r] ? UINT32_MAX : 0;
            to[r] = key | missing;
            to[LANES + r] = key & ~missing;
        }
    }
}

static inline void walk_lanes(const uint32_t *words, unsigned depth, const uint32_t *keys,
                              float *sums)
{
    size_t at[LANES];
    for (size_t r = 0; r < LANES; r++) {
        at[r] = 1;
    }
    for (unsigned d = 0; d < depth; d++) {
#pragma GCC unroll 8
        for (size_t r = 0; r < LANES; r++) {
            const uint32_t *node = &words[2 * at[r]];
            at[r] = at[r] + at[r] + (keys[node[1] + r] < node[0]);
        }
    }
    const uint32_t *leaves = &words[(size_t)1 << depth];
    for (size_t r = 0; r < LANES; r++) {
        sums[r] += bits_float(leaves[at[r]]);
    }
}

static inline void walk_lane(const uint32_t *words, unsigned depth, const uint32_t *keys,
                             float *sum)
{
    size_t at = 1;
    for (unsigned d = 0; d < depth; d++) {
        const uint32_t *node = &words[2 * at];
        at = at + at + (keys[node[1]] < node[0]);
    }
    *sum += bits_float(words[((size_t)1 << depth) + at]);
}

/* One row and LANES trees of one depth. */
static inline void walk_trees_at_once(const struct trivet_trees_kernel *kernel, size_t first,
                                      const uint32_t *keys, float *sums)
{
    const struct trivet_trees_kernel_tree *trees = &kernel->trees[first];
    const uint32_t *words[LANES];
    size_t at[LANES];
    for (size_t k = 0; k < LANES; k++) {
        words[k] = &kernel->words[trees[k].first];
        at[k] = 1;
    }
    for (unsigned d = 0; d < trees[0].depth; d++) {
#pragma GCC unroll 8
        for (size_t k = 0; k < LANES; k++) {
            const uint32_t *node = &words[k][2 * at[k]];
            at[k] = at[k] + at[k] + (keys[node[1]] < node[0]);
        }
    }
    for (size_t k = 0; k < LANES; k++) {
        sums[trees[k].margin * (size_t)LANES] +=
            bits_float(words[k][((size_t)1 << trees[0].depth) + at[k]]);
    }
}

/* Whether trees from t on are LANES complete ones of one depth. */
static inline bool alike(const struct trivet_trees_kernel *kernel, size_t t, size_t end)
{
    uint32_t depth = kernel->trees[t].depth;
    size_t n = 0;
    while (n < LANES && t + n < end && kernel->trees[t + n].depth == depth) {
        n++;
    }
    return n == LANES && depth != TRIVET_TREES_KERNEL_DEEP;
}

static inline void walk_deep(const uint32_t *words, const uint32_t *keys, float *sum)
{
    const uint32_t *node = words;
    while (node[2] != 0) {
        node = &words[3 * (size_t)(node[2] + (keys[node[1]] < node[0]))];
    }
    *sum += bits_float(node[0]);
}

/* Rows that are at their leaf wait there for the others. */
static inline void walk_deep_lanes(const uint32_t *words, const uint32_t *keys, float *sums)
{
    size_t at[LANES] = {0};
    uint32_t moved = 1;
    while (moved != 0) {
        moved = 0;
#pragma GCC unroll 8
        for (size_t r = 0; r < LANES; r++) {
            const uint32_t *node = &words[3 * at[r]];
            size_t next = node[2] + (size_t)(keys[node[1] + r] < node[0]);
            at[r] = node[2] != 0 ? next : at[r];
            moved |= node[2];
        }
    }
    for (size_t r = 0; r < LANES; r++) {
        sums[r] += bits_float(words[3 * at[r]]);
    }
}

/* Tree t, each row by itself. */
static void walk_alone(const struct trivet_trees_kernel *kernel, size_t t, const uint32_t *keys,
                       size_t n_lanes, float *sums)
{
    const struct trivet_trees_kernel_tree *tree = &kernel->trees[t];
    const uint32_t *words = &kernel->words[tree->first];
    float *to = &sums[tree->margin * (size_t)LANES];
    for (size_t r = 0; r < n_lanes; r++) {
        if (tree->depth != TRIVET_TREES_KERNEL_DEEP) {
            walk_lane(words, tree->depth, &keys[r], &to[r]);
        } else {
            walk_deep(words, &keys[r], &to[r]);
        }
    }
}

/* Tree t, all rows side by side. */
static void walk_together(const struct trivet_trees_kernel *kernel, size_t t, const uint32_t *keys,
                          float *sums)
{
    const struct trivet_trees_kernel_tree *tree = &kernel->trees[t];
    const uint32_t *words = &kernel->words[tree->first];
    float *to = &sums[tree->margin * (size_t)LANES];
    if (tree->depth != TRIVET_TREES_KERNEL_DEEP) {
        walk_lanes(words, tree->depth, keys, to);
    } else {
        walk_deep_lanes(words, keys, to);
    }
}

/* Trees [first, end) on the keys of n_lanes rows; sums (n_margins, LANES). */
static void walk_trees(const struct trivet_trees_kernel *kernel, size_t first, size_t end,
                       const uint32_t *keys, size_t n_lanes, float *sums)
{
    size_t t = first;
    while (t < end) {
        bool deep = kernel->trees[t].depth == TRIVET_TREES_KERNEL_DEEP;
        if (n_lanes > (deep ? DEEP_ALONE_MAX : ALONE_MAX)) {
            walk_together(kernel, t++, keys, sums);
        } else if (alike(kernel, t, end)) {
            for (size_t r = 0; r < n_lanes; r++) {
                walk_trees_at_once(kernel, t, &keys[r], &sums[r]);
            }
            t += LANES;
        } else {
            walk_alone(kernel, t++, keys, n_lanes, sums);
        }
    }
}

/* Trees from `first` on whose words are a group; at least one. */
static size_t group_end(const struct trivet_trees_kernel *kernel, size_t first)
{
    size_t end = first + 1;
    while (end < kernel->n_trees &&
           kernel->trees[end].first - kernel->trees[first].first < GROUP_WORDS) {
        end++;
    }
    return end;
}

/* Rows of one chunk; keys (n_blocks, n_features, 2, LANES), sums (n_blocks, n_margins, LANES). */
static void run_chunk(const struct trivet_trees_kernel *kernel, struct trivet_const_matrix x,
                      uint32_t *keys, float *sums, float *margins)
{
    size_t n_blocks = (x.n_rows + LANES - 1) / LANES;
    size_t block_keys = kernel->n_features * FEATURE_KEYS;
    size_t block_sums = kernel->n_margins * LANES;
    for (size_t b = 0; b < n_blocks; b++) {
        size_t left = x.n_rows - b * LANES;
        fill_keys(&x.data[b * LANES * x.stride], x.stride, left < LANES ? left : LANES,
                  kernel->n_features, kernel->shift, &keys[b * block_keys]);
        for (size_t i = 0; i < block_sums; i++) {
            sums[b * block_sums + i] = kernel->base[i / LANES];
        }
    }
    size_t end = 0;
    for (size_t first = 0; first < kernel->n_trees; first = end) {
        end = group_end(kernel, first);
        for (size_t b = 0; b < n_blocks; b++) {
            size_t left = x.n_rows - b * LANES;
            walk_trees(kernel, first, end, &keys[b * block_keys], left < LANES ? left : LANES,
                       &sums[b * block_sums]);
        }
    }
    for (size_t i = 0; i < x.n_rows; i++) {
        const float *from = &sums[i / LANES * block_sums + i % LANES];
        for (size_t m = 0; m < kernel->n_margins; m++) {
            margins[i * kernel->n_margins + m] = from[m * LANES];
        }
    }
}

/* Blocks of LANES rows in a chunk. */
static size_t chunk_blocks(const struct trivet_trees_kernel *kernel, size_t n_rows)
{
    const size_t n_blocks = (n_rows + LANES - 1) / LANES;
    const size_t most =
        CHUNK_KEYS / (kernel->n_features * FEATURE_KEYS + kernel->n_margins * LANES);
    return most == 0 ? 1 : most < n_blocks ? most : n_blocks;
}

size_t trivet_trees_kernel_scratch_bytes(const struct trivet_trees_kernel *kernel, size_t n_rows)
{
    return chunk_blocks(kernel, n_rows) * (kernel->n_features * FEATURE_KEYS * sizeof(uint32_t) +
                                           kernel->n_margins * LANES * sizeof(float));
}

void trivet_trees_kernel_run(const struct trivet_trees_kernel *kernel, struct trivet_const_matrix x,
                             float *margins, void *scratch)
{
    const size_t n_blocks = chunk_blocks(kernel, x.n_rows);
    uint32_t *keys = scratch;
    float *sums = (float *)(void *)&keys[n_blocks * kernel->n_features * FEATURE_KEYS];
    for (size_t i = 0; i < x.n_rows; i += n_blocks * LANES) {
        struct trivet_const_matrix chunk = x;
        chunk.data = &x.data[i * x.stride];
        chunk.n_rows = x.n_rows - i < n_blocks * LANES ? x.n_rows - i : n_blocks * LANES;
        run_chunk(kernel, chunk, keys, sums, &margins[i * kernel->n_margins]);
    }
}
