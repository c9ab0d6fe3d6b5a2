/* libsvm sees rows sorted by class, as sparse nodes made once. A column with a large offset is
 * shifted where the kernel allows it: ||x||² + ||z||² - 2 x·z would lose the digits that count. The
 * shift is coarse and a round number, so that other columns stay as they are, and differences stay
 * exact. */
#include "models/svm_train.h"

#include "base/alloc.h"
#include "linalg/affine.h"
#include "models/libraries.h"

#include <assert.h>
#include <libsvm/svm.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* libsvm keeps kernel values as floats. */
#define KERNEL_GREATEST 1e30
/* libsvm's own limit, for problems of up to 100,000 rows. */
#define ITERATIONS_MAX 10000000
/* A variance that is no more of the squared mean is rounding. */
#define ROUNDING 1e-28
/* Columns whose mean is nearer to 0 than half as many deviations are not shifted. */
#define GRID_DEVIATIONS 16.0
/* Zeros are left out where no more than one in so many numbers is not zero. */
#define SPARSE_PART 10
/* Trainings of a pair: one, and with probabilities one a fold. */
#define CALIBRATION_TRAININGS 6

/* What libsvm prints, read while it trains. */
struct log {
    const struct trivet_fit_context *context;
    uint64_t n_iterations;
    uint64_t n_longest; /* iterations of the longest training */
    size_t n_trainings;
    size_t n_done;
    bool cancelled;
};

/* Of the training that holds the libraries' lock. */
static struct log *current;

/* Runs on the training thread: a dot now and then, a line at the end of each training. */
static void read_print(const char *text)
{
    static const char mark[] = "#iter = ";
    const char *at = strstr(text, mark);
    if (at != NULL) {
        uint64_t n = strtoull(at + strlen(mark), NULL, 10);
        current->n_iterations += n;
        current->n_longest = n > current->n_longest ? n : current->n_longest;
        current->n_done++;
    }
    double fraction = (double)current->n_done / (double)(current->n_trainings + 1);
    if (current->context->progress != NULL && !current->cancelled) {
        current->cancelled =
            !current->context->progress(current->context->progress_ctx, fmin(fraction, 1.0));
    }
}

struct trivet_svm_kernel trivet_svm_kernel_of(const struct trivet_params *params)
{
    static const char *const names[] = {"linear", "poly", "rbf", "sigmoid"};
    struct trivet_svm_kernel kernel = {.coef0 = trivet_params_real(params, "coef0"),
                                       .degree = (uint64_t)trivet_params_int(params, "degree")};
    const char *name = trivet_params_choice(params, "kernel");
    while (strcmp(name, names[kernel.kind]) != 0) {
        kernel.kind++;
        assert(kernel.kind < TRIVET_ARRAY_COUNT(names));
    }
    return kernel;
}

/* Of all numbers of x together; 0 where they are equal but for rounding. */
static double variance_of(struct trivet_matrix x)
{
    double n = (double)(x.n_rows * x.n_cols);
    double mean = 0.0;
    double sum = 0.0;
    double sum2 = 0.0;
    for (size_t i = 0; i < x.n_rows; i++) {
        for (size_t j = 0; j < x.n_cols; j++) {
            mean += x.data[i * x.stride + j];
        }
    }
    mean /= n;
    for (size_t i = 0; i < x.n_rows; i++) {
        for (size_t j = 0; j < x.n_cols; j++) {
            double d = x.data[i * x.stride + j] - mean;
            sum += d;
            sum2 += d * d;
        }
    }
    double variance = sum2 / n - (sum / n) * (sum / n);
    return variance > ROUNDING * mean * mean ? variance : 0.0;
}

