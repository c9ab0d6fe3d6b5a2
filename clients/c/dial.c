/* DESIGN: nng can dial and report the reason of a failure only by blocking, and then for as long
 * as the kernel tries (two minutes to a host that swallows packets, ten seconds for a peer that
 * does not speak SP). So a thread dials and the caller waits; when the time is up, closing the
 * dialer ends the thread. */
#include "clients/c/dial.h"

#include "base/clock.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>

struct attempt {
    nng_dialer dialer;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    /* Under lock. */
    bool done;
    int result;
};

static void *dial_thread(void *argument)
{
    struct attempt *attempt = argument;
    int result = nng_dialer_start(attempt->dialer, 0);
    pthread_mutex_lock(&attempt->lock);
    attempt->done = true;
    attempt->result = result;
    pthread_cond_signal(&attempt->changed);
    pthread_mutex_unlock(&attempt->lock);
    return NULL;
}

/* nng's error number; NNG_ETIMEDOUT when the time is up. */
static int dial_within(struct attempt *attempt, int timeout_ms)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, dial_thread, attempt) != 0) {
        return NNG_ENOMEM;
    }
    int64_t deadline_ns =
        trivet_clock_after_ns(trivet_clock_monotonic_ns(), timeout_ms * TRIVET_NS_PER_MS);
    struct timespec deadline = trivet_clock_timespec(deadline_ns);
    pthread_mutex_lock(&attempt->lock);
    int waited = 0;
    while (!attempt->done && waited == 0) {
        waited = pthread_cond_timedwait(&attempt->changed, &attempt->lock, &deadline);
    }
    bool in_time = attempt->done;
    pthread_mutex_unlock(&attempt->lock);
    if (!in_time) {
        nng_dialer_close(attempt->dialer);
    }
    pthread_join(thread, NULL);
    return in_time ? attempt->result : NNG_ETIMEDOUT;
}

static enum trivet_status describe(int result, const char *url, int timeout_ms, const char *what,
                                   struct trivet_error *err)
{
    if (result == NNG_ENOMEM) {
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "out of memory or threads");
    }
    if (result == NNG_ETIMEDOUT) {
        return trivet_error_set(err, TRIVET_UNAVAILABLE,
                                "no answer from %s at %s within %d ms; check the address, and that "
                                "trivetd runs there",
                                what, url, timeout_ms);
    }
    return trivet_error_set(err, TRIVET_UNAVAILABLE,
                            "cannot reach %s at %s: %s; start one with 'trivetd --data-dir DIR' or "
                            "name the address of one that runs",
                            what, url, nng_strerror(result));
}

enum trivet_status trivet_dial(nng_socket socket, const char *url, int timeout_ms, const char *what,
                               struct trivet_error *err)
{
    struct attempt attempt = {.lock = PTHREAD_MUTEX_INITIALIZER};
    int result = nng_dialer_create(&attempt.dialer, socket, url);
    if (result != 0) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "'%s' is not an address (%s); write tcp://HOST:PORT or ipc://PATH",
                                url, nng_strerror(result));
    }
    trivet_clock_init_condition(&attempt.changed);
    result = dial_within(&attempt, timeout_ms);
    pthread_cond_destroy(&attempt.changed);
    pthread_mutex_destroy(&attempt.lock);
    if (result != 0) {
        nng_dialer_close(attempt.dialer);
        return describe(result, url, timeout_ms, what, err);
    }
    return TRIVET_OK;
}
