#include "rpc/dispatch.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/text.h"
#include "rpc/dispatch_internal.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define METHODS_MAX       64
#define METHOD_NAME_BYTES 96
/* What a call may use for each byte of its request: a one-byte varint becomes a 4-byte code, a row
 * status, an output and a feature; an empty sub-message 40 bytes. */
#define ARENA_BYTES_PER_BYTE 48
#define ARENA_BYTES_BASE     (4u << 20)
#define ARENA_KEEP_BYTES     (32u << 10)

struct entry {
    char name[METHOD_NAME_BYTES]; /* "trivet.v1.Prediction/Predict" */
    const ProtobufCMethodDescriptor *descriptor;
    const struct trivet_method *method;
    void *service;
};

struct trivet_dispatch {
    struct trivet_dispatch_options options;
    struct entry entries[METHODS_MAX]; /* sorted by name once frozen; read-only while serving */
    size_t n_entries;
    pthread_mutex_t lock;
    pthread_cond_t idle;
    struct trivet_call *calls;      /* all of them; calls_max */
    struct trivet_call *free_calls; /* lock */
    size_t n_in_hand;               /* lock */
    size_t bytes_in_hand;           /* lock */
    atomic_bool draining;
};

/* --- building -------------------------------------------------------------------------------- */

enum trivet_status trivet_dispatch_create(const struct trivet_dispatch_options *options,
                                          struct trivet_dispatch **out, struct trivet_error *err)
{
    struct trivet_dispatch *dispatch = trivet_calloc(1, sizeof(*dispatch));
    if (dispatch == NULL) {
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "out of memory");
    }
    dispatch->options = *options;
    pthread_mutex_init(&dispatch->lock, NULL);
    trivet_clock_init_condition(&dispatch->idle);
    dispatch->calls = trivet_calloc(options->calls_max, sizeof(*dispatch->calls));
    for (size_t i = 0; dispatch->calls != NULL && i < options->calls_max; i++) {
        struct trivet_call *call = &dispatch->calls[i];
        call->dispatch = dispatch;
        call->next_free = dispatch->free_calls;
        dispatch->free_calls = call;
    }
    if (dispatch->calls == NULL) {
        trivet_dispatch_free(dispatch);
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "out of memory");
    }
    *out = dispatch;
    return TRIVET_OK;
}

void trivet_dispatch_free(struct trivet_dispatch *dispatch)
{
    if (dispatch == NULL) {
        return;
    }
    for (size_t i = 0; dispatch->calls != NULL && i < dispatch->options.calls_max; i++) {
        trivet_arena_free(dispatch->calls[i].arena);
    }
    trivet_free(dispatch->calls);
    pthread_cond_destroy(&dispatch->idle);
    pthread_mutex_destroy(&dispatch->lock);
    trivet_free(dispatch);
}

static int compare_entries(const void *a, const void *b)
{
    const struct entry *left = a;
    const struct entry *right = b;
    return strcmp(left->name, right->name);
}

static const struct trivet_method *find_row(const struct trivet_method *rows, const char *name)
{
    for (; rows->name != NULL; rows++) {
        if (strcmp(rows->name, name) == 0) {
            return rows;
        }
    }
    return NULL;
}

static size_t count_rows(const struct trivet_method *rows)
{
    size_t count = 0;
    while (rows[count].name != NULL) {
        count++;
    }
    return count;
}

enum trivet_status trivet_dispatch_add(struct trivet_dispatch *dispatch,
                                       const ProtobufCServiceDescriptor *descriptor,
                                       const struct trivet_method *rows, void *service,
                                       struct trivet_error *err)
{
    if (count_rows(rows) != descriptor->n_methods ||
        dispatch->n_entries + descriptor->n_methods > METHODS_MAX) {
        return trivet_error_set(err, TRIVET_INTERNAL, "%s has %u methods, its table %zu rows",
                                descriptor->name, descriptor->n_methods, count_rows(rows));
    }
    for (unsigned i = 0; i < descriptor->n_methods; i++) {
        const ProtobufCMethodDescriptor *method = &descriptor->methods[i];
        struct entry *entry = &dispatch->entries[dispatch->n_entries];
        entry->method = find_row(rows, method->name);
        if (entry->method == NULL) {
            return trivet_error_set(err, TRIVET_INTERNAL, "no row for %s/%s", descriptor->name,
                                    method->name);
        }
        entry->descriptor = method;
        entry->service = service;
        if (!trivet_text_format(entry->name, sizeof(entry->name), "%s/%s", descriptor->name,
                                method->name)) {
            return trivet_error_set(err, TRIVET_INTERNAL, "the name %s is too long", method->name);
        }
        dispatch->n_entries++;
    }
    qsort(dispatch->entries, dispatch->n_entries, sizeof(dispatch->entries[0]), compare_entries);
    return TRIVET_OK;
}

