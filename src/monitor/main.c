/* trivet-monitor. Threads: this one waits for signals and ticks once a second (pages, history);
 * per source one subscriber and one poller; the HTTP threads. They end in reverse order. */
#include "base/clock.h"
#include "base/log.h"
#include "monitor/alerts/outbox.h"
#include "monitor/alerts/watch.h"
#include "monitor/alerts/webhook.h"
#include "monitor/history/drift.h"
#include "monitor/history/history.h"
#include "monitor/loop/alerts.h"
#include "monitor/loop/runner.h"
#include "monitor/options.h"
#include "monitor/pages/pages.h"
#include "monitor/poller.h"
#include "monitor/subscriber.h"

#include <signal.h>
#include <stdio.h>

struct program {
    struct trivet_monitor_options options;
    struct trivet_monitor *monitor;
    struct trivet_history *history;
    struct trivet_alert_rules rules;
    struct trivet_alert_watch *alerts;
    struct trivet_outbox *outbox; /* NULL = no webhook, as the next */
    struct trivet_webhook *webhook;
    struct trivet_monitor_subscriber *subscribers[TRIVET_MONITOR_SOURCES_MAX];
    struct trivet_monitor_poller *pollers[TRIVET_MONITOR_SOURCES_MAX];
    struct trivet_monitor_pages *pages;
    struct trivet_policies policies;
    struct trivet_loop_runner *loop; /* NULL = nothing is automatic */
};

static void on_loop_step(void *context, const char *json, size_t n_bytes)
{
    const struct program *program = context;
    trivet_monitor_pages_tell(program->pages, "loop", json, n_bytes);
    if (program->webhook != NULL) {
        trivet_outbox_add(program->outbox, json, n_bytes);
        trivet_webhook_wake(program->webhook);
    }
}

static void read_alerts(void *context, const char *model, uint64_t version,
                        struct trivet_loop_alerts *out)
{
    const struct program *program = context;
    trivet_loop_alerts_read(program->alerts, model, version, out);
}

/* The first server is the one that is acted on: the others are copies of it, or none of its
 * business. */
static enum trivet_status create_loop(struct program *program, struct trivet_error *err)
{
    const struct trivet_loop_runner_options options = {
        .history = program->history,
        .server_url = program->options.servers.items[0],
        .policies = &program->policies,
        .alerts = read_alerts,
        .on_step = on_loop_step,
        .context = program,
    };
    for (size_t i = 0; i < program->policies.n_items; i++) {
        const struct trivet_policy *policy = &program->policies.items[i];
        trivet_log(TRIVET_LOG_INFO, "policy", "model=%s enabled=%s gates=%zu server=%s",
                   policy->model, program->policies.enabled && policy->enabled ? "yes" : "no",
                   policy->n_require, options.server_url);
    }
    return program->policies.n_items == 0
               ? TRIVET_OK
               : trivet_loop_runner_create(&options, &program->loop, err);
}

static void on_alert(void *context, const struct trivet_alert *alert)
{
    const struct program *program = context;
    const char *subject = alert->model[0] != '\0' ? alert->model : alert->source;
    enum trivet_log_level level =
        alert->state == TRIVET_ALERT_FIRING ? TRIVET_LOG_WARN : TRIVET_LOG_INFO;
    trivet_log(level, "alert", "rule=%s state=%s subject=%s version=%llu detail=%s", alert->rule,
               trivet_alert_state_name(alert->state), subject, (unsigned long long)alert->version,
               alert->detail);
    trivet_monitor_pages_alert(program->pages, alert);
}

static enum trivet_status start_alerts(struct program *program, struct trivet_error *err)
{
    if (program->options.webhook != NULL) {
        program->outbox = trivet_outbox_create(program->history);
        if (program->outbox == NULL) {
            return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "out of memory for alerts");
        }
    }
    const struct trivet_alert_watch_options options = {
        .monitor = program->monitor,
        .history = program->history,
        .rules = &program->rules,
        .outbox = program->outbox,
        .on_change = on_alert,
        .context = program,
    };
    enum trivet_status status =
        trivet_alert_watch_create(&options, trivet_clock_unix_us(), &program->alerts, err);
    if (status == TRIVET_OK && program->outbox != NULL) {
        status =
            trivet_webhook_start(program->outbox, program->options.webhook, &program->webhook, err);
    }
    return status;
}

