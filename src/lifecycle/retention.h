/* Versions that a change leaves without use, beyond those that the model's settings keep: deleted
 * in the transaction of the change itself, and let go of and told once it is committed. */
#ifndef TRIVET_LIFECYCLE_RETENTION_H
#define TRIVET_LIFECYCLE_RETENTION_H

#include "base/compiler.h"
#include "events/publisher.h"
#include "serving/servable_set.h"
#include "store/store.h"
#include "trivet/v1/models.pb-c.h"

#include <trivet/error.h>

#include <stddef.h>
#include <stdint.h>

/* Who has to know; borrowed. */
struct trivet_retention {
    struct trivet_store *store;
    struct trivet_servable_set *servables;
    struct trivet_publisher *publisher;
};

struct trivet_retired {
    uint64_t versions[TRIVET_STORE_RETAIN_MAX];
    size_t count;
};

/* The last step of a change of the model's versions, aliases, traffic or settings; `settings` are
 * those that the change makes, NULL = as stored. `cause`: of the change, for the record of what
 * goes; its reason is retention. On error the transaction is to be aborted. */
enum trivet_status trivet_retention_apply(const struct trivet_retention *retention,
                                          struct trivet_store_txn *txn, const char *model,
                                          const Trivet__V1__ModelSettings *settings,
                                          const struct trivet_store_cause *cause,
                                          struct trivet_retired *out,
                                          struct trivet_error *err) TRIVET_MUST_USE;
/* After the commit, and after the servable set has followed the change: nothing answers with these
 * any more. Waits while the set loads a version. */
void trivet_retention_finish(const struct trivet_retention *retention, const char *model,
                             const struct trivet_retired *retired);
/* As above, then what was too many for that transaction, in others; `cause` as before. A failure is
 * logged: the next change of the model takes the rest. */
void trivet_retention_finish_all(const struct trivet_retention *retention, const char *model,
                                 const struct trivet_store_cause *cause,
                                 const struct trivet_retired *retired);

#endif
