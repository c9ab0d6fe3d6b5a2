/* The set over a real store: aliases, loading, the cap, deletion, and look-ups beside all that. */
#include "fixture.h"

#include "base/alloc.h"
#include "base/log.h"
#include "base/text.h"
#include "serving/servable_set.h"

#include <dirent.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define READERS 3
#define LOADERS 4
#define SWAPS   60

struct place {
    char dir[64];
    struct trivet_store *store;
    struct trivet_servable_set *set;
    atomic_size_t n_loaded;
    atomic_size_t n_unloaded;
    struct trivet_error err;
};

static void remove_dir(const char *dir)
{
    DIR *listing = opendir(dir);
    struct dirent *entry;
    while (listing != NULL && (entry = readdir(listing)) != NULL) {
        char path[400];
        if (trivet_text_format(path, sizeof(path), "%s/%s", dir, entry->d_name)) {
            (void)unlink(path);
        }
    }
    closedir(listing);
    (void)rmdir(dir);
}

static void on_loaded(void *ctx, struct trivet_servable *servable)
{
    struct place *place = ctx;
    atomic_fetch_add(&place->n_loaded, 1);
    trivet_servable_set_user(servable, place, NULL);
}

static void on_unloaded(void *ctx, struct trivet_servable *servable)
{
    struct place *place = ctx;
    assert_ptr_equal(trivet_servable_user(servable), place);
    atomic_fetch_add(&place->n_unloaded, 1);
}

static void new_set(struct place *place, uint64_t memory_bytes_max)
{
    struct trivet_servable_set_hooks hooks = {on_loaded, on_unloaded, place};
    assert_int_equal(trivet_servable_set_create(place->store, memory_bytes_max, &hooks, &place->set,
                                                &place->err),
                     TRIVET_OK);
}

static void open_place(struct place *place, uint64_t memory_bytes_max)
{
    memset(place, 0, sizeof(*place));
    (void)trivet_text_copy(place->dir, sizeof(place->dir), "/tmp/trivet-set-XXXXXX");
    assert_non_null(mkdtemp(place->dir));
    if (trivet_store_open(place->dir, TRIVET_STORE_OWNER, &place->store, &place->err) !=
        TRIVET_OK) {
        fail_msg("%s", place->err.message);
    }
    new_set(place, memory_bytes_max);
}

static void close_place(struct place *place)
{
    trivet_servable_set_free(place->set);
    trivet_store_close(place->store);
    remove_dir(place->dir);
    assert_int_equal(atomic_load(&place->n_loaded), atomic_load(&place->n_unloaded));
}

static struct trivet_store_txn *begin(struct place *place)
{
    struct trivet_store_txn *txn = NULL;
    assert_int_equal(trivet_store_begin(place->store, TRIVET_STORE_CATALOG, &txn, &place->err),
                     TRIVET_OK);
    return txn;
}

/* The next version of the model. */
static uint64_t add_version(struct place *place, const char *model)
{
    struct trivet_buffer bytes = {0};
    struct trivet_store_version version;
    fixture_artefact(model, 4, 1, true, &bytes);
    struct trivet_store_txn *txn = begin(place);
    if (trivet_store_version_create(txn, model, "job-1", "ds-1", bytes.data, bytes.n_bytes, "s", 1,
                                    &version, &place->err) != TRIVET_OK ||
        trivet_store_commit(txn, &place->err) != TRIVET_OK) {
        fail_msg("%s", place->err.message);
    }
    trivet_buffer_release(&bytes);
    return version.version;
}

static void set_alias(struct place *place, const char *model, const char *alias, uint64_t version)
{
    struct trivet_store_alias out;
    struct trivet_error err;
    struct trivet_store_txn *txn = begin(place);
    if (trivet_store_alias_set(txn, model, alias, version,
                               &(struct trivet_store_cause){.reason = "test"}, &out,
                               &err) != TRIVET_OK ||
        trivet_store_commit(txn, &err) != TRIVET_OK) {
        fail_msg("%s", err.message);
    }
}

