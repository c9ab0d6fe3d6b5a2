#include "models/mlp_train.h"

#include "base/alloc.h"
#include "linalg/affine.h"
#include "linalg/blas.h"

#include <math.h>
#include <string.h>

#define BATCH_AUTO 200
/* Numbers whose squares are summed, then stepped on, while they are in the first-level cache. */
#define STEP_DOUBLES 512
/* Multiplications in a layer's product above which a second BLAS thread is worth waking. */
#define THREADED_PRODUCT 20e6
/* Multiplications between two questions whether to go on: under a second. */
#define PROGRESS_PRODUCTS 1e9
/* Of the adaptive schedule, as in scikit-learn. */
#define ADAPTIVE_FACTOR   0.2
#define LEARNING_RATE_MIN 1e-6

struct training {
    struct trivet_mlp_network *network;
    const struct trivet_mlp_settings *settings;
    const struct trivet_fit_data *data;
    struct trivet_rng *rng;
    struct trivet_mlp_scratch scratch;
    size_t batch_size;
    size_t *order; /* row numbers: n_train of training, then those set aside */
    size_t n_train;
    size_t n_validation;
    bool in_place; /* the rows of a batch are neighbours: not copied */
    double *x;     /* (batch_size, n_features) of a batch */
    double *y;
    double *first;  /* n_parameters: Adam's mean of gradients, or the velocity */
    double *second; /* n_parameters: Adam's mean of their squares */
    double *best;   /* n_parameters of the best epoch */
    double learning_rate;
    double beta_1_power; /* beta_1 to the number of steps */
    double beta_2_power;
    size_t n_seen;    /* rows, over all epochs */
    double best_loss; /* or score */
    size_t n_without_change;
};

static enum trivet_status no_memory(struct trivet_error *err)
{
    return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                            "out of memory while training a network; use fewer or smaller layers");
}

static void training_release(struct training *training)
{
    trivet_mlp_scratch_release(&training->scratch);
    trivet_free(training->order);
    trivet_free(training->x);
    trivet_free(training->y);
    trivet_free(training->first);
    trivet_free(training->second);
    trivet_free(training->best);
}

static double *zeros(size_t n)
{
    double *values = trivet_alloc_aligned(n, sizeof(double));
    if (values != NULL) {
        memset(values, 0, n * sizeof(double));
    }
    return values;
}

static size_t n_classes_of(const struct training *training)
{
    return training->data->n_classes > 0 ? training->data->n_classes : 1;
}

static size_t class_of(const struct training *training, size_t row)
{
    return training->data->n_classes > 0 ? (size_t)training->data->y[row] : 0;
}

/* The shuffled rows by class, in their order; `ends` (n_classes) is the end of each class. */
static void sort_by_class(struct training *training, size_t n_rows, size_t *sorted, size_t *ends)
{
    size_t begin = 0;
    for (size_t i = 0; i < n_rows; i++) {
        ends[class_of(training, i)]++;
    }
    for (size_t c = 0; c < n_classes_of(training); c++) {
        size_t n = ends[c];
        ends[c] = begin;
        begin += n;
    }
    for (size_t i = 0; i < n_rows; i++) {
        size_t row = training->order[i];
        sorted[ends[class_of(training, row)]++] = row;
    }
}

/* Rows to train on first, then `n_validation` set aside: of the shuffled rows sorted by class every
 * so manieth, but never the first of a class. `sorted` (n_rows) and `ends` (n_classes, zeros) are
 * room to work in. */
static void set_aside(struct training *training, size_t n_rows, size_t *sorted, size_t *ends)
{
    size_t n_candidates = n_rows - n_classes_of(training);
    size_t n_train = 0;
    size_t n_aside = 0;
    size_t candidate = 0;
    trivet_rng_shuffle(training->rng, training->order, n_rows);
    sort_by_class(training, n_rows, sorted, ends);
    for (size_t i = 0; i < n_rows; i++) {
        bool aside = false;
        if (i > 0 && class_of(training, sorted[i]) == class_of(training, sorted[i - 1])) {
            aside = (candidate + 1) * training->n_validation / n_candidates >
                    candidate * training->n_validation / n_candidates;
            candidate++;
        }
        if (aside) {
            training->order[n_rows - 1 - n_aside++] = sorted[i];
        } else {
            training->order[n_train++] = sorted[i];
        }
    }
}

