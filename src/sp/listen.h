/* The addresses that an nng socket listens on: checked, guarded, with real ports, and kept alive.
 *
 * nng 1.5.2 stops taking connections on ipc:// for good when a peer connects and closes before the
 * handshake (it takes the peer's close for its own). A watchdog thread connects twice a second to
 * each ipc address, as any client would, and listens anew when that makes no connection: within
 * three seconds. Open connections of that address are closed with it; clients dial again. */
#ifndef TRIVET_SP_LISTEN_H
#define TRIVET_SP_LISTEN_H

#include "base/compiler.h"
#include "sp/protocol.h"

#include <nng/nng.h>
#include <trivet/error.h>

#include <stddef.h>
#include <stdint.h>

#define TRIVET_SP_URL_BYTES 256 /* with its NUL */

struct trivet_sp_listen;

/* Listen on every URL with an open nng socket, which stays the caller's: tcp://HOST:PORT,
 * ipc:///PATH or inproc://NAME. `peer_protocol` is what its clients speak. Takes the socket's
 * NNG_PIPE_EV_ADD_PRE callback. INVALID_ARGUMENT: another scheme, too long; FAILED_PRECONDITION:
 * another process serves on the path, or its folder is open to others; UNAVAILABLE. */
enum trivet_status trivet_sp_listen_open(nng_socket socket, uint16_t peer_protocol,
                                         const char *const *urls, size_t n_urls,
                                         struct trivet_sp_listen **out,
                                         struct trivet_error *err) TRIVET_MUST_USE;
/* Two steps round nng_close(socket), which closes the listeners: stop the watchdog before it, free
 * after it (a path may be had by others only then). NULL is fine for both. */
void trivet_sp_listen_stop(struct trivet_sp_listen *listen);
void trivet_sp_listen_free(struct trivet_sp_listen *listen);
/* The i-th address, with the port that the system picked where the URL had 0. */
const char *trivet_sp_listen_url(const struct trivet_sp_listen *listen, size_t i);

#endif
