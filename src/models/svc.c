#include "models/svc.h"

#include "models/svm.h"
#include "models/svm_train.h"

#include <math.h>
#include <string.h>

#define KERNEL_HELP                                                                                \
    "linear: s·x; poly: (gamma s·x + coef0)^degree; rbf: exp(-gamma ||s - x||²); sigmoid: "     \
    "tanh(gamma s·x + coef0)"
#define C_HELP         "cost of a row on the wrong side; less is a smoother surface"
#define GAMMA_HELP     "scale: 1 / (n_features * variance of x); auto: 1 / n_features; not of linear"
#define DEGREE_HELP    "of kernel=poly"
#define COEF0_HELP     "of kernel=poly and kernel=sigmoid"
#define TOL_HELP       "training stops when the optimality conditions hold to this"
#define SHRINKING_HELP "leave rows out while they are at their bounds: faster, the same solution"
#define CACHE_HELP     "memory for kernel values in training"

static const char *const kernels[] = {"linear", "poly", "rbf", "sigmoid", NULL};
static const char *const gammas[] = {"scale", "auto", NULL};
static const char *const class_weights[] = {"none", "balanced", NULL};

static const struct trivet_param_spec svc_params[] = {
    {.name = "kernel",
     .type = TRIVET_PARAM_ENUM,
     .default_text = "rbf",
     .choices = kernels,
     .help = KERNEL_HELP},
    {.name = "C",
     .type = TRIVET_PARAM_REAL,
     .default_text = "1",
     .min = 0.0,
     .max = INFINITY,
     .min_open = true,
     .max_open = true,
     .help = C_HELP},
    {.name = "gamma",
     .needs = "kernel=poly|rbf|sigmoid",
     .type = TRIVET_PARAM_REAL,
     .default_text = "scale",
     .min = 0.0,
     .max = INFINITY,
     .min_open = true,
     .max_open = true,
     .words = gammas,
     .help = GAMMA_HELP},
    {.name = "degree",
     .needs = "kernel=poly",
     .type = TRIVET_PARAM_INT,
     .default_text = "3",
     .min = 0,
     .max = 100,
     .help = DEGREE_HELP},
    {.name = "coef0",
     .needs = "kernel=poly|sigmoid",
     .type = TRIVET_PARAM_REAL,
     .default_text = "0",
     .min = -INFINITY,
     .max = INFINITY,
     .min_open = true,
     .max_open = true,
     .help = COEF0_HELP},
    {.name = "tol",
     .type = TRIVET_PARAM_REAL,
     .default_text = "0.001",
     .min = 0.0,
     .max = 1.0,
     .min_open = true,
     .help = TOL_HELP},
    {.name = "shrinking",
     .type = TRIVET_PARAM_BOOL,
     .default_text = "true",
     .help = SHRINKING_HELP},
    {.name = "cache_mb",
     .type = TRIVET_PARAM_INT,
     .default_text = "200",
     .min = 1,
     .max = 65536,
     .help = CACHE_HELP},
    {.name = "class_weight",
     .type = TRIVET_PARAM_ENUM,
     .default_text = "none",
     .choices = class_weights,
     .help = "balanced: a row's C is in inverse proportion to how frequent its class is"},
    {.name = "probability",
     .type = TRIVET_PARAM_BOOL,
     .default_text = "false",
     .help = "probabilities instead of scores, calibrated on 5 folds; training takes about 6 times "
             "as long"},
    {.name = NULL},
};

