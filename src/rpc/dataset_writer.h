/* Rows of tables, one after the other, to the chunks of a new dataset. One thread at a time. May be
 * used by: rpc. */
#ifndef TRIVET_RPC_DATASET_WRITER_H
#define TRIVET_RPC_DATASET_WRITER_H

#include "base/arena.h"
#include "base/compiler.h"
#include "data/dataset.h"
#include "data/schema.h"
#include "data/table.h"
#include "store/store.h"

#include <trivet/error.h>

#include <stdint.h>

struct trivet_dataset_writer {
    struct trivet_store *store;         /* borrowed */
    const struct trivet_schema *schema; /* borrowed */
    char id[TRIVET_STORE_ID_BYTES];     /* "" = not created */
    struct trivet_dataset *chunk;       /* owned: what is not stored yet */
    size_t chunk_rows;
    uint32_t n_chunks;
    uint64_t n_rows;
};

/* Creates the dataset, open. */
enum trivet_status trivet_dataset_writer_create(struct trivet_dataset_writer *writer,
                                                struct trivet_store *store,
                                                const struct trivet_schema *schema,
                                                const char *name,
                                                struct trivet_error *err) TRIVET_MUST_USE;
/* The table has the schema's columns; rows are copied. */
enum trivet_status trivet_dataset_writer_add(struct trivet_dataset_writer *writer,
                                             const struct trivet_table *table,
                                             struct trivet_error *err) TRIVET_MUST_USE;
/* Stores what is left; the dataset can then be committed with n_chunks. */
enum trivet_status trivet_dataset_writer_finish(struct trivet_dataset_writer *writer,
                                                struct trivet_error *err) TRIVET_MUST_USE;
/* `drop`: the dataset is deleted, it was not committed. */
void trivet_dataset_writer_release(struct trivet_dataset_writer *writer, bool drop);

#endif
