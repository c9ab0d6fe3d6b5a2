/* DESIGN: a blocking call has a connection to itself while it runs, in the caller's thread; as many
 * threads as call at once, so many connections. They are kept, the one used last is taken first.
 *
 * A call whose connection breaks is sent once more over a new one, with the same request id: the
 * server makes a change once for each id, and every request of ours has one. A call that is late
 * closes its connection, so that no reply can be taken for another call's. */
#include "clients/c/pool.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/rng.h"
#include "base/text.h"
#include "clients/c/request.h"

#include <pthread.h>
#include <time.h>

#define IDLE_LINKS_MAX 64

struct trivet_pool {
    /* Set at create, then only read. */
    struct trivet_address address;
    struct trivet_pool_options options;
    char url[TRIVET_URL_BYTES];

    pthread_mutex_t lock;
    /* Under lock. */
    struct trivet_link *idle; /* owned list, used last first */
    size_t n_idle;
    int64_t down_since_ns; /* 0 = the last attempt to connect succeeded */
    struct trivet_rng rng; /* of the jitter */
};

static enum trivet_status connect_once(struct trivet_pool *pool, int64_t deadline_ns,
                                       struct trivet_link **out, struct trivet_error *err)
{
    int64_t now_ns = trivet_clock_monotonic_ns();
    int64_t patience_ns =
        trivet_clock_after_ns(now_ns, pool->options.connect_timeout_ms * TRIVET_NS_PER_MS);
    enum trivet_status status =
        trivet_link_connect(&pool->address, pool->url, pool->options.reply_bytes_max,
                            deadline_ns < patience_ns ? deadline_ns : patience_ns,
                            pool->options.connect_timeout_ms, out, err);
    pthread_mutex_lock(&pool->lock);
    if (status == TRIVET_OK) {
        pool->down_since_ns = 0;
    } else if (pool->down_since_ns == 0) {
        pool->down_since_ns = now_ns;
    }
    pthread_mutex_unlock(&pool->lock);
    return status;
}

enum trivet_status trivet_pool_create(const struct trivet_pool_options *options,
                                      struct trivet_pool **out, struct trivet_error *err)
{
    struct trivet_address address;
    enum trivet_status status = trivet_address_parse(options->url, &address, err);
    if (status != TRIVET_OK) {
        return status;
    }
    struct trivet_pool *pool = trivet_calloc(1, sizeof(*pool));
    if (pool == NULL) {
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "out of memory for a client");
    }
    pool->address = address;
    pool->options = *options;
    (void)trivet_text_copy(pool->url, sizeof(pool->url), options->url); /* its length is checked */
    pool->options.url = pool->url;
    trivet_rng_seed(&pool->rng, trivet_rng_entropy());
    pthread_mutex_init(&pool->lock, NULL);
    struct trivet_link *link = NULL;
    status = connect_once(pool, TRIVET_NEVER_NS, &link, err);
    if (status != TRIVET_OK) {
        trivet_pool_free(pool);
        return status;
    }
    trivet_pool_put(pool, link);
    *out = pool;
    return TRIVET_OK;
}

enum trivet_sp_framing trivet_pool_framing(const struct trivet_pool *pool)
{
    return pool->address.framing;
}

static void free_links(struct trivet_link *link)
{
    while (link != NULL) {
        struct trivet_link *next = link->next;
        trivet_link_free(link);
        link = next;
    }
}

void trivet_pool_free(struct trivet_pool *pool)
{
    if (pool != NULL) {
        free_links(pool->idle);
        pthread_mutex_destroy(&pool->lock);
        trivet_free(pool);
    }
}

/* When to give up, and how long to sleep before the next attempt: between half of `backoff_ms` and
 * all of it, so that clients of a server that comes back do not come in step. */
static void plan(struct trivet_pool *pool, int backoff_ms, int64_t *give_up_ns, int64_t *sleep_ns)
{
    pthread_mutex_lock(&pool->lock);
    int64_t since_ns = pool->down_since_ns != 0 ? pool->down_since_ns : trivet_clock_monotonic_ns();
    double jitter = trivet_rng_uniform(&pool->rng);
    pthread_mutex_unlock(&pool->lock);
    *give_up_ns =
        trivet_clock_after_ns(since_ns, pool->options.connect_timeout_ms * TRIVET_NS_PER_MS);
    *sleep_ns = (int64_t)((0.5 + 0.5 * jitter) * (double)(backoff_ms * TRIVET_NS_PER_MS));
}

enum trivet_status trivet_pool_take(struct trivet_pool *pool, int64_t deadline_ns,
                                    struct trivet_link **out, struct trivet_error *err)
{
    pthread_mutex_lock(&pool->lock);
    struct trivet_link *link = pool->idle;
    if (link != NULL) {
        pool->idle = link->next;
        pool->n_idle--;
    }
    pthread_mutex_unlock(&pool->lock);
    if (link != NULL) {
        *out = link;
        return TRIVET_OK;
    }
    int backoff_ms = pool->options.reconnect_first_ms;
    for (;;) {
        enum trivet_status status = connect_once(pool, deadline_ns, out, err);
        if (status != TRIVET_UNAVAILABLE) {
            return status;
        }
        int64_t give_up_ns;
        int64_t sleep_ns;
        plan(pool, backoff_ms, &give_up_ns, &sleep_ns);
        int64_t wake_ns = trivet_clock_after_ns(trivet_clock_monotonic_ns(), sleep_ns);
        if (wake_ns >= give_up_ns || wake_ns >= deadline_ns) {
            return status;
        }
        struct timespec wake = trivet_clock_timespec(wake_ns);
        (void)clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &wake, NULL);
        int slowest_ms = pool->options.reconnect_slowest_ms;
        backoff_ms = backoff_ms > slowest_ms / 2 ? slowest_ms : 2 * backoff_ms;
    }
}

