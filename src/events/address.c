#include "events/address.h"

#include "base/text.h"

#include <nng/nng.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

static const char tcp_scheme[] = "tcp://";

static bool has_scheme(const char *url, const char *scheme)
{
    return strncmp(url, scheme, strlen(scheme)) == 0;
}

enum trivet_status trivet_address_check(const char *url, struct trivet_error *err)
{
    static const char *const schemes[] = {tcp_scheme, "ipc://", "inproc://"};
    if (strlen(url) >= TRIVET_ADDRESS_BYTES) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "the events address has more than %d bytes",
                                TRIVET_ADDRESS_BYTES - 1);
    }
    for (size_t i = 0; i < TRIVET_ARRAY_COUNT(schemes); i++) {
        if (has_scheme(url, schemes[i])) {
            return TRIVET_OK;
        }
    }
    return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                            "events cannot be published on '%s'; use tcp://HOST:PORT, "
                            "ipc:///PATH or inproc://NAME",
                            url);
}

enum trivet_status trivet_address_bound(const char *url, nng_listener listener,
                                        char out[TRIVET_ADDRESS_BYTES], struct trivet_error *err)
{
    if (!has_scheme(url, tcp_scheme)) {
        (void)trivet_text_copy(out, TRIVET_ADDRESS_BYTES, url);
        return TRIVET_OK;
    }
    int port = 0;
    int failure = nng_listener_get_int(listener, NNG_OPT_TCP_BOUND_PORT, &port);
    const char *colon = strrchr(url, ':');
    if (failure != 0) {
        return trivet_error_set(err, TRIVET_UNAVAILABLE, "cannot read the port of %s: %s", url,
                                nng_strerror(failure));
    }
    if (!trivet_text_format(out, TRIVET_ADDRESS_BYTES, "%.*s:%d", (int)(colon - url), url, port)) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT, "the events address is too long");
    }
    return TRIVET_OK;
}
