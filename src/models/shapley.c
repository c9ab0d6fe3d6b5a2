#include "models/shapley.h"

#include "base/alloc.h"
#include "base/rng.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#define BATCH_BYTES    ((size_t)2 << 20)
#define BATCH_ROWS_MAX 4096
#define EXACT_COST     4 /* times that of sampling */

/* What happens in a walk, queued beside the rows whose predictions it needs. */
enum event_kind {
    BEGIN,          /* a walk from background row `index` */
    SWITCH,         /* feature `index` becomes x's: the next row of the batch */
    ARRIVE,         /* the same for the last feature: the row is x itself */
    END_PAIR,       /* both directions have been walked */
    END_BACKGROUND, /* all rounds of a background row */
};

struct event {
    enum event_kind kind;
    size_t index;
};

struct explainer {
    const struct trivet_shapley_problem *problem;
    size_t n_features;
    size_t n_outputs;
    size_t n_values;       /* n_outputs * n_features */
    double *at_background; /* (n_background, n_outputs) predictions */
    double *at_x;          /* (n_rows, n_outputs) */
    /* The batch: rows between a background row and x, to be predicted. */
    double *rows; /* (n_rows_max, n_features) */
    double *out;  /* (n_rows_max, n_outputs) */
    size_t n_rows;
    size_t n_rows_max;
    struct event *events;
    size_t n_events;
    size_t n_events_max;
    /* Where the walk being read stands, and sums (n_outputs, n_features) over its pair, over the
     * rounds of its background row. */
    const double *goal; /* predictions of x's row */
    double *previous;   /* (n_outputs) */
    double *pair;
    double *mean;
    double *squares; /* of differences to the mean: Welford 1962 */
    size_t n_pairs;
    double *contributions; /* the caller's, of x's row */
    double *variances;     /* the caller's errors, of x's row, squared until the row is done */
    double *current;       /* (n_features) the row being made */
    size_t *order;         /* (n_features) */
    double *worths;        /* exact: (2^n_features, n_outputs) */
};

static enum trivet_status no_memory(struct trivet_error *err)
{
    return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                            "out of memory while explaining; explain fewer rows at once");
}

static void explainer_release(struct explainer *explainer)
{
    trivet_free(explainer->at_background);
    trivet_free(explainer->at_x);
    trivet_free(explainer->rows);
    trivet_free(explainer->out);
    trivet_free(explainer->events);
    trivet_free(explainer->previous);
    trivet_free(explainer->pair);
    trivet_free(explainer->mean);
    trivet_free(explainer->squares);
    trivet_free(explainer->current);
    trivet_free(explainer->order);
    trivet_free(explainer->worths);
}

static bool is_exact(const struct trivet_shapley_problem *problem)
{
    size_t p = problem->background.n_cols;
    return p <= TRIVET_SHAPLEY_EXACT_MAX &&
           ((size_t)1 << p) <= EXACT_COST * 2 * problem->n_rounds * p;
}

static double *room(size_t count, size_t each)
{
    size_t n;
    return __builtin_mul_overflow(count, each, &n) ? NULL : trivet_calloc(n, sizeof(double));
}

static enum trivet_status explainer_init(struct explainer *explainer,
                                         const struct trivet_shapley_problem *problem,
                                         size_t n_rows, struct trivet_error *err)
{
    size_t p = problem->background.n_cols;
    size_t n_outputs = problem->ops->n_outputs(problem->state);
    size_t widest = p > n_outputs ? p : n_outputs;
    size_t n_batch = BATCH_BYTES / sizeof(double) / widest;
    n_batch = n_batch > 1 ? n_batch : 1;
    n_batch = n_batch < BATCH_ROWS_MAX ? n_batch : BATCH_ROWS_MAX;
    *explainer = (struct explainer){
        .problem = problem,
        .n_features = p,
        .n_outputs = n_outputs,
        .n_values = p * n_outputs,
        .n_rows_max = n_batch,
        .n_events_max = 2 * n_batch + 8,
        .at_background = room(problem->background.n_rows, n_outputs),
        .at_x = room(n_rows, n_outputs),
        .rows = trivet_alloc_aligned(n_batch * p, sizeof(double)),
        .out = room(n_batch, n_outputs),
        .events = trivet_alloc_array(2 * n_batch + 8, sizeof(struct event)),
        .previous = room(n_outputs, 1),
        .pair = room(p, n_outputs),
        .mean = room(p, n_outputs),
        .squares = room(p, n_outputs),
        .current = room(p, 1),
        .order = trivet_alloc_array(p, sizeof(size_t)),
        .worths = is_exact(problem) ? room((size_t)1 << p, n_outputs) : NULL,
    };
    bool complete = explainer->at_background != NULL && explainer->at_x != NULL &&
                    explainer->rows != NULL && explainer->out != NULL &&
                    explainer->events != NULL && explainer->previous != NULL &&
                    explainer->pair != NULL && explainer->mean != NULL &&
                    explainer->squares != NULL && explainer->current != NULL &&
                    explainer->order != NULL && (!is_exact(problem) || explainer->worths != NULL);
    return complete ? TRIVET_OK : no_memory(err);
}

