#include "metrics/ranking.h"

#include "base/alloc.h"
#include "metrics/ranking_internal.h"
#include "metrics/sum.h"

#include <math.h>
#include <stdlib.h>

void trivet_ranking_free(struct trivet_ranking *ranking)
{
    if (ranking != NULL) {
        trivet_free(ranking->thresholds);
        trivet_free(ranking->n_true);
        trivet_free(ranking->n_false);
        trivet_free(ranking);
    }
}

/* Descending. */
static int compare_scores(const void *left, const void *right)
{
    double a = *(const double *)left;
    double b = *(const double *)right;
    return (a < b) - (a > b);
}

static enum trivet_status no_memory(size_t n_rows, struct trivet_error *err)
{
    return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                            "out of memory ranking %zu rows; use fewer rows", n_rows);
}

/* sorted (n_rows) ← the positives' scores, then the negatives', each descending. */
static enum trivet_status sort_scores(const double *scores, size_t stride, const uint32_t *truth,
                                      uint32_t positive, size_t n_rows, double *sorted,
                                      size_t *n_positive, struct trivet_error *err)
{
    size_t front = 0;
    size_t back = n_rows;
    for (size_t i = 0; i < n_rows; i++) {
        double score = scores[i * stride];
        if (isnan(score)) {
            return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                    "the score of row %zu is not a number; leave the row out",
                                    i + 1);
        }
        sorted[truth[i] == positive ? front++ : --back] = score;
    }
    qsort(sorted, front, sizeof(*sorted), compare_scores);
    qsort(sorted + front, n_rows - front, sizeof(*sorted), compare_scores);
    *n_positive = front;
    return TRIVET_OK;
}

/* Merge the two lists: one threshold for each distinct score. */
static void set_thresholds(struct trivet_ranking *ranking, const double *positives,
                           size_t n_positives, const double *negatives, size_t n_negatives)
{
    size_t count = 0;
    size_t p = 0;
    size_t n = 0;
    while (p < n_positives || n < n_negatives) {
        bool of_positive = n == n_negatives || (p < n_positives && positives[p] > negatives[n]);
        double threshold = of_positive ? positives[p] : negatives[n];
        while (p < n_positives && positives[p] == threshold) {
            p++;
        }
        while (n < n_negatives && negatives[n] == threshold) {
            n++;
        }
        ranking->thresholds[count] = threshold;
        ranking->n_true[count] = p;
        ranking->n_false[count] = n;
        count++;
    }
    ranking->n_thresholds = count;
    ranking->n_positive = n_positives;
    ranking->n_negative = n_negatives;
}

enum trivet_status trivet_ranking_create(const double *scores, size_t stride, const uint32_t *truth,
                                         uint32_t positive, size_t n_rows,
                                         struct trivet_ranking **out, struct trivet_error *err)
{
    size_t n_positive = 0;
    enum trivet_status status = TRIVET_OK;
    /* One more: an allocation of no rows is one all the same. */
    double *sorted = trivet_alloc_array(n_rows + 1, sizeof(*sorted));
    struct trivet_ranking *ranking = trivet_calloc(1, sizeof(*ranking));
    if (ranking != NULL) {
        ranking->thresholds = trivet_alloc_array(n_rows + 1, sizeof(*ranking->thresholds));
        ranking->n_true = trivet_alloc_array(n_rows + 1, sizeof(*ranking->n_true));
        ranking->n_false = trivet_alloc_array(n_rows + 1, sizeof(*ranking->n_false));
    }
    if (sorted == NULL || ranking == NULL || ranking->thresholds == NULL ||
        ranking->n_true == NULL || ranking->n_false == NULL) {
        status = no_memory(n_rows, err);
        goto done;
    }
    status = sort_scores(scores, stride, truth, positive, n_rows, sorted, &n_positive, err);
    if (status != TRIVET_OK) {
        goto done;
    }
    set_thresholds(ranking, sorted, n_positive, sorted + n_positive, n_rows - n_positive);
    *out = ranking;
    ranking = NULL;
done:
    trivet_free(sorted);
    trivet_ranking_free(ranking);
    return status;
}

