#include "monitor/report_alerts.h"

#include "base/text.h"
#include "monitor/json.h"

#include <string.h>

static json_t *time_json(int64_t unix_us)
{
    return unix_us > 0 ? json_integer(unix_us) : json_null();
}

static json_t *alert_json(const struct trivet_alert *alert)
{
    json_t *subject = alert->model[0] != '\0'
                          ? json_pack("{s:s, s:o}", "model", alert->model, "version",
                                      trivet_json_count(alert->version))
                          : json_pack("{s:s}", "server", alert->source);
    json_t *object = json_pack(
        "{s:o, s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:s, s:s}", "id",
        trivet_json_count(alert->id), "rule", alert->rule, "kind",
        trivet_alert_kind_name(alert->kind), "state", trivet_alert_state_name(alert->state),
        "since_unix_us", json_integer(alert->since_us), "started_unix_us",
        json_integer(alert->started_us), "fired_unix_us", time_json(alert->fired_us),
        "resolved_unix_us", time_json(alert->resolved_us), "value",
        trivet_json_number(alert->value), "threshold", trivet_json_number(alert->threshold),
        "detail", alert->detail, "advice", trivet_alert_kind_advice(alert->kind));
    if (object == NULL || json_object_update_new(object, subject) != 0) {
        json_decref(object);
        return NULL;
    }
    return object;
}

enum trivet_status trivet_report_alert(const struct trivet_alert *alert, struct trivet_buffer *out,
                                       struct trivet_error *err)
{
    const char *const texts[] = {alert->rule, alert->model, alert->source, alert->detail};
    for (size_t i = 0; i < TRIVET_ARRAY_COUNT(texts); i++) {
        if (!trivet_text_is_utf8(texts[i], strlen(texts[i]))) {
            return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                    "a text of the alert is no UTF-8 and not to be had as JSON");
        }
    }
    return trivet_json_finish(alert_json(alert), out, err);
}

static json_t *rules_json(const struct trivet_alert_rules *rules,
                          const struct trivet_alerts *alerts)
{
    json_t *list = json_array();
    for (size_t i = 0; i < rules->n; i++) {
        const struct trivet_alert_rule *rule = &rules->items[i];
        (void)json_array_append_new(
            list,
            json_pack(
                "{s:s, s:s, s:b, s:s, s:o, s:I, s:I, s:I, s:o, s:o}", "rule", rule->name, "kind",
                trivet_alert_kind_name(rule->kind), "on", rule->on, "model", rule->model,
                "threshold", trivet_json_number(rule->threshold), "for_s", (json_int_t)rule->for_s,
                "resolve_s", (json_int_t)rule->resolve_s, "window_s", (json_int_t)rule->window_s,
                "pending",
                trivet_json_count(trivet_alerts_count(alerts, rule->name, TRIVET_ALERT_PENDING)),
                "firing",
                trivet_json_count(trivet_alerts_count(alerts, rule->name, TRIVET_ALERT_FIRING))));
    }
    return list;
}

static json_t *webhook_json(struct trivet_webhook *webhook)
{
    if (webhook == NULL) {
        return json_null();
    }
    struct trivet_webhook_state state;
    trivet_webhook_state(webhook, &state);
    json_t *object = json_pack(
        "{s:o, s:o, s:o, s:o, s:o, s:o, s:s}", "delivered", trivet_json_count(state.delivered),
        "failed", trivet_json_count(state.failed), "refused", trivet_json_count(state.refused),
        "waiting", trivet_json_count(state.waiting), "held", trivet_json_count(state.held),
        "dropped", trivet_json_count(state.dropped), "message", state.message);
    return object != NULL ? object : json_null();
}

enum trivet_status trivet_report_alerts(struct trivet_alert_watch *watch,
                                        struct trivet_webhook *webhook, int64_t now_us,
                                        struct trivet_buffer *out, struct trivet_error *err)
{
    json_t *active_list = json_array();
    json_t *resolved_list = json_array();
    json_t *hook = webhook_json(webhook);
    size_t n_active = 0;
    const struct trivet_alerts *alerts = trivet_alert_watch_lock(watch);
    const struct trivet_alert *active = trivet_alerts_active(alerts, &n_active);
    for (size_t i = 0; i < n_active; i++) {
        (void)json_array_append_new(active_list, alert_json(&active[i]));
    }
    const struct trivet_alert *resolved = NULL;
    for (size_t k = 0; (resolved = trivet_alerts_resolved(alerts, k)) != NULL; k++) {
        (void)json_array_append_new(resolved_list, alert_json(resolved));
    }
    json_t *json = json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "unix_us", json_integer(now_us),
                             "active", active_list, "resolved", resolved_list, "rules",
                             rules_json(trivet_alert_watch_rules(watch), alerts), "suppressed",
                             trivet_json_count(trivet_alerts_suppressed(alerts)), "webhook", hook);
    trivet_alert_watch_unlock(watch);
    return trivet_json_finish(json, out, err);
}

json_t *trivet_report_alert_counts(struct trivet_alert_watch *watch)
{
    const struct trivet_alerts *alerts = trivet_alert_watch_lock(watch);
    size_t pending = trivet_alerts_count(alerts, NULL, TRIVET_ALERT_PENDING);
    size_t firing = trivet_alerts_count(alerts, NULL, TRIVET_ALERT_FIRING);
    trivet_alert_watch_unlock(watch);
    return json_pack("{s:o, s:o}", "pending", trivet_json_count(pending), "firing",
                     trivet_json_count(firing));
}
