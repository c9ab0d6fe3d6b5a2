/* Schemas and tables as bytes: packed trivet.v1.Schema and trivet.v1.Table. A dataset chunk is
 * stored as the second, its schema as the first. */
#ifndef TRIVET_DATA_PACK_H
#define TRIVET_DATA_PACK_H

#include "base/arena.h"
#include "base/buffer.h"
#include "base/compiler.h"
#include "data/dataset.h"
#include "data/schema.h"
#include "data/table.h"

#include <trivet/error.h>

#include <stddef.h>

/* `out` is empty before, and owned by the caller. INVALID_ARGUMENT: malformed or refused by
 * trivet_schema_decode. */
enum trivet_status trivet_schema_unpack(const void *data, size_t n_bytes, struct trivet_schema *out,
                                        struct trivet_error *err) TRIVET_MUST_USE;
/* A stored chunk as a view of rows in `arena`. A row with a fault is refused, as below. */
enum trivet_status trivet_table_unpack(const void *data, size_t n_bytes, struct trivet_arena *arena,
                                       struct trivet_table *out,
                                       struct trivet_error *err) TRIVET_MUST_USE;
/* Unpack a table and append its rows. A row with a fault (NaN that is not marked null, infinity,
 * bad code) is refused with its number: INVALID_ARGUMENT, and nothing is appended. */
enum trivet_status trivet_dataset_append_packed(struct trivet_dataset *dataset, const void *data,
                                                size_t n_bytes,
                                                struct trivet_error *err) TRIVET_MUST_USE;

#endif
