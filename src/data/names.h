/* Names of columns, sorted for look-up: internal to src/data. */
#ifndef TRIVET_DATA_NAMES_H
#define TRIVET_DATA_NAMES_H

#include <trivet/error.h>

#include <stddef.h>

/* A name and where it came from. */
struct trivet_name_ref {
    const char *name;
    size_t index;
};

/* Sorts `refs` by name; of equal names the lower index comes first. */
void trivet_names_sort(struct trivet_name_ref *refs, size_t count);
/* The first name that stands twice among sorted refs; NULL: all are different. */
const char *trivet_names_duplicate(const struct trivet_name_ref *refs, size_t count);
/* Index of `name` among sorted refs, or TRIVET_COLUMN_NOT_FOUND. */
size_t trivet_names_find(const struct trivet_name_ref *refs, size_t count, const char *name);
/* INVALID_ARGUMENT: empty, longer than TRIVET_COLUMN_NAME_BYTES_MAX, or not UTF-8. `number` is the
 * column's, from 1. */
enum trivet_status trivet_names_check(const char *name, size_t number, struct trivet_error *err);

#endif
