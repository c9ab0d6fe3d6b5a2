/* Which columns of a dataset a job may use. */
#ifndef TRIVET_TRAINING_JOB_FEATURES_H
#define TRIVET_TRAINING_JOB_FEATURES_H

#include "base/compiler.h"
#include "data/schema.h"
#include "trivet/v1/trainer.pb-c.h"

#include <trivet/error.h>

/* The columns of `schema`, without the one that names the groups of a grouped split unless the
 * pipeline names its features. `out` is released by the caller. */
enum trivet_status trivet_job_features(const Trivet__V1__JobSpec *spec,
                                       const struct trivet_schema *schema,
                                       struct trivet_schema *out,
                                       struct trivet_error *err) TRIVET_MUST_USE;

#endif