/* A version that is no artefact. */
static void add_broken(struct place *place, const char *model)
{
    struct trivet_store_version version;
    struct trivet_store_txn *txn = begin(place);
    assert_int_equal(trivet_store_version_create(txn, model, "job-1", "ds-1", "rubbish", 7, "s", 1,
                                                 &version, &place->err),
                     TRIVET_OK);
    assert_int_equal(trivet_store_commit(txn, &place->err), TRIVET_OK);
}

static void delete_version(struct place *place, const char *model, uint64_t version)
{
    struct trivet_store_txn *txn = begin(place);
    assert_int_equal(trivet_store_version_delete(txn, model, version,
                                                 &(struct trivet_store_cause){0}, &place->err),
                     TRIVET_OK);
    assert_int_equal(trivet_store_commit(txn, &place->err), TRIVET_OK);
}

/* The version found, or 0 with the status in `*status`. */
static uint64_t find(struct place *place, const char *model, uint64_t version, const char *alias,
                     enum trivet_status *status)
{
    struct trivet_servable *servable = NULL;
    *status = trivet_servable_set_find(place->set, model, version, alias, &servable, &place->err);
    uint64_t found = *status == TRIVET_OK ? trivet_servable_version(servable) : 0;
    trivet_servable_unref(servable);
    return found;
}

static uint64_t load(struct place *place, const char *model, uint64_t version, const char *alias)
{
    struct trivet_servable *servable = NULL;
    struct trivet_error err;
    if (trivet_servable_set_load(place->set, model, version, alias, &servable, &err) != TRIVET_OK) {
        fail_msg("%s", err.message);
    }
    uint64_t found = trivet_servable_version(servable);
    trivet_servable_unref(servable);
    return found;
}

static void test_find_and_load(void **state)
{
    (void)state;
    struct place place;
    enum trivet_status status;
    open_place(&place, 0);
    assert_int_equal(find(&place, "houses", 0, NULL, &status), 0);
    assert_int_equal(status, TRIVET_NOT_FOUND);
    assert_non_null(strstr(place.err.message, "nor any other"));
    (void)add_version(&place, "houses");
    (void)add_version(&place, "houses");

    (void)find(&place, "cars", 0, "", &status);
    assert_int_equal(status, TRIVET_NOT_FOUND);
    assert_non_null(strstr(place.err.message, "'houses'"));
    (void)find(&place, "houses", 3, NULL, &status);
    assert_int_equal(status, TRIVET_NOT_FOUND);
    assert_non_null(strstr(place.err.message, "no version 3"));
    assert_non_null(strstr(place.err.message, "2, 1"));
    (void)find(&place, "houses", 0, NULL, &status);
    assert_int_equal(status, TRIVET_NOT_FOUND);
    assert_non_null(strstr(place.err.message, "no alias 'production'"));
    (void)find(&place, "houses", 2, NULL, &status);
    assert_int_equal(status, TRIVET_UNAVAILABLE);

    assert_int_equal(load(&place, "houses", 2, NULL), 2);
    assert_int_equal(find(&place, "houses", 2, NULL, &status), 2);
    set_alias(&place, "houses", "production", 1);
    (void)find(&place, "houses", 0, NULL, &status);
    assert_int_equal(status, TRIVET_UNAVAILABLE);
    assert_int_equal(load(&place, "houses", 0, NULL), 1);
    assert_int_equal(find(&place, "houses", 0, "production", &status), 1);
    (void)find(&place, "houses", 0, "staging", &status);
    assert_int_equal(status, TRIVET_NOT_FOUND);
    assert_non_null(strstr(place.err.message, "'production'"));
    struct trivet_servable *servable = NULL;
    assert_int_equal(trivet_servable_set_load(place.set, "houses", 9, NULL, &servable, &place.err),
                     TRIVET_NOT_FOUND);
    assert_int_equal(
        trivet_servable_set_load(place.set, "houses", 0, "staging", &servable, &place.err),
        TRIVET_NOT_FOUND);
    assert_null(servable);
    close_place(&place);
}