static enum trivet_status split(struct training *training, struct trivet_error *err)
{
    size_t n_rows = training->data->x.n_rows;
    size_t n_classes = n_classes_of(training);
    training->n_train = n_rows;
    if (!training->settings->early_stopping) {
        return TRIVET_OK;
    }
    double wanted = ceil(training->settings->validation_fraction * (double)n_rows);
    if (wanted < 1.0 || wanted > (double)n_rows - (double)n_classes) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "early_stopping sets %.0f of %zu rows aside; at least one must be, "
                                "and one of each class be left: change validation_fraction or give "
                                "more rows",
                                wanted, n_rows);
    }
    training->n_validation = (size_t)wanted;
    training->n_train = n_rows - training->n_validation;
    size_t *sorted = trivet_alloc_array(n_rows, sizeof(size_t));
    size_t *ends = trivet_calloc(n_classes, sizeof(size_t));
    enum trivet_status status = TRIVET_OK;
    if (sorted != NULL && ends != NULL) {
        set_aside(training, n_rows, sorted, ends);
    } else {
        status = no_memory(err);
    }
    trivet_free(sorted);
    trivet_free(ends);
    return status;
}

static enum trivet_status training_init(struct training *training, struct trivet_error *err)
{
    const struct trivet_mlp_settings *settings = training->settings;
    size_t n_rows = training->data->x.n_rows;
    size_t n_features = training->data->x.n_cols;
    size_t n_parameters = training->network->n_parameters;
    training->order = trivet_alloc_array(n_rows, sizeof(size_t));
    if (training->order == NULL) {
        return no_memory(err);
    }
    for (size_t i = 0; i < n_rows; i++) {
        training->order[i] = i;
    }
    enum trivet_status status = split(training, err);
    if (status != TRIVET_OK) {
        return status;
    }
    size_t wanted = settings->batch_size > 0 ? settings->batch_size : BATCH_AUTO;
    training->batch_size = wanted < training->n_train ? wanted : training->n_train;
    training->in_place = !settings->shuffle && !settings->early_stopping;
    training->learning_rate = settings->learning_rate;
    training->beta_1_power = 1.0;
    training->beta_2_power = 1.0;
    training->best_loss = INFINITY;
    size_t n_copied;
    if (__builtin_mul_overflow(training->batch_size, n_features, &n_copied)) {
        return no_memory(err);
    }
    training->x = trivet_alloc_aligned(n_copied, sizeof(double));
    training->y = trivet_alloc_array(training->batch_size, sizeof(double));
    training->first = zeros(n_parameters);
    training->second = settings->solver == TRIVET_MLP_ADAM ? zeros(n_parameters) : NULL;
    training->best = settings->early_stopping ? zeros(n_parameters) : NULL;
    if (training->x == NULL || training->y == NULL || training->first == NULL ||
        (settings->solver == TRIVET_MLP_ADAM && training->second == NULL) ||
        (settings->early_stopping && training->best == NULL)) {
        return no_memory(err);
    }
    return trivet_mlp_scratch_init(&training->scratch, training->network, training->batch_size,
                                   settings->dropout, err);
}

/* Rows order[at .. at + n) as a batch; *y is set too. */
static struct trivet_const_matrix batch(struct training *training, size_t at, size_t n,
                                        const double **y)
{
    const struct trivet_matrix *x = &training->data->x;
    if (training->in_place) {
        *y = &training->data->y[at];
        return (struct trivet_const_matrix){&x->data[at * x->stride], n, x->n_cols, x->stride};
    }
    for (size_t i = 0; i < n; i++) {
        size_t row = training->order[at + i];
        memcpy(&training->x[i * x->n_cols], &x->data[row * x->stride], x->n_cols * sizeof(double));
        training->y[i] = training->data->y[row];
    }
    *y = training->y;
    return (struct trivet_const_matrix){training->x, n, x->n_cols, x->n_cols};
}

/* One step over n parameters from `at`. Returns the sum of their squares before it. */
static double step_on(struct training *training, const struct trivet_mlp_step *step, size_t at,
                      size_t n)
{
    double squares = 0.0;
    for (size_t end = at + n; at < end; at += STEP_DOUBLES) {
        size_t n_now = end - at < STEP_DOUBLES ? end - at : STEP_DOUBLES;
        double *w = &training->network->parameters[at];
        const double *g = &training->scratch.gradient[at];
        squares += trivet_linalg_dot(w, w, n_now);
        if (training->settings->solver == TRIVET_MLP_ADAM) {
            trivet_mlp_adam(step, w, &training->first[at], &training->second[at], g, n_now);
        } else {
            trivet_mlp_descend(step, training->settings->nesterov, w, &training->first[at], g,
                               n_now);
        }
    }
    return squares;
}

