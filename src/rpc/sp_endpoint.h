/* The listening sockets of tcp:// and ipc:// addresses. */
#ifndef TRIVET_RPC_SP_ENDPOINT_H
#define TRIVET_RPC_SP_ENDPOINT_H

#include "base/compiler.h"
#include "rpc/listener.h"
#include "sp/guard.h"
#include "sp/protocol.h"

#include <trivet/error.h>

#define TRIVET_SP_ENDPOINT_URL_BYTES 256

struct trivet_sp_endpoint {
    char url[TRIVET_SP_ENDPOINT_URL_BYTES]; /* with its real port */
    enum trivet_sp_framing framing;
    int fd;                        /* listening, non-blocking; -1 = none */
    struct trivet_sp_guard *guard; /* ipc */
};

/* Listens on `url`. INVALID_ARGUMENT: neither tcp://HOST:PORT nor ipc:///PATH;
 * FAILED_PRECONDITION: another process serves on the path; UNAVAILABLE. `endpoint` is written on
 * success only. */
enum trivet_status trivet_sp_endpoint_open(struct trivet_sp_endpoint *endpoint, const char *url,
                                           struct trivet_error *err) TRIVET_MUST_USE;
/* No more connections; the path stays this process's until release. */
void trivet_sp_endpoint_close(struct trivet_sp_endpoint *endpoint);
/* Who is at the other end of a connection, as struct trivet_exchange_ops tells it. */
void trivet_sp_peer_name(int fd, enum trivet_sp_framing framing, char text[TRIVET_PEER_BYTES]);
/* Closes, removes the path, unlocks it. */
void trivet_sp_endpoint_release(struct trivet_sp_endpoint *endpoint);

#endif
