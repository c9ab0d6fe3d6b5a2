/* A store in a folder of its own, for one test. */
#ifndef TESTS_UNIT_STORE_FIXTURE_H
#define TESTS_UNIT_STORE_FIXTURE_H

#include "store/backend.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct fixture {
    const struct trivet_store_backend_ops *ops;
    char dir[64]; /* "" when there is none */
    struct trivet_store *store;
    struct trivet_error err;
};

/* A new folder under $TMPDIR or /tmp; false when it cannot be made. */
bool fixture_make_dir(char *dir, size_t dir_bytes);
/* The folder with the files in it; no subfolders. */
void fixture_remove_dir(const char *dir);

/* Opens a store of `ops` in a new folder, and removes both. */
void fixture_open(struct fixture *fixture, const struct trivet_store_backend_ops *ops);
void fixture_close(struct fixture *fixture);
/* Close and open again. */
void fixture_reopen(struct fixture *fixture);

struct trivet_store_txn *fixture_begin(struct fixture *fixture, enum trivet_store_domain domain);
/* Asserts that the commit went well. */
void fixture_commit(struct fixture *fixture, struct trivet_store_txn *txn);

/* Each in a transaction of its own; asserts that it went well. */
struct trivet_store_dataset fixture_dataset(struct fixture *fixture, const char *name);
struct trivet_store_version fixture_version(struct fixture *fixture, const char *model,
                                            const char *artefact);
struct trivet_store_alias fixture_alias(struct fixture *fixture, const char *model,
                                        const char *alias, uint64_t version, const char *reason);
struct trivet_store_job fixture_job(struct fixture *fixture, const char *model);

/* "status is `expected` and the message contains `part`". */
#define assert_refused(fixture, expected, status, part)                                            \
    fixture_assert_refused((fixture), (expected), (status), (part), __FILE__, __LINE__)
void fixture_assert_refused(struct fixture *fixture, enum trivet_status expected,
                            enum trivet_status status, const char *part, const char *file,
                            int line);
/* OK, or fails with the message. */
#define assert_ok(fixture, status) fixture_assert_ok((fixture), (status), __FILE__, __LINE__)
void fixture_assert_ok(struct fixture *fixture, enum trivet_status status, const char *file,
                       int line);

/* The backends that the conformance suite runs over. */
extern const struct trivet_store_backend_ops *const fixture_backends[];
extern const size_t fixture_n_backends;

/* cmocka: *state is a struct fixture with an open store; the group's state is its backend. */
int fixture_setup(void **state);
int fixture_teardown(void **state);
/* The backend that fixture_setup opens. */
void fixture_use(const struct trivet_store_backend_ops *ops);

#endif