static void test_point_and_start(void **state)
{
    (void)state;
    struct place place;
    enum trivet_status status;
    open_place(&place, 0);
    uint64_t one = add_version(&place, "houses");
    uint64_t two = add_version(&place, "houses");
    (void)add_version(&place, "cars");
    set_alias(&place, "houses", "production", one);
    assert_int_equal(trivet_servable_set_point(place.set, "houses", "production", one, &place.err),
                     TRIVET_OK);
    assert_int_equal(find(&place, "houses", 0, NULL, &status), one);
    set_alias(&place, "houses", "production", two);
    assert_int_equal(find(&place, "houses", 0, NULL, &status), one); /* until it is told */
    /* Told late of an older promotion: what the store says counts. */
    assert_int_equal(trivet_servable_set_point(place.set, "houses", "production", one, &place.err),
                     TRIVET_OK);
    assert_int_equal(find(&place, "houses", 0, NULL, &status), two);
    assert_int_equal(find(&place, "houses", one, NULL, &status), one); /* stays loaded */
    assert_int_equal(trivet_servable_set_point(place.set, "houses", "staging", one, &place.err),
                     TRIVET_NOT_FOUND);

    /* A new process. */
    set_alias(&place, "cars", "production", 1);
    set_alias(&place, "houses", "staging", one);
    trivet_servable_set_free(place.set);
    new_set(&place, 0);
    assert_int_equal(trivet_servable_set_load_aliases(place.set, &place.err), TRIVET_OK);
    assert_int_equal(find(&place, "houses", 0, NULL, &status), two);
    assert_int_equal(find(&place, "houses", 0, "staging", &status), one);
    assert_int_equal(find(&place, "cars", 0, NULL, &status), 1);
    close_place(&place);
}

/* A version that cannot be loaded does not keep the others from serving. */
static void test_start_with_a_damaged_version(void **state)
{
    (void)state;
    struct place place;
    enum trivet_status status;
    open_place(&place, 0);
    add_broken(&place, "broken");
    (void)add_version(&place, "houses");
    set_alias(&place, "broken", "production", 1);
    set_alias(&place, "houses", "production", 1);
    assert_int_equal(trivet_servable_set_load_aliases(place.set, &place.err), TRIVET_DATA_LOSS);
    assert_non_null(strstr(place.err.message, "broken"));
    assert_int_equal(find(&place, "houses", 0, NULL, &status), 1);
    (void)find(&place, "broken", 0, NULL, &status);
    assert_int_equal(status, TRIVET_UNAVAILABLE);
    close_place(&place);
}

static void expect_missing(struct place *place, const char *model, const char *alias)
{
    char got_model[TRIVET_STORE_NAME_BYTES] = "";
    char got_alias[TRIVET_STORE_NAME_BYTES] = "";
    assert_int_equal(trivet_servable_set_missing(place->set, got_model, got_alias), model != NULL);
    if (model != NULL) {
        assert_string_equal(got_model, model);
        assert_string_equal(got_alias, alias);
    }
}

/* What could not be loaded at the start is missed until it is mended: pointed elsewhere, deleted.
 */