static enum trivet_status start(struct program *program, struct trivet_error *err)
{
    const struct trivet_monitor_options *options = &program->options;
    program->monitor = trivet_monitor_create((const char *const *)options->servers.items,
                                             (const char *const *)options->events.items,
                                             options->servers.n, trivet_clock_unix_us());
    if (program->monitor == NULL) {
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "out of memory");
    }
    program->monitor->drift_options = options->drift;
    enum trivet_status status = trivet_history_open(options->history, 0, &program->history, err);
    if (status == TRIVET_OK) {
        status = trivet_history_load(program->history, program->monitor, err);
    }
    if (status == TRIVET_OK) {
        status = trivet_history_load_drift(program->history, program->monitor,
                                           trivet_clock_unix_us(), err);
    }
    if (status == TRIVET_OK) {
        status = start_alerts(program, err);
    }
    if (status == TRIVET_OK) {
        status = create_loop(program, err);
    }
    if (status == TRIVET_OK) {
        const struct trivet_monitor_pages_options pages = {
            .monitor = program->monitor,
            .history = program->history,
            .alerts = program->alerts,
            .webhook = program->webhook,
            .loop = program->loop,
            .address = options->http,
            .hosts = (const char *const *)options->hosts.items,
            .n_hosts = options->hosts.n,
        };
        status = trivet_monitor_pages_start(&pages, &program->pages, err);
    }
    for (size_t i = 0; i < options->servers.n && status == TRIVET_OK; i++) {
        status =
            trivet_monitor_subscriber_start(program->monitor, i, &program->subscribers[i], err);
        if (status == TRIVET_OK) {
            status = trivet_monitor_poller_start(program->monitor, i, &program->pollers[i], err);
        }
    }
    if (status == TRIVET_OK && program->loop != NULL) {
        status = trivet_loop_runner_start(program->loop, err);
    }
    return status;
}

static void save_history(struct program *program, int64_t now_us, bool last, bool *was_failing)
{
    struct trivet_error err;
    bool failing =
        trivet_history_save(program->history, program->monitor, now_us, &err) != TRIVET_OK ||
        trivet_history_save_drift(program->history, program->monitor, now_us, last, &err) !=
            TRIVET_OK;
    if (failing && !*was_failing) {
        trivet_log(TRIVET_LOG_ERROR, "history_failed", "message=%s", err.message);
    } else if (!failing && *was_failing) {
        trivet_log(TRIVET_LOG_INFO, "history_written", "file=%s", program->options.history);
    }
    *was_failing = failing;
}

static void tick_alerts(struct program *program, int64_t now_us, bool *was_failing)
{
    struct trivet_error err;
    bool failing = trivet_alert_watch_tick(program->alerts, now_us, &err) != TRIVET_OK;
    if (failing && !*was_failing) {
        trivet_log(TRIVET_LOG_ERROR, "alerts_not_stored", "message=%s", err.message);
    }
    *was_failing = failing;
    if (program->webhook != NULL) {
        trivet_webhook_wake(program->webhook);
    }
}

/* Until SIGTERM or SIGINT. */
static void run(struct program *program, const sigset_t *signals)
{
    bool failing = false;
    bool alerts_failing = false;
    int64_t tick_ns = trivet_clock_monotonic_ns();
    int64_t save_ns = tick_ns + TRIVET_HISTORY_SAMPLE_S * TRIVET_NS_PER_S;
    for (;;) {
        tick_ns += TRIVET_NS_PER_S;
        int64_t now_ns = trivet_clock_monotonic_ns();
        tick_ns = tick_ns > now_ns ? tick_ns : now_ns; /* after a stop, no ticks in a heap */
        const struct timespec wait = {.tv_sec = (tick_ns - now_ns) / TRIVET_NS_PER_S,
                                      .tv_nsec = (tick_ns - now_ns) % TRIVET_NS_PER_S};
        if (sigtimedwait(signals, NULL, &wait) > 0) {
            break;
        }
        int64_t now_us = trivet_clock_unix_us();
        trivet_monitor_tick(program->monitor, now_us);
        tick_alerts(program, now_us, &alerts_failing);
        trivet_monitor_pages_tick(program->pages, now_us);
        if (trivet_clock_monotonic_ns() >= save_ns) {
            save_history(program, now_us, false, &failing);
            save_ns = trivet_clock_monotonic_ns() + TRIVET_HISTORY_SAMPLE_S * TRIVET_NS_PER_S;
        }
    }
}