static const struct trivet_param_spec svr_params[] = {
    {.name = "kernel",
     .type = TRIVET_PARAM_ENUM,
     .default_text = "rbf",
     .choices = kernels,
     .help = KERNEL_HELP},
    {.name = "C",
     .type = TRIVET_PARAM_REAL,
     .default_text = "1",
     .min = 0.0,
     .max = INFINITY,
     .min_open = true,
     .max_open = true,
     .help = C_HELP},
    {.name = "epsilon",
     .type = TRIVET_PARAM_REAL,
     .default_text = "0.1",
     .min = 0.0,
     .max = INFINITY,
     .max_open = true,
     .help = "errors up to this cost nothing; in the target's units"},
    {.name = "gamma",
     .needs = "kernel=poly|rbf|sigmoid",
     .type = TRIVET_PARAM_REAL,
     .default_text = "scale",
     .min = 0.0,
     .max = INFINITY,
     .min_open = true,
     .max_open = true,
     .words = gammas,
     .help = GAMMA_HELP},
    {.name = "degree",
     .needs = "kernel=poly",
     .type = TRIVET_PARAM_INT,
     .default_text = "3",
     .min = 0,
     .max = 100,
     .help = DEGREE_HELP},
    {.name = "coef0",
     .needs = "kernel=poly|sigmoid",
     .type = TRIVET_PARAM_REAL,
     .default_text = "0",
     .min = -INFINITY,
     .max = INFINITY,
     .min_open = true,
     .max_open = true,
     .help = COEF0_HELP},
    {.name = "tol",
     .type = TRIVET_PARAM_REAL,
     .default_text = "0.001",
     .min = 0.0,
     .max = 1.0,
     .min_open = true,
     .help = TOL_HELP},
    {.name = "shrinking",
     .type = TRIVET_PARAM_BOOL,
     .default_text = "true",
     .help = SHRINKING_HELP},
    {.name = "cache_mb",
     .type = TRIVET_PARAM_INT,
     .default_text = "200",
     .min = 1,
     .max = 65536,
     .help = CACHE_HELP},
    {.name = NULL},
};

static enum trivet_status svc_fit(void *state, const struct trivet_params *params,
                                  const struct trivet_fit_data *data,
                                  const struct trivet_fit_context *context,
                                  struct trivet_fit_report *report, struct trivet_error *err)
{
    struct trivet_svm_problem problem;
    trivet_svm_problem_init(params, data, &problem);
    problem.balanced = strcmp(trivet_params_choice(params, "class_weight"), "balanced") == 0;
    problem.calibrated = trivet_params_bool(params, "probability");
    return trivet_svm_train(&problem, context, state, report, err);
}

static enum trivet_status svr_fit(void *state, const struct trivet_params *params,
                                  const struct trivet_fit_data *data,
                                  const struct trivet_fit_context *context,
                                  struct trivet_fit_report *report, struct trivet_error *err)
{
    struct trivet_svm_problem problem;
    trivet_svm_problem_init(params, data, &problem);
    problem.epsilon = trivet_params_real(params, "epsilon");
    return trivet_svm_train(&problem, context, state, report, err);
}

static enum trivet_status svc_load(void *state, const struct trivet_params *params,
                                   const Trivet__V1__Step *step, struct trivet_error *err)
{
    struct trivet_svm *model = state;
    model->kernel = trivet_svm_kernel_of(params);
    model->n_classes = 2; /* or more, as the saved equations say */
    return trivet_svm_load(model, trivet_params_bool(params, "probability"), step, err);
}

static enum trivet_status svr_load(void *state, const struct trivet_params *params,
                                   const Trivet__V1__Step *step, struct trivet_error *err)
{
    struct trivet_svm *model = state;
    model->kernel = trivet_svm_kernel_of(params);
    return trivet_svm_load(model, false, step, err);
}

const struct trivet_estimator_ops trivet_svc_ops = {
    .name = "svc",
    .summary = "support vector machine with a kernel, one for each pair of classes",
    .task = TRIVET_TASK_CLASSIFICATION,
    .state_bytes = sizeof(struct trivet_svm),
    .params = svc_params,
    .fit = svc_fit,
    .predict = trivet_svm_predict,
    .save = trivet_svm_save,
    .load = svc_load,
    .linear = trivet_svm_linear,
    .scratch_bytes = trivet_svm_scratch_bytes,
    .predict_in = trivet_svm_predict_in,
    .n_features = trivet_svm_n_features,
    .n_outputs = trivet_svm_n_outputs,
    .output_kind = trivet_svm_output_kind,
    .memory_bytes = trivet_svm_memory_bytes,
    .release = trivet_svm_release,
};

const struct trivet_estimator_ops trivet_svr_ops = {
    .name = "svr",
    .summary = "support vector regression with a kernel",
    .task = TRIVET_TASK_REGRESSION,
    .state_bytes = sizeof(struct trivet_svm),
    .params = svr_params,
    .fit = svr_fit,
    .predict = trivet_svm_predict,
    .save = trivet_svm_save,
    .load = svr_load,
    .linear = trivet_svm_linear,
    .scratch_bytes = trivet_svm_scratch_bytes,
    .predict_in = trivet_svm_predict_in,
    .n_features = trivet_svm_n_features,
    .n_outputs = trivet_svm_n_outputs,
    .output_kind = trivet_svm_output_kind,
    .memory_bytes = trivet_svm_memory_bytes,
    .release = trivet_svm_release,
};
