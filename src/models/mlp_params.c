#include "models/mlp_params.h"

#include <math.h>
#include <string.h>

static const char *const activations[] = {
    [TRIVET_MLP_RELU] = "relu",         [TRIVET_MLP_TANH] = "tanh",
    [TRIVET_MLP_LOGISTIC] = "logistic", [TRIVET_MLP_IDENTITY] = "identity",
    [TRIVET_MLP_IDENTITY + 1] = NULL,
};
static const char *const solvers[] = {
    [TRIVET_MLP_ADAM] = "adam", [TRIVET_MLP_SGD] = "sgd", [TRIVET_MLP_SGD + 1] = NULL};
static const char *const schedules[] = {
    [TRIVET_MLP_CONSTANT] = "constant",
    [TRIVET_MLP_INVERSE_SCALING] = "inverse_scaling",
    [TRIVET_MLP_ADAPTIVE] = "adaptive",
    [TRIVET_MLP_ADAPTIVE + 1] = NULL,
};
static const char *const batch_words[] = {"auto", NULL};

const struct trivet_param_spec trivet_mlp_params[] = {
    {.name = "scale_target",
     .type = TRIVET_PARAM_BOOL,
     .default_text = "true",
     .help = "train on (y - mean) / deviation, so that a target of any size is learnt; tol, alpha "
             "and the losses are then in those units; false: on y itself"},
    {.name = "hidden_layers",
     .type = TRIVET_PARAM_INT_LIST,
     .default_text = "100",
     .min = 1,
     .max = TRIVET_MLP_WIDTH_MAX,
     .help = "units of each hidden layer: 100, or 256,128"},
    {.name = "activation",
     .type = TRIVET_PARAM_ENUM,
     .default_text = "relu",
     .choices = activations,
     .help = "function of the hidden units"},
    {.name = "solver",
     .type = TRIVET_PARAM_ENUM,
     .default_text = "adam",
     .choices = solvers,
     .help = "adam: steps scaled for each weight; sgd: gradient descent with momentum"},
    {.name = "learning_rate",
     .type = TRIVET_PARAM_REAL,
     .default_text = "0.001",
     .min = 0.0,
     .max = INFINITY,
     .min_open = true,
     .max_open = true,
     .help = "size of a step, at the beginning"},
    {.name = "schedule",
     .needs = "solver=sgd",
     .type = TRIVET_PARAM_ENUM,
     .default_text = "constant",
     .choices = schedules,
     .help = "learning rate of sgd; inverse_scaling: divided by (rows seen + 1)^power_t; adaptive: "
             "by 5 whenever nothing improves, instead of stopping"},
    {.name = "power_t",
     .needs = "schedule=inverse_scaling",
     .type = TRIVET_PARAM_REAL,
     .default_text = "0.5",
     .min = 0.0,
     .max = INFINITY,
     .max_open = true,
     .help = "exponent of schedule=inverse_scaling"},
    {.name = "momentum",
     .needs = "solver=sgd",
     .type = TRIVET_PARAM_REAL,
     .default_text = "0.9",
     .min = 0.0,
     .max = 1.0,
     .help = "of sgd: share of the last step that is kept"},
    {.name = "nesterov",
     .needs = "solver=sgd",
     .type = TRIVET_PARAM_BOOL,
     .default_text = "true",
     .help = "of sgd: Nesterov's momentum, which looks ahead"},
    {.name = "beta_1",
     .needs = "solver=adam",
     .type = TRIVET_PARAM_REAL,
     .default_text = "0.9",
     .min = 0.0,
     .max = 1.0,
     .max_open = true,
     .help = "of adam: how slowly the mean of gradients forgets"},
    {.name = "beta_2",
     .needs = "solver=adam",
     .type = TRIVET_PARAM_REAL,
     .default_text = "0.999",
     .min = 0.0,
     .max = 1.0,
     .max_open = true,
     .help = "of adam: how slowly the mean of their squares forgets"},
    {.name = "epsilon",
     .needs = "solver=adam",
     .type = TRIVET_PARAM_REAL,
     .default_text = "1e-08",
     .min = 0.0,
     .max = INFINITY,
     .min_open = true,
     .max_open = true,
     .help = "of adam: added to the divisor of a step"},
    {.name = "alpha",
     .type = TRIVET_PARAM_REAL,
     .default_text = "0.0001",
     .min = 0.0,
     .max = INFINITY,
     .max_open = true,
     .help = "strength of the l2 penalty on weights, not biases: 0.5 alpha ||W||² / rows of a "
             "batch"},
    {.name = "batch_size",
     .type = TRIVET_PARAM_INT,
     .default_text = "auto",
     .min = 1,
     .max = 1000000,
     .words = batch_words,
     .help = "rows of a step; auto: 200, or all when there are fewer"},
    {.name = "epochs",
     .type = TRIVET_PARAM_INT,
     .default_text = "200",
     .min = 1,
     .max = 1000000,
     .help = "passes over the rows at most"},
    {.name = "tol",
     .type = TRIVET_PARAM_REAL,
     .default_text = "0.0001",
     .min = 0.0,
     .max = INFINITY,
     .max_open = true,
     .help = "an epoch that betters the loss, or the validation score, by less does not count as "
             "improvement"},
    {.name = "n_iter_no_change",
     .type = TRIVET_PARAM_INT,
     .default_text = "10",
     .min = 1,
     .max = 1000000,
     .help = "epochs in a row without improvement that are waited for; one more ends the training"},
    {.name = "early_stopping",
     .type = TRIVET_PARAM_BOOL,
     .default_text = "false",
     .help = "set rows aside, stop when their score no longer improves, keep the best epoch's "
             "weights"},
    {.name = "validation_fraction",
     .needs = "early_stopping=true",
     .type = TRIVET_PARAM_REAL,
     .default_text = "0.1",
     .min = 0.0,
     .max = 1.0,
     .min_open = true,
     .max_open = true,
     .help = "share of the rows that early_stopping sets aside"},
    {.name = "dropout",
     .type = TRIVET_PARAM_REAL,
     .default_text = "0",
     .min = 0.0,
     .max = 1.0,
     .max_open = true,
     .help = "share of hidden units left out at random in each step of training"},
    {.name = "shuffle",
     .type = TRIVET_PARAM_BOOL,
     .default_text = "true",
     .help = "put the rows in another order in each epoch"},
    {.name = NULL},
};

