/* Between the files of httpd. */
#ifndef TRIVET_HTTPD_INTERNAL_H
#define TRIVET_HTTPD_INTERNAL_H

#include "httpd/httpd.h"
#include "httpd/microhttpd_library.h"

#include <netdb.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#define TRIVET_HTTPD_HOST_BYTES 256

struct trivet_httpd {
    struct MHD_Daemon *daemon; /* NULL until it runs; `starter` writes it */
    int listener;              /* bound; the daemon's once there is one */
    pthread_t starter;         /* with options.later */
    struct trivet_httpd_options options;
    char host[TRIVET_HTTPD_HOST_BYTES];         /* as bound, without brackets */
    char address[TRIVET_HTTPD_HOST_BYTES + 16]; /* host:port */
    /* Requests begun and not completed; any thread. */
    atomic_uint in_flight;
    atomic_bool stopping; /* what comes now is refused */
};

/* libmicrohttpd's callbacks: request.c. `cls` is the struct trivet_httpd. */
enum MHD_Result trivet_httpd_access(void *cls, struct MHD_Connection *connection, const char *url,
                                    const char *method, const char *version,
                                    const char *upload_data, size_t *upload_data_size,
                                    void **state);
void trivet_httpd_completed(void *cls, struct MHD_Connection *connection, void **state,
                            enum MHD_RequestTerminationCode why);

/* Headers that every reply carries. */
void trivet_httpd_add_headers(struct MHD_Response *response, const char *content_type);

/* Answer `connection` with the hub's stream; MHD_NO when out of memory. `*full` when the hub is
 * closed or has its maximum of clients: nothing was queued. */
enum MHD_Result trivet_sse_attach(struct trivet_sse_hub *hub, struct MHD_Connection *connection,
                                  int *full);

#endif
