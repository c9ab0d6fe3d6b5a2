#include "monitor/loop/alerts.h"

#include "base/text.h"

#include <string.h>

void trivet_loop_alerts_read(struct trivet_alert_watch *watch, const char *model, uint64_t version,
                             struct trivet_loop_alerts *out)
{
    size_t n = 0;
    *out = (struct trivet_loop_alerts){0};
    const struct trivet_alert *alerts = trivet_alerts_active(trivet_alert_watch_lock(watch), &n);
    for (size_t i = 0; i < n; i++) {
        const struct trivet_alert *alert = &alerts[i];
        if (alert->state != TRIVET_ALERT_FIRING || alert->version != version ||
            strcmp(alert->model, model) != 0) {
            continue;
        }
        if (alert->kind == TRIVET_ALERT_DRIFT && !out->drift) {
            out->drift = true;
            (void)trivet_text_copy(out->why_drift, sizeof(out->why_drift), alert->detail);
        } else if (alert->kind == TRIVET_ALERT_QUALITY_DROP && !out->quality) {
            out->quality = true;
            (void)trivet_text_copy(out->why_quality, sizeof(out->why_quality), alert->detail);
        }
    }
    trivet_alert_watch_unlock(watch);
}
