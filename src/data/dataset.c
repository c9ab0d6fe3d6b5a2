#include "data/dataset.h"

#include "base/alloc.h"
#include "data/dictionary.h"
#include "data/names.h"

#include <stdbool.h>
#include <string.h>

#define ROWS_MIN 256

/* Values of one column; rows from dataset->n_rows on are room, or not yet appended. */
struct column_store {
    double *numbers;
    uint32_t *codes;
    struct trivet_dictionary dictionary;
    struct trivet_dictionary_mark mark; /* while an append runs */
};

struct trivet_dataset {
    struct trivet_schema schema;
    struct trivet_name_ref *names; /* sorted, one per column */
    struct column_store *stores;   /* one per column */
    struct trivet_column *columns; /* the view */
    size_t n_rows;
    size_t capacity_rows;
    bool sealed;
};

static enum trivet_status out_of_memory(size_t n_rows, struct trivet_error *err)
{
    return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                            "out of memory for a dataset of %zu rows", n_rows);
}

void trivet_dataset_free(struct trivet_dataset *dataset)
{
    if (dataset == NULL) {
        return;
    }
    for (size_t i = 0; dataset->stores != NULL && i < dataset->schema.n_columns; i++) {
        trivet_free(dataset->stores[i].numbers);
        trivet_free(dataset->stores[i].codes);
        trivet_dictionary_release(&dataset->stores[i].dictionary);
    }
    trivet_free(dataset->stores);
    trivet_free(dataset->names);
    trivet_free(dataset->columns);
    trivet_schema_release(&dataset->schema);
    trivet_free(dataset);
}

/* Room for `capacity` rows in every column. When a later column fails, the earlier ones merely
 * have more room than is known. */
static enum trivet_status reserve_rows(struct trivet_dataset *dataset, size_t capacity,
                                       struct trivet_error *err)
{
    for (size_t i = 0; i < dataset->schema.n_columns; i++) {
        struct column_store *store = &dataset->stores[i];
        if (dataset->schema.columns[i].type == TRIVET_COLUMN_NUMERIC) {
            double *numbers = trivet_realloc_array(store->numbers, capacity, sizeof(*numbers));
            if (numbers == NULL) {
                return out_of_memory(capacity, err);
            }
            store->numbers = numbers;
        } else {
            uint32_t *codes = trivet_realloc_array(store->codes, capacity, sizeof(*codes));
            if (codes == NULL) {
                return out_of_memory(capacity, err);
            }
            store->codes = codes;
        }
    }
    dataset->capacity_rows = capacity;
    return TRIVET_OK;
}

static void update_view(struct trivet_dataset *dataset)
{
    for (size_t i = 0; i < dataset->schema.n_columns; i++) {
        const struct column_store *store = &dataset->stores[i];
        dataset->columns[i] = (struct trivet_column){
            .name = dataset->schema.columns[i].name,
            .type = dataset->schema.columns[i].type,
            .stride = 1,
            .numbers = store->numbers,
            .codes = store->codes,
            .dictionary = (const char *const *)store->dictionary.texts,
            .n_dictionary = store->dictionary.n_texts,
        };
    }
}

enum trivet_status trivet_dataset_create(const struct trivet_schema *schema, size_t rows_expected,
                                         struct trivet_dataset **out, struct trivet_error *err)
{
    if (schema->n_columns == 0) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "a dataset needs at least one column");
    }
    struct trivet_dataset *dataset = trivet_calloc(1, sizeof(*dataset));
    if (dataset == NULL) {
        return out_of_memory(rows_expected, err);
    }
    enum trivet_status status = trivet_schema_copy(schema, &dataset->schema, err);
    if (status != TRIVET_OK) {
        goto done;
    }
    size_t n_columns = schema->n_columns;
    dataset->stores = trivet_calloc(n_columns, sizeof(*dataset->stores));
    dataset->names = trivet_alloc_array(n_columns, sizeof(*dataset->names));
    dataset->columns = trivet_calloc(n_columns, sizeof(*dataset->columns));
    if (dataset->stores == NULL || dataset->names == NULL || dataset->columns == NULL) {
        status = out_of_memory(rows_expected, err);
        goto done;
    }
    for (size_t i = 0; i < n_columns; i++) {
        dataset->names[i] =
            (struct trivet_name_ref){.name = dataset->schema.columns[i].name, .index = i};
    }
    trivet_names_sort(dataset->names, n_columns);
    status = reserve_rows(dataset, rows_expected > ROWS_MIN ? rows_expected : ROWS_MIN, err);
    if (status == TRIVET_OK) {
        update_view(dataset);
        *out = dataset;
        dataset = NULL;
    }