/* out (x.n_rows, n_outputs), in batches. */
static enum trivet_status predict(const struct explainer *explainer, struct trivet_const_matrix x,
                                  double *out, struct trivet_error *err)
{
    const struct trivet_shapley_problem *problem = explainer->problem;
    size_t n_outputs = explainer->n_outputs;
    enum trivet_status status = TRIVET_OK;
    for (size_t i = 0; i < x.n_rows && status == TRIVET_OK; i += explainer->n_rows_max) {
        size_t left = x.n_rows - i;
        size_t n = left < explainer->n_rows_max ? left : explainer->n_rows_max;
        struct trivet_const_matrix some = {&x.data[i * x.stride], n, x.n_cols, x.stride};
        struct trivet_matrix to = {&out[i * n_outputs], n, n_outputs, n_outputs};
        status = problem->ops->predict(problem->state, some, to, err);
    }
    return status;
}

static enum trivet_status predict_batch(struct explainer *explainer, struct trivet_error *err)
{
    size_t p = explainer->n_features;
    struct trivet_const_matrix rows = {explainer->rows, explainer->n_rows, p, p};
    return predict(explainer, rows, explainer->out, err);
}

/* The output has moved from `previous` to `now` by feature j. */
static void add_change(struct explainer *explainer, size_t j, const double *now)
{
    for (size_t k = 0; k < explainer->n_outputs; k++) {
        explainer->pair[k * explainer->n_features + j] += now[k] - explainer->previous[k];
        explainer->previous[k] = now[k];
    }
}

static void end_pair(struct explainer *explainer)
{
    double n = (double)(explainer->n_pairs += 1);
    for (size_t v = 0; v < explainer->n_values; v++) {
        double value = 0.5 * explainer->pair[v];
        double step = value - explainer->mean[v];
        explainer->mean[v] += step / n;
        explainer->squares[v] += step * (value - explainer->mean[v]);
        explainer->pair[v] = 0.0;
    }
}

static void end_background(struct explainer *explainer)
{
    double n_background = (double)explainer->problem->background.n_rows;
    double n = (double)explainer->n_pairs;
    for (size_t v = 0; v < explainer->n_values; v++) {
        explainer->contributions[v] += explainer->mean[v] / n_background;
        explainer->variances[v] +=
            explainer->squares[v] / (n - 1.0) / n / n_background / n_background;
        explainer->mean[v] = 0.0;
        explainer->squares[v] = 0.0;
    }
    explainer->n_pairs = 0;
}

/* Predict the rows that are queued and follow the events. */
static enum trivet_status flush(struct explainer *explainer, struct trivet_error *err)
{
    const double *now = explainer->out;
    enum trivet_status status = predict_batch(explainer, err);
    if (status != TRIVET_OK) {
        return status;
    }
    for (size_t i = 0; i < explainer->n_events; i++) {
        const struct event *event = &explainer->events[i];
        switch (event->kind) {
        case BEGIN:
            memcpy(explainer->previous,
                   &explainer->at_background[event->index * explainer->n_outputs],
                   explainer->n_outputs * sizeof(double));
            break;
        case SWITCH:
            add_change(explainer, event->index, now);
            now += explainer->n_outputs;
            break;
        case ARRIVE:
            add_change(explainer, event->index, explainer->goal);
            break;
        case END_PAIR:
            end_pair(explainer);
            break;
        case END_BACKGROUND:
            end_background(explainer);
            break;
        }
    }
    explainer->n_events = 0;
    explainer->n_rows = 0;
    return TRIVET_OK;
}

