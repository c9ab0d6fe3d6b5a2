/* From a received frame to a reply or the server's error. Internal to libtrivet. */
#ifndef TRIVET_CLIENT_REPLY_H
#define TRIVET_CLIENT_REPLY_H

#include "base/compiler.h"

#include <trivet/client.h>

#include <nng/nng.h>

/* What becomes of a reply: its body is valid during the call, or is nng's message when `message` is
 * set. The caller's thread. */
typedef enum trivet_status (*trivet_reply_take)(void *context, const struct trivet_reply *reply,
                                                struct trivet_error *err);

/* Checks frame, header and request id; an error of the server comes through unchanged. The reply is
 * borrowed from `data`, its `message` NULL. DATA_LOSS: no reply, or one to another call. */
enum trivet_status trivet_reply_parse(const void *data, size_t n_bytes, const char *method,
                                      const char *request_id, struct trivet_reply *out,
                                      struct trivet_error *err) TRIVET_MUST_USE;
/* A trivet_reply_take: `context` is a struct trivet_reply, which gets a copy. */
enum trivet_status trivet_reply_copy(void *context, const struct trivet_reply *reply,
                                     struct trivet_error *err) TRIVET_MUST_USE;
/* `out`, whose body is in `message`, owns it now; on failure the message is freed. */
enum trivet_status trivet_reply_own(nng_msg *message, struct trivet_reply *out,
                                    struct trivet_error *err) TRIVET_MUST_USE;

#endif
