/* Connections to what is measured. Errors end the program. */
#ifndef TESTS_BENCH_DIAL_H
#define TESTS_BENCH_DIAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

bool url_is_ipc(const char *url);
/* A blocking socket connected to ipc:///PATH or tcp://HOST:PORT, without delay on tcp; unless
 * `bare`, with the hellos of a REQ and a REP socket exchanged. */
int dial(const char *url, bool bare);
/* A listening socket of such an address; `*port` gets tcp's (may be asked for as 0). */
int listen_at(const char *url, int *port);
void set_no_delay(int fd);
/* All of it, in as few calls as the kernel needs; false when the connection is gone. */
bool write_all(int fd, const void *data, size_t n_bytes);
bool read_all(int fd, void *data, size_t n_bytes);

#endif