/* Queue one event, with the current row when it is a switch. */
static enum trivet_status queue(struct explainer *explainer, enum event_kind kind, size_t index,
                                struct trivet_error *err)
{
    size_t p = explainer->n_features;
    enum trivet_status status = TRIVET_OK;
    if (explainer->n_events == explainer->n_events_max ||
        (kind == SWITCH && explainer->n_rows == explainer->n_rows_max)) {
        status = flush(explainer, err);
    }
    if (status == TRIVET_OK) {
        explainer->events[explainer->n_events++] = (struct event){.kind = kind, .index = index};
        if (kind == SWITCH) {
            memcpy(&explainer->rows[explainer->n_rows++ * p], explainer->current,
                   p * sizeof(double));
        }
    }
    return status;
}

/* One walk from background row b to x through the n features order[…] that differ. */
static enum trivet_status walk(struct explainer *explainer, const double *x, size_t b, size_t n,
                               bool backwards, struct trivet_error *err)
{
    const struct trivet_const_matrix *background = &explainer->problem->background;
    enum trivet_status status = queue(explainer, BEGIN, b, err);
    memcpy(explainer->current, &background->data[b * background->stride],
           explainer->n_features * sizeof(double));
    for (size_t i = 0; i < n && status == TRIVET_OK; i++) {
        size_t j = explainer->order[backwards ? n - 1 - i : i];
        explainer->current[j] = x[j];
        status = queue(explainer, i + 1 < n ? SWITCH : ARRIVE, j, err);
    }
    return status;
}

/* Features of x that are not those of b, to `order`. Missing values are alike. */
static size_t differing(const struct explainer *explainer, const double *x, const double *b)
{
    size_t n = 0;
    for (size_t j = 0; j < explainer->n_features; j++) {
        if (x[j] != b[j] && !(isnan(x[j]) && isnan(b[j]))) {
            explainer->order[n++] = j;
        }
    }
    return n;
}

static enum trivet_status explain_sampled(struct explainer *explainer, const double *x,
                                          struct trivet_error *err)
{
    const struct trivet_shapley_problem *problem = explainer->problem;
    const struct trivet_const_matrix *background = &problem->background;
    enum trivet_status status = TRIVET_OK;
    struct trivet_rng rng;
    trivet_rng_seed(&rng, problem->seed);
    for (size_t b = 0; b < background->n_rows && status == TRIVET_OK; b++) {
        size_t n = differing(explainer, x, &background->data[b * background->stride]);
        for (size_t r = 0; r < problem->n_rounds && status == TRIVET_OK; r++) {
            trivet_rng_shuffle(&rng, explainer->order, n);
            status = walk(explainer, x, b, n, false, err);
            if (status == TRIVET_OK) {
                status = walk(explainer, x, b, n, true, err);
            }
            if (status == TRIVET_OK) {
                status = queue(explainer, END_PAIR, 0, err);
            }
        }
        if (status == TRIVET_OK) {
            status = queue(explainer, END_BACKGROUND, 0, err);
        }
    }
    if (status == TRIVET_OK) {
        status = flush(explainer, err);
    }
    for (size_t v = 0; v < explainer->n_values; v++) {
        explainer->variances[v] = sqrt(explainer->variances[v]);
    }
    return status;
}

/* worths[set] += predictions of the rows queued, whose sets are the events' indices. */
static enum trivet_status flush_sets(struct explainer *explainer, struct trivet_error *err)
{
    size_t n_outputs = explainer->n_outputs;
    double share = 1.0 / (double)explainer->problem->background.n_rows;
    enum trivet_status status = predict_batch(explainer, err);
    for (size_t i = 0; i < explainer->n_rows && status == TRIVET_OK; i++) {
        double *worth = &explainer->worths[explainer->events[i].index * n_outputs];
        for (size_t k = 0; k < n_outputs; k++) {
            worth[k] += share * explainer->out[i * n_outputs + k];
        }
    }
    explainer->n_rows = 0;
    return status;
}

