#include "base/buffer.h"

#include "base/alloc.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define CAPACITY_BYTES_MIN 64

void trivet_buffer_release(struct trivet_buffer *buffer)
{
    trivet_free(buffer->data);
    *buffer = (struct trivet_buffer){0};
}

enum trivet_status trivet_buffer_reserve(struct trivet_buffer *buffer, size_t n_bytes,
                                         struct trivet_error *err)
{
    if (n_bytes <= buffer->capacity_bytes - buffer->n_bytes) {
        return TRIVET_OK;
    }
    size_t needed;
    if (__builtin_add_overflow(buffer->n_bytes, n_bytes, &needed)) {
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                                "a buffer cannot grow from %zu by %zu bytes", buffer->n_bytes,
                                n_bytes);
    }
    size_t capacity = buffer->capacity_bytes;
    capacity = capacity > SIZE_MAX / 2 ? SIZE_MAX : capacity * 2;
    if (capacity < needed) {
        capacity = needed;
    }
    if (capacity < CAPACITY_BYTES_MIN) {
        capacity = CAPACITY_BYTES_MIN;
    }
    uint8_t *data = trivet_realloc(buffer->data, capacity);
    if (!data) {
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                                "out of memory growing a buffer to %zu bytes", capacity);
    }
    buffer->data = data;
    buffer->capacity_bytes = capacity;
    return TRIVET_OK;
}

enum trivet_status trivet_buffer_append(struct trivet_buffer *buffer, const void *data,
                                        size_t n_bytes, struct trivet_error *err)
{
    enum trivet_status status = trivet_buffer_reserve(buffer, n_bytes, err);
    if (status == TRIVET_OK && n_bytes > 0) {
        memcpy(buffer->data + buffer->n_bytes, data, n_bytes);
        buffer->n_bytes += n_bytes;
    }
    return status;
}

enum trivet_status trivet_buffer_printf(struct trivet_buffer *buffer, struct trivet_error *err,
                                        const char *format, ...)
{
    va_list args;
    va_start(args, format);
    va_list again;
    va_copy(again, args);
    enum trivet_status status;
    int length = vsnprintf(NULL, 0, format, args);
    if (length < 0) {
        status = trivet_error_set(err, TRIVET_INTERNAL, "cannot format text as '%s'", format);
        goto done;
    }
    status = trivet_buffer_reserve(buffer, (size_t)length + 1, err);
    if (status == TRIVET_OK) {
        (void)vsnprintf((char *)buffer->data + buffer->n_bytes, (size_t)length + 1, format, again);
        buffer->n_bytes += (size_t)length;
    }
done:
    va_end(again);
    va_end(args);
    return status;
}
