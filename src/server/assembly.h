/* Builds the server out of its modules and takes it apart again, in order. */
#ifndef TRIVET_SERVER_ASSEMBLY_H
#define TRIVET_SERVER_ASSEMBLY_H

#include "base/compiler.h"
#include "server/options.h"

#include <trivet/error.h>

#include <stddef.h>

struct trivet_server;

/* Opens the store, loads what aliases point at, takes up jobs that a crash cut off, and listens.
 * `options` is borrowed. */
enum trivet_status trivet_server_start(const struct trivet_options *options,
                                       struct trivet_server **out,
                                       struct trivet_error *err) TRIVET_MUST_USE;
/* Answers what is in hand, refuses what is new, then ends everything. */
void trivet_server_stop(struct trivet_server *server);

/* Real addresses. */
const char *trivet_server_listen_url(const struct trivet_server *server, size_t i);
const char *trivet_server_events_url(const struct trivet_server *server);   /* "" = off */
const char *trivet_server_http_address(const struct trivet_server *server); /* NULL = off */

#endif