void trivet_pool_put(struct trivet_pool *pool, struct trivet_link *link)
{
    pthread_mutex_lock(&pool->lock);
    bool kept = pool->n_idle < IDLE_LINKS_MAX;
    if (kept) {
        link->next = pool->idle;
        pool->idle = link;
        pool->n_idle++;
    }
    pthread_mutex_unlock(&pool->lock);
    if (!kept) {
        trivet_link_free(link);
    }
}

void trivet_pool_drop(struct trivet_pool *pool, struct trivet_link *link)
{
    pthread_mutex_lock(&pool->lock);
    struct trivet_link *idle = pool->idle;
    pool->idle = NULL;
    pool->n_idle = 0;
    pthread_mutex_unlock(&pool->lock);
    free_links(idle);
    trivet_link_free(link);
}

enum trivet_status trivet_pool_describe(const struct trivet_pool *pool, enum trivet_link_end end,
                                        uint64_t announced_bytes, const struct trivet_call *call,
                                        struct trivet_error *err)
{
    const char *url = pool->url;
    switch (end) {
    case TRIVET_LINK_LATE:
        return trivet_error_set(err, TRIVET_DEADLINE_EXCEEDED,
                                "%s: no reply from %s within %d ms; repeat it with a longer "
                                "timeout (request id %s)",
                                call->method, url, call->timeout_ms, call->request_id);
    case TRIVET_LINK_TOO_LONG:
        return trivet_error_set(err, TRIVET_DATA_LOSS,
                                "%s: the reply from %s has %llu bytes, this client takes %zu; ask "
                                "for less, or raise reply_bytes_max",
                                call->method, url, (unsigned long long)announced_bytes,
                                pool->options.reply_bytes_max);
    case TRIVET_LINK_WRONG:
        return trivet_error_set(err, TRIVET_DATA_LOSS,
                                "%s: what %s sent is no reply to this call; is the address that of "
                                "trivetd's RPC, of this version? (request id %s)",
                                call->method, url, call->request_id);
    case TRIVET_LINK_NO_MEMORY:
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "%s: out of memory for the reply",
                                call->method);
    default:
        return trivet_error_set(err, TRIVET_UNAVAILABLE,
                                "%s: the connection to %s broke twice during the call; look at the "
                                "server's log, then repeat the call (request id %s)",
                                call->method, url, call->request_id);
    }
}

/* Sends, waits for the reply and hands it on; `end` tells what became of the link. */
static enum trivet_status exchange(struct trivet_link *link, const struct trivet_call *call,
                                   int64_t deadline_ns, trivet_reply_take take, void *context,
                                   enum trivet_link_end *end, struct trivet_error *err)
{
    uint32_t id = 0;
    const uint8_t *frame = NULL;
    size_t frame_bytes = 0;
    *end = trivet_link_send(link, call, deadline_ns);
    if (*end == TRIVET_LINK_DONE) {
        *end = trivet_link_receive(link, deadline_ns, &id, &frame, &frame_bytes);
    }
    if (*end == TRIVET_LINK_DONE && id != link->last_id) {
        *end = TRIVET_LINK_WRONG;
    }
    if (*end != TRIVET_LINK_DONE) {
        return TRIVET_UNAVAILABLE;
    }
    struct trivet_reply reply = {0};
    enum trivet_status status =
        trivet_reply_parse(frame, frame_bytes, call->method, call->request_id, &reply, err);
    return status == TRIVET_OK ? take(context, &reply, err) : status;
}

enum trivet_status trivet_pool_call(struct trivet_pool *pool, const struct trivet_call *call,
                                    trivet_reply_take take, void *context, struct trivet_error *err)
{
    int64_t wait_ms = (int64_t)call->timeout_ms + TRIVET_REPLY_GRACE_MS;
    int64_t deadline_ns =
        trivet_clock_after_ns(trivet_clock_monotonic_ns(), wait_ms * TRIVET_NS_PER_MS);
    for (bool again = false;; again = true) {
        struct trivet_link *link = NULL;
        enum trivet_status status = trivet_pool_take(pool, deadline_ns, &link, err);
        if (status != TRIVET_OK) {
            trivet_error_prefix(err, "%s (request id %s): ", call->method, call->request_id);
            return status;
        }
        enum trivet_link_end end;
        status = exchange(link, call, deadline_ns, take, context, &end, err);
        if (end == TRIVET_LINK_DONE) {
            trivet_pool_put(pool, link);
            return status;
        }
        uint64_t announced_bytes = link->announced_bytes;
        if (end != TRIVET_LINK_BROKEN) {
            trivet_link_free(link);
            return trivet_pool_describe(pool, end, announced_bytes, call, err);
        }
        trivet_pool_drop(pool, link);
        if (again) {
            return trivet_pool_describe(pool, end, announced_bytes, call, err);
        }
    }
}
