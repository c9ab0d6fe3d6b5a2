/* What must hold between the parts of an artefact that was read. */
#ifndef TRIVET_ARTEFACT_CHECK_H
#define TRIVET_ARTEFACT_CHECK_H

#include "base/arena.h"
#include "base/compiler.h"
#include "models/pipeline.h"
#include "trivet/v1/artefact.pb-c.h"

#include <trivet/error.h>

/* Every part is there, and the model has a name. DATA_LOSS names what is missing. */
enum trivet_status trivet_artefact_check_parts(const Trivet__V1__Artefact *message,
                                               struct trivet_error *err) TRIVET_MUST_USE;
/* Signature and profile tell of the same inputs and outputs as the loaded pipeline. DATA_LOSS names
 * the first difference. Scratch memory comes from `arena`. */
enum trivet_status trivet_artefact_check_fit(const Trivet__V1__Artefact *message,
                                             const struct trivet_pipeline *pipeline,
                                             struct trivet_arena *arena,
                                             struct trivet_error *err) TRIVET_MUST_USE;

#endif