/* Place of a choice in its table. */
static unsigned choice_of(const struct trivet_params *params, const char *name,
                          const char *const *choices)
{
    unsigned i = 0;
    while (strcmp(choices[i], trivet_params_choice(params, name)) != 0) {
        i++;
    }
    return i;
}

struct trivet_mlp_settings trivet_mlp_params_settings(const struct trivet_params *params)
{
    bool automatic = trivet_params_word(params, "batch_size") != NULL;
    return (struct trivet_mlp_settings){
        .solver = (enum trivet_mlp_solver)choice_of(params, "solver", solvers),
        .schedule = (enum trivet_mlp_schedule)choice_of(params, "schedule", schedules),
        .learning_rate = trivet_params_real(params, "learning_rate"),
        .power_t = trivet_params_real(params, "power_t"),
        .momentum = trivet_params_real(params, "momentum"),
        .nesterov = trivet_params_bool(params, "nesterov"),
        .beta_1 = trivet_params_real(params, "beta_1"),
        .beta_2 = trivet_params_real(params, "beta_2"),
        .epsilon = trivet_params_real(params, "epsilon"),
        .alpha = trivet_params_real(params, "alpha"),
        .batch_size = automatic ? 0 : (size_t)trivet_params_int(params, "batch_size"),
        .epochs = (size_t)trivet_params_int(params, "epochs"),
        .tol = trivet_params_real(params, "tol"),
        .n_iter_no_change = (size_t)trivet_params_int(params, "n_iter_no_change"),
        .early_stopping = trivet_params_bool(params, "early_stopping"),
        .validation_fraction = trivet_params_real(params, "validation_fraction"),
        .dropout = trivet_params_real(params, "dropout"),
        .shuffle = trivet_params_bool(params, "shuffle"),
    };
}

enum trivet_mlp_activation trivet_mlp_params_activation(const struct trivet_params *params)
{
    return (enum trivet_mlp_activation)choice_of(params, "activation", activations);
}
