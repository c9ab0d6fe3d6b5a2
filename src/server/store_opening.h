/* Opens the store beside what does not need it: a start waits for the disk and for the kernel's
 * threads at the same time. */
#ifndef TRIVET_SERVER_STORE_OPENING_H
#define TRIVET_SERVER_STORE_OPENING_H

#include "store/store.h"

#include <pthread.h>
#include <stdbool.h>

struct trivet_store_opening {
    const char *data_dir;
    pthread_t thread;
    bool has_thread;
    struct trivet_store *store;
    enum trivet_status status;
    struct trivet_error err;
};

/* `data_dir` is borrowed until end. Without a thread to be had the store is opened here. */
void trivet_store_opening_begin(struct trivet_store_opening *opening, const char *data_dir);
/* Once, by the thread that began it. Waits; the store is the caller's. Errors: those of
 * trivet_store_open. */
enum trivet_status trivet_store_opening_end(struct trivet_store_opening *opening,
                                            struct trivet_store **out,
                                            struct trivet_error *err) TRIVET_MUST_USE;

#endif
