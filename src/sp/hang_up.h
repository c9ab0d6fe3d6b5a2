/* Closes an nng socket that may never close. */
#ifndef TRIVET_SP_HANG_UP_H
#define TRIVET_SP_HANG_UP_H

#include <nng/nng.h>

#include <stdbool.h>

/* nng_close() of nng 1.5.2 never returns when a message arrives at the wrong moment: the transport
 * stops its read between the length and the body without telling the protocol, which waits for it.
 * So a thread closes, and is left behind if it has not done so within two seconds: then false, and
 * whatever nng's callbacks of this socket use must stay where it is. */
bool trivet_sp_hang_up(nng_socket socket);

#endif
