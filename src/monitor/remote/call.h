/* The calls behind the answers of remote.h, one thread's. */
#ifndef TRIVET_MONITOR_REMOTE_CALL_H
#define TRIVET_MONITOR_REMOTE_CALL_H

#include "base/arena.h"
#include "monitor/remote/remote.h"

#include <trivet/client.h>

#include <stdatomic.h>

/* Zero-initialised; the thread's. */
struct trivet_remote_caller {
    struct trivet_monitor *monitor;
    struct trivet_client *clients[TRIVET_MONITOR_SOURCES_MAX]; /* NULL = not connected */
    struct trivet_arena *arena;
    atomic_bool stopping; /* set by any thread: no further source is asked */
    uint64_t calls;
    uint64_t calls_failed;
};

/* Ask all sources that are up; as trivet_monitor_remote_get. Blocks for as long as servers take. */
enum trivet_status trivet_remote_ask(struct trivet_remote_caller *caller,
                                     enum trivet_remote_question question, const char *name,
                                     uint64_t version, struct trivet_buffer *out,
                                     struct trivet_error *err) TRIVET_MUST_USE;
void trivet_remote_caller_release(struct trivet_remote_caller *caller);

#endif
