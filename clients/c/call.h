/* One call as the caller gave it, and its frame. Internal to libtrivet. */
#ifndef TRIVET_CLIENT_CALL_H
#define TRIVET_CLIENT_CALL_H

#include "base/compiler.h"

#include <trivet/client.h>

#include <stddef.h>
#include <stdint.h>

#define TRIVET_REQUEST_ID_BYTES 65
#define TRIVET_METHOD_BYTES     128
/* Frame prefix and header of any call. */
#define TRIVET_CALL_HEAD_BYTES_MAX 256
/* The server is told the timeout and answers within it; the reply may travel this much longer. */
#define TRIVET_REPLY_GRACE_MS 250

/* Method and body are the caller's, borrowed. */
struct trivet_call {
    const char *method;
    size_t method_bytes;
    const void *body;
    size_t body_bytes;
    int timeout_ms;
    size_t request_id_bytes;
    char request_id[TRIVET_REQUEST_ID_BYTES];
};

/* `request_id` NULL or "" = a random one, of 16 hex digits. INVALID_ARGUMENT: a name is too long.
 */
enum trivet_status trivet_call_init(struct trivet_call *call, const char *method, const void *body,
                                    size_t body_bytes, const char *request_id, int timeout_ms,
                                    struct trivet_error *err) TRIVET_MUST_USE;
/* Frame prefix and RequestHeader; returns their bytes. The body follows them. */
size_t trivet_call_write_head(const struct trivet_call *call,
                              uint8_t out[TRIVET_CALL_HEAD_BYTES_MAX]);

#endif