void trivet_svm_problem_init(const struct trivet_params *params, const struct trivet_fit_data *data,
                             struct trivet_svm_problem *out)
{
    const char *word = trivet_params_word(params, "gamma");
    *out = (struct trivet_svm_problem){
        .data = data,
        .kernel = trivet_svm_kernel_of(params),
        .c = trivet_params_real(params, "C"),
        .tol = trivet_params_real(params, "tol"),
        .cache_mb = (double)trivet_params_int(params, "cache_mb"),
        .shrinking = trivet_params_bool(params, "shrinking"),
    };
    if (word == NULL) {
        out->kernel.gamma = trivet_params_real(params, "gamma");
    } else if (strcmp(word, "auto") == 0) {
        out->kernel.gamma = 1.0 / (double)data->x.n_cols;
    } else {
        double variance = variance_of(data->x);
        out->kernel.gamma = variance > 0.0 ? 1.0 / ((double)data->x.n_cols * variance) : 1.0;
    }
}

/* The problem in libsvm's terms. */
struct library_problem {
    double *shift;          /* owned, (n_features) */
    size_t *order;          /* owned, (n_rows): row of x that libsvm's row is */
    double *y;              /* owned, (n_rows) */
    bool dense;             /* nodes of zeros are there too */
    struct svm_node *nodes; /* owned */
    struct svm_node **rows; /* owned, (n_rows), into nodes */
    int *class_labels;      /* owned, (n_classes) */
    double *class_weights;  /* owned, (n_classes) */
};

static void library_problem_release(struct library_problem *in)
{
    trivet_free(in->shift);
    trivet_free(in->order);
    trivet_free(in->y);
    trivet_free(in->nodes);
    trivet_free(in->rows);
    trivet_free(in->class_labels);
    trivet_free(in->class_weights);
}

/* Rows by class, in their order within each. */
static void sort_rows(const struct trivet_fit_data *data, struct library_problem *in)
{
    size_t n = 0;
    size_t n_groups = data->n_classes > 0 ? data->n_classes : 1;
    for (size_t k = 0; k < n_groups; k++) {
        for (size_t i = 0; i < data->x.n_rows; i++) {
            if (data->n_classes == 0 || (size_t)data->y[i] == k) {
                in->order[n] = i;
                in->y[n++] = data->y[i];
            }
        }
    }
}

/* A multiple of a power of two that is at least 16 deviations of the column: 0 for most. */
static double shift_of(struct trivet_matrix x, size_t j)
{
    double mean = 0.0;
    double variance = 0.0;
    double n = (double)x.n_rows;
    for (size_t i = 0; i < x.n_rows; i++) {
        mean += x.data[i * x.stride + j] / n;
    }
    for (size_t i = 0; i < x.n_rows; i++) {
        double d = x.data[i * x.stride + j] - mean;
        variance += d * d / n;
    }
    double step = ldexp(1.0, ilogb(GRID_DEVIATIONS * sqrt(variance)) + 1);
    bool constant = variance <= ROUNDING * mean * mean || !isnormal(step);
    return constant ? x.data[j] : step * round(mean / step);
}

/* Numbers that are not zero once shifted. */
static size_t count_values(struct trivet_matrix x, const double *shift)
{
    size_t n = 0;
    for (size_t i = 0; i < x.n_rows; i++) {
        for (size_t j = 0; j < x.n_cols; j++) {
            n += x.data[i * x.stride + j] - shift[j] != 0.0 ? 1 : 0;
        }
    }
    return n;
}

/* Rows where few numbers are zero keep the zeros: libsvm's walk along two rows then takes the same
 * branch at each step, which is twice as fast. */
static enum trivet_status alloc_nodes(struct trivet_matrix x, struct library_problem *in,
                                      struct trivet_error *err)
{
    size_t n_all = x.n_rows * x.n_cols;
    size_t n_values = count_values(x, in->shift);
    in->dense = n_values > n_all / SPARSE_PART;
    in->nodes = trivet_alloc_array((in->dense ? n_all : n_values) + x.n_rows, sizeof *in->nodes);
    return in->nodes != NULL ? TRIVET_OK : trivet_svm_no_memory(err);
}

static void fill_nodes(struct trivet_matrix x, struct library_problem *in)
{
    struct svm_node *node = in->nodes;
    for (size_t i = 0; i < x.n_rows; i++) {
        const double *row = &x.data[in->order[i] * x.stride];
        in->rows[i] = node;
        for (size_t j = 0; j < x.n_cols; j++) {
            double value = row[j] - in->shift[j];
            if (value != 0.0 || in->dense) {
                *node++ = (struct svm_node){(int)j + 1, value};
            }
        }
        *node++ = (struct svm_node){-1, 0.0};
    }
}

