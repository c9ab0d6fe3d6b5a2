#include "sp/hang_up.h"

#include "base/alloc.h"
#include "base/clock.h"

#include <pthread.h>

#define HANG_UP_NS (2 * TRIVET_NS_PER_S)

/* Shared by the thread that closes and the one that waits; the last to leave frees it. */
struct closing {
    nng_socket socket;
    pthread_mutex_t lock;
    pthread_cond_t changed; /* CLOCK_MONOTONIC */
    bool closed;            /* lock */
    bool left;              /* lock; nobody waits any more */
};

static struct closing *closing_create(nng_socket socket)
{
    struct closing *closing = trivet_calloc(1, sizeof(*closing));
    if (closing == NULL) {
        return NULL;
    }
    trivet_clock_init_condition(&closing->changed);
    pthread_mutex_init(&closing->lock, NULL);
    closing->socket = socket;
    return closing;
}

static void closing_free(struct closing *closing)
{
    pthread_cond_destroy(&closing->changed);
    pthread_mutex_destroy(&closing->lock);
    trivet_free(closing);
}

static void *close_socket(void *arg)
{
    struct closing *closing = arg;
    nng_close(closing->socket);
    pthread_mutex_lock(&closing->lock);
    closing->closed = true;
    bool last = closing->left;
    pthread_cond_signal(&closing->changed);
    pthread_mutex_unlock(&closing->lock);
    if (last) {
        closing_free(closing);
    }
    return NULL;
}

/* True when it closed in time. */
static bool wait_closed(struct closing *closing)
{
    struct timespec until =
        trivet_clock_timespec(trivet_clock_after_ns(trivet_clock_monotonic_ns(), HANG_UP_NS));
    pthread_mutex_lock(&closing->lock);
    int rc = 0;
    while (!closing->closed && rc == 0) {
        rc = pthread_cond_timedwait(&closing->changed, &closing->lock, &until);
    }
    bool closed = closing->closed;
    closing->left = true;
    pthread_mutex_unlock(&closing->lock);
    return closed;
}

bool trivet_sp_hang_up(nng_socket socket)
{
    pthread_t thread;
    struct closing *closing = closing_create(socket);
    if (closing == NULL || pthread_create(&thread, NULL, close_socket, closing) != 0) {
        if (closing != NULL) {
            closing_free(closing);
        }
        nng_close(socket);
        return true;
    }
    if (!wait_closed(closing)) {
        pthread_detach(thread);
        return false;
    }
    pthread_join(thread, NULL);
    closing_free(closing);
    return true;
}
