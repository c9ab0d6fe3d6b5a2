#include "rpc/peer.h"

#include "base/hash.h"

#include <netinet/in.h>
#include <sys/socket.h>

#define HALF_ADDRESS_BYTES 8 /* what one customer gets of an IPv6 network */

uint64_t trivet_peer_of_address(const void *address, size_t n_bytes)
{
    return trivet_hash_bytes(address, n_bytes > HALF_ADDRESS_BYTES ? HALF_ADDRESS_BYTES : n_bytes) |
           1;
}

uint64_t trivet_peer_of_socket(int fd)
{
    struct sockaddr_storage address;
    socklen_t n_bytes = sizeof(address);
    struct ucred user;
    socklen_t user_bytes = sizeof(user);
    if (getpeername(fd, (struct sockaddr *)&address, &n_bytes) != 0) {
        return 0;
    }
    switch (address.ss_family) {
    case AF_INET: {
        const struct sockaddr_in *in = (const struct sockaddr_in *)&address;
        return trivet_peer_of_address(&in->sin_addr, sizeof(in->sin_addr));
    }
    case AF_INET6: {
        const struct sockaddr_in6 *in = (const struct sockaddr_in6 *)&address;
        return trivet_peer_of_address(&in->sin6_addr, sizeof(in->sin6_addr));
    }
    default:
        return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &user, &user_bytes) == 0
                   ? trivet_hash_mix64(user.uid + UINT64_C(1)) | 1
                   : 0;
    }
}
