/* A dataset in memory: columns that own their values, grown by appending tables. */
#ifndef TRIVET_DATA_DATASET_H
#define TRIVET_DATA_DATASET_H

#include "base/compiler.h"
#include "data/schema.h"
#include "data/table.h"

#include <stddef.h>

struct trivet_dataset;

/* Empty, with room for `rows_expected` (a hint; 0 = unknown). The schema is copied. */
enum trivet_status trivet_dataset_create(const struct trivet_schema *schema, size_t rows_expected,
                                         struct trivet_dataset **out,
                                         struct trivet_error *err) TRIVET_MUST_USE;
void trivet_dataset_free(struct trivet_dataset *dataset);
/* Append all rows. The table must have exactly the schema's columns, in any order
 * (INVALID_ARGUMENT otherwise). Categories are merged into one dictionary per column. On error
 * nothing is appended. */
enum trivet_status trivet_dataset_append(struct trivet_dataset *dataset,
                                         const struct trivet_table *table,
                                         struct trivet_error *err) TRIVET_MUST_USE;
/* Dictionaries sorted by bytes and codes rewritten, so that the same rows give the same dataset
 * whatever the chunks were. Call once after the last append. */
enum trivet_status trivet_dataset_seal(struct trivet_dataset *dataset,
                                       struct trivet_error *err) TRIVET_MUST_USE;
/* A view of all rows (stride 1); valid until the next append or free. */
struct trivet_table trivet_dataset_table(const struct trivet_dataset *dataset);

#endif