static void weigh_classes(const struct trivet_fit_data *data, struct library_problem *in)
{
    size_t k = data->n_classes;
    for (size_t i = 0; i < data->x.n_rows && k > 0; i++) {
        in->class_weights[(size_t)data->y[i]] += 1.0;
    }
    for (size_t c = 0; c < k; c++) {
        in->class_labels[c] = (int)c;
        in->class_weights[c] = (double)data->x.n_rows / ((double)k * in->class_weights[c]);
    }
}

static enum trivet_status library_problem_init(const struct trivet_svm_problem *problem,
                                               struct library_problem *in, struct trivet_error *err)
{
    const struct trivet_fit_data *data = problem->data;
    struct trivet_matrix x = data->x;
    enum trivet_svm_kind kind = problem->kernel.kind;
    in->shift = trivet_calloc(x.n_cols, sizeof(double));
    in->order = trivet_alloc_array(x.n_rows, sizeof(size_t));
    in->y = trivet_alloc_array(x.n_rows, sizeof(double));
    in->rows = trivet_alloc_array(x.n_rows, sizeof(struct svm_node *));
    in->class_labels = trivet_alloc_array(data->n_classes, sizeof(int));
    in->class_weights = trivet_calloc(data->n_classes, sizeof(double));
    if (in->shift == NULL || in->order == NULL || in->y == NULL || in->rows == NULL ||
        in->class_labels == NULL || in->class_weights == NULL) {
        return trivet_svm_no_memory(err);
    }
    if (kind == TRIVET_SVM_LINEAR || kind == TRIVET_SVM_RBF) {
        for (size_t j = 0; j < x.n_cols; j++) {
            in->shift[j] = shift_of(x, j);
        }
    }
    enum trivet_status status = alloc_nodes(x, in, err);
    if (status != TRIVET_OK) {
        return status;
    }
    sort_rows(data, in);
    weigh_classes(data, in);
    fill_nodes(x, in);
    return TRIVET_OK;
}

/* A bound of the kernel's values: what libsvm would not end with is refused. */
static enum trivet_status check_range(const struct trivet_svm_problem *problem,
                                      const struct library_problem *in, struct trivet_error *err)
{
    const struct trivet_svm_kernel *kernel = &problem->kernel;
    struct trivet_matrix x = problem->data->x;
    double greatest = 0.0;
    for (size_t i = 0; i < x.n_rows; i++) {
        double norm = 0.0;
        for (size_t j = 0; j < x.n_cols; j++) {
            double value = x.data[i * x.stride + j] - in->shift[j];
            norm += value * value;
        }
        greatest = norm > greatest ? norm : greatest;
    }
    if (kernel->kind == TRIVET_SVM_POLYNOMIAL) {
        greatest = fmax(
            greatest, pow(kernel->gamma * greatest + fabs(kernel->coef0), (double)kernel->degree));
    }
    if (!(greatest < KERNEL_GREATEST) || !(kernel->gamma < KERNEL_GREATEST)) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "the kernel's values of these features reach %.3g, too much to "
                                "compute with; scale the features, or use less gamma or degree",
                                greatest);
    }
    return TRIVET_OK;
}

static struct svm_parameter library_parameters(const struct trivet_svm_problem *problem,
                                               const struct library_problem *in)
{
    static const int kinds[] = {LINEAR, POLY, RBF, SIGMOID};
    bool classes = problem->data->n_classes > 0;
    return (struct svm_parameter){
        .svm_type = classes ? C_SVC : EPSILON_SVR,
        .kernel_type = kinds[problem->kernel.kind],
        .degree = (int)problem->kernel.degree,
        .gamma = problem->kernel.gamma,
        .coef0 = problem->kernel.coef0,
        .cache_size = problem->cache_mb,
        .eps = problem->tol,
        .C = problem->c,
        .p = problem->epsilon,
        .shrinking = problem->shrinking ? 1 : 0,
        .probability = problem->calibrated ? 1 : 0,
        .nr_weight = problem->balanced ? (int)problem->data->n_classes : 0,
        .weight_label = in->class_labels,
        .weight = in->class_weights,
    };
}

