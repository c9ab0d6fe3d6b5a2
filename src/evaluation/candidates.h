/* The pipelines that a search tries: a base with other parameters, or a sensible set for a task. */
#ifndef TRIVET_EVALUATION_CANDIDATES_H
#define TRIVET_EVALUATION_CANDIDATES_H

#include "base/arena.h"
#include "base/compiler.h"
#include "data/schema.h"
#include "models/estimator.h"
#include "trivet/v1/training.pb-c.h"

#include <trivet/error.h>

#include <stddef.h>

#define TRIVET_CANDIDATES_MAX 1000

struct trivet_candidate {
    Trivet__V1__PipelineSpec *spec;
    /* What distinguishes it, under the names of the search. */
    size_t n_parameters;
    Trivet__V1__Parameter **parameters;
};

struct trivet_candidates {
    size_t n_candidates;
    struct trivet_candidate *list;
};

/* In the order in which they are to be tried, made in `arena`; texts are borrowed from `base` and
 * `search`. Every one can be made for `schema`: names and values are checked here.
 * INVALID_ARGUMENT says which are allowed. AUTO: the cheap ones first; `n_rows` leaves out what
 * takes time that grows with its square, 0 = not known. */
enum trivet_status trivet_candidates_make(const Trivet__V1__PipelineSpec *base,
                                          const Trivet__V1__SearchSpec *search,
                                          const struct trivet_schema *schema, size_t n_rows,
                                          uint64_t seed, struct trivet_arena *arena,
                                          struct trivet_candidates *out,
                                          struct trivet_error *err) TRIVET_MUST_USE;

#endif
