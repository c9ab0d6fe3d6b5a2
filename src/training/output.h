/* The dataset that a PREDICT job makes. Its id follows from the job's, so that it is found again
 * after a crash, and its commit decides that the job has succeeded: a job whose output is committed
 * only has to be told so. Until then what there is of it is deleted by whoever ends the job or
 * starts it again. */
#ifndef TRIVET_TRAINING_OUTPUT_H
#define TRIVET_TRAINING_OUTPUT_H

#include "base/compiler.h"
#include "data/schema.h"
#include "models/pipeline.h"
#include "store/store.h"
#include "trivet/v1/data.pb-c.h"

#include <trivet/error.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Columns of the output for rows of `dataset`: those that are kept, then the predictions'. `out` is
 * empty before. INVALID_ARGUMENT: an input is missing in the dataset or of another type, a kept
 * column is not there, named twice, or named as one that is made. */
enum trivet_status trivet_predict_columns(const struct trivet_pipeline *pipeline,
                                          const struct trivet_schema *dataset, char *const *keep,
                                          size_t n_keep, struct trivet_schema *out,
                                          struct trivet_error *err) TRIVET_MUST_USE;

/* "ds-" and the digits of the job's id. */
void trivet_output_id(const char *job_id, char id[TRIVET_STORE_ID_BYTES]);
/* Whether it is there, whole. */
enum trivet_status trivet_output_find(struct trivet_store *store, const char *id, bool *committed,
                                      struct trivet_error *err) TRIVET_MUST_USE;
/* Empty and open, in the place of what an earlier attempt left. */
enum trivet_status trivet_output_begin(struct trivet_store *store, const char *id, const char *name,
                                       const Trivet__V1__Schema *columns,
                                       struct trivet_error *err) TRIVET_MUST_USE;
enum trivet_status trivet_output_commit(struct trivet_store *store, const char *id,
                                        uint32_t n_chunks,
                                        struct trivet_error *err) TRIVET_MUST_USE;
/* Delete it, if it is there. A failure is logged: what stays open is deleted a day later. */
void trivet_output_drop(struct trivet_store *store, const char *id);

#endif