done:
    trivet_dataset_free(dataset);
    return status;
}

/* column_of[i] is the dataset's column for column i of the table: all of them, each once. */
static enum trivet_status match_columns(const struct trivet_dataset *dataset,
                                        const struct trivet_table *table, size_t *column_of,
                                        struct trivet_error *err)
{
    size_t n_columns = dataset->schema.n_columns;
    if (table->n_columns != n_columns) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "the rows have %zu columns and the schema has %zu; send exactly "
                                "the schema's columns",
                                table->n_columns, n_columns);
    }
    for (size_t i = 0; i < n_columns; i++) {
        const struct trivet_column *column = &table->columns[i];
        size_t found = strcmp(column->name, dataset->schema.columns[i].name) == 0
                           ? i
                           : trivet_names_find(dataset->names, n_columns, column->name);
        if (found == TRIVET_COLUMN_NOT_FOUND) {
            return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                    "column '%s' is not in the schema; send exactly the schema's "
                                    "columns",
                                    column->name);
        }
        enum trivet_column_type type = dataset->schema.columns[found].type;
        if (column->type != type) {
            return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                    "column '%s' is %s in the rows and %s in the schema; send %s",
                                    column->name, trivet_column_type_name(column->type),
                                    trivet_column_type_name(type),
                                    type == TRIVET_COLUMN_NUMERIC ? "numbers" : "text");
        }
        column_of[i] = found;
    }
    return TRIVET_OK;
}

/* As many columns as the schema has, all in it: none is left out unless one stands twice. */
static enum trivet_status check_each_once(const struct trivet_dataset *dataset,
                                          const size_t *column_of, bool *seen,
                                          struct trivet_error *err)
{
    for (size_t i = 0; i < dataset->schema.n_columns; i++) {
        if (seen[column_of[i]]) {
            return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                    "column '%s' stands twice in the rows; send each column once",
                                    dataset->schema.columns[column_of[i]].name);
        }
        seen[column_of[i]] = true;
    }
    return TRIVET_OK;
}

static void append_numbers(struct column_store *store, size_t at,
                           const struct trivet_column *column, size_t n_rows)
{
    if (column->stride == 1 && n_rows > 0) {
        memcpy(store->numbers + at, column->numbers, n_rows * sizeof(*store->numbers));
        return;
    }
    for (size_t i = 0; i < n_rows; i++) {
        store->numbers[at + i] = column->numbers[i * column->stride];
    }
}

/* Only entries that rows use enter the dictionary, so that the chunks leave no trace in it. */
static enum trivet_status append_codes(struct column_store *store, size_t at,
                                       const struct trivet_column *column, size_t n_rows,
                                       struct trivet_error *err)
{
    enum trivet_status status = TRIVET_OK;
    uint32_t *new_code = trivet_alloc_array(column->n_dictionary, sizeof(*new_code));
    if (new_code == NULL) {
        return out_of_memory(at + n_rows, err);
    }
    memset(new_code, 0xff, column->n_dictionary * sizeof(*new_code));
    for (size_t i = 0; i < n_rows; i++) {
        uint32_t code = column->codes[i * column->stride];
        if (code == TRIVET_CODE_NULL) {
            store->codes[at + i] = TRIVET_CODE_NULL;
            continue;
        }
        if (code >= column->n_dictionary) {
            status = trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                      "row %zu: column '%s': code %u is beyond its dictionary of "
                                      "%zu entries",
                                      i + 1, column->name, code, column->n_dictionary);
            goto done;
        }
        if (new_code[code] == TRIVET_CODE_NULL) {
            const char *text = column->dictionary[code];
            if (!trivet_dictionary_intern(&store->dictionary, text, strlen(text),
                                          &new_code[code])) {
                status = out_of_memory(at + n_rows, err);
                goto done;
            }
        }
        store->codes[at + i] = new_code[code];
    }
done:
    trivet_free(new_code);
    return status;
}

