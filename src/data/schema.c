#include "data/schema.h"

#include "base/alloc.h"
#include "data/names.h"

#include <string.h>

static enum trivet_status out_of_memory(struct trivet_error *err)
{
    return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "out of memory for a schema");
}

void trivet_schema_release(struct trivet_schema *schema)
{
    for (size_t i = 0; i < schema->n_columns; i++) {
        trivet_free(schema->columns[i].name);
    }
    trivet_free(schema->columns);
    *schema = (struct trivet_schema){0};
}

const char *trivet_column_type_name(enum trivet_column_type type)
{
    return type == TRIVET_COLUMN_CATEGORICAL ? "categorical" : "numeric";
}

size_t trivet_schema_find(const struct trivet_schema *schema, const char *name)
{
    for (size_t i = 0; i < schema->n_columns; i++) {
        if (strcmp(schema->columns[i].name, name) == 0) {
            return i;
        }
    }
    return TRIVET_COLUMN_NOT_FOUND;
}

static enum trivet_status check_type(int type, const char *name, struct trivet_error *err)
{
    if (type != TRIVET_COLUMN_NUMERIC && type != TRIVET_COLUMN_CATEGORICAL) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "column '%s' has the unknown type %d; use numeric (%d) or "
                                "categorical (%d)",
                                name, type, TRIVET_COLUMN_NUMERIC, TRIVET_COLUMN_CATEGORICAL);
    }
    return TRIVET_OK;
}

/* Room for `n_columns`, without names. */
static enum trivet_status schema_reserve(struct trivet_schema *schema, size_t n_columns,
                                         struct trivet_error *err)
{
    struct trivet_column_spec *columns =
        trivet_realloc_array(schema->columns, n_columns, sizeof(*columns));
    if (columns == NULL) {
        return out_of_memory(err);
    }
    schema->columns = columns;
    return TRIVET_OK;
}

/* Append into reserved room a name that has been checked. */
static enum trivet_status schema_append(struct trivet_schema *schema, const char *name,
                                        enum trivet_column_type type, struct trivet_error *err)
{
    char *copy = trivet_strdup(name);
    if (copy == NULL) {
        return out_of_memory(err);
    }
    schema->columns[schema->n_columns++] = (struct trivet_column_spec){.name = copy, .type = type};
    return TRIVET_OK;
}

enum trivet_status trivet_schema_add(struct trivet_schema *schema, const char *name,
                                     enum trivet_column_type type, struct trivet_error *err)
{
    if (schema->n_columns >= TRIVET_COLUMNS_MAX) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "more than %d columns; leave out what the model does not need",
                                TRIVET_COLUMNS_MAX);
    }
    enum trivet_status status = trivet_names_check(name, schema->n_columns + 1, err);
    if (status != TRIVET_OK) {
        return status;
    }
    status = check_type((int)type, name, err);
    if (status != TRIVET_OK) {
        return status;
    }
    if (trivet_schema_find(schema, name) != TRIVET_COLUMN_NOT_FOUND) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "column '%s' stands twice; names must be unique", name);
    }
    status = schema_reserve(schema, schema->n_columns + 1, err);
    return status == TRIVET_OK ? schema_append(schema, name, type, err) : status;
}

enum trivet_status trivet_schema_copy(const struct trivet_schema *from, struct trivet_schema *to,
                                      struct trivet_error *err)
{
    struct trivet_schema copy = {0};
    if (from->n_columns == 0) {
        *to = copy;
        return TRIVET_OK;
    }
    enum trivet_status status = schema_reserve(&copy, from->n_columns, err);
    for (size_t i = 0; status == TRIVET_OK && i < from->n_columns; i++) {
        status = schema_append(&copy, from->columns[i].name, from->columns[i].type, err);
    }
    if (status != TRIVET_OK) {
        trivet_schema_release(&copy);
        return status;
    }
    *to = copy;
    return TRIVET_OK;
}

/* Every column by itself: name and type. */
static enum trivet_status check_columns(const Trivet__V1__Schema *message, struct trivet_error *err)
{
    for (size_t i = 0; i < message->n_columns; i++) {
        const Trivet__V1__Column *column = message->columns[i];
        if (column == NULL) {
            return trivet_error_set(err, TRIVET_INVALID_ARGUMENT, "column %zu is absent", i + 1);
        }
        enum trivet_status status = trivet_names_check(column->name, i + 1, err);
        if (status == TRIVET_OK) {
            status = check_type((int)column->type, column->name, err);
        }
        if (status != TRIVET_OK) {
            return status;
        }
    }
    return TRIVET_OK;
}

/* Sorted, because comparing each of 4,096 names with each is slow enough to be a weapon. */
static enum trivet_status check_unique(const Trivet__V1__Schema *message, struct trivet_error *err)
{
    struct trivet_name_ref *refs = trivet_alloc_array(message->n_columns, sizeof(*refs));
    if (refs == NULL) {
        return out_of_memory(err);
    }
    for (size_t i = 0; i < message->n_columns; i++) {
        refs[i] = (struct trivet_name_ref){.name = message->columns[i]->name, .index = i};
    }
    trivet_names_sort(refs, message->n_columns);
    const char *duplicate = trivet_names_duplicate(refs, message->n_columns);
    trivet_free(refs);
    if (duplicate != NULL) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "column '%s' stands twice; names must be unique", duplicate);
    }
    return TRIVET_OK;
}

enum trivet_status trivet_schema_decode(const Trivet__V1__Schema *message,
                                        struct trivet_schema *out, struct trivet_error *err)
{
    if (message == NULL || message->n_columns == 0) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "the schema has no columns; name at least one");
    }
    if (message->n_columns > TRIVET_COLUMNS_MAX) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "the schema has %zu columns; at most %d are allowed",
                                message->n_columns, TRIVET_COLUMNS_MAX);
    }
    enum trivet_status status = check_columns(message, err);
    if (status == TRIVET_OK) {
        status = check_unique(message, err);
    }
    if (status != TRIVET_OK) {
        return status;
    }
    struct trivet_schema schema = {0};
    status = schema_reserve(&schema, message->n_columns, err);
    for (size_t i = 0; status == TRIVET_OK && i < message->n_columns; i++) {
        const Trivet__V1__Column *column = message->columns[i];
        status =
            schema_append(&schema, column->name, (enum trivet_column_type)(int)column->type, err);
    }
    if (status != TRIVET_OK) {
        trivet_schema_release(&schema);
        return status;
    }
    *out = schema;
    return TRIVET_OK;
}

enum trivet_status trivet_schema_encode(const struct trivet_schema *schema,
                                        struct trivet_arena *arena, Trivet__V1__Schema **out,
                                        struct trivet_error *err)
{
    size_t n_columns = schema->n_columns;
    Trivet__V1__Schema *message = trivet_arena_alloc(arena, sizeof(*message));
    Trivet__V1__Column **pointers = trivet_arena_alloc_array(arena, n_columns, sizeof(*pointers));
    Trivet__V1__Column *columns = trivet_arena_alloc_array(arena, n_columns, sizeof(*columns));
    if (message == NULL || (n_columns > 0 && (pointers == NULL || columns == NULL))) {
        return out_of_memory(err);
    }
    trivet__v1__schema__init(message);
    for (size_t i = 0; i < n_columns; i++) {
        trivet__v1__column__init(&columns[i]);
        columns[i].name = schema->columns[i].name;
        columns[i].type = (Trivet__V1__ColumnType)(int)schema->columns[i].type;
        pointers[i] = &columns[i];
    }
    message->n_columns = n_columns;
    message->columns = pointers;
    *out = message;
    return TRIVET_OK;
}
