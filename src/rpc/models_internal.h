/* Between the files of the Models service only. */
#ifndef TRIVET_RPC_MODELS_INTERNAL_H
#define TRIVET_RPC_MODELS_INTERNAL_H

#include "base/arena.h"
#include "base/compiler.h"
#include "rpc/call.h"
#include "rpc/services.h"
#include "store/store.h"
#include "trivet/v1/models.pb-c.h"

#include <trivet/error.h>

#include <stdbool.h>
#include <stddef.h>

/* --- models_change.c ---- */
/* Whether the call was made before: what had to hold then need not hold now. */
enum trivet_status trivet_models_look_for_earlier(struct trivet_call *call,
                                                  struct trivet_store *store,
                                                  struct trivet_error *err) TRIVET_MUST_USE;
/* The end of a change of the model, `txn` with it: retention and the answer in one commit, or an
 * abort. `settings` as for trivet_retention_apply; *retired is for trivet_retention_finish. */
enum trivet_status trivet_models_commit(struct trivet_call *call,
                                        const struct trivet_models_service *service,
                                        struct trivet_store_txn *txn, char *model,
                                        const Trivet__V1__ModelSettings *settings,
                                        struct trivet_retired *retired,
                                        struct trivet_error *err) TRIVET_MUST_USE;

/* --- models_service.c ---- */
/* NOT_FOUND: there is no such model. */
enum trivet_status trivet_models_none(const char *name, struct trivet_error *err);
/* The model as it is now, or the error; the call ends. */
void trivet_models_answer(struct trivet_call *call, const struct trivet_models_service *service,
                          const char *name, enum trivet_status status, struct trivet_error *err);

/* --- models_history.c ---- */
/* Models.History. */
void trivet_models_history(struct trivet_call *call, void *service);
/* Inside the change's transaction: ABORTED when the model has a newer change than `seen`; 0 = any.
 */
enum trivet_status trivet_models_check_seen(struct trivet_store *store, const char *model,
                                            uint64_t seen,
                                            struct trivet_error *err) TRIVET_MUST_USE;

/* --- models_delete.c ---- */
/* Models.Delete and Models.RemoveAlias. */
void trivet_models_delete(struct trivet_call *call, void *service);
void trivet_models_remove_alias(struct trivet_call *call, void *service);

/* --- models_traffic.c ---- */
/* Models.SetTraffic. */
void trivet_models_set_traffic(struct trivet_call *call, void *service);
/* Shares of a record as messages in `arena`, which stay the record's by nothing. */
enum trivet_status trivet_models_encode_shares(const struct trivet_store_share *shares,
                                               size_t count, struct trivet_arena *arena,
                                               Trivet__V1__TrafficShare ***out, size_t *n_out,
                                               struct trivet_error *err) TRIVET_MUST_USE;
/* The shares of the model. */
enum trivet_status trivet_models_add_traffic(const struct trivet_models_service *service,
                                             struct trivet_arena *arena, Trivet__V1__Model *model,
                                             struct trivet_error *err) TRIVET_MUST_USE;
/* Tells subscribers and the log that the model's traffic is shared so from now on. */
void trivet_models_tell_traffic(struct trivet_call *call,
                                const struct trivet_models_service *service, const char *model,
                                const char *reason, Trivet__V1__TrafficShare **shares,
                                size_t count);

#endif
