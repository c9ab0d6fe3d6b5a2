#include "monitor/refusals.h"

#include "base/hash.h"
#include "base/log.h"

#include <string.h>

void trivet_monitor_refuse(struct trivet_monitor_refusals *refusals, const char *server,
                           const char *what, const char *model, uint64_t version,
                           const struct trivet_error *err)
{
    uint64_t hash = trivet_hash_bytes(model, strlen(model)) ^ trivet_hash_mix64(version);
    hash = trivet_hash_mix64(hash ^ trivet_hash_bytes(what, strlen(what)));
    refusals->n++;
    for (size_t i = 0; i < refusals->n_told; i++) {
        if (refusals->told[i] == hash) {
            return;
        }
    }
    if (refusals->n_told < TRIVET_MONITOR_REFUSALS_TOLD_MAX) {
        refusals->told[refusals->n_told++] = hash;
        trivet_log(TRIVET_LOG_WARN, "totals_refused",
                   "server=%s totals=%s model=%s version=%llu message=%s", server, what, model,
                   (unsigned long long)version, err->message);
    }
}
