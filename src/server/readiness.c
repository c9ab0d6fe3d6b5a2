#include "server/readiness.h"

#include "base/text.h"

static bool is_loaded(struct trivet_servable_set *servables, const char *model)
{
    struct trivet_servable *servable =
        trivet_servable_set_peek(servables, model, 0, TRIVET_ALIAS_PRODUCTION);
    trivet_servable_unref(servable);
    return servable != NULL;
}

bool trivet_readiness_check(struct trivet_readiness *readiness, char *reason, size_t reason_bytes)
{
    char model[TRIVET_STORE_NAME_BYTES];
    char alias[TRIVET_STORE_NAME_BYTES];
    if (!atomic_load(&readiness->serving)) {
        (void)trivet_text_copy(reason, reason_bytes, "starting or shutting down");
        return false;
    }
    if (trivet_servable_set_missing(readiness->servables, model, alias)) {
        (void)trivet_text_format(
            reason, reason_bytes,
            "the version of %s@%s could not be loaded; see the log, and deploy "
            "another one",
            model, alias);
        return false;
    }
    for (size_t i = 0; i < readiness->n_required; i++) {
        if (!is_loaded(readiness->servables, readiness->required[i])) {
            (void)trivet_text_format(reason, reason_bytes,
                                     "the required model '%s' has no version in production; train "
                                     "and deploy one",
                                     readiness->required[i]);
            return false;
        }
    }
    return true;
}
