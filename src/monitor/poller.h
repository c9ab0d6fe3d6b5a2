/* Asks one source for Server.Stats every two seconds, on a thread of its own: repairs totals after
 * lost events, and tells whether the server answers. Fetches the reference profiles that drift is
 * told from (Models.Describe). */
#ifndef TRIVET_MONITOR_POLLER_H
#define TRIVET_MONITOR_POLLER_H

#include "base/compiler.h"
#include "monitor/registry.h"

#include <trivet/error.h>

#include <stddef.h>

struct trivet_monitor_poller;

enum trivet_status trivet_monitor_poller_start(struct trivet_monitor *monitor, size_t source,
                                               struct trivet_monitor_poller **out,
                                               struct trivet_error *err) TRIVET_MUST_USE;
/* Tell it to end; it does after the call in flight, within two seconds. */
void trivet_monitor_poller_interrupt(struct trivet_monitor_poller *poller);
/* Interrupts, joins, frees. */
void trivet_monitor_poller_stop(struct trivet_monitor_poller *poller);

#endif
