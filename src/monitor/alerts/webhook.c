#include "monitor/alerts/webhook.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#define CONNECT_TIMEOUT_MS 3000L
#define TIMEOUT_MS         10000L
#define PAUSE_NS_MIN       TRIVET_NS_PER_S
#define PAUSE_NS_MAX       (60 * TRIVET_NS_PER_S)
/* The queue is looked at so often even if nobody says that it has grown. */
#define IDLE_NS (5 * TRIVET_NS_PER_S)
/* Of an answer nothing but the status is of use. */
#define REPLY_BYTES_MAX ((size_t)64 << 10)
#define REFUSALS_MAX    3
#define SHOWN_BYTES     320

struct trivet_webhook {
    struct trivet_outbox *outbox;
    const char *url;         /* borrowed */
    char shown[SHOWN_BYTES]; /* what of it may be told */
    CURL *curl;              /* the thread's, as the two that follow */
    size_t reply_bytes;
    unsigned n_refusals; /* of the message in hand */
    struct curl_slist *headers;
    pthread_t thread;
    atomic_bool stopping; /* set under the lock, read by libcurl's callback without it */
    pthread_mutex_t lock; /* everything below */
    pthread_cond_t wake;
    bool grown;
    uint64_t delivered;
    uint64_t failed;
    uint64_t refused;
    char message[256];
};

enum outcome { DELIVERED, FAILED, REFUSED };

/* What does not end is broken off. */
static size_t count_reply(char *data, size_t size, size_t n, void *context)
{
    struct trivet_webhook *webhook = context;
    (void)data;
    webhook->reply_bytes += size * n;
    return webhook->reply_bytes <= REPLY_BYTES_MAX ? size * n : 0;
}

static int check_stopping(void *context, curl_off_t down, curl_off_t down_now, curl_off_t up,
                          curl_off_t up_now)
{
    (void)down;
    (void)down_now;
    (void)up;
    (void)up_now;
    return atomic_load(&((struct trivet_webhook *)context)->stopping);
}

/* Whether it is the message that the peer will never take. Others may pass: of the address or the
 * access (which somebody has to put right), and of load. */
static bool refuses_message(long code)
{
    static const long others[] = {401, 403, 404, 405, 407, 408, 410, 421, 425, 429};
    bool refuses = code >= 400 && code < 500;
    for (size_t i = 0; i < TRIVET_ARRAY_COUNT(others); i++) {
        refuses = refuses && code != others[i];
    }
    return refuses;
}

/* `why` when it was not answered by 2xx. */
static enum outcome post(struct trivet_webhook *webhook, const struct trivet_buffer *body,
                         char *why, size_t why_bytes)
{
    char words[CURL_ERROR_SIZE] = "";
    long code = 0;
    CURL *curl = webhook->curl;
    webhook->reply_bytes = 0;
    (void)curl_easy_setopt(curl, CURLOPT_POSTFIELDS, (const char *)body->data);
    (void)curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body->n_bytes);
    (void)curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, words);
    CURLcode done = curl_easy_perform(curl);
    (void)curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, NULL);
    /* An answer that was too long has told its status. */
    if (done != CURLE_OK && webhook->reply_bytes <= REPLY_BYTES_MAX) {
        (void)trivet_text_format(why, why_bytes, "%s",
                                 words[0] != '\0' ? words : curl_easy_strerror(done));
        return FAILED;
    }
    (void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &code);
    (void)trivet_text_format(why, why_bytes, "answered by HTTP %ld", code);
    if (code >= 200 && code < 300) {
        return DELIVERED;
    }
    return refuses_message(code) ? REFUSED : FAILED;
}

/* Until `pause_ns` is over, or, with `or_grown`, the queue has grown. False when it is time to end.
 */
static bool wait_for(struct trivet_webhook *webhook, int64_t pause_ns, bool or_grown)
{
    int64_t until_ns = trivet_clock_monotonic_ns() + pause_ns;
    struct timespec until = trivet_clock_timespec(until_ns);
    pthread_mutex_lock(&webhook->lock);
    while (!atomic_load(&webhook->stopping) && !(or_grown && webhook->grown) &&
           trivet_clock_monotonic_ns() < until_ns) {
        (void)pthread_cond_timedwait(&webhook->wake, &webhook->lock, &until);
    }
    webhook->grown = false;
    bool goes_on = !atomic_load(&webhook->stopping);
    pthread_mutex_unlock(&webhook->lock);
    return goes_on;
}

static void note(struct trivet_webhook *webhook, bool delivered, const char *why)
{
    pthread_mutex_lock(&webhook->lock);
    bool changed = delivered ? webhook->message[0] != '\0' : webhook->message[0] == '\0';
    webhook->delivered += delivered;
    webhook->failed += !delivered;
    (void)trivet_text_copy(webhook->message, sizeof(webhook->message), delivered ? "" : why);
    pthread_mutex_unlock(&webhook->lock);
    if (changed && delivered) {
        trivet_log(TRIVET_LOG_INFO, "webhook_delivers", "url=%s", webhook->shown);
    } else if (changed) {
        trivet_log(TRIVET_LOG_WARN, "webhook_failed", "url=%s message=%s", webhook->shown, why);
    }
}

/* The message in hand is given up, or not yet. */
static bool gives_up(struct trivet_webhook *webhook, enum outcome outcome, const char *why)
{
    webhook->n_refusals = outcome == REFUSED ? webhook->n_refusals + 1 : 0;
    if (webhook->n_refusals < REFUSALS_MAX) {
        return false;
    }
    webhook->n_refusals = 0;
    trivet_log(TRIVET_LOG_ERROR, "webhook_message_given_up", "url=%s message=%s", webhook->shown,
               why);
    pthread_mutex_lock(&webhook->lock);
    webhook->refused++;
    pthread_mutex_unlock(&webhook->lock);
    return true;
}

