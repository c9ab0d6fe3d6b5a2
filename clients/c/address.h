/* Addresses that libtrivet connects to itself: tcp://HOST:PORT and ipc://PATH. */
#ifndef TRIVET_CLIENT_ADDRESS_H
#define TRIVET_CLIENT_ADDRESS_H

#include "base/compiler.h"
#include "sp/protocol.h"

#include <trivet/error.h>

#include <stdbool.h>
#include <sys/un.h>

#define TRIVET_HOST_BYTES 256
#define TRIVET_PORT_BYTES 8

struct trivet_address {
    enum trivet_sp_framing framing;
    char host[TRIVET_HOST_BYTES]; /* tcp */
    char port[TRIVET_PORT_BYTES];
    struct sockaddr_un path; /* ipc */
};

/* By its scheme; every other address is nng's. */
bool trivet_address_is_ours(const char *url);
/* INVALID_ARGUMENT says how to write it. */
enum trivet_status trivet_address_parse(const char *url, struct trivet_address *out,
                                        struct trivet_error *err) TRIVET_MUST_USE;

#endif
