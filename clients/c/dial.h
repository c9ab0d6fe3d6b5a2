/* The first connection of a socket, with a bound on how long it may take. */
#ifndef TRIVET_CLIENT_DIAL_H
#define TRIVET_CLIENT_DIAL_H

#include "base/compiler.h"

#include <trivet/error.h>

#include <nng/nng.h>

/* Dials `url` and waits until the connection stands, at most `timeout_ms`; afterwards the socket
 * reconnects by itself. INVALID_ARGUMENT: not an address; UNAVAILABLE: nobody answers there, and
 * `what` ("a server", "events") names what was expected. On failure the socket has no dialer. */
enum trivet_status trivet_dial(nng_socket socket, const char *url, int timeout_ms, const char *what,
                               struct trivet_error *err) TRIVET_MUST_USE;

#endif
