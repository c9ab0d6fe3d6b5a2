/* The first connection of a socket and its end, with a bound on how long they may take. */
#ifndef TRIVET_CLIENT_DIAL_H
#define TRIVET_CLIENT_DIAL_H

#include "base/compiler.h"

#include <trivet/error.h>

#include <nng/nng.h>
#include <stdbool.h>

/* Dials `url` and waits until the connection stands, at most `timeout_ms`; afterwards the socket
 * reconnects by itself. INVALID_ARGUMENT: not an address; UNAVAILABLE: nobody answers there, and
 * `what` ("a server", "events") names what was expected. On failure the socket has no dialer. */
enum trivet_status trivet_dial(nng_socket socket, const char *url, int timeout_ms, const char *what,
                               struct trivet_error *err) TRIVET_MUST_USE;
/* Closes the socket; threads that wait on it get NNG_ECLOSED. False: nng did not come to an end
 * within two seconds, so its callbacks' memory must stay. */
bool trivet_hang_up(nng_socket socket);

#endif