static void test_missing(void **state)
{
    (void)state;
    struct place place;
    open_place(&place, 0);
    add_broken(&place, "broken");
    (void)add_version(&place, "broken");
    add_broken(&place, "gone");
    set_alias(&place, "broken", "production", 1);
    set_alias(&place, "broken", "staging", 1);
    set_alias(&place, "gone", "production", 1);
    expect_missing(&place, NULL, NULL);
    assert_int_equal(trivet_servable_set_load_aliases(place.set, &place.err), TRIVET_DATA_LOSS);
    expect_missing(&place, "broken", "production");
    set_alias(&place, "broken", "production", 2);
    assert_int_equal(trivet_servable_set_point(place.set, "broken", "production", 2, &place.err),
                     TRIVET_OK);
    expect_missing(&place, "broken", "staging");
    assert_int_equal(trivet_servable_set_load_aliases(place.set, &place.err), TRIVET_DATA_LOSS);
    set_alias(&place, "broken", "staging", 2);
    assert_int_equal(trivet_servable_set_point(place.set, "broken", "staging", 2, &place.err),
                     TRIVET_OK);
    expect_missing(&place, "gone", "production");
    delete_version(&place, "gone", 0);
    trivet_servable_set_drop(place.set, "gone", 0);
    expect_missing(&place, NULL, NULL);
    close_place(&place);
}

static void test_drop(void **state)
{
    (void)state;
    struct place place;
    enum trivet_status status;
    open_place(&place, 0);
    for (int i = 0; i < 3; i++) {
        (void)add_version(&place, "houses");
    }
    set_alias(&place, "houses", "production", 1);
    assert_int_equal(trivet_servable_set_load_aliases(place.set, &place.err), TRIVET_OK);
    assert_int_equal(load(&place, "houses", 2, NULL), 2);
    assert_int_equal(load(&place, "houses", 3, NULL), 3);
    struct trivet_servable *held = NULL;
    assert_int_equal(trivet_servable_set_find(place.set, "houses", 2, NULL, &held, &place.err),
                     TRIVET_OK);
    delete_version(&place, "houses", 2);
    trivet_servable_set_drop(place.set, "houses", 2);
    (void)find(&place, "houses", 2, NULL, &status);
    assert_int_equal(status, TRIVET_NOT_FOUND);
    assert_int_equal(trivet_servable_version(held), 2); /* who has it keeps it */
    trivet_servable_unref(held);
    assert_int_equal(find(&place, "houses", 0, NULL, &status), 1);

    delete_version(&place, "houses", 0);
    trivet_servable_set_drop(place.set, "houses", 0);
    (void)find(&place, "houses", 0, NULL, &status);
    assert_int_equal(status, TRIVET_NOT_FOUND);
    trivet_servable_set_drop(place.set, "houses", 0); /* nothing there: fine */
    assert_int_equal(atomic_load(&place.n_unloaded), 3);
    close_place(&place);
}

static void test_cap(void **state)
{
    (void)state;
    struct place place;
    enum trivet_status status;
    struct trivet_servable *one = fixture_servable("houses", 1, 4, 1, true);
    uint64_t n_bytes = trivet_servable_memory_bytes(one);
    trivet_servable_unref(one);
    open_place(&place, 3 * n_bytes + n_bytes / 2);
    for (int i = 0; i < 6; i++) {
        (void)add_version(&place, "houses");
    }
    set_alias(&place, "houses", "production", 1);
    assert_int_equal(load(&place, "houses", 0, NULL), 1);
    assert_int_equal(load(&place, "houses", 2, NULL), 2);
    assert_int_equal(load(&place, "houses", 3, NULL), 3);
    assert_int_equal(find(&place, "houses", 2, NULL, &status), 2); /* 3 is the oldest now */
    assert_int_equal(load(&place, "houses", 4, NULL), 4);
    (void)find(&place, "houses", 3, NULL, &status);
    assert_int_equal(status, TRIVET_UNAVAILABLE);
    assert_int_equal(find(&place, "houses", 2, NULL, &status), 2);
    assert_int_equal(find(&place, "houses", 1, NULL, &status), 1);

    /* What has an alias stays, and what is asked for is loaded, also over the cap. */
    set_alias(&place, "houses", "a", 2);
    set_alias(&place, "houses", "b", 3);
    set_alias(&place, "houses", "c", 4);
    assert_int_equal(trivet_servable_set_load_aliases(place.set, &place.err), TRIVET_OK);
    assert_int_equal(load(&place, "houses", 5, NULL), 5);
    assert_int_equal(find(&place, "houses", 5, NULL, &status), 5);
    assert_int_equal(load(&place, "houses", 6, NULL), 6);
    (void)find(&place, "houses", 5, NULL, &status);
    assert_int_equal(status, TRIVET_UNAVAILABLE);
    for (uint64_t version = 1; version <= 4; version++) {
        assert_int_equal(find(&place, "houses", version, NULL, &status), version);
    }
    close_place(&place);
}

