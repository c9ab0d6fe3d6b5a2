#include "clients/c/address.h"

#include "base/text.h"

#include <string.h>
#include <sys/socket.h>

#define TCP "tcp://"
#define IPC "ipc://"

static bool begins_with(const char *url, const char *scheme)
{
    return strncmp(url, scheme, strlen(scheme)) == 0;
}

bool trivet_address_is_ours(const char *url)
{
    return begins_with(url, TCP) || begins_with(url, IPC);
}

/* HOST:PORT, or [HOST]:PORT for an IPv6 address. */
static bool split_host(const char *text, struct trivet_address *out)
{
    const char *colon = strrchr(text, ':');
    if (colon == NULL || colon == text) {
        return false;
    }
    size_t n_bytes = (size_t)(colon - text);
    if (text[0] == '[' && n_bytes > 2 && colon[-1] == ']') {
        text++;
        n_bytes -= 2;
    } else if (memchr(text, ':', n_bytes) != NULL) {
        return false;
    }
    uint64_t port = 0;
    if (n_bytes >= sizeof(out->host) || !trivet_text_parse_uint64(colon + 1, &port) || port == 0 ||
        port > UINT16_MAX) {
        return false;
    }
    memcpy(out->host, text, n_bytes);
    out->host[n_bytes] = '\0';
    return trivet_text_format(out->port, sizeof(out->port), "%u", (unsigned)port);
}

enum trivet_status trivet_address_parse(const char *url, struct trivet_address *out,
                                        struct trivet_error *err)
{
    struct trivet_address address = {.framing = TRIVET_SP_FRAMING_TCP};
    if (begins_with(url, IPC)) {
        const char *path = url + strlen(IPC);
        address.framing = TRIVET_SP_FRAMING_IPC;
        address.path.sun_family = AF_UNIX;
        if (path[0] == '\0' ||
            !trivet_text_copy(address.path.sun_path, sizeof(address.path.sun_path), path)) {
            return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                    "the path of '%s' must have 1 to %zu bytes", url,
                                    sizeof(address.path.sun_path) - 1);
        }
    } else if (!begins_with(url, TCP) || !split_host(url + strlen(TCP), &address)) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "'%s' is not an address; write tcp://HOST:PORT or ipc://PATH", url);
    }
    *out = address;
    return TRIVET_OK;
}
