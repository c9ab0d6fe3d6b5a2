/* The front of the store: opening, transactions, answers to repeat, and the checks they share. */
#include "store/store.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/rng.h"
#include "base/text.h"
#include "store/front.h"

#include <inttypes.h>
#include <string.h>

enum trivet_status trivet_store_open_backend(const struct trivet_store_backend_ops *ops,
                                             const char *data_dir, enum trivet_store_mode mode,
                                             struct trivet_store **out, struct trivet_error *err)
{
    if (data_dir == NULL || data_dir[0] == '\0')
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "the data directory is empty; name one with --data-dir");
    struct trivet_store *store = trivet_calloc(1, sizeof(*store));
    if (store == NULL)
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                                "out of memory while opening the store in '%s'", data_dir);
    store->ops = ops;
    store->mode = mode;
    enum trivet_status status = ops->open(data_dir, mode, &store->backend, err);
    if (status != TRIVET_OK) {
        trivet_free(store);
        return status;
    }
    if (mode == TRIVET_STORE_OWNER)
        (void)trivet_store_dataset_expire(store, trivet_clock_unix_us());
    *out = store;
    return TRIVET_OK;
}

enum trivet_status trivet_store_open(const char *data_dir, enum trivet_store_mode mode,
                                     struct trivet_store **out, struct trivet_error *err)
{
    return trivet_store_open_backend(&trivet_store_sqlite_ops, data_dir, mode, out, err);
}

void trivet_store_close(struct trivet_store *store)
{
    if (store == NULL)
        return;
    store->ops->close(store->backend);
    trivet_free(store);
}

/* --- Transactions ---------------------------------------------------------------------------- */

enum trivet_status trivet_store_begin(struct trivet_store *store, enum trivet_store_domain domain,
                                      struct trivet_store_txn **out, struct trivet_error *err)
{
    if (store->mode != TRIVET_STORE_OWNER)
        return trivet_error_set(err, TRIVET_FAILED_PRECONDITION,
                                "the store was opened for reading only; changes go through the "
                                "process that owns the data directory");
    void *state = NULL;
    enum trivet_status status = store->ops->begin(store->backend, domain, &state, err);
    if (status != TRIVET_OK)
        return status;
    /* The writer lock of the domain is ours now, and with it this slot. */
    struct trivet_store_txn *txn = &store->txns[domain];
    *txn = (struct trivet_store_txn){.store = store, .domain = domain, .state = state};
    *out = txn;
    return TRIVET_OK;
}

enum trivet_status trivet_store_commit(struct trivet_store_txn *txn, struct trivet_error *err)
{
    if (txn->failed) {
        trivet_store_abort(txn);
        return trivet_error_set(err, TRIVET_ABORTED,
                                "a change of this transaction failed, so none of it was stored; "
                                "repeat the call");
    }
    return txn->store->ops->commit(txn->state, err);
}

void trivet_store_abort(struct trivet_store_txn *txn)
{
    if (txn != NULL)
        txn->store->ops->abort(txn->state);
}

static const char *const domain_names[TRIVET_STORE_DOMAINS] = {
    [TRIVET_STORE_CATALOG] = "the catalogue",
    [TRIVET_STORE_DATA] = "the data",
    [TRIVET_STORE_LOG] = "the log",
};

enum trivet_status trivet_store_txn_check(const struct trivet_store_txn *txn,
                                          enum trivet_store_domain domain, struct trivet_error *err)
{
    if (txn->domain != domain)
        return trivet_error_set(err, TRIVET_FAILED_PRECONDITION,
                                "this change belongs to the other domain of the store; begin a "
                                "transaction on %s",
                                domain_names[domain]);
    if (txn->failed)
        return trivet_error_set(err, TRIVET_ABORTED,
                                "an earlier change of this transaction failed; abort it and repeat "
                                "the call");
    return TRIVET_OK;
}

enum trivet_status trivet_store_txn_note(struct trivet_store_txn *txn, enum trivet_status status)
{
    switch (status) {
    case TRIVET_OK:
    case TRIVET_INVALID_ARGUMENT:
    case TRIVET_NOT_FOUND:
    case TRIVET_ALREADY_EXISTS:
    case TRIVET_FAILED_PRECONDITION:
        break;
    default:
        txn->failed = true;
        break;
    }
    return status;
}

/* --- Checks ---------------------------------------------------------------------------------- */

