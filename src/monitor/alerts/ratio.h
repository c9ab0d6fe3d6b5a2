/* Shares over rolling windows of any length: how many there were and how many were bad, in slots of
 * a hundredth of the window. Fixed memory. Under the owner's lock. */
#ifndef TRIVET_MONITOR_ALERT_RATIO_H
#define TRIVET_MONITOR_ALERT_RATIO_H

#include "monitor/alerts/kinds.h"

#include <stdint.h>

#define TRIVET_ALERT_RATIO_SLOTS 104

struct trivet_alert_ratio {
    int64_t slot_s;
    struct {
        int64_t index; /* second / slot_s */
        struct trivet_alert_share share;
    } slots[TRIVET_ALERT_RATIO_SLOTS];
};

/* For windows of up to `window_s` seconds. */
void trivet_alert_ratio_init(struct trivet_alert_ratio *ratio, int64_t window_s);
/* A second that has left the window is not taken. */
void trivet_alert_ratio_add(struct trivet_alert_ratio *ratio, int64_t second,
                            struct trivet_alert_share share);
/* Of the last `window_s` seconds up to `now_s`, and up to a slot more. */
struct trivet_alert_share trivet_alert_ratio_sum(const struct trivet_alert_ratio *ratio,
                                                 int64_t now_s, int64_t window_s);

#endif
