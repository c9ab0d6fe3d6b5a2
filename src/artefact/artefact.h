/* One version as bytes: pipeline, signature, report, reference profile, lineage; checksummed. */
#ifndef TRIVET_ARTEFACT_ARTEFACT_H
#define TRIVET_ARTEFACT_ARTEFACT_H

#include "base/arena.h"
#include "base/buffer.h"
#include "base/compiler.h"
#include "models/pipeline.h"
#include "trivet/v1/artefact.pb-c.h"

#include <trivet/error.h>

#include <stddef.h>

#define TRIVET_ARTEFACT_BYTES_MAX (480u << 20)

/* Loaded: the pipeline is ready to predict; `message` holds the rest and lives in an arena of its
 * own. Immutable: any thread reads. */
struct trivet_artefact {
    struct trivet_pipeline *pipeline;
    const Trivet__V1__Artefact *message;
    struct trivet_arena *arena; /* owns message */
    size_t n_bytes;             /* of the encoded form */
};

/* Put a header with magic, format and SHA-256 before the packed message; appended to `out`, which
 * is as it was on error. RESOURCE_EXHAUSTED: larger than TRIVET_ARTEFACT_BYTES_MAX, or no memory.
 */
enum trivet_status trivet_artefact_encode(const Trivet__V1__Artefact *message,
                                          struct trivet_buffer *out,
                                          struct trivet_error *err) TRIVET_MUST_USE;
/* Verify, unpack under a budget, and load the pipeline. DATA_LOSS: damaged or inconsistent; the
 * message says which part. FAILED_PRECONDITION: made by a newer format.
 * RESOURCE_EXHAUSTED: it takes more memory than there is, or than 32 times its size. `data` may go
 * afterwards. Any thread. */
enum trivet_status trivet_artefact_decode(const void *data, size_t n_bytes,
                                          struct trivet_artefact **out,
                                          struct trivet_error *err) TRIVET_MUST_USE;
void trivet_artefact_free(struct trivet_artefact *artefact);
/* Inputs and outputs of a fitted pipeline, made in `arena`; names are borrowed from the pipeline.
 * One scalar input per raw column, FLOAT64 or TEXT; outputs as models/outputs.h names them: a
 * decision is a scalar, the columns behind it one tensor. */
enum trivet_status trivet_artefact_signature(const struct trivet_pipeline *pipeline,
                                             struct trivet_arena *arena,
                                             Trivet__V1__Signature **out,
                                             struct trivet_error *err) TRIVET_MUST_USE;
/* Profiles of the predictions that a version has: "prediction", numeric, for regression; "label" or
 * "cluster", categorical; with probabilities also "confidence", the greatest of them. */
size_t trivet_artefact_n_prediction_profiles(const struct trivet_pipeline *pipeline);

#endif
