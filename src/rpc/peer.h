/* Whom a call comes from, as far as its socket tells: equal for calls of one machine. */
#ifndef TRIVET_RPC_PEER_H
#define TRIVET_RPC_PEER_H

#include <stddef.h>
#include <stdint.h>

/* Of a connected socket: its IPv4 address, the first half of its IPv6 address, or with a unix
 * socket the user of the other process. 0 = not known. */
uint64_t trivet_peer_of_socket(int fd);
/* Of the bytes of an address: 4, or 16 of which 8 count. */
uint64_t trivet_peer_of_address(const void *address, size_t n_bytes);

#endif