enum trivet_status trivet_store_check_name(const char *what, const char *name,
                                           struct trivet_error *err)
{
    if (name != NULL && trivet_text_is_name(name, TRIVET_STORE_NAME_BYTES - 1))
        return TRIVET_OK;
    return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                            "'%.80s' cannot name %s; use 1 to %d letters, digits, '_' and '-', a "
                            "letter or digit first",
                            name == NULL ? "" : name, what, TRIVET_STORE_NAME_BYTES - 1);
}

enum trivet_status trivet_store_check_text(const char *what, const char *text, size_t bytes_max,
                                           struct trivet_error *err)
{
    size_t n_bytes = text == NULL ? 0 : strnlen(text, bytes_max + 1);
    if (text == NULL || n_bytes > bytes_max)
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "%s must be text of at most %zu bytes", what, bytes_max);
    if (!trivet_text_is_utf8(text, n_bytes))
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT, "%s is not valid UTF-8", what);
    return TRIVET_OK;
}

enum trivet_status trivet_store_check_bytes(const char *what, const void *data, size_t n_bytes,
                                            size_t bytes_max, struct trivet_error *err)
{
    if (n_bytes > bytes_max)
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "%s has %zu bytes; the store takes at most %zu", what, n_bytes,
                                bytes_max);
    if (data == NULL && n_bytes > 0)
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT, "%s is missing", what);
    return TRIVET_OK;
}

void trivet_store_make_id(const char *prefix, char id[TRIVET_STORE_ID_BYTES])
{
    (void)trivet_text_format(id, TRIVET_STORE_ID_BYTES, "%s%016" PRIx64, prefix,
                             trivet_rng_entropy());
}

/* --- Answers to repeat ----------------------------------------------------------------------- */

static enum trivet_status check_call(const struct trivet_store_call *call, struct trivet_error *err)
{
    enum trivet_status status =
        trivet_store_check_text("the identity", call->identity, TRIVET_STORE_KEY_BYTES_MAX, err);
    if (status == TRIVET_OK)
        status =
            trivet_store_check_text("the method", call->method, TRIVET_STORE_KEY_BYTES_MAX, err);
    if (status == TRIVET_OK)
        status = trivet_store_check_text("the request id", call->request_id,
                                         TRIVET_STORE_KEY_BYTES_MAX, err);
    if (status == TRIVET_OK && call->request_id[0] == '\0')
        status = trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                  "%s changes state and needs a request id; set one in the request "
                                  "header",
                                  call->method);
    return status;
}

enum trivet_status trivet_store_find_reply(struct trivet_store_txn *txn,
                                           const struct trivet_store_call *call, bool *found,
                                           struct trivet_buffer *reply, struct trivet_error *err)
{
    enum trivet_status status = trivet_store_txn_check(txn, txn->domain, err);
    if (status == TRIVET_OK)
        status = check_call(call, err);
    if (status != TRIVET_OK)
        return status;
    const int64_t oldest_us = trivet_clock_unix_us() - TRIVET_STORE_REPLY_KEEP_US;
    const size_t start = reply->n_bytes;
    uint8_t hash[TRIVET_SHA256_BYTES];
    bool there = false;
    status = txn->store->ops->find_reply(txn->state, call, oldest_us, &there, hash, reply, err);
    if (status == TRIVET_OK && there && memcmp(hash, call->body_hash, sizeof(hash)) != 0)
        status = trivet_error_set(err, TRIVET_ALREADY_EXISTS,
                                  "request id '%.80s' was used for another %.80s call; make a new "
                                  "id for each change",
                                  call->request_id, call->method);
    if (status != TRIVET_OK) {
        reply->n_bytes = start;
        return trivet_store_txn_note(txn, status);
    }
    *found = there;
    return TRIVET_OK;
}

enum trivet_status trivet_store_put_reply(struct trivet_store_txn *txn,
                                          const struct trivet_store_call *call, const void *reply,
                                          size_t n_bytes, struct trivet_error *err)
{
    enum trivet_status status = trivet_store_txn_check(txn, txn->domain, err);
    if (status == TRIVET_OK)
        status = check_call(call, err);
    if (status == TRIVET_OK)
        status = trivet_store_check_bytes("the reply", reply, n_bytes, TRIVET_STORE_REPLY_BYTES_MAX,
                                          err);
    if (status != TRIVET_OK)
        return status;
    const int64_t now_us = trivet_clock_unix_us();
    return trivet_store_txn_note(
        txn, txn->store->ops->put_reply(
                 txn->state, call, now_us, now_us - TRIVET_STORE_REPLY_KEEP_US,
                 (struct trivet_store_bytes){.data = reply, .n_bytes = n_bytes}, err));
}