/* One step with the gradient of `n` rows. Returns ||W||² before it. */
static double solver_step(struct training *training, size_t n)
{
    const struct trivet_mlp_settings *settings = training->settings;
    const struct trivet_mlp_network *network = training->network;
    struct trivet_mlp_step step = {
        .divisor = (double)n,
        .rate = training->learning_rate,
        .beta_1 = settings->beta_1,
        .beta_2 = settings->beta_2,
        .epsilon = settings->epsilon,
        .momentum = settings->momentum,
    };
    if (settings->solver == TRIVET_MLP_ADAM) {
        training->beta_1_power *= settings->beta_1;
        training->beta_2_power *= settings->beta_2;
        step.rate *= sqrt(1.0 - training->beta_2_power) / (1.0 - training->beta_1_power);
    }
    double squares = 0.0;
    for (size_t l = 0; l < network->n_layers; l++) {
        size_t n_weights = network->widths[l] * network->widths[l + 1];
        step.decay = settings->alpha;
        squares += step_on(training, &step, network->weights[l], n_weights);
        step.decay = 0.0;
        step_on(training, &step, network->biases[l], network->widths[l + 1]);
    }
    return squares;
}

/* Multiplications of a pass forth and back for one row. */
static double work_of_row(const struct trivet_mlp_network *network)
{
    double work = 0.0;
    for (size_t l = 0; l < network->n_layers; l++) {
        work += 3.0 * (double)network->widths[l] * (double)network->widths[l + 1];
    }
    return work;
}

/* All training rows once; *mean_loss is theirs. */
static enum trivet_status epoch(struct training *training, size_t n_epochs,
                                const struct trivet_fit_context *context, double *mean_loss,
                                struct trivet_error *err)
{
    double loss = 0.0;
    double work = 0.0;
    double work_of_each = work_of_row(training->network);
    if (training->settings->shuffle) {
        trivet_rng_shuffle(training->rng, training->order, training->n_train);
    }
    for (size_t at = 0; at < training->n_train; at += training->batch_size) {
        size_t left = training->n_train - at;
        size_t n = left < training->batch_size ? left : training->batch_size;
        const double *y = NULL;
        if (work > PROGRESS_PRODUCTS) {
            double done = (double)n_epochs + (double)at / (double)training->n_train;
            enum trivet_status status =
                trivet_fit_progress(context, done / (double)training->settings->epochs, err);
            if (status != TRIVET_OK) {
                return status;
            }
            work = 0.0;
        }
        struct trivet_const_matrix x = batch(training, at, n, &y);
        loss += trivet_mlp_gradient(training->network, &training->scratch, x, y, training->rng);
        loss += 0.5 * training->settings->alpha * solver_step(training, n);
        work += work_of_each * (double)n;
    }
    training->n_seen += training->n_train;
    *mean_loss = loss / (double)training->n_train;
    return TRIVET_OK;
}

static bool is_right(const double *units, size_t n_units, double y)
{
    if (n_units == 1) {
        return (units[0] > 0.5) == (y > 0.5);
    }
    size_t greatest = 0;
    for (size_t j = 1; j < n_units; j++) {
        greatest = units[j] > units[greatest] ? j : greatest;
    }
    return greatest == (size_t)y;
}

/* Of the rows set aside: accuracy, or R² (of a constant target 1 when it is met, else 0). */
static double score(struct training *training)
{
    const struct trivet_mlp_network *network = training->network;
    size_t n_units = network->widths[network->n_layers];
    double n_right = 0.0;
    double residual = 0.0;
    double mean = 0.0;
    double spread = 0.0; /* about the mean: Welford 1962 */
    for (size_t at = 0; at < training->n_validation; at += training->batch_size) {
        size_t left = training->n_validation - at;
        size_t n = left < training->batch_size ? left : training->batch_size;
        const double *y = NULL;
        struct trivet_const_matrix x = batch(training, training->n_train + at, n, &y);
        const double *units = trivet_mlp_forward(network, &training->scratch, x, NULL);
        for (size_t i = 0; i < n; i++) {
            n_right += is_right(&units[i * n_units], n_units, y[i]) ? 1.0 : 0.0;
            double step = y[i] - mean;
            mean += step / (double)(at + i + 1);
            spread += step * (y[i] - mean);
            residual += (y[i] - units[i * n_units]) * (y[i] - units[i * n_units]);
        }
    }
    if (network->output != TRIVET_MLP_VALUE) {
        return n_right / (double)training->n_validation;
    }
    if (spread > 0.0) {
        return 1.0 - residual / spread;
    }
    return residual > 0.0 ? 0.0 : 1.0;
}

