/* Rows where a request left them: together or each by itself, of either precision, at any address.
 */
#ifndef TRIVET_LINALG_ROW_VIEW_H
#define TRIVET_LINALG_ROW_VIEW_H

#include <stdbool.h>
#include <stddef.h>

/* Row i begins at `rows[i]`, or without `rows` at `first` + i * stride_bytes. Its numbers follow
 * each other: floats when `single`, else doubles. No address need be aligned. Borrowed. */
struct trivet_row_view {
    size_t n_rows;
    bool single;
    const void *first;
    size_t stride_bytes;
    const void *const *rows;
};

static inline const void *trivet_row_view_at(const struct trivet_row_view *view, size_t i)
{
    return view->rows != NULL ? view->rows[i]
                              : (const void *)((const char *)view->first + i * view->stride_bytes);
}

/* Rows [first, first + n_rows) of `view`. */
static inline struct trivet_row_view trivet_row_view_part(const struct trivet_row_view *view,
                                                          size_t first, size_t n_rows)
{
    struct trivet_row_view part = *view;
    part.n_rows = n_rows;
    if (view->rows != NULL) {
        part.rows = &view->rows[first];
    } else {
        part.first = trivet_row_view_at(view, first);
    }
    return part;
}

#endif
