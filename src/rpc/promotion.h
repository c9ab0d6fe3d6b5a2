/* Whether a version is good enough for an alias: the gates of Promote against what its artefact and
 * that of a rival tell, or against how both score on a dataset. Control threads. */
#ifndef TRIVET_RPC_PROMOTION_H
#define TRIVET_RPC_PROMOTION_H

#include "base/arena.h"
#include "base/compiler.h"
#include "rpc/scoring.h"
#include "serving/servable_set.h"
#include "store/store.h"
#include "trivet/v1/models.pb-c.h"

#include <trivet/error.h>

#include <stdint.h>

/* What is looked at; borrowed. */
struct trivet_promotion {
    struct trivet_store *store;
    struct trivet_servable_set *servables;
    struct trivet_scoring *scoring; /* of holdouts */
};

/* The version that a candidate was compared with. */
struct trivet_rival {
    const char *alias; /* of the request; NULL = named by number */
    uint64_t version;
};

/* All gates of the request. INVALID_ARGUMENT: a gate that is none, or a holdout without what is
 * needed; FAILED_PRECONDITION: a gate that is not met, or two versions that cannot be compared;
 * RESOURCE_EXHAUSTED: the holdout takes more memory than is left of what all have.
 * *rival is set when there is one. */
enum trivet_status trivet_promotion_check(const Trivet__V1__PromoteRequest *request,
                                          const struct trivet_servable *candidate,
                                          const struct trivet_promotion *promotion,
                                          struct trivet_arena *arena, struct trivet_rival *rival,
                                          struct trivet_error *err) TRIVET_MUST_USE;
/* Inside the change's transaction, so that nobody moves the alias: it still points at the version
 * that was compared with, else ABORTED. */
enum trivet_status trivet_promotion_check_rival(struct trivet_store *store, const char *model,
                                                const struct trivet_rival *rival,
                                                struct trivet_error *err) TRIVET_MUST_USE;

#endif