/* Worth of every set of features: bit j set, feature j is x's. */
static enum trivet_status find_worths(struct explainer *explainer, const double *x,
                                      struct trivet_error *err)
{
    const struct trivet_const_matrix *background = &explainer->problem->background;
    size_t p = explainer->n_features;
    size_t n_sets = (size_t)1 << p;
    enum trivet_status status = TRIVET_OK;
    memset(explainer->worths, 0, n_sets * explainer->n_outputs * sizeof(double));
    for (size_t b = 0; b < background->n_rows; b++) {
        const double *row = &background->data[b * background->stride];
        for (size_t set = 0; set < n_sets; set++) {
            double *to = &explainer->rows[explainer->n_rows * p];
            for (size_t j = 0; j < p; j++) {
                to[j] = (set >> j & 1) != 0 ? x[j] : row[j];
            }
            explainer->events[explainer->n_rows++].index = set;
            if (explainer->n_rows == explainer->n_rows_max) {
                status = flush_sets(explainer, err);
                if (status != TRIVET_OK) {
                    return status;
                }
            }
        }
    }
    return flush_sets(explainer, err);
}

/* contribution of j = sum over sets S without j of |S|! (p - |S| - 1)! / p! (worth of S with j -
 * worth of S) */
static enum trivet_status explain_exactly(struct explainer *explainer, const double *x,
                                          struct trivet_error *err)
{
    size_t p = explainer->n_features;
    size_t n_outputs = explainer->n_outputs;
    double weights[TRIVET_SHAPLEY_EXACT_MAX];
    enum trivet_status status = find_worths(explainer, x, err);
    if (status != TRIVET_OK) {
        return status;
    }
    /* s! (p - s - 1)! / p! = 1 / (p · choose(p - 1, s)) */
    weights[0] = 1.0 / (double)p;
    for (size_t s = 1; s < p; s++) {
        weights[s] = weights[s - 1] * (double)s / (double)(p - s);
    }
    for (size_t set = 0; set < (size_t)1 << p; set++) {
        const double *without = &explainer->worths[set * n_outputs];
        for (size_t j = 0; j < p; j++) {
            if ((set >> j & 1) != 0) {
                continue;
            }
            double weight = weights[__builtin_popcountll(set)];
            const double *with = &explainer->worths[(set | (size_t)1 << j) * n_outputs];
            for (size_t k = 0; k < n_outputs; k++) {
                explainer->contributions[k * p + j] += weight * (with[k] - without[k]);
            }
        }
    }
    return TRIVET_OK;
}

enum trivet_status trivet_shapley_explain(const struct trivet_shapley_problem *problem,
                                          struct trivet_const_matrix x, double *contributions,
                                          double *base, double *errors, struct trivet_error *err)
{
    assert(problem->background.n_rows > 0 && problem->background.n_cols > 0);
    assert(problem->background.n_cols == x.n_cols && problem->n_rounds >= 2);
    struct explainer explainer;
    enum trivet_status status = explainer_init(&explainer, problem, x.n_rows, err);
    if (status == TRIVET_OK) {
        status = predict(&explainer, problem->background, explainer.at_background, err);
    }
    if (status == TRIVET_OK) {
        status = predict(&explainer, x, explainer.at_x, err);
    }
    if (status != TRIVET_OK) {
        goto done;
    }
    for (size_t k = 0; k < explainer.n_outputs; k++) {
        base[k] = 0.0;
        for (size_t b = 0; b < problem->background.n_rows; b++) {
            base[k] += explainer.at_background[b * explainer.n_outputs + k];
        }
        base[k] /= (double)problem->background.n_rows;
    }
    memset(contributions, 0, x.n_rows * explainer.n_values * sizeof(double));
    memset(errors, 0, x.n_rows * explainer.n_values * sizeof(double));
    for (size_t i = 0; i < x.n_rows && status == TRIVET_OK; i++) {
        const double *row = &x.data[i * x.stride];
        explainer.goal = &explainer.at_x[i * explainer.n_outputs];
        explainer.contributions = &contributions[i * explainer.n_values];
        explainer.variances = &errors[i * explainer.n_values];
        status = explainer.worths != NULL ? explain_exactly(&explainer, row, err)
                                          : explain_sampled(&explainer, row, err);
    }
done:
    explainer_release(&explainer);
    return status;
}
