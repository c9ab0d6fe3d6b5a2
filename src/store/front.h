/* What the files of the store's front share. May be used by: src/store/store*.c. */
#ifndef TRIVET_STORE_FRONT_H
#define TRIVET_STORE_FRONT_H

#include "store/backend.h"

#define TRIVET_STORE_DOMAINS 3

struct trivet_store_txn {
    struct trivet_store *store;
    enum trivet_store_domain domain;
    void *state; /* the backend's */
    bool failed; /* a change went wrong half-way: only abort is left */
};

struct trivet_store {
    const struct trivet_store_backend_ops *ops;
    void *backend;
    enum trivet_store_mode mode;
    /* One per domain, owned by the thread between begin and commit or abort. */
    struct trivet_store_txn txns[TRIVET_STORE_DOMAINS];
};

/* Before a change: FAILED_PRECONDITION in the wrong domain or after a failed change. */
enum trivet_status trivet_store_txn_check(const struct trivet_store_txn *txn,
                                          enum trivet_store_domain domain,
                                          struct trivet_error *err) TRIVET_MUST_USE;
/* After a change: passes `status` on and remembers a failure that may have left half a change. */
enum trivet_status trivet_store_txn_note(struct trivet_store_txn *txn, enum trivet_status status);

/* INVALID_ARGUMENT, `what` names the field in the message. */
enum trivet_status trivet_store_check_name(const char *what, const char *name,
                                           struct trivet_error *err) TRIVET_MUST_USE;
enum trivet_status trivet_store_check_text(const char *what, const char *text, size_t bytes_max,
                                           struct trivet_error *err) TRIVET_MUST_USE;
enum trivet_status trivet_store_check_bytes(const char *what, const void *data, size_t n_bytes,
                                            size_t bytes_max,
                                            struct trivet_error *err) TRIVET_MUST_USE;
/* Checks a change of an alias, or with NULL of the model, and writes down what the backend needs of
 * it. */
enum trivet_status trivet_store_prepare_change(const struct trivet_store_txn *txn,
                                               const char *model, const char *alias,
                                               const struct trivet_store_cause *cause,
                                               struct trivet_store_alias *record,
                                               struct trivet_store_cause *whole,
                                               struct trivet_error *err) TRIVET_MUST_USE;
/* prefix and 16 random hex digits. */
void trivet_store_make_id(const char *prefix, char id[TRIVET_STORE_ID_BYTES]);

#endif
