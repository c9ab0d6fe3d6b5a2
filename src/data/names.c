#include "data/names.h"

#include "base/text.h"
#include "data/schema.h"

#include <stdlib.h>
#include <string.h>

static int compare_refs(const void *left, const void *right)
{
    const struct trivet_name_ref *a = left;
    const struct trivet_name_ref *b = right;
    int order = strcmp(a->name, b->name);
    if (order != 0) {
        return order;
    }
    return (a->index > b->index) - (a->index < b->index);
}

void trivet_names_sort(struct trivet_name_ref *refs, size_t count)
{
    qsort(refs, count, sizeof(*refs), compare_refs);
}

const char *trivet_names_duplicate(const struct trivet_name_ref *refs, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        if (strcmp(refs[i - 1].name, refs[i].name) == 0) {
            return refs[i].name;
        }
    }
    return NULL;
}

size_t trivet_names_find(const struct trivet_name_ref *refs, size_t count, const char *name)
{
    size_t low = 0;
    size_t high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(name, refs[middle].name);
        if (order == 0) {
            return refs[middle].index;
        }
        if (order < 0) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return TRIVET_COLUMN_NOT_FOUND;
}

enum trivet_status trivet_names_check(const char *name, size_t number, struct trivet_error *err)
{
    if (name == NULL || name[0] == '\0') {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "column %zu has no name; give every column a name", number);
    }
    size_t n_bytes = strlen(name);
    if (n_bytes > TRIVET_COLUMN_NAME_BYTES_MAX) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "the name of column %zu has %zu bytes; at most %d are allowed",
                                number, n_bytes, TRIVET_COLUMN_NAME_BYTES_MAX);
    }
    if (!trivet_text_is_utf8(name, n_bytes)) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "the name of column %zu is not UTF-8; names must be UTF-8", number);
    }
    return TRIVET_OK;
}
