/* Stratified splits: every class keeps its share. */
#include "base/alloc.h"
#include "data/split_kinds.h"

#include <math.h>

/* Halvings of an interval of at most 2 × n_rows: beyond double's digits nothing moves. */
#define BISECTIONS 120

/* How many test rows each class gets. Class c should have its quota q = n_test × n / n_rows, and
 * must have between `least` and `most` rows. With a common shift s it gets ceil(q - s) within its
 * bounds. Without bounds in the way a shift in [0, 1) gives the method of largest remainders; where
 * bounds cost or spare rows, the others share the difference evenly. The sum falls as s grows:
 * bisection finds s. */
struct shares {
    const size_t *sizes; /* (n_classes) rows of each class */
    size_t n_classes;
    size_t n_rows;
    size_t n_test;
};

static size_t least(size_t size)
{
    return size >= 2 ? 1 : 0;
}

static size_t most(size_t size)
{
    return size >= 1 ? size - 1 : 0;
}

static size_t share_of(const struct shares *shares, size_t size, double shift)
{
    double quota = (double)shares->n_test * (double)size / (double)shares->n_rows;
    double wanted = ceil(quota - shift);
    if (wanted <= (double)least(size)) {
        return least(size);
    }
    return wanted >= (double)most(size) ? most(size) : (size_t)wanted;
}

static size_t sum_of_shares(const struct shares *shares, double shift)
{
    size_t sum = 0;
    for (size_t c = 0; c < shares->n_classes; c++) {
        sum += share_of(shares, shares->sizes[c], shift);
    }
    return sum;
}

/* n_of_class (n_classes) ← shares that add up to n_test, which lies between the sums of bounds. */
static void apportion(const struct shares *shares, size_t *n_of_class)
{
    double low = -(double)shares->n_rows;
    double high = (double)shares->n_rows;
    for (int i = 0; i < BISECTIONS; i++) {
        double middle = low + (high - low) / 2.0;
        if (sum_of_shares(shares, middle) > shares->n_test) {
            low = middle;
        } else {
            high = middle;
        }
    }
    size_t missing = shares->n_test - sum_of_shares(shares, high);
    for (size_t c = 0; c < shares->n_classes; c++) {
        size_t size = shares->sizes[c];
        n_of_class[c] = share_of(shares, size, high);
        /* Classes that tie at the shift: the first ones get the rows that are left. */
        size_t more = share_of(shares, size, low) - n_of_class[c];
        more = more < missing ? more : missing;
        n_of_class[c] += more;
        missing -= more;
    }
}

static enum trivet_status check_shares(const struct shares *shares, struct trivet_error *err)
{
    size_t n_least = 0;
    size_t n_present = 0;
    for (size_t c = 0; c < shares->n_classes; c++) {
        n_least += least(shares->sizes[c]);
        n_present += shares->sizes[c] > 0;
    }
    size_t n_train = shares->n_rows - shares->n_test;
    if (shares->n_test < n_least) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "%zu test rows are too few for one of each of %zu classes; raise "
                                "test_size or do not stratify",
                                shares->n_test, n_least);
    }
    if (n_train < n_present) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "%zu training rows are too few for one of each of %zu classes; "
                                "lower test_size or do not stratify",
                                n_train, n_present);
    }
    return TRIVET_OK;
}

enum trivet_status trivet_split_stratified_test(const struct trivet_split_plan *plan, size_t n_test,
                                                bool *is_test, struct trivet_error *err)
{
    size_t *order = trivet_split_shuffled(plan->n_rows, plan->seed);
    size_t *sizes = trivet_split_count_keys(plan);
    size_t *n_of_class = trivet_calloc(plan->n_keys, sizeof(*n_of_class));
    const struct shares shares = {
        .sizes = sizes, .n_classes = plan->n_keys, .n_rows = plan->n_rows, .n_test = n_test};
    enum trivet_status status = TRIVET_OK;
    if (order == NULL || sizes == NULL || n_of_class == NULL) {
        status = trivet_split_no_memory(plan->n_rows, err);
        goto done;
    }
    status = check_shares(&shares, err);
    if (status != TRIVET_OK) {
        goto done;
    }
    apportion(&shares, n_of_class);
    for (size_t i = 0; i < plan->n_rows; i++) {
        size_t *left = &n_of_class[plan->keys[order[i]]];
        if (*left > 0) {
            is_test[order[i]] = true;
            (*left)--;
        }
    }
done:
    trivet_free(order);
    trivet_free(sizes);
    trivet_free(n_of_class);
    return status;
}

static enum trivet_status check_sizes(const size_t *sizes, size_t n_classes, size_t n_folds,
                                      struct trivet_error *err)
{
    size_t largest = 0;
    for (size_t c = 0; c < n_classes; c++) {
        largest = sizes[c] > largest ? sizes[c] : largest;
    }
    if (largest >= n_folds) {
        return TRIVET_OK;
    }
    return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                            "%zu stratified folds, and no class has more than %zu rows; use fewer "
                            "folds or do not stratify",
                            n_folds, largest);
}

/* The shuffled rows, class after class, are dealt out to the folds in turn: the turn goes on from
 * class to class, so that sizes of folds stay even too. */
enum trivet_status trivet_split_stratified_folds(const struct trivet_split_plan *plan,
                                                 size_t n_folds, uint32_t *fold_of_row,
                                                 struct trivet_error *err)
{
    size_t *order = trivet_split_shuffled(plan->n_rows, plan->seed);
    size_t *next = trivet_split_count_keys(plan);
    enum trivet_status status = TRIVET_OK;
    if (order == NULL || next == NULL) {
        status = trivet_split_no_memory(plan->n_rows, err);
        goto done;
    }
    status = check_sizes(next, plan->n_keys, n_folds, err);
    if (status != TRIVET_OK) {
        goto done;
    }
    size_t first = 0;
    for (size_t c = 0; c < plan->n_keys; c++) {
        size_t size = next[c];
        next[c] = first;
        first += size;
    }
    for (size_t i = 0; i < plan->n_rows; i++) {
        fold_of_row[order[i]] = (uint32_t)(next[plan->keys[order[i]]]++ % n_folds);
    }
done:
    trivet_free(order);
    trivet_free(next);
    return status;
}
