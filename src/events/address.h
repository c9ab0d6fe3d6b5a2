/* The address a publisher listens on. May be used by: events. */
#ifndef TRIVET_EVENTS_ADDRESS_H
#define TRIVET_EVENTS_ADDRESS_H

#include "base/compiler.h"

#include <nng/nng.h>
#include <trivet/error.h>

#define TRIVET_ADDRESS_BYTES 256 /* of a URL, with its NUL */

/* INVALID_ARGUMENT: not tcp, ipc or inproc, or too long. */
enum trivet_status trivet_address_check(const char *url, struct trivet_error *err) TRIVET_MUST_USE;
/* `url` with the port that `listener` really has, when it is tcp. */
enum trivet_status trivet_address_bound(const char *url, nng_listener listener,
                                        char out[TRIVET_ADDRESS_BYTES],
                                        struct trivet_error *err) TRIVET_MUST_USE;

#endif