/* --- serving --------------------------------------------------------------------------------- */

static int compare_name(const void *name, const void *entry)
{
    return strcmp(name, ((const struct entry *)entry)->name);
}

static enum trivet_status unknown_method(const struct trivet_dispatch *dispatch, const char *name,
                                         struct trivet_error *err)
{
    const char *slash = strchr(name, '/');
    size_t service_bytes = slash == NULL ? 0 : (size_t)(slash - name) + 1;
    char known[TRIVET_ERROR_MESSAGE_BYTES / 2] = "";
    size_t used = 0;
    for (size_t i = 0; service_bytes > 0 && i < dispatch->n_entries; i++) {
        const char *entry = dispatch->entries[i].name;
        if (strncmp(entry, name, service_bytes) == 0 &&
            trivet_text_format(known + used, sizeof(known) - used, "%s%s", used > 0 ? ", " : "",
                               entry + service_bytes)) {
            used = strlen(known);
        }
    }
    if (used > 0) {
        return trivet_error_set(err, TRIVET_UNIMPLEMENTED,
                                "no method '%.80s'; this service has: %s", name, known);
    }
    return trivet_error_set(err, TRIVET_UNIMPLEMENTED,
                            "no method '%.80s'; a method is named like "
                            "trivet.v1.Prediction/Predict, and the services are Prediction, "
                            "Training, Evaluation, Datasets, Models, Feedback and Server",
                            name);
}

static bool is_health(const struct trivet_method *method)
{
    return strcmp(method->name, "Live") == 0 || strcmp(method->name, "Ready") == 0;
}

enum trivet_status trivet_dispatch_find(struct trivet_call *call,
                                        const ProtobufCMessageDescriptor **request_type,
                                        struct trivet_error *err)
{
    struct trivet_dispatch *dispatch = call->dispatch;
    const char *name = call->header->method;
    const struct entry *entry = bsearch(name, dispatch->entries, dispatch->n_entries,
                                        sizeof(dispatch->entries[0]), compare_name);
    if (entry == NULL) {
        return unknown_method(dispatch, name, err);
    }
    call->method_name = entry->name;
    if (trivet_dispatch_is_draining(dispatch) && !is_health(entry->method)) {
        return trivet_error_set(err, TRIVET_UNAVAILABLE, "the server is shutting down");
    }
    call->method = entry->method;
    call->service = entry->service;
    call->response_type = entry->descriptor->output;
    *request_type = entry->descriptor->input;
    return TRIVET_OK;
}

/* A call object for the exchange, NULL when all are in hand; *too_many: the bytes in hand now
 * exceed their limit. */
static struct trivet_call *take_call(struct trivet_dispatch *dispatch,
                                     const struct trivet_exchange *exchange, bool *too_many)
{
    pthread_mutex_lock(&dispatch->lock);
    struct trivet_call *call = dispatch->free_calls;
    if (call != NULL) {
        dispatch->free_calls = call->next_free;
        dispatch->n_in_hand++;
        dispatch->bytes_in_hand += exchange->n_bytes;
    }
    *too_many = dispatch->bytes_in_hand > dispatch->options.request_bytes_in_hand_max;
    pthread_mutex_unlock(&dispatch->lock);
    return call;
}

/* Each call has its arena from its first use on: most servers never have so many calls in hand, and
 * a start would take milliseconds for the pages. */