static bool has_both(const struct trivet_ranking *ranking)
{
    return ranking->n_positive > 0 && ranking->n_negative > 0;
}

struct trivet_metric trivet_ranking_roc_auc(const struct trivet_ranking *ranking)
{
    /* Twice the number of pairs in the right order, by trapezia: a whole number. */
    unsigned __int128 doubled = 0;
    uint64_t n_true = 0;
    uint64_t n_false = 0;
    for (size_t t = 0; t < ranking->n_thresholds; t++) {
        doubled +=
            (unsigned __int128)(ranking->n_false[t] - n_false) * (ranking->n_true[t] + n_true);
        n_true = ranking->n_true[t];
        n_false = ranking->n_false[t];
    }
    double pairs = (double)ranking->n_positive * (double)ranking->n_negative;
    bool defined = has_both(ranking);
    return trivet_metric_of("roc_auc", defined ? (double)doubled / (2.0 * pairs) : 0.0, defined);
}

struct trivet_metric trivet_ranking_pr_auc(const struct trivet_ranking *ranking)
{
    struct trivet_sum sum = {0};
    uint64_t n_true = 0;
    for (size_t t = 0; t < ranking->n_thresholds; t++) {
        double gained = (double)(ranking->n_true[t] - n_true);
        double taken = (double)(ranking->n_true[t] + ranking->n_false[t]);
        trivet_sum_add(&sum, gained * ((double)ranking->n_true[t] / taken));
        n_true = ranking->n_true[t];
    }
    bool defined = has_both(ranking);
    double value = defined ? trivet_sum_value(&sum) / (double)ranking->n_positive : 0.0;
    return trivet_metric_of("pr_auc", value, defined);
}

/* The two areas over the classes seen so far. */
struct areas {
    struct trivet_sum roc_auc;
    struct trivet_sum pr_auc;
    double weights;
};

static enum trivet_status add_class(const uint32_t *truth, const double *scores, size_t n_rows,
                                    size_t n_classes, uint32_t class,
                                    enum trivet_metric_average average, struct areas *areas,
                                    struct trivet_error *err)
{
    struct trivet_ranking *ranking = NULL;
    enum trivet_status status =
        trivet_ranking_create(scores + class, n_classes, truth, class, n_rows, &ranking, err);
    if (status != TRIVET_OK) {
        return status;
    }
    if (has_both(ranking)) {
        double weight = average == TRIVET_AVERAGE_MACRO ? 1.0 : (double)ranking->n_positive;
        trivet_sum_add(&areas->roc_auc, weight * trivet_ranking_roc_auc(ranking).value);
        trivet_sum_add(&areas->pr_auc, weight * trivet_ranking_pr_auc(ranking).value);
        areas->weights += weight;
    }
    trivet_ranking_free(ranking);
    return TRIVET_OK;
}

enum trivet_status trivet_metrics_ranking(const uint32_t *truth, const double *scores,
                                          size_t n_rows, size_t n_classes,
                                          enum trivet_metric_average average,
                                          struct trivet_ranking_metrics *out,
                                          struct trivet_error *err)
{
    struct areas areas = {0};
    size_t first = n_classes == 2 ? 1 : 0;
    for (size_t c = first; c < n_classes; c++) {
        enum trivet_status status =
            add_class(truth, scores, n_rows, n_classes, (uint32_t)c, average, &areas, err);
        if (status != TRIVET_OK) {
            return status;
        }
    }
    bool defined = areas.weights > 0.0;
    double weights = defined ? areas.weights : 1.0;
    out->roc_auc = trivet_metric_of("roc_auc", trivet_sum_value(&areas.roc_auc) / weights, defined);
    out->pr_auc = trivet_metric_of("pr_auc", trivet_sum_value(&areas.pr_auc) / weights, defined);
    return TRIVET_OK;
}
