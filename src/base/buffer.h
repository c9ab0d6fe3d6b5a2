/* Growable bytes. Zero-initialised is empty; release when done. One thread at a time. */
#ifndef TRIVET_BASE_BUFFER_H
#define TRIVET_BASE_BUFFER_H

#include "base/compiler.h"

#include <trivet/error.h>

#include <stddef.h>
#include <stdint.h>

struct trivet_buffer {
    uint8_t *data; /* owned; NULL when empty */
    size_t n_bytes;
    size_t capacity_bytes;
};

void trivet_buffer_release(struct trivet_buffer *buffer);
/* Room for `n_bytes` more beyond the current end. RESOURCE_EXHAUSTED when out of memory. */
enum trivet_status trivet_buffer_reserve(struct trivet_buffer *buffer, size_t n_bytes,
                                         struct trivet_error *err) TRIVET_MUST_USE;
enum trivet_status trivet_buffer_append(struct trivet_buffer *buffer, const void *data,
                                        size_t n_bytes, struct trivet_error *err) TRIVET_MUST_USE;
/* printf to the end; no NUL is counted, but one always follows the data. */
enum trivet_status trivet_buffer_printf(struct trivet_buffer *buffer, struct trivet_error *err,
                                        const char *format, ...)
    TRIVET_PRINTF(3, 4) TRIVET_MUST_USE;

#endif
