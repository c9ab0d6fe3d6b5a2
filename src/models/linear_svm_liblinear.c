#include "base/alloc.h"
#include "models/libraries.h"
#include "models/linear_svm.h"

#include <linear.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* liblinear's own limit of passes, for each equation. */
#define PASSES_MAX 1000
/* Of squares that liblinear adds up and multiplies. */
#define SQUARES_GREATEST 1e100
/* Prints after which half of the way is reported as gone. */
#define PRINTS_HALF 20.0

/* What liblinear prints, read while it trains. */
struct log {
    const struct trivet_fit_context *context;
    uint64_t n_prints;
    uint64_t n_iterations;
    uint64_t n_of_equation; /* steps of the trust region since its first */
    bool reached_limit;
    bool cancelled;
};

/* Of the training that holds the libraries' lock. */
static struct log *current;

/* Runs on the training thread: a dot now and then and a line at the end of a coordinate descent, a
 * line for each step of a trust region. */
static void read_print(const char *text)
{
    static const char passes[] = "#iter = ";
    static const char step[] = "iter ";
    const char *at = strstr(text, passes);
    struct log *log = current;
    if (at != NULL) {
        const uint64_t n = strtoull(at + strlen(passes), NULL, 10);
        log->n_iterations += n;
        log->reached_limit = log->reached_limit || n >= PASSES_MAX;
    } else if (strncmp(text, step, strlen(step)) == 0) {
        log->n_iterations++;
        log->reached_limit =
            log->reached_limit || strtoull(text + strlen(step), NULL, 10) >= PASSES_MAX;
    }
    log->n_prints++;
    const double fraction = (double)log->n_prints / ((double)log->n_prints + PRINTS_HALF);
    if (log->context->progress != NULL && !log->cancelled) {
        log->cancelled = !log->context->progress(log->context->progress_ctx, fraction);
    }
}

/* The problem in liblinear's terms; all owned. */
struct library_problem {
    double *y;
    struct feature_node *nodes;
    struct feature_node **rows;
    int *labels;     /* n_classes */
    double *weights; /* n_classes */
};

static void library_problem_release(struct library_problem *in)
{
    trivet_free(in->y);
    trivet_free(in->nodes);
    trivet_free(in->rows);
    trivet_free(in->labels);
    trivet_free(in->weights);
}

/* Two classes are -1 and 1: then 1 is liblinear's positive class whatever comes first. */
static int label_of(size_t n_classes, size_t class)
{
    return n_classes == 2 ? 2 * (int)class - 1 : (int)class;
}

static enum trivet_status count_values(const struct trivet_linear_svm_problem *problem,
                                       size_t *n_values, struct trivet_error *err)
{
    const struct trivet_matrix x = problem->data->x;
    double squares = 0.0;
    *n_values = 0;
    for (size_t i = 0; i < x.n_rows; i++) {
        for (size_t j = 0; j < x.n_cols; j++) {
            const double value = x.data[i * x.stride + j];
            squares += value * value;
            *n_values += value != 0.0 ? 1 : 0;
        }
    }
    if (!(squares * problem->c < SQUARES_GREATEST)) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "the features have values too large for a linear support vector "
                                "machine; scale them");
    }
    return TRIVET_OK;
}

static void fill_nodes(const struct trivet_linear_svm_problem *problem, struct library_problem *in)
{
    const struct trivet_matrix x = problem->data->x;
    const size_t n_classes = problem->data->n_classes;
    struct feature_node *node = in->nodes;
    for (size_t i = 0; i < x.n_rows; i++) {
        const double *row = &x.data[i * x.stride];
        const double y = problem->data->y[i];
        in->y[i] = n_classes > 0 ? label_of(n_classes, (size_t)y) : y;
        in->rows[i] = node;
        for (size_t j = 0; j < x.n_cols; j++) {
            if (row[j] != 0.0) {
                *node++ = (struct feature_node){(int)j + 1, row[j]};
            }
        }
        if (problem->bias > 0.0) {
            *node++ = (struct feature_node){(int)x.n_cols + 1, problem->bias};
        }
        *node++ = (struct feature_node){-1, 0.0};
    }
    for (size_t k = 0; k < n_classes; k++) {
        in->labels[k] = label_of(n_classes, k);
        in->weights[k] = problem->class_weights[k];
    }
}

