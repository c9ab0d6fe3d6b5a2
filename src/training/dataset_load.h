/* A committed dataset: from the store's chunks into memory, kept once. */
#ifndef TRIVET_TRAINING_DATASET_LOAD_H
#define TRIVET_TRAINING_DATASET_LOAD_H

#include "base/compiler.h"
#include "data/dataset.h"
#include "store/store.h"

#include <trivet/error.h>

#include <stddef.h>
#include <stdint.h>

/* Called before each chunk; anything but OK ends the load with it. */
typedef enum trivet_status (*trivet_chunk_cb)(void *ctx, uint32_t chunk, uint32_t n_chunks,
                                              struct trivet_error *err);

/* Read and seal. `on_chunk` may be NULL. `schema` (may be NULL) is empty before and the caller's
 * after, `record` (may be NULL) is filled. NOT_FOUND; FAILED_PRECONDITION: not committed, or more
 * than `bytes_max` stored bytes; DATA_LOSS. */
enum trivet_status trivet_dataset_load(struct trivet_store *store, const char *id,
                                       uint64_t bytes_max, trivet_chunk_cb on_chunk, void *ctx,
                                       struct trivet_store_dataset *record,
                                       struct trivet_schema *schema, struct trivet_dataset **out,
                                       struct trivet_error *err) TRIVET_MUST_USE;

#endif
