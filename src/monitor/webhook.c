#include "monitor/webhook.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "monitor/history_alerts.h"

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

struct trivet_webhook {
    struct trivet_history *history;
    const char *url; /* borrowed */
    CURL *curl;      /* the thread's */
    struct curl_slist *headers;
    pthread_t thread;
    atomic_bool stopping; /* set under the lock, read by libcurl's callback without it */
    pthread_mutex_t lock; /* everything below */
    pthread_cond_t wake;
    bool grown;
    uint64_t delivered;
    uint64_t failed;
    char message[256];
};

static size_t ignore_reply(char *data, size_t size, size_t n, void *context)
{
    (void)data;
    (void)context;
    return size * n;
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

/* True when it was answered by 2xx; else `why`. */
static bool post(struct trivet_webhook *webhook, const struct trivet_buffer *body, char *why,
                 size_t why_bytes)
{
    char words[CURL_ERROR_SIZE] = "";
    long code = 0;
    CURL *curl = webhook->curl;
    (void)curl_easy_setopt(curl, CURLOPT_POSTFIELDS, (const char *)body->data);
    (void)curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body->n_bytes);
    (void)curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, words);
    CURLcode done = curl_easy_perform(curl);
    (void)curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, NULL);
    if (done != CURLE_OK) {
        (void)trivet_text_format(why, why_bytes, "%s",
                                 words[0] != '\0' ? words : curl_easy_strerror(done));
        return false;
    }
    (void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &code);
    (void)trivet_text_format(why, why_bytes, "answered by HTTP %ld", code);
    return code >= 200 && code < 300;
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
        trivet_log(TRIVET_LOG_INFO, "webhook_delivers", "url=%s", webhook->url);
    } else if (changed) {
        trivet_log(TRIVET_LOG_WARN, "webhook_failed", "url=%s message=%s", webhook->url, why);
    }
}

/* One turn: the oldest message. What to wait before the next; 0 = nothing. */
static int64_t turn(struct trivet_webhook *webhook, int64_t pause_ns, bool *idle)
{
    struct trivet_buffer body = {0};
    struct trivet_error err;
    char why[sizeof(webhook->message)] = "";
    int64_t id = 0;
    enum trivet_status status = trivet_history_webhook_next(webhook->history, &id, &body, &err);
    *idle = status == TRIVET_OK && id == 0;
    bool delivered = false;
    if (status == TRIVET_OK && id != 0) {
        delivered = post(webhook, &body, why, sizeof(why));
        if (delivered) {
            status = trivet_history_webhook_done(webhook->history, id, &err);
        }
    }
    trivet_buffer_release(&body);
    if (status != TRIVET_OK) {
        note(webhook, false, err.message);
    } else if (!*idle) {
        note(webhook, delivered, why);
    }
    if (*idle || (delivered && status == TRIVET_OK)) {
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
           curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, ignore_reply) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, check_stopping) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_XFERINFODATA, webhook) == CURLE_OK;
}

enum trivet_status trivet_webhook_start(struct trivet_history *history, const char *url,
                                        struct trivet_webhook **out, struct trivet_error *err)
{
    if (strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8) != 0) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "the webhook's address '%s' begins with neither http:// nor "
                                "https://",
                                url);
    }
    struct trivet_webhook *webhook = trivet_calloc(1, sizeof(*webhook));
    if (webhook == NULL || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        trivet_free(webhook);
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "out of memory for the webhook");
    }
    webhook->history = history;
    webhook->url = url;
    pthread_mutex_init(&webhook->lock, NULL);
    trivet_clock_init_condition(&webhook->wake);
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
    struct trivet_error err;
    *out = (struct trivet_webhook_state){0};
    if (trivet_history_webhook_count(webhook->history, &out->waiting, &err) != TRIVET_OK) {
        out->waiting = 0;
    }
    pthread_mutex_lock(&webhook->lock);
    out->delivered = webhook->delivered;
    out->failed = webhook->failed;
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
