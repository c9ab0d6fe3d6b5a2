#include "fixture.h"

#include "base/alloc.h"
#include "base/text.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const struct trivet_store_backend_ops *const fixture_backends[] = {&trivet_store_sqlite_ops};
const size_t fixture_n_backends = TRIVET_ARRAY_COUNT(fixture_backends);

static const struct trivet_store_backend_ops *chosen = &trivet_store_sqlite_ops;

bool fixture_make_dir(char *dir, size_t dir_bytes)
{
    const char *root = getenv("TMPDIR");
    if (root == NULL || !trivet_text_format(dir, dir_bytes, "%s/trivet-store-XXXXXX", root))
        (void)trivet_text_copy(dir, dir_bytes, "/tmp/trivet-store-XXXXXX");
    return mkdtemp(dir) != NULL;
}

void fixture_remove_dir(const char *dir)
{
    DIR *listing = opendir(dir);
    if (listing == NULL)
        return;
    for (struct dirent *entry = readdir(listing); entry != NULL; entry = readdir(listing)) {
        char path[PATH_MAX];
        if (trivet_text_format(path, sizeof(path), "%s/%s", dir, entry->d_name))
            unlink(path);
    }
    closedir(listing);
    rmdir(dir);
}

void fixture_assert_ok(struct fixture *fixture, enum trivet_status status, const char *file,
                       int line)
{
    if (status != TRIVET_OK)
        print_error("%s: %s\n", trivet_status_name(status), fixture->err.message);
    _assert_int_equal(TRIVET_OK, status, file, line);
}

void fixture_assert_refused(struct fixture *fixture, enum trivet_status expected,
                            enum trivet_status status, const char *part, const char *file, int line)
{
    if (status != expected)
        print_error("%s instead of %s: %s\n", trivet_status_name(status),
                    trivet_status_name(expected), fixture->err.message);
    _assert_int_equal(expected, status, file, line);
    _assert_int_equal(expected, fixture->err.status, file, line);
    if (strstr(fixture->err.message, part) == NULL) {
        print_error("'%s' is not in: %s\n", part, fixture->err.message);
        _fail(file, line);
    }
}

void fixture_open(struct fixture *fixture, const struct trivet_store_backend_ops *ops)
{
    memset(fixture, 0, sizeof(*fixture));
    fixture->ops = ops;
    assert_true(fixture_make_dir(fixture->dir, sizeof(fixture->dir)));
    assert_ok(fixture, trivet_store_open_backend(ops, fixture->dir, TRIVET_STORE_OWNER,
                                                 &fixture->store, &fixture->err));
}

void fixture_close(struct fixture *fixture)
{
    trivet_store_close(fixture->store);
    fixture->store = NULL;
    fixture_remove_dir(fixture->dir);
}

void fixture_reopen(struct fixture *fixture)
{
    trivet_store_close(fixture->store);
    fixture->store = NULL;
    assert_ok(fixture, trivet_store_open_backend(fixture->ops, fixture->dir, TRIVET_STORE_OWNER,
                                                 &fixture->store, &fixture->err));
}

struct trivet_store_txn *fixture_begin(struct fixture *fixture, enum trivet_store_domain domain)
{
    struct trivet_store_txn *txn = NULL;
    assert_ok(fixture, trivet_store_begin(fixture->store, domain, &txn, &fixture->err));
    return txn;
}

void fixture_commit(struct fixture *fixture, struct trivet_store_txn *txn)
{
    assert_ok(fixture, trivet_store_commit(txn, &fixture->err));
}

struct trivet_store_dataset fixture_dataset(struct fixture *fixture, const char *name)
{
    struct trivet_store_dataset made = {.n_rows = 99};
    struct trivet_store_txn *txn = fixture_begin(fixture, TRIVET_STORE_DATA);
    assert_ok(fixture, trivet_store_dataset_create(txn, name, "schema", 6, &made, &fixture->err));
    fixture_commit(fixture, txn);
    return made;
}

struct trivet_store_version fixture_version(struct fixture *fixture, const char *model,
                                            const char *artefact)
{
    struct trivet_store_version made = {.version = 0};
    struct trivet_store_txn *txn = fixture_begin(fixture, TRIVET_STORE_CATALOG);
    assert_ok(fixture,
              trivet_store_version_create(txn, model, "job-1", "ds-1", artefact, strlen(artefact),
                                          "summary", 7, &made, &fixture->err));
    fixture_commit(fixture, txn);
    return made;
}

struct trivet_store_alias fixture_alias(struct fixture *fixture, const char *model,
                                        const char *alias, uint64_t version, const char *reason)
{
    struct trivet_store_alias made = {.version = 0};
    struct trivet_store_txn *txn = fixture_begin(fixture, TRIVET_STORE_CATALOG);
    assert_ok(fixture, trivet_store_alias_set(txn, model, alias, version,
                                              &(struct trivet_store_cause){.reason = reason}, &made,
                                              &fixture->err));
    fixture_commit(fixture, txn);
    return made;
}

struct trivet_store_job fixture_job(struct fixture *fixture, const char *model)
{
    struct trivet_store_job job = {.kind = 1};
    (void)trivet_text_copy(job.model, sizeof(job.model), model);
    struct trivet_store_txn *txn = fixture_begin(fixture, TRIVET_STORE_CATALOG);
    assert_ok(fixture, trivet_store_job_create(txn, &job, "spec", 4, &fixture->err));
    fixture_commit(fixture, txn);
    return job;
}

void fixture_use(const struct trivet_store_backend_ops *ops)
{
    chosen = ops;
}

int fixture_setup(void **state)
{
    struct fixture *fixture = trivet_calloc(1, sizeof(*fixture));
    if (fixture == NULL)
        return -1;
    *state = fixture;
    fixture_open(fixture, chosen);
    return 0;
}

int fixture_teardown(void **state)
{
    struct fixture *fixture = *state;
    fixture_close(fixture);
    trivet_free(fixture);
    return 0;
}