static bool model_alloc(struct trivet_svm *model, size_t n_vectors, bool calibrated)
{
    size_t p = model->n_features;
    model->n_vectors = n_vectors;
    model->intercepts = trivet_alloc_array(model->n_equations, sizeof(double));
    model->counts = trivet_calloc(trivet_svm_n_groups(model), sizeof(int64_t));
    model->shift = trivet_alloc_array(p, sizeof(double));
    model->vectors = trivet_alloc_aligned(n_vectors * p, sizeof(double));
    model->norms = trivet_alloc_array(n_vectors, sizeof(double));
    model->coefficients =
        trivet_alloc_aligned(n_vectors * trivet_svm_n_columns(model), sizeof(double));
    if (calibrated) {
        model->calibration = trivet_alloc_array(2 * model->n_equations, sizeof(double));
    }
    return model->intercepts != NULL && model->counts != NULL && model->shift != NULL &&
           model->vectors != NULL && model->norms != NULL && model->coefficients != NULL &&
           (!calibrated || model->calibration != NULL);
}

/* What libsvm found, in our arrays; of two classes with the sign turned. */
static enum trivet_status take_model(const struct svm_model *found,
                                     const struct trivet_svm_problem *problem,
                                     const struct library_problem *in, struct trivet_svm *model,
                                     struct trivet_error *err)
{
    struct trivet_matrix x = problem->data->x;
    size_t n_columns = trivet_svm_n_columns(model);
    double sign = model->n_classes == 2 ? -1.0 : 1.0;
    if (!model_alloc(model, (size_t)found->l, problem->calibrated)) {
        return trivet_svm_no_memory(err);
    }
    memcpy(model->shift, in->shift, x.n_cols * sizeof(double));
    model->counts[0] = found->l;
    for (size_t k = 0; k < model->n_classes; k++) {
        assert(found->label[k] == (int)k); /* rows are sorted by class */
        model->counts[k] = found->nSV[k];
    }
    for (size_t s = 0; s < model->n_vectors; s++) {
        const double *row = &x.data[in->order[found->sv_indices[s] - 1] * x.stride];
        for (size_t j = 0; j < x.n_cols; j++) {
            model->vectors[s * x.n_cols + j] = row[j] - in->shift[j];
        }
        for (size_t c = 0; c < n_columns; c++) {
            model->coefficients[s * n_columns + c] = sign * found->sv_coef[c][s];
        }
    }
    trivet_svm_set_norms(model);
    for (size_t e = 0; e < model->n_equations; e++) {
        model->intercepts[e] = -sign * found->rho[e];
        if (problem->calibrated) {
            model->calibration[2 * e] = sign * found->probA[e];
            model->calibration[2 * e + 1] = found->probB[e];
        }
    }
    return TRIVET_OK;
}

/* A linear machine is its weights: of every equation, the sum of its vectors. */
static enum trivet_status make_weights(struct trivet_svm *model, struct trivet_error *err)
{
    size_t p = model->n_features;
    size_t n_columns = trivet_svm_n_columns(model);
    model->weights = trivet_calloc(model->n_equations * p, sizeof(double));
    if (model->weights == NULL) {
        return trivet_svm_no_memory(err);
    }
    size_t s = 0;
    for (size_t g = 0; g < trivet_svm_n_groups(model); g++) {
        for (size_t end = s + (size_t)model->counts[g]; s < end; s++) {
            for (size_t c = 0; c < n_columns; c++) {
                size_t other = c < g ? c : c + 1;
                size_t e = model->n_classes == 0 ? 0
                           : g < other           ? trivet_svm_pair(model, g, other)
                                                 : trivet_svm_pair(model, other, g);
                for (size_t j = 0; j < p; j++) {
                    model->weights[e * p + j] +=
                        model->coefficients[s * n_columns + c] * model->vectors[s * p + j];
                }
            }
        }
    }
    for (size_t e = 0; e < model->n_equations; e++) {
        model->intercepts[e] -= trivet_linalg_dot(&model->weights[e * p], model->shift, p);
    }
    double **unused[] = {&model->shift, &model->vectors, &model->norms, &model->coefficients};
    for (size_t i = 0; i < TRIVET_ARRAY_COUNT(unused); i++) {
        trivet_free(*unused[i]);
        *unused[i] = NULL;
    }
    trivet_free(model->counts);
    model->counts = NULL;
    model->n_vectors = 0;
    return TRIVET_OK;
}