/* One turn: the oldest message. What to wait before the next; 0 = nothing. */
static int64_t turn(struct trivet_webhook *webhook, int64_t pause_ns, bool *idle)
{
    struct trivet_buffer body = {0};
    struct trivet_error err;
    char why[sizeof(webhook->message)] = "";
    bool found = false;
    bool done = false;
    enum trivet_status status = trivet_outbox_next(webhook->outbox, &body, &found, &err);
    *idle = status == TRIVET_OK && !found;
    if (found) {
        enum outcome outcome = post(webhook, &body, why, sizeof(why));
        note(webhook, outcome == DELIVERED, why);
        done = outcome == DELIVERED || gives_up(webhook, outcome, why);
    } else if (status != TRIVET_OK) {
        note(webhook, false, err.message);
    }
    if (done) {
        trivet_outbox_done(webhook->outbox);
    }
    trivet_buffer_release(&body);
    if (*idle || done) {
        return 0;
    }
    int64_t longer_ns = pause_ns == 0 ? PAUSE_NS_MIN : pause_ns * 2;
    return longer_ns < PAUSE_NS_MAX ? longer_ns : PAUSE_NS_MAX;
}

static void *deliver(void *arg)
{
    struct trivet_webhook *webhook = arg;
    int64_t pause_ns = 0;
    bool idle = false;
    do {
        pause_ns = turn(webhook, pause_ns, &idle);
    } while (wait_for(webhook, idle ? IDLE_NS : pause_ns, idle));
    return NULL;
}

static void release(struct trivet_webhook *webhook)
{
    curl_slist_free_all(webhook->headers);
    curl_easy_cleanup(webhook->curl);
    pthread_cond_destroy(&webhook->wake);
    pthread_mutex_destroy(&webhook->lock);
    trivet_free(webhook);
    curl_global_cleanup();
}

static bool set_up(struct trivet_webhook *webhook)
{
    webhook->curl = curl_easy_init();
    webhook->headers = curl_slist_append(NULL, "Content-Type: application/json");
    CURL *curl = webhook->curl;
    return curl != NULL && webhook->headers != NULL &&
           curl_easy_setopt(curl, CURLOPT_URL, webhook->url) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_HTTPHEADER, webhook->headers) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_USERAGENT, "trivet-monitor/" TRIVET_VERSION) ==
               CURLE_OK &&
           /* No signals: this is not the main thread. */
           curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_TIMEOUT_MS) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, TIMEOUT_MS) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, count_reply) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_WRITEDATA, webhook) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, check_stopping) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_XFERINFODATA, webhook) == CURLE_OK;
}

/* Scheme, host and port. False when it is no address. */
static bool show(struct trivet_webhook *webhook)
{
    CURLU *parts = curl_url();
    char *scheme = NULL;
    char *host = NULL;
    char *port = NULL;
    bool fine = parts != NULL && curl_url_set(parts, CURLUPART_URL, webhook->url, 0) == CURLUE_OK &&
                curl_url_get(parts, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
                curl_url_get(parts, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
                curl_url_get(parts, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) == CURLUE_OK &&
                (strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0);
    if (fine) {
        (void)trivet_text_format(webhook->shown, sizeof(webhook->shown), "%s://%s:%s/...", scheme,
                                 host, port);
    }
    curl_free(scheme);
    curl_free(host);
    curl_free(port);
    curl_url_cleanup(parts);
    return fine;
}

enum trivet_status trivet_webhook_start(struct trivet_outbox *outbox, const char *url,
                                        struct trivet_webhook **out, struct trivet_error *err)
{
    struct trivet_webhook *webhook = trivet_calloc(1, sizeof(*webhook));
    if (webhook == NULL || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        trivet_free(webhook);
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "out of memory for the webhook");
    }
    webhook->outbox = outbox;
    webhook->url = url;
    pthread_mutex_init(&webhook->lock, NULL);
    trivet_clock_init_condition(&webhook->wake);
    if ((strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8) != 0) || !show(webhook)) {
        release(webhook);
        /* Without the address: it may hold a password. */
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "the webhook's address is none of http:// or https://");
    }
    if (!set_up(webhook) || pthread_create(&webhook->thread, NULL, deliver, webhook) != 0) {
        release(webhook);
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "no room for the webhook");
    }
    *out = webhook;
    return TRIVET_OK;
}

void trivet_webhook_wake(struct trivet_webhook *webhook)
{
    pthread_mutex_lock(&webhook->lock);
    webhook->grown = true;
    pthread_cond_signal(&webhook->wake);
    pthread_mutex_unlock(&webhook->lock);
}

void trivet_webhook_state(struct trivet_webhook *webhook, struct trivet_webhook_state *out)
{
    struct trivet_outbox_state queue;
    trivet_outbox_state(webhook->outbox, &queue);
    pthread_mutex_lock(&webhook->lock);
    *out = (struct trivet_webhook_state){
        .delivered = webhook->delivered,
        .failed = webhook->failed,
        .refused = webhook->refused,
        .waiting = queue.waiting,
        .held = queue.held,
        .dropped = queue.dropped,
    };
    memcpy(out->message, webhook->message, sizeof(out->message));
    pthread_mutex_unlock(&webhook->lock);
}

void trivet_webhook_stop(struct trivet_webhook *webhook)
{
    if (webhook == NULL) {
        return;
    }
    pthread_mutex_lock(&webhook->lock);
    atomic_store(&webhook->stopping, true);
    pthread_cond_signal(&webhook->wake);
    pthread_mutex_unlock(&webhook->lock);
    (void)pthread_join(webhook->thread, NULL);
    release(webhook);
}
