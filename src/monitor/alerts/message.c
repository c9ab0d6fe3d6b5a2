#include "monitor/alerts/message.h"

#include "base/text.h"
#include "monitor/json.h"

#include <string.h>

static json_t *time_json(int64_t unix_us)
{
    return unix_us > 0 ? json_integer(unix_us) : json_null();
}

json_t *trivet_alert_json(const struct trivet_alert *alert)
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

enum trivet_status trivet_alert_message(const struct trivet_alert *alert, struct trivet_buffer *out,
                                        struct trivet_error *err)
{
    const char *const texts[] = {alert->rule, alert->model, alert->source, alert->detail};
    for (size_t i = 0; i < TRIVET_ARRAY_COUNT(texts); i++) {
        if (!trivet_text_is_utf8(texts[i], strlen(texts[i]))) {
            return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                    "a text of the alert is no UTF-8 and not to be had as JSON");
        }
    }
    return trivet_json_finish(trivet_alert_json(alert), out, err);
}