static void test_out_of_memory(void **state)
{
    (void)state;
    struct place place;
    enum trivet_status status;
    open_place(&place, 0);
    (void)add_version(&place, "houses");
    set_alias(&place, "houses", "production", 1);
    uint64_t k = 0;
    do {
        struct trivet_servable *servable = NULL;
        (void)trivet_alloc_fail_at(++k);
        status = trivet_servable_set_load(place.set, "houses", 0, NULL, &servable, &place.err);
        (void)trivet_alloc_fail_at(0);
        trivet_servable_unref(servable);
        /* A failure between the version and its alias leaves the version loaded: fine. */
        assert_true(status == TRIVET_OK || status == TRIVET_RESOURCE_EXHAUSTED);
    } while (status != TRIVET_OK);
    assert_int_equal(find(&place, "houses", 0, NULL, &status), 1);
    close_place(&place);
}

static void set_traffic(struct place *place, const struct trivet_store_share *shares, size_t count)
{
    bool changed = false;
    struct trivet_store_txn *txn = begin(place);
    assert_int_equal(trivet_store_traffic_set(txn, "houses", "production", shares, count,
                                              &(struct trivet_store_cause){0}, &changed,
                                              &place->err),
                     TRIVET_OK);
    assert_int_equal(trivet_store_commit(txn, &place->err), TRIVET_OK);
}

/* Versions of the split of "production", as a decimal number with shadows after the point; 0 =
 * there is none. */
static double split_of(struct place *place)
{
    struct trivet_traffic *traffic = trivet_servable_set_peek_traffic(place->set, "houses", "");
    size_t n_shares = 0;
    size_t n_shadows = 0;
    double found = 0;
    if (traffic != NULL) {
        const struct trivet_traffic_member *shares = trivet_traffic_shares(traffic, &n_shares);
        const struct trivet_traffic_member *shadows = trivet_traffic_shadows(traffic, &n_shadows);
        for (size_t i = 0; i < n_shares; i++) {
            found = 10 * found + (double)trivet_servable_version(shares[i].servable);
        }
        found += n_shadows > 0 ? 0.1 * (double)trivet_servable_version(shadows[0].servable) : 0;
    }
    trivet_traffic_unref(traffic);
    return found;
}

