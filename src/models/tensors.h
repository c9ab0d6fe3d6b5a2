/* The state of a fitted step as named tensors: written by save, checked and read by load. */
#ifndef TRIVET_MODELS_TENSORS_H
#define TRIVET_MODELS_TENSORS_H

#include "base/arena.h"
#include "base/compiler.h"
#include "trivet/v1/artefact.pb-c.h"

#include <trivet/error.h>

#include <stddef.h>
#include <stdint.h>

/* Room for `n_max` tensors in `step`, which has none. RESOURCE_EXHAUSTED. */
enum trivet_status trivet_tensors_begin(struct trivet_arena *arena, size_t n_max,
                                        Trivet__V1__Step *step,
                                        struct trivet_error *err) TRIVET_MUST_USE;
/* One more tensor of one dimension; the values are borrowed. */
enum trivet_status trivet_tensors_put_f64(struct trivet_arena *arena, Trivet__V1__Step *step,
                                          const char *name, const double *values, size_t n,
                                          struct trivet_error *err) TRIVET_MUST_USE;
enum trivet_status trivet_tensors_put_i64(struct trivet_arena *arena, Trivet__V1__Step *step,
                                          const char *name, const int64_t *values, size_t n,
                                          struct trivet_error *err) TRIVET_MUST_USE;
enum trivet_status trivet_tensors_put_text(struct trivet_arena *arena, Trivet__V1__Step *step,
                                           const char *name, char **values, size_t n,
                                           struct trivet_error *err) TRIVET_MUST_USE;

/* DATA_LOSS when the step does not have exactly `n` tensors. */
enum trivet_status trivet_tensors_expect(const Trivet__V1__Step *step, size_t n,
                                         struct trivet_error *err) TRIVET_MUST_USE;
/* The tensor `name`: of one dimension, of that type alone, all numbers finite. Values are borrowed
 * from the message. DATA_LOSS otherwise. */
enum trivet_status trivet_tensors_get_f64(const Trivet__V1__Step *step, const char *name,
                                          const double **values, size_t *n,
                                          struct trivet_error *err) TRIVET_MUST_USE;
enum trivet_status trivet_tensors_get_i64(const Trivet__V1__Step *step, const char *name,
                                          const int64_t **values, size_t *n,
                                          struct trivet_error *err) TRIVET_MUST_USE;
enum trivet_status trivet_tensors_get_text(const Trivet__V1__Step *step, const char *name,
                                           char *const **values, size_t *n,
                                           struct trivet_error *err) TRIVET_MUST_USE;
/* The same, and DATA_LOSS when there are not `n` values. */
enum trivet_status trivet_tensors_get_f64_exactly(const Trivet__V1__Step *step, const char *name,
                                                  size_t n, const double **values,
                                                  struct trivet_error *err) TRIVET_MUST_USE;
/* DATA_LOSS: tensor `name` has `n` values where `expected` are due. */
enum trivet_status trivet_tensors_wrong_count(const Trivet__V1__Step *step, const char *name,
                                              size_t n, size_t expected, struct trivet_error *err);

#endif
