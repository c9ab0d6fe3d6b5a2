/* The asking thread owns the caller; the lock guards the answers. An answer that is being fetched
 * is not evicted. */
#include "monitor/remote/remote.h"

#include "base/alloc.h"
#include "base/text.h"
#include "monitor/remote/call.h"

#include <string.h>

#define ARENA_BUDGET_BYTES ((size_t)128 << 20)
#define ARENA_KEEP_BYTES   ((size_t)256 << 10)
#define NAME_BYTES         128

struct answer {
    bool used;
    enum trivet_remote_question question;
    char name[NAME_BYTES];
    uint64_t version;
    bool wanted; /* asked for since the last fetch began */
    bool fetching;
    int64_t fetched_ns; /* 0 = never */
    int64_t read_ns;    /* when somebody wanted it last */
    enum trivet_status status;
    struct trivet_error error; /* unless OK */
    struct trivet_buffer body;
};

struct trivet_monitor_remote {
    pthread_mutex_t lock; /* all but the caller */
    pthread_cond_t wanted;
    pthread_cond_t fetched;
    bool stopping;
    int64_t call_began_ns; /* 0 = none on its way */
    struct answer answers[TRIVET_REMOTE_ANSWERS_MAX];
    struct trivet_remote_stats stats;
    pthread_t thread;
    struct trivet_remote_caller caller; /* the thread's */
};

static void answer_drop(struct answer *answer)
{
    trivet_buffer_release(&answer->body);
    *answer = (struct answer){0};
}

/* Under the lock, as all up to the thread. */
static struct answer *find(struct trivet_monitor_remote *remote,
                           enum trivet_remote_question question, const char *name, uint64_t version)
{
    for (size_t i = 0; i < TRIVET_REMOTE_ANSWERS_MAX; i++) {
        struct answer *at = &remote->answers[i];
        if (at->used && at->question == question && at->version == version &&
            strcmp(at->name, name) == 0) {
            return at;
        }
    }
    return NULL;
}

/* The one to give up for another, not `keep`; NULL when all are being fetched. */
static struct answer *oldest(struct trivet_monitor_remote *remote, const struct answer *keep)
{
    struct answer *oldest = NULL;
    for (size_t i = 0; i < TRIVET_REMOTE_ANSWERS_MAX; i++) {
        struct answer *at = &remote->answers[i];
        if (at->used && !at->fetching && at != keep &&
            (oldest == NULL || at->read_ns < oldest->read_ns)) {
            oldest = at;
        }
    }
    return oldest;
}

static struct answer *make(struct trivet_monitor_remote *remote,
                           enum trivet_remote_question question, const char *name, uint64_t version)
{
    struct answer *place = NULL;
    for (size_t i = 0; i < TRIVET_REMOTE_ANSWERS_MAX && place == NULL; i++) {
        place = remote->answers[i].used ? NULL : &remote->answers[i];
    }
    place = place != NULL ? place : oldest(remote, NULL);
    if (place != NULL) {
        answer_drop(place);
        place->used = true;
        place->question = question;
        place->version = version;
        (void)trivet_text_copy(place->name, sizeof(place->name), name);
    }
    return place;
}

static size_t bytes_kept(const struct trivet_monitor_remote *remote)
{
    size_t n_bytes = 0;
    for (size_t i = 0; i < TRIVET_REMOTE_ANSWERS_MAX; i++) {
        n_bytes += remote->answers[i].body.capacity_bytes;
    }
    return n_bytes;
}

/* The one that was wanted last: a reader that waits has it soon. */
static struct answer *next_wanted(struct trivet_monitor_remote *remote)
{
    struct answer *next = NULL;
    for (size_t i = 0; i < TRIVET_REMOTE_ANSWERS_MAX; i++) {
        struct answer *at = &remote->answers[i];
        if (at->used && at->wanted && (next == NULL || at->read_ns > next->read_ns)) {
            next = at;
        }
    }
    return next;
}

/* The lock is given back for the call. */
static void fetch(struct trivet_monitor_remote *remote, struct answer *answer)
{
    struct trivet_buffer body = {0};
    struct trivet_error err = {0};
    answer->fetching = true;
    answer->wanted = false;
    remote->call_began_ns = trivet_clock_monotonic_ns();
    pthread_mutex_unlock(&remote->lock);
    enum trivet_status status = trivet_remote_ask(&remote->caller, answer->question, answer->name,
                                                  answer->version, &body, &err);
    pthread_mutex_lock(&remote->lock);
    remote->call_began_ns = 0;
    remote->stats.calls = remote->caller.calls;
    remote->stats.calls_failed = remote->caller.calls_failed;
    answer->fetching = false;
    answer->fetched_ns = trivet_clock_monotonic_ns();
    answer->status = status;
    answer->error = err;
    trivet_buffer_release(&answer->body);
    answer->body = body;
    struct answer *old = NULL;
    while (bytes_kept(remote) > TRIVET_REMOTE_ANSWER_BYTES_MAX &&
           (old = oldest(remote, answer)) != NULL) {
        answer_drop(old);
    }
    pthread_cond_broadcast(&remote->fetched);
}