/* Count epochs without improvement; both are to become less: the loss, or the score's negative. */
static void watch(struct training *training, double loss)
{
    struct trivet_mlp_network *network = training->network;
    double watched = training->settings->early_stopping ? -score(training) : loss;
    if (watched > training->best_loss - training->settings->tol) {
        training->n_without_change++;
    } else {
        training->n_without_change = 0;
    }
    if (watched < training->best_loss) {
        training->best_loss = watched;
        if (training->best != NULL) {
            memcpy(training->best, network->parameters, network->n_parameters * sizeof(double));
        }
    }
}

/* After an epoch: the learning rate of the next, or true when this was the last. */
static bool is_done(struct training *training)
{
    const struct trivet_mlp_settings *settings = training->settings;
    bool descends = settings->solver == TRIVET_MLP_SGD;
    if (descends && settings->schedule == TRIVET_MLP_INVERSE_SCALING) {
        training->learning_rate =
            settings->learning_rate / pow((double)training->n_seen + 1.0, settings->power_t);
    }
    if (training->n_without_change <= settings->n_iter_no_change) {
        return false;
    }
    if (!descends || settings->schedule != TRIVET_MLP_ADAPTIVE ||
        training->learning_rate <= LEARNING_RATE_MIN) {
        return true;
    }
    training->learning_rate *= ADAPTIVE_FACTOR;
    training->n_without_change = 0;
    return false;
}

static enum trivet_status overflowed(size_t n_epochs, struct trivet_error *err)
{
    return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                            "the weights of the network overflowed in epoch %zu; scale the "
                            "features or lower learning_rate",
                            n_epochs);
}

static enum trivet_status run(struct training *training, const struct trivet_fit_context *context,
                              struct trivet_mlp_outcome *out, struct trivet_error *err)
{
    size_t n_epochs_max = training->settings->epochs;
    for (size_t e = 0; e < n_epochs_max && !out->converged; e++) {
        double loss = 0.0;
        enum trivet_status status = epoch(training, e, context, &loss, err);
        if (status != TRIVET_OK) {
            return status;
        }
        out->loss_curve[out->n_epochs++] = loss;
        if (!isfinite(loss)) {
            return overflowed(out->n_epochs, err);
        }
        trivet_fit_loss(context, out->n_epochs, loss);
        watch(training, loss);
        out->converged = is_done(training);
        status = trivet_fit_progress(context, (double)(e + 1) / (double)n_epochs_max, err);
        if (status != TRIVET_OK) {
            return status;
        }
    }
    return TRIVET_OK;
}

/* The greatest product of a pass, in multiplications. */
static double greatest_product(const struct training *training)
{
    const struct trivet_mlp_network *network = training->network;
    double greatest = 0.0;
    for (size_t l = 0; l < network->n_layers; l++) {
        double n = (double)network->widths[l] * (double)network->widths[l + 1];
        greatest = fmax(greatest, n * (double)training->batch_size);
    }
    return greatest;
}

enum trivet_status
trivet_mlp_train(struct trivet_mlp_network *network, const struct trivet_mlp_settings *settings,
                 const struct trivet_fit_data *data, const struct trivet_fit_context *context,
                 struct trivet_rng *rng, struct trivet_mlp_outcome *out, struct trivet_error *err)
{
    struct training training = {.network = network, .settings = settings, .data = data, .rng = rng};
    struct trivet_mlp_outcome made = {0};
    enum trivet_status status = training_init(&training, err);
    if (status != TRIVET_OK) {
        goto done;
    }
    made.loss_curve = trivet_alloc_array(settings->epochs, sizeof(double));
    if (made.loss_curve == NULL) {
        status = no_memory(err);
        goto done;
    }
    bool on_one = context->n_threads > 1 && greatest_product(&training) < THREADED_PRODUCT;
    if (on_one) {
        trivet_blas_set_threads(1);
    }
    status = run(&training, context, &made, err);
    if (on_one) {
        trivet_blas_set_threads(context->n_threads);
    }
    if (status != TRIVET_OK) {
        goto done;
    }
    if (training.best != NULL && isfinite(training.best_loss)) {
        memcpy(network->parameters, training.best, network->n_parameters * sizeof(double));
    }
    for (size_t i = 0; i < network->n_parameters; i++) {
        if (!isfinite(network->parameters[i])) {
            status = overflowed(made.n_epochs, err);
            goto done;
        }
    }
    made.n_validation = training.n_validation;
    made.best_validation_score = -training.best_loss;
    made.learning_rate = training.learning_rate;
    *out = made;
    made.loss_curve = NULL;
done:
    trivet_free(made.loss_curve);
    training_release(&training);
    return status;
}
