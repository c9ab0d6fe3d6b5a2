/* Whether the server can serve, and why not: what Server.Ready answers. */
#ifndef TRIVET_SERVER_READINESS_H
#define TRIVET_SERVER_READINESS_H

#include "serving/servable_set.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#define TRIVET_REQUIRED_MODELS_MAX 64

struct trivet_readiness {
    struct trivet_servable_set *servables;
    /* Models that must have a loaded production version; borrowed. */
    const char (*required)[TRIVET_STORE_NAME_BYTES];
    size_t n_required;
    atomic_bool serving; /* set once the listener is open, cleared when it goes */
};

/* True when it can; else the reason, one line. Any thread; reads memory only. */
bool trivet_readiness_check(struct trivet_readiness *readiness, char *reason, size_t reason_bytes);

#endif
