/* The parameters of multi-layer perceptrons. */
#ifndef TRIVET_MODELS_MLP_PARAMS_H
#define TRIVET_MODELS_MLP_PARAMS_H

#include "models/mlp_kernels.h"
#include "models/mlp_train.h"
#include "models/params.h"

/* The regressor's; the classifier's begin with the second. */
extern const struct trivet_param_spec trivet_mlp_params[];

struct trivet_mlp_settings trivet_mlp_params_settings(const struct trivet_params *params);
enum trivet_mlp_activation trivet_mlp_params_activation(const struct trivet_params *params);

#endif