static enum trivet_status append_columns(struct trivet_dataset *dataset,
                                         const struct trivet_table *table, const size_t *column_of,
                                         struct trivet_error *err)
{
    enum trivet_status status = TRIVET_OK;
    for (size_t i = 0; i < table->n_columns; i++) {
        struct column_store *store = &dataset->stores[i];
        store->mark = trivet_dictionary_mark(&store->dictionary);
    }
    for (size_t i = 0; status == TRIVET_OK && i < table->n_columns; i++) {
        struct column_store *store = &dataset->stores[column_of[i]];
        if (table->columns[i].type == TRIVET_COLUMN_NUMERIC) {
            append_numbers(store, dataset->n_rows, &table->columns[i], table->n_rows);
        } else {
            status = append_codes(store, dataset->n_rows, &table->columns[i], table->n_rows, err);
        }
    }
    for (size_t i = 0; status != TRIVET_OK && i < table->n_columns; i++) {
        struct column_store *store = &dataset->stores[i];
        trivet_dictionary_rollback(&store->dictionary, store->mark);
    }
    return status;
}

/* Room for `n_rows` more, doubling. */
static enum trivet_status grow(struct trivet_dataset *dataset, size_t n_rows,
                               struct trivet_error *err)
{
    size_t needed;
    if (__builtin_add_overflow(dataset->n_rows, n_rows, &needed)) {
        return out_of_memory(SIZE_MAX, err);
    }
    if (needed <= dataset->capacity_rows) {
        return TRIVET_OK;
    }
    size_t doubled = dataset->capacity_rows <= SIZE_MAX / 2 ? dataset->capacity_rows * 2 : SIZE_MAX;
    return reserve_rows(dataset, doubled > needed ? doubled : needed, err);
}

enum trivet_status trivet_dataset_append(struct trivet_dataset *dataset,
                                         const struct trivet_table *table, struct trivet_error *err)
{
    if (dataset->sealed) {
        return trivet_error_set(err, TRIVET_FAILED_PRECONDITION,
                                "the dataset is sealed; append before sealing it");
    }
    size_t n_columns = dataset->schema.n_columns;
    bool *seen = trivet_calloc(n_columns, sizeof(*seen));
    size_t *column_of = trivet_alloc_array(n_columns, sizeof(*column_of));
    enum trivet_status status;
    if (seen == NULL || column_of == NULL) {
        status = out_of_memory(dataset->n_rows, err);
        goto done;
    }
    status = match_columns(dataset, table, column_of, err);
    if (status == TRIVET_OK) {
        status = check_each_once(dataset, column_of, seen, err);
    }
    if (status == TRIVET_OK) {
        status = grow(dataset, table->n_rows, err);
    }
    if (status == TRIVET_OK) {
        status = append_columns(dataset, table, column_of, err);
    }
    if (status == TRIVET_OK) {
        dataset->n_rows += table->n_rows;
    }
    update_view(dataset);
done:
    trivet_free(seen);
    trivet_free(column_of);
    return status;
}

/* One column's dictionary sorted and its codes rewritten. */
static enum trivet_status seal_column(struct column_store *store, size_t n_rows,
                                      struct trivet_error *err)
{
    uint32_t *new_code = trivet_alloc_array(store->dictionary.n_texts, sizeof(*new_code));
    bool sorted = new_code != NULL && trivet_dictionary_sort(&store->dictionary, new_code);
    for (size_t i = 0; sorted && i < n_rows; i++) {
        if (store->codes[i] != TRIVET_CODE_NULL) {
            store->codes[i] = new_code[store->codes[i]];
        }
    }
    trivet_free(new_code);
    return sorted ? TRIVET_OK : out_of_memory(n_rows, err);
}

enum trivet_status trivet_dataset_seal(struct trivet_dataset *dataset, struct trivet_error *err)
{
    /* Set first: a column that has been sorted takes no further texts. */
    dataset->sealed = true;
    for (size_t i = 0; i < dataset->schema.n_columns; i++) {
        if (dataset->schema.columns[i].type == TRIVET_COLUMN_CATEGORICAL) {
            enum trivet_status status = seal_column(&dataset->stores[i], dataset->n_rows, err);
            if (status != TRIVET_OK) {
                return status;
            }
        }
    }
    update_view(dataset);
    return TRIVET_OK;
}

struct trivet_table trivet_dataset_table(const struct trivet_dataset *dataset)
{
    return (struct trivet_table){.n_rows = dataset->n_rows,
                                 .n_columns = dataset->schema.n_columns,
                                 .columns = dataset->columns};
}
