/* A network in single precision, laid out to be served. */
#ifndef TRIVET_MODELS_MLP_SINGLE_H
#define TRIVET_MODELS_MLP_SINGLE_H

#include "linalg/row_view.h"
#include "models/mlp_network.h"

struct trivet_mlp_single;

/* Weights narrowed and packed, owned. RESOURCE_EXHAUSTED. */
enum trivet_status trivet_mlp_single_create(const struct trivet_mlp_network *network,
                                            struct trivet_mlp_single **out,
                                            struct trivet_error *err) TRIVET_MUST_USE;
void trivet_mlp_single_free(struct trivet_mlp_single *single);
size_t trivet_mlp_single_memory_bytes(const struct trivet_mlp_single *single);
/* For up to n_rows rows; bounded, whatever n_rows. */
size_t trivet_mlp_single_scratch_bytes(const struct trivet_mlp_single *single, size_t n_rows);
/* x (floats, as many as features a row) → out as trivet_mlp_network_predict; the layers in single
 * precision, the last activation in double. `scratch` is 64-byte aligned. A row's result is bitwise
 * the same alone and in any batch. Any thread. */
void trivet_mlp_single_predict(const struct trivet_mlp_single *single,
                               const struct trivet_row_view *x, struct trivet_matrix out,
                               void *scratch);

#endif