/* Split, moved, restarted, over the cap, ended, deleted. */
static void test_split(void **state)
{
    (void)state;
    static const struct trivet_store_share two[] = {{.version = 2, .weight = 9},
                                                    {.version = 3, .weight = 1}};
    static const struct trivet_store_share shadow[] = {
        {.version = 4, .weight = 10000, .shadow = true}};
    struct place place;
    enum trivet_status status;
    open_place(&place, 1); /* nothing fits: what is pinned stays all the same */
    for (int i = 0; i < 4; i++) {
        (void)add_version(&place, "houses");
    }
    set_alias(&place, "houses", "production", 1);
    set_alias(&place, "houses", "staging", 1);
    set_traffic(&place, two, 2);
    assert_int_equal(trivet_servable_set_load_aliases(place.set, &place.err), TRIVET_OK);
    assert_true(split_of(&place) == 23);
    assert_null(trivet_servable_set_peek_traffic(place.set, "houses", "staging"));
    assert_int_equal(load(&place, "houses", 4, NULL), 4);
    for (uint64_t version = 1; version <= 3; version++) {
        assert_int_equal(find(&place, "houses", version, NULL, &status), version);
    }
    assert_int_equal(find(&place, "houses", 0, NULL, &status), 1); /* where the end leads back to */

    set_traffic(&place, shadow, 1);
    uint64_t generation = trivet_servable_set_generation(place.set);
    assert_int_equal(trivet_servable_set_point(place.set, "houses", NULL, 1, &place.err),
                     TRIVET_OK);
    assert_int_not_equal(trivet_servable_set_generation(place.set), generation);
    assert_true(split_of(&place) == 1.4);
    (void)find(&place, "houses", 2, NULL, &status); /* pinned no more */
    assert_int_equal(status, TRIVET_UNAVAILABLE);

    /* A split that cannot be loaded changes nothing; after a start, production answers alone. */
    add_broken(&place, "houses");
    set_traffic(&place, &(struct trivet_store_share){.version = 5, .weight = 1}, 1);
    assert_int_not_equal(trivet_servable_set_point(place.set, "houses", NULL, 1, &place.err),
                         TRIVET_OK);
    assert_true(split_of(&place) == 1.4);
    trivet_servable_set_free(place.set);
    new_set(&place, 0);
    assert_int_not_equal(trivet_servable_set_load_aliases(place.set, &place.err), TRIVET_OK);
    assert_true(split_of(&place) == 0);
    assert_int_equal(find(&place, "houses", 0, NULL, &status), 1);

    set_traffic(&place, two, 2);
    assert_int_equal(trivet_servable_set_point(place.set, "houses", NULL, 1, &place.err),
                     TRIVET_OK);
    trivet_servable_set_drop(place.set, "houses", 3); /* gone with its split */
    assert_true(split_of(&place) == 0);
    assert_int_equal(find(&place, "houses", 2, NULL, &status), 2);
    close_place(&place);
}

/* --- threads --------------------------------------------------------------------------------- */

struct crowd {
    struct place *place;
    atomic_bool stop;
    atomic_size_t n_wrong;
    atomic_size_t n_found;
};

static void *read_always(void *arg)
{
    struct crowd *crowd = arg;
    while (!atomic_load(&crowd->stop)) {
        struct trivet_servable *servable = NULL;
        struct trivet_error err;
        if (trivet_servable_set_find(crowd->place->set, "houses", 0, NULL, &servable, &err) !=
            TRIVET_OK) {
            atomic_fetch_add(&crowd->n_wrong, 1);
            continue;
        }
        const struct trivet_schema *inputs =
            trivet_pipeline_inputs(trivet_servable_pipeline(servable));
        atomic_fetch_add(&crowd->n_wrong, inputs->n_columns != 4);
        atomic_fetch_add(&crowd->n_found, 1);
        trivet_servable_unref(servable);
    }
    return NULL;
}

/* Promotions with a cap that unloads what was left, beside readers: each look-up finds a whole
 * version. */
static void test_swaps_beside_readers(void **state)
{
    (void)state;
    struct place place;
    open_place(&place, 1);
    for (int i = 0; i < 3; i++) {
        (void)add_version(&place, "houses");
    }
    set_alias(&place, "houses", "production", 1);
    assert_int_equal(load(&place, "houses", 0, NULL), 1);
    struct crowd crowd = {.place = &place};
    pthread_t readers[READERS];
    for (size_t i = 0; i < READERS; i++) {
        assert_int_equal(pthread_create(&readers[i], NULL, read_always, &crowd), 0);
    }
    while (atomic_load(&crowd.n_found) == 0) { /* they have begun */
        usleep(1000);
    }
    for (uint64_t i = 0; i < SWAPS; i++) {
        uint64_t version = 1 + i % 3;
        set_alias(&place, "houses", "production", version);
        assert_int_equal(
            trivet_servable_set_point(place.set, "houses", "production", version, &place.err),
            TRIVET_OK);
    }
    atomic_store(&crowd.stop, true);
    for (size_t i = 0; i < READERS; i++) {
        pthread_join(readers[i], NULL);
    }
    assert_int_equal(atomic_load(&crowd.n_wrong), 0);
    close_place(&place);
}

