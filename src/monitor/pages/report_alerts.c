#include "monitor/pages/report_alerts.h"

#include "monitor/alerts/message.h"
#include "monitor/json.h"

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
        (void)json_array_append_new(active_list, trivet_alert_json(&active[i]));
    }
    const struct trivet_alert *resolved = NULL;
    for (size_t k = 0; (resolved = trivet_alerts_resolved(alerts, k)) != NULL; k++) {
        (void)json_array_append_new(resolved_list, trivet_alert_json(resolved));
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
