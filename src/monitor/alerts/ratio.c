#include "monitor/alerts/ratio.h"

#define SLOTS_USED 100

void trivet_alert_ratio_init(struct trivet_alert_ratio *ratio, int64_t window_s)
{
    *ratio = (struct trivet_alert_ratio){.slot_s = (window_s + SLOTS_USED - 1) / SLOTS_USED};
    ratio->slot_s = ratio->slot_s > 0 ? ratio->slot_s : 1;
}

void trivet_alert_ratio_add(struct trivet_alert_ratio *ratio, int64_t second,
                            struct trivet_alert_share share)
{
    int64_t index = second / ratio->slot_s;
    size_t at = (size_t)(index % TRIVET_ALERT_RATIO_SLOTS);
    if (second < 0 || index < ratio->slots[at].index) {
        return;
    }
    if (index > ratio->slots[at].index) {
        ratio->slots[at].index = index;
        ratio->slots[at].share = (struct trivet_alert_share){0};
    }
    ratio->slots[at].share.all += share.all;
    ratio->slots[at].share.bad += share.bad;
}

struct trivet_alert_share trivet_alert_ratio_sum(const struct trivet_alert_ratio *ratio,
                                                 int64_t now_s, int64_t window_s)
{
    struct trivet_alert_share sum = {0};
    int64_t oldest = (now_s - window_s + 1) / ratio->slot_s;
    int64_t newest = now_s / ratio->slot_s;
    for (size_t i = 0; i < TRIVET_ALERT_RATIO_SLOTS; i++) {
        if (ratio->slots[i].index >= oldest && ratio->slots[i].index <= newest) {
            sum.all += ratio->slots[i].share.all;
            sum.bad += ratio->slots[i].share.bad;
        }
    }
    return sum;
}
