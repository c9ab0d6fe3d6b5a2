#include "monitor/loop/totals.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "monitor/loop/calls.h"

#include <pthread.h>

struct trivet_loop_totals {
    struct trivet_loop_client client; /* of who makes the call */
    pthread_mutex_t lock;             /* all below */
    pthread_cond_t ended;             /* a call, or everything */
    bool calling;
    bool stopping;
    bool asked; /* once at least: what follows is the outcome of the last call */
    int64_t asked_ns;
    struct trivet_loop_answer *last; /* NULL: it failed, with `err` */
    struct trivet_error err;
};

enum trivet_status trivet_loop_totals_create(const char *url, struct trivet_loop_totals **out,
                                             struct trivet_error *err)
{
    struct trivet_loop_totals *totals = trivet_calloc(1, sizeof(*totals));
    if (totals == NULL) {
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "out of memory for the loop");
    }
    enum trivet_status status = trivet_loop_client_init(&totals->client, url, err);
    if (status != TRIVET_OK) {
        trivet_free(totals);
        return status;
    }
    pthread_mutex_init(&totals->lock, NULL);
    pthread_cond_init(&totals->ended, NULL);
    *out = totals;
    return TRIVET_OK;
}

void trivet_loop_totals_stop(struct trivet_loop_totals *totals)
{
    if (totals == NULL) {
        return;
    }
    atomic_store(&totals->client.stopping, true);
    pthread_mutex_lock(&totals->lock);
    totals->stopping = true;
    pthread_cond_broadcast(&totals->ended);
    pthread_mutex_unlock(&totals->lock);
}

/* Under the lock. */
static void unref(struct trivet_loop_answer *answer)
{
    if (answer != NULL && --answer->n_refs == 0) {
        trivet_arena_free(answer->arena);
        trivet_free(answer);
    }
}

void trivet_loop_totals_free(struct trivet_loop_totals *totals)
{
    if (totals == NULL) {
        return;
    }
    unref(totals->last);
    trivet_loop_client_release(&totals->client);
    pthread_cond_destroy(&totals->ended);
    pthread_mutex_destroy(&totals->lock);
    trivet_free(totals);
}

/* The one call of now; without the lock. The answer takes the client's arena along. */
static enum trivet_status call(struct trivet_loop_client *client, struct trivet_loop_answer **out,
                               struct trivet_error *err)
{
    const Trivet__V1__StatsResponse *stats = NULL;
    struct trivet_loop_answer *answer = trivet_calloc(1, sizeof(*answer));
    struct trivet_arena *next = trivet_loop_client_arena();
    enum trivet_status status =
        answer == NULL || next == NULL
            ? trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "out of memory for the loop")
            : trivet_loop_ask_totals(client, &stats, err);
    if (status != TRIVET_OK) {
        trivet_arena_free(next);
        trivet_free(answer);
        trivet_arena_reset(client->arena);
        return status;
    }
    *answer = (struct trivet_loop_answer){.stats = stats, .arena = client->arena, .n_refs = 1};
    client->arena = next;
    *out = answer;
    return TRIVET_OK;
}

/* Under the lock, which is let go of meanwhile. */
static void call_for_all(struct trivet_loop_totals *totals)
{
    struct trivet_loop_answer *answer = NULL;
    struct trivet_error err = {0};
    const int64_t asked_ns = trivet_clock_monotonic_ns();
    totals->calling = true;
    pthread_mutex_unlock(&totals->lock);
    const enum trivet_status status = call(&totals->client, &answer, &err);
    pthread_mutex_lock(&totals->lock);
    totals->calling = false;
    totals->asked = true;
    totals->asked_ns = asked_ns;
    unref(totals->last);
    totals->last = answer;
    if (status != TRIVET_OK) {
        totals->err = err;
    }
    pthread_cond_broadcast(&totals->ended);
}

enum trivet_status trivet_loop_totals_get(struct trivet_loop_totals *totals, int64_t age_ns,
                                          struct trivet_loop_answer **out, struct trivet_error *err)
{
    enum trivet_status status = TRIVET_OK;
    const int64_t since_ns = trivet_clock_monotonic_ns() - age_ns;
    pthread_mutex_lock(&totals->lock);
    while (!totals->stopping && !(totals->asked && totals->asked_ns >= since_ns)) {
        if (totals->calling) {
            (void)pthread_cond_wait(&totals->ended, &totals->lock);
        } else {
            call_for_all(totals);
        }
    }
    if (totals->stopping) {
        status = trivet_error_set(err, TRIVET_CANCELLED, "the monitor ends");
    } else if (totals->last == NULL) {
        *err = totals->err;
        status = err->status;
    } else {
        totals->last->n_refs++;
        *out = totals->last;
    }
    pthread_mutex_unlock(&totals->lock);
    return status;
}

void trivet_loop_totals_give_back(struct trivet_loop_totals *totals,
                                  struct trivet_loop_answer *answer)
{
    pthread_mutex_lock(&totals->lock);
    unref(answer);
    pthread_mutex_unlock(&totals->lock);
}