static void *ask_for_all(void *arg)
{
    struct trivet_monitor_remote *remote = arg;
    pthread_mutex_lock(&remote->lock);
    while (!remote->stopping) {
        struct answer *answer = next_wanted(remote);
        if (answer != NULL) {
            fetch(remote, answer);
        } else {
            (void)pthread_cond_wait(&remote->wanted, &remote->lock);
        }
    }
    pthread_mutex_unlock(&remote->lock);
    return NULL;
}

static bool is_fresh(const struct answer *answer)
{
    return answer->fetched_ns != 0 &&
           trivet_clock_monotonic_ns() - answer->fetched_ns <= TRIVET_REMOTE_FRESH_NS;
}

/* Until the answer is fresh, or patience ends: at once when a call has been on its way for long. */
static void wait_for(struct trivet_monitor_remote *remote, enum trivet_remote_question question,
                     const char *name, uint64_t version)
{
    int64_t now_ns = trivet_clock_monotonic_ns();
    int64_t began_ns = remote->call_began_ns != 0 ? remote->call_began_ns : now_ns;
    int64_t deadline_ns = began_ns + TRIVET_REMOTE_PATIENCE_NS;
    struct timespec until = trivet_clock_timespec(deadline_ns);
    const struct answer *answer = find(remote, question, name, version);
    while (answer != NULL && !is_fresh(answer) && !remote->stopping &&
           trivet_clock_monotonic_ns() < deadline_ns) {
        (void)pthread_cond_timedwait(&remote->fetched, &remote->lock, &until);
        answer = find(remote, question, name, version); /* it may have been evicted */
    }
}

enum trivet_status trivet_monitor_remote_get(struct trivet_monitor_remote *remote,
                                             enum trivet_remote_question question, const char *name,
                                             uint64_t version, struct trivet_buffer *out,
                                             struct trivet_error *err)
{
    if (strlen(name) >= NAME_BYTES) {
        return trivet_error_set(err, TRIVET_NOT_FOUND, "a name has at most %d bytes",
                                NAME_BYTES - 1);
    }
    enum trivet_status status = TRIVET_OK;
    pthread_mutex_lock(&remote->lock);
    struct answer *answer = find(remote, question, name, version);
    answer = answer != NULL ? answer : make(remote, question, name, version);
    if (answer != NULL) {
        answer->read_ns = trivet_clock_monotonic_ns();
        if (!is_fresh(answer)) {
            answer->wanted = !answer->fetching;
            pthread_cond_signal(&remote->wanted);
            wait_for(remote, question, name, version);
            answer = find(remote, question, name, version);
        }
    }
    if (answer == NULL || answer->fetched_ns == 0) {
        status = trivet_error_set(err, TRIVET_UNAVAILABLE,
                                  "the servers have not answered yet; ask again in a second");
    } else if (answer->status != TRIVET_OK) {
        status = answer->status;
        *err = answer->error;
    } else {
        status = trivet_buffer_append(out, answer->body.data, answer->body.n_bytes, err);
    }
    pthread_mutex_unlock(&remote->lock);
    return status;
}

void trivet_monitor_remote_stats(struct trivet_monitor_remote *remote,
                                 struct trivet_remote_stats *out)
{
    pthread_mutex_lock(&remote->lock);
    *out = remote->stats;
    out->answer_bytes = bytes_kept(remote);
    for (size_t i = 0; i < TRIVET_REMOTE_ANSWERS_MAX; i++) {
        out->answers += remote->answers[i].used;
    }
    pthread_mutex_unlock(&remote->lock);
}

static void release(struct trivet_monitor_remote *remote)
{
    for (size_t i = 0; i < TRIVET_REMOTE_ANSWERS_MAX; i++) {
        answer_drop(&remote->answers[i]);
    }
    trivet_remote_caller_release(&remote->caller);
    pthread_cond_destroy(&remote->fetched);
    pthread_cond_destroy(&remote->wanted);
    pthread_mutex_destroy(&remote->lock);
    trivet_free(remote);
}

enum trivet_status trivet_monitor_remote_start(struct trivet_monitor *monitor,
                                               struct trivet_monitor_remote **out,
                                               struct trivet_error *err)
{
    struct trivet_monitor_remote *remote = trivet_calloc(1, sizeof(*remote));
    if (remote == NULL) {
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "out of memory for the pages");
    }
    remote->caller.monitor = monitor;
    remote->caller.arena = trivet_arena_create(ARENA_BUDGET_BYTES, ARENA_KEEP_BYTES);
    pthread_mutex_init(&remote->lock, NULL);
    trivet_clock_init_condition(&remote->wanted);
    trivet_clock_init_condition(&remote->fetched);
    if (remote->caller.arena == NULL ||
        pthread_create(&remote->thread, NULL, ask_for_all, remote) != 0) {
        release(remote);
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "no thread to ask the servers");
    }
    *out = remote;
    return TRIVET_OK;
}

void trivet_monitor_remote_stop(struct trivet_monitor_remote *remote)
{
    if (remote == NULL) {
        return;
    }
    pthread_mutex_lock(&remote->lock);
    remote->stopping = true;
    remote->caller.stopping = true;
    pthread_cond_signal(&remote->wanted);
    pthread_cond_broadcast(&remote->fetched);
    pthread_mutex_unlock(&remote->lock);
    (void)pthread_join(remote->thread, NULL);
    release(remote);
}
