/* Names and types of the columns of a dataset or of a model's inputs. */
#ifndef TRIVET_DATA_SCHEMA_H
#define TRIVET_DATA_SCHEMA_H

#include "base/arena.h"
#include "base/compiler.h"
#include "trivet/v1/data.pb-c.h"

#include <trivet/error.h>

#include <stddef.h>

#define TRIVET_COLUMNS_MAX           4096
#define TRIVET_COLUMN_NAME_BYTES_MAX 128

/* Numbers as in data.proto. */
enum trivet_column_type {
    TRIVET_COLUMN_NUMERIC = 1,
    TRIVET_COLUMN_CATEGORICAL = 2,
};

struct trivet_column_spec {
    char *name; /* owned by the schema */
    enum trivet_column_type type;
};

/* Zero-initialised is empty; release when done. */
struct trivet_schema {
    size_t n_columns;
    struct trivet_column_spec *columns; /* owned */
};

#define TRIVET_COLUMN_NOT_FOUND ((size_t)-1)

void trivet_schema_release(struct trivet_schema *schema);
/* Append a column; INVALID_ARGUMENT: empty, too long or duplicate name, too many columns. */
enum trivet_status trivet_schema_add(struct trivet_schema *schema, const char *name,
                                     enum trivet_column_type type,
                                     struct trivet_error *err) TRIVET_MUST_USE;
enum trivet_status trivet_schema_copy(const struct trivet_schema *from, struct trivet_schema *to,
                                      struct trivet_error *err) TRIVET_MUST_USE;
/* Index of a column, or TRIVET_COLUMN_NOT_FOUND. */
size_t trivet_schema_find(const struct trivet_schema *schema, const char *name);
/* "numeric" or "categorical". */
const char *trivet_column_type_name(enum trivet_column_type type);

/* Message → schema, validated; schema → message in `arena` (names borrowed from the schema). */
enum trivet_status trivet_schema_decode(const Trivet__V1__Schema *message,
                                        struct trivet_schema *out,
                                        struct trivet_error *err) TRIVET_MUST_USE;
enum trivet_status trivet_schema_encode(const struct trivet_schema *schema,
                                        struct trivet_arena *arena, Trivet__V1__Schema **out,
                                        struct trivet_error *err) TRIVET_MUST_USE;

#endif
