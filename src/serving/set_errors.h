/* What the store says about models, versions and aliases that are not in memory, and the sentences
 * for those that do not exist. May be used by: serving. */
#ifndef TRIVET_SERVING_SET_ERRORS_H
#define TRIVET_SERVING_SET_ERRORS_H

#include "base/compiler.h"
#include "store/store.h"

#include <trivet/error.h>

#include <stddef.h>
#include <stdint.h>

/* NOT_FOUND, with the versions or models that there are; or an error of the store. */
enum trivet_status trivet_set_no_version(struct trivet_store *store, const char *model,
                                         uint64_t version,
                                         struct trivet_error *err) TRIVET_MUST_USE;
/* The version an alias points at. NOT_FOUND tells the aliases or models that there are. */
enum trivet_status trivet_set_stored_alias(struct trivet_store *store, const char *model,
                                           const char *alias, uint64_t *version,
                                           struct trivet_error *err) TRIVET_MUST_USE;
/* Why a look-up found nothing: UNAVAILABLE when the store has it, else NOT_FOUND as above.
 * `version` 0: by alias. */
enum trivet_status trivet_set_not_loaded(struct trivet_store *store, const char *model,
                                         uint64_t version, const char *alias,
                                         struct trivet_error *err) TRIVET_MUST_USE;
/* All aliases of one model, or of all when it is NULL; *out is the caller's to free. */
enum trivet_status trivet_set_aliases(struct trivet_store *store, const char *model,
                                      struct trivet_store_alias **out, size_t *count,
                                      struct trivet_error *err) TRIVET_MUST_USE;

#endif