static void *load_one(void *arg)
{
    struct crowd *crowd = arg;
    struct trivet_servable *servable = NULL;
    struct trivet_error err;
    if (trivet_servable_set_load(crowd->place->set, "houses", 1, NULL, &servable, &err) !=
        TRIVET_OK) {
        atomic_fetch_add(&crowd->n_wrong, 1);
    }
    trivet_servable_unref(servable);
    return NULL;
}

static void test_loaded_once(void **state)
{
    (void)state;
    struct place place;
    open_place(&place, 0);
    (void)add_version(&place, "houses");
    struct crowd crowd = {.place = &place};
    pthread_t loaders[LOADERS];
    for (size_t i = 0; i < LOADERS; i++) {
        assert_int_equal(pthread_create(&loaders[i], NULL, load_one, &crowd), 0);
    }
    for (size_t i = 0; i < LOADERS; i++) {
        pthread_join(loaders[i], NULL);
    }
    assert_int_equal(atomic_load(&crowd.n_wrong), 0);
    assert_int_equal(atomic_load(&place.n_loaded), 1);
    close_place(&place);
}

static void remove_alias(struct place *place, const char *model, const char *alias)
{
    struct trivet_store_alias out;
    struct trivet_store_txn *txn = begin(place);
    assert_int_equal(trivet_store_alias_remove(txn, model, alias, &(struct trivet_store_cause){0},
                                               &out, &place->err),
                     TRIVET_OK);
    assert_int_equal(trivet_store_commit(txn, &place->err), TRIVET_OK);
}

/* What an alias that is taken away kept in memory goes over the cap; one that is back stays. */
static void test_unpoint(void **state)
{
    (void)state;
    struct place place;
    enum trivet_status status;
    open_place(&place, 1);
    for (uint64_t version = 1; version <= 2; version++) {
        (void)add_version(&place, "houses");
        set_alias(&place, "houses", version == 1 ? "production" : "staging", version);
        (void)load(&place, "houses", 0, version == 1 ? "production" : "staging");
    }
    assert_int_equal(trivet_servable_set_unpoint(place.set, "houses", "staging", &place.err),
                     TRIVET_OK); /* the store has it */
    assert_int_equal(find(&place, "houses", 0, "staging", &status), 2);
    remove_alias(&place, "houses", "staging");
    const uint64_t generation = trivet_servable_set_generation(place.set);
    assert_int_equal(trivet_servable_set_unpoint(place.set, "houses", "staging", &place.err),
                     TRIVET_OK);
    assert_true(trivet_servable_set_generation(place.set) > generation);
    (void)find(&place, "houses", 0, "staging", &status);
    assert_int_equal(status, TRIVET_NOT_FOUND);
    (void)find(&place, "houses", 2, NULL, &status);
    assert_int_equal(status, TRIVET_UNAVAILABLE);
    assert_int_equal(find(&place, "houses", 0, NULL, &status), 1);
    assert_int_equal(trivet_servable_set_unpoint(place.set, "cars", "staging", &place.err),
                     TRIVET_OK);
    close_place(&place);
}

int main(void)
{
    trivet_log_configure("test", TRIVET_LOG_ERROR, false); /* the cap of 1 byte warns */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_find_and_load),
        cmocka_unit_test(test_point_and_start),
        cmocka_unit_test(test_start_with_a_damaged_version),
        cmocka_unit_test(test_missing),
        cmocka_unit_test(test_drop),
        cmocka_unit_test(test_cap),
        cmocka_unit_test(test_unpoint),
        cmocka_unit_test(test_split),
        cmocka_unit_test(test_out_of_memory),
        cmocka_unit_test(test_swaps_beside_readers),
        cmocka_unit_test(test_loaded_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
