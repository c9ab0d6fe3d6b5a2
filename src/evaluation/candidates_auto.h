/* What `auto` tries. Internal to src/evaluation. */
#ifndef TRIVET_EVALUATION_CANDIDATES_AUTO_H
#define TRIVET_EVALUATION_CANDIDATES_AUTO_H

#include "evaluation/candidates.h"

/* A baseline first, then estimators of rising cost, each with its defaults and one or two other
 * settings; the pipeline's columns and transformers are the base's. The task is that of
 * the base's estimator when one is named, else it follows from the target: none, clustering; text,
 * classification; numbers, regression. */
enum trivet_status trivet_candidates_auto(const Trivet__V1__PipelineSpec *base,
                                          const struct trivet_schema *schema, size_t n_rows,
                                          struct trivet_arena *arena, struct trivet_candidates *out,
                                          struct trivet_error *err) TRIVET_MUST_USE;

#endif