static enum trivet_status library_problem_init(const struct trivet_linear_svm_problem *problem,
                                               struct library_problem *in, struct trivet_error *err)
{
    const struct trivet_matrix x = problem->data->x;
    const size_t n_classes = problem->data->n_classes;
    size_t n_values = 0;
    enum trivet_status status = count_values(problem, &n_values, err);
    if (status != TRIVET_OK) {
        return status;
    }
    in->y = trivet_alloc_array(x.n_rows, sizeof(double));
    in->nodes = trivet_alloc_array(n_values + 2 * x.n_rows, sizeof *in->nodes);
    in->rows = trivet_alloc_array(x.n_rows, sizeof(struct feature_node *));
    in->labels = trivet_alloc_array(n_classes + 1, sizeof(int));
    in->weights = trivet_alloc_array(n_classes + 1, sizeof(double));
    if (in->y == NULL || in->nodes == NULL || in->rows == NULL || in->labels == NULL ||
        in->weights == NULL) {
        return trivet_linear_svm_no_memory(err);
    }
    fill_nodes(problem, in);
    return TRIVET_OK;
}

static int solver_type(const struct trivet_linear_svm_problem *problem, bool trust_region)
{
    const bool classes = problem->data->n_classes > 0;
    if (problem->l1) {
        return L1R_L2LOSS_SVC;
    }
    if (!problem->squared) {
        return classes ? L2R_L1LOSS_SVC_DUAL : L2R_L1LOSS_SVR_DUAL;
    }
    if (trust_region) {
        return classes ? L2R_L2LOSS_SVC : L2R_L2LOSS_SVR;
    }
    return classes ? L2R_L2LOSS_SVC_DUAL : L2R_L2LOSS_SVR_DUAL;
}

static struct model *run_library(const struct trivet_linear_svm_problem *problem,
                                 const struct library_problem *in, bool trust_region,
                                 struct log *log)
{
    const size_t n_parameters = trivet_linear_svm_n_parameters(problem);
    const struct problem given = {.l = (int)problem->data->x.n_rows,
                                  .n = (int)n_parameters,
                                  .y = in->y,
                                  .x = in->rows,
                                  .bias = problem->bias > 0.0 ? problem->bias : -1.0};
    const struct parameter parameters = {.solver_type = solver_type(problem, trust_region),
                                         .eps = problem->tol,
                                         .C = problem->c,
                                         .nr_weight = (int)problem->data->n_classes,
                                         .weight_label = in->labels,
                                         .weight = in->weights,
                                         .p = problem->epsilon};
    trivet_libraries_lock(problem->seed);
    current = log;
    set_print_string_function(read_print);
    struct model *found = train(&given, &parameters);
    current = NULL;
    trivet_libraries_unlock();
    return found;
}

/* liblinear has a column an equation, in the order in which the classes came first. */
static void take_model(const struct trivet_linear_svm_problem *problem, const struct model *found,
                       double *theta)
{
    const size_t n_equations = trivet_linear_svm_n_equations(problem);
    const size_t n_parameters = trivet_linear_svm_n_parameters(problem);
    for (size_t e = 0; e < n_equations; e++) {
        const size_t to = n_equations > 1 ? (size_t)found->label[e] : 0;
        for (size_t j = 0; j < n_parameters; j++) {
            theta[to * n_parameters + j] = found->w[j * n_equations + e];
        }
    }
}

enum trivet_status trivet_linear_svm_liblinear(const struct trivet_linear_svm_problem *problem,
                                               bool trust_region,
                                               const struct trivet_fit_context *context,
                                               struct trivet_linear_svm_result *result,
                                               struct trivet_error *err)
{
    struct library_problem in = {0};
    struct model *found = NULL;
    struct log log = {.context = context};
    enum trivet_status status = trivet_fit_progress(context, 0.0, err);
    if (status == TRIVET_OK) {
        status = library_problem_init(problem, &in, err);
    }
    if (status != TRIVET_OK) {
        goto done;
    }
    found = run_library(problem, &in, trust_region, &log);
    if (log.cancelled) {
        status = trivet_error_set(err, TRIVET_CANCELLED, "the fit was cancelled");
        goto done;
    }
    take_model(problem, found, result->theta);
    result->converged = !log.reached_limit;
    result->iterations = log.n_iterations;
done:
    if (found != NULL) {
        free_and_destroy_model(&found);
    }
    library_problem_release(&in);
    return status;
}
