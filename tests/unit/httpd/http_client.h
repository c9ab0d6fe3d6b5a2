/* A blunt HTTP client for tests: sends bytes, reads until the end, a byte count or a time-out. */
#ifndef TRIVET_TESTS_HTTP_CLIENT_H
#define TRIVET_TESTS_HTTP_CLIENT_H

#include <stddef.h>

/* Connected socket to "127.0.0.1:PORT", with 5 s time-outs; asserts. */
int http_connect(const char *address);
void http_write(int fd, const char *text);
/* Read into `out` (NUL-terminated) until `needle` is there, the peer closes, or it is full. Returns
 * the bytes read; 0 also when the peer reset the connection. */
size_t http_read_until(int fd, const char *needle, char *out, size_t out_bytes);
/* One request on a connection of its own, closed by the server; the whole answer in `out`. */
void http_exchange(const char *address, const char *request, char *out, size_t out_bytes);
int http_status(const char *answer);
const char *http_body(const char *answer);

#endif