/* Sources first, so that the last save holds everything; `started` false after a failed start. */
static void stop(struct program *program, bool started)
{
    bool failing = false;
    for (size_t i = 0; i < program->options.servers.n; i++) {
        if (program->pollers[i] != NULL) {
            trivet_monitor_poller_interrupt(program->pollers[i]);
        }
    }
    trivet_loop_runner_stop(program->loop);
    trivet_monitor_pages_stop(program->pages);
    trivet_loop_runner_free(program->loop);
    for (size_t i = 0; i < program->options.servers.n; i++) {
        trivet_monitor_subscriber_stop(program->subscribers[i]);
        trivet_monitor_poller_stop(program->pollers[i]);
    }
    trivet_webhook_stop(program->webhook);
    trivet_outbox_free(program->outbox);
    trivet_alert_watch_free(program->alerts);
    if (started) {
        save_history(program, trivet_clock_unix_us(), true, &failing);
    }
    trivet_history_close(program->history);
    trivet_monitor_free(program->monitor);
    trivet_monitor_options_release(&program->options);
}

/* The rules on stdout, or why there are none; the exit status. */
static int print_rules(struct program *program, enum trivet_status status, struct trivet_error *err)
{
    struct trivet_buffer text = {0};
    if (status == TRIVET_OK) {
        status = trivet_alert_rules_print(&program->rules, &text, err);
    }
    if (status == TRIVET_OK) {
        (void)fwrite(text.data, 1, text.n_bytes, stdout);
    } else {
        (void)fprintf(stderr, "trivet-monitor: %s\n", err->message);
    }
    trivet_buffer_release(&text);
    trivet_monitor_options_release(&program->options);
    return status == TRIVET_OK ? 0 : 2;
}

int main(int argc, char **argv)
{
    struct program program = {0};
    struct trivet_error err;
    enum trivet_status status = trivet_monitor_options_parse(argc, argv, &program.options, &err);
    if (status != TRIVET_OK) {
        (void)fprintf(stderr, "trivet-monitor: %s\n", err.message);
        return 2;
    }
    if (program.options.policy != NULL) {
        status = trivet_policies_read(program.options.policy, &program.policies, &err);
    }
    trivet_alert_rules_default(&program.rules);
    if (status == TRIVET_OK && program.options.rules != NULL) {
        status = trivet_alert_rules_read(program.options.rules, &program.rules, &err);
    }
    if (status != TRIVET_OK || program.options.print_rules) {
        return print_rules(&program, status, &err);
    }
    trivet_log_configure("trivet-monitor", TRIVET_LOG_INFO, program.options.log_json);
    sigset_t signals;
    (void)sigemptyset(&signals);
    (void)sigaddset(&signals, SIGTERM);
    (void)sigaddset(&signals, SIGINT);
    (void)pthread_sigmask(SIG_BLOCK, &signals, NULL); /* inherited by every thread */
    (void)signal(SIGPIPE, SIG_IGN);
    status = start(&program, &err);
    if (status != TRIVET_OK) {
        (void)fprintf(stderr, "trivet-monitor: %s\n", err.message);
        stop(&program, false);
        return 1;
    }
    (void)printf("ready http=http://%s/\n", trivet_monitor_pages_address(program.pages));
    (void)fflush(stdout);
    run(&program, &signals);
    trivet_log(TRIVET_LOG_INFO, "stopping", "reason=signal");
    stop(&program, true);
    return 0;
}