static void tell(const struct log *log, const struct svm_model *found, size_t n_rows,
                 const struct trivet_svm_problem *problem, struct trivet_fit_report *report)
{
    uint64_t limit = problem->data->n_classes > 0 ? 100 * n_rows : 200 * n_rows;
    limit = limit > ITERATIONS_MAX ? limit : ITERATIONS_MAX;
    report->converged = log->n_longest < limit;
    report->iterations = log->n_iterations;
    trivet_fit_report_fact(report, "support_vectors", found->l);
    if (problem->kernel.kind != TRIVET_SVM_LINEAR) {
        trivet_fit_report_fact(report, "gamma", problem->kernel.gamma);
    }
    if (!report->converged) {
        trivet_fit_report_warn(report,
                               "not converged in %llu iterations; scale the features or use a "
                               "smaller C",
                               (unsigned long long)log->n_longest);
    }
    if (found->l > 0 && (size_t)found->l == n_rows) {
        trivet_fit_report_warn(report,
                               "every row is a support vector: the kernel is too narrow for the "
                               "features' scale, or C too small");
    }
}

static struct svm_model *run_library(const struct svm_problem *given,
                                     const struct svm_parameter *parameters, uint64_t seed,
                                     struct log *log)
{
    trivet_libraries_lock(seed);
    current = log;
    svm_set_print_string_function(read_print);
    struct svm_model *found = svm_train(given, parameters);
    current = NULL;
    trivet_libraries_unlock();
    return found;
}

enum trivet_status trivet_svm_train(const struct trivet_svm_problem *problem,
                                    const struct trivet_fit_context *context,
                                    struct trivet_svm *model, struct trivet_fit_report *report,
                                    struct trivet_error *err)
{
    const struct trivet_fit_data *data = problem->data;
    size_t k = data->n_classes;
    struct library_problem in = {0};
    struct svm_model *found = NULL;
    *model = (struct trivet_svm){.kernel = problem->kernel,
                                 .n_features = data->x.n_cols,
                                 .n_classes = k,
                                 .n_equations = k == 0 ? 1 : k * (k - 1) / 2};
    struct log log = {.context = context,
                      .n_trainings =
                          model->n_equations * (problem->calibrated ? CALIBRATION_TRAININGS : 1)};
    enum trivet_status status = trivet_fit_progress(context, 0.0, err);
    if (status == TRIVET_OK) {
        status = library_problem_init(problem, &in, err);
    }
    if (status == TRIVET_OK) {
        status = check_range(problem, &in, err);
    }
    if (status != TRIVET_OK) {
        goto done;
    }
    struct svm_problem given = {(int)data->x.n_rows, in.y, in.rows};
    struct svm_parameter parameters = library_parameters(problem, &in);
    found = run_library(&given, &parameters, context->seed, &log);
    status = trivet_fit_progress(context, 1.0, err);
    if (status == TRIVET_OK) {
        status = take_model(found, problem, &in, model, err);
    }
    if (status == TRIVET_OK && problem->kernel.kind == TRIVET_SVM_LINEAR) {
        status = make_weights(model, err);
    }
    if (status == TRIVET_OK) {
        tell(&log, found, data->x.n_rows, problem, report);
    }
done:
    if (status != TRIVET_OK) {
        trivet_svm_release(model);
    }
    if (found != NULL) {
        svm_free_and_destroy_model(&found);
    }
    library_problem_release(&in);
    return status;
}