static bool has_arena(struct trivet_call *call)
{
    const struct trivet_dispatch_options *options = &call->dispatch->options;
    if (call->arena == NULL) {
        call->arena = trivet_arena_create(
            ARENA_BYTES_BASE + options->frame_bytes_max * ARENA_BYTES_PER_BYTE, ARENA_KEEP_BYTES);
    }
    return call->arena != NULL;
}

static void reset_call(struct trivet_call *call, struct trivet_exchange *exchange)
{
    struct trivet_call fresh = {
        .dispatch = call->dispatch,
        .arena = call->arena,
        .exchange = exchange,
        .state = TRIVET_CALL_RECEIVED,
        .timings = TRIVET__V1__TIMINGS__INIT,
    };
    *call = fresh;
}

void trivet_dispatch_on_request(void *ctx, struct trivet_exchange *exchange)
{
    struct trivet_dispatch *dispatch = ctx;
    bool too_many = false;
    struct trivet_call *call = take_call(dispatch, exchange, &too_many);
    if (call == NULL) {
        /* The listener has as many exchanges as there are calls: only reached by a wrong set-up;
         * the caller's own timeout tells it. */
        exchange->ops->send(exchange);
        return;
    }
    reset_call(call, exchange);
    struct trivet_error err;
    if (exchange->n_bytes > dispatch->options.frame_bytes_max) {
        (void)trivet_error_set(&err, TRIVET_INVALID_ARGUMENT,
                               "the frame has %zu bytes, %zu are allowed; send fewer rows per call",
                               exchange->n_bytes, dispatch->options.frame_bytes_max);
        trivet_call_fail(call, &err);
    } else if (too_many) {
        (void)trivet_error_set(&err, TRIVET_RESOURCE_EXHAUSTED,
                               "the requests in hand exceed %zu bytes; try again later",
                               dispatch->options.request_bytes_in_hand_max);
        trivet_call_fail(call, &err);
    } else if (!has_arena(call)) {
        (void)trivet_error_set(&err, TRIVET_RESOURCE_EXHAUSTED,
                               "out of memory for a call; try again later");
        trivet_call_fail(call, &err);
    } else {
        trivet_call_start(call);
    }
}

void trivet_dispatch_end(struct trivet_call *call, enum trivet_status status)
{
    struct trivet_dispatch *dispatch = call->dispatch;
    struct trivet_exchange *exchange = call->exchange;
    size_t n_bytes = exchange->n_bytes;
    trivet_totals_add_call(dispatch->options.totals, call->method_name, status);
    if (call->arena != NULL) {
        trivet_arena_reset(call->arena);
    }
    /* Back on the list before the send: the transport may have the next request by then. */
    pthread_mutex_lock(&dispatch->lock);
    call->next_free = dispatch->free_calls;
    dispatch->free_calls = call;
    dispatch->n_in_hand--;
    dispatch->bytes_in_hand -= n_bytes;
    if (dispatch->n_in_hand == 0) {
        pthread_cond_broadcast(&dispatch->idle);
    }
    pthread_mutex_unlock(&dispatch->lock);
    exchange->ops->send(exchange);
}

struct trivet_executor *trivet_dispatch_executor(struct trivet_dispatch *dispatch)
{
    return dispatch->options.executor;
}

size_t trivet_dispatch_in_hand(struct trivet_dispatch *dispatch)
{
    pthread_mutex_lock(&dispatch->lock);
    size_t n = dispatch->n_in_hand;
    pthread_mutex_unlock(&dispatch->lock);
    return n;
}

bool trivet_dispatch_is_draining(const struct trivet_dispatch *dispatch)
{
    return atomic_load_explicit(&dispatch->draining, memory_order_acquire);
}

bool trivet_dispatch_drain(struct trivet_dispatch *dispatch, int64_t deadline_ns)
{
    struct timespec until = trivet_clock_timespec(deadline_ns);
    pthread_mutex_lock(&dispatch->lock);
    atomic_store_explicit(&dispatch->draining, true, memory_order_release);
    int rc = 0;
    while (dispatch->n_in_hand > 0 && rc == 0) {
        rc = pthread_cond_timedwait(&dispatch->idle, &dispatch->lock, &until);
    }
    bool idle = dispatch->n_in_hand == 0;
    pthread_mutex_unlock(&dispatch->lock);
    return idle;
}
