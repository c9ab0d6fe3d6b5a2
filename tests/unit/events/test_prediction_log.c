/* The log of predictions over a real store: what is chosen, what is remembered, what is kept. */
#include "../store/fixture.h"

#include "base/clock.h"
#include "base/compiler.h"
#include "base/text.h"
#include "events/prediction_log.h"

#include <math.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct bench {
    struct fixture fixture;
    struct trivet_quality *quality;
    struct trivet_prediction_log *log;
    struct trivet_prediction_log_options options;
    struct trivet_log_version *version;
};

static void open_log(struct bench *bench)
{
    struct fixture *f = &bench->fixture;
    bench->options.store = f->store;
    bench->options.quality = bench->quality;
    assert_ok(f, trivet_prediction_log_open(&bench->options, &bench->log, &f->err));
    bench->version = trivet_prediction_log_add(bench->log, "m", 1, "columns", 7);
    assert_non_null(bench->version);
}

static void open_bench(struct bench *bench, uint32_t rows_per_s, uint32_t burst_rows)
{
    memset(bench, 0, sizeof(*bench));
    fixture_open(&bench->fixture, &trivet_store_sqlite_ops);
    bench->quality = trivet_quality_create();
    assert_non_null(bench->quality);
    bench->options = (struct trivet_prediction_log_options){
        .rows_per_s = rows_per_s,
        .burst_rows = burst_rows,
        .queue_bytes_max = 32u << 20,
        .model_rows_max = 1000000,
        .rows_max = 1000000,
        .model_bytes_max = 1u << 30,
        .bytes_max = 1u << 30,
        .keep_us = 3600 * INT64_C(1000000),
    };
    open_log(bench);
}

static void close_bench(struct bench *bench)
{
    trivet_prediction_log_close(bench->log);
    trivet_quality_free(bench->quality);
    fixture_close(&bench->fixture);
}

static uint64_t hash_of(const struct bench *bench, const char *id, uint32_t row)
{
    return trivet_log_row_hash(trivet_prediction_log_hash(bench->log, id, strlen(id)), row);
}

/* Rows of one call. */
static void predict(struct bench *bench, const char *id, uint32_t n_rows)
{
    struct trivet_log_round round = trivet_log_begin(bench->log, bench->version, n_rows);
    for (uint32_t i = 0; i < n_rows; i++) {
        const struct trivet_log_row row = {.id = id,
                                           .id_bytes = strlen(id),
                                           .row = i,
                                           .hash = hash_of(bench, id, i),
                                           .number = i,
                                           .probability = -1,
                                           .features = "features",
                                           .features_bytes = 8};
        if (trivet_log_chooses(&round, row.hash)) {
            trivet_log_put(&round, &row);
        }
    }
}

struct found {
    uint64_t n_rows;
    double weight;
    uint64_t n_skipped; /* not there, and their hash says why */
    uint64_t n_unknown; /* not there, and it does not */
};

static struct found look_for(struct bench *bench, const char *id, uint32_t n_rows)
{
    struct fixture *f = &bench->fixture;
    struct found out = {0};
    struct trivet_store_txn *txn = fixture_begin(f, TRIVET_STORE_LOG);
    for (uint32_t i = 0; i < n_rows; i++) {
        struct trivet_store_logged logged;
        char text[TRIVET_STORE_PREDICTION_BYTES];
        bool found = false;
        (void)trivet_text_format(text, sizeof(text), "%s/%u", id, i);
        assert_ok(f, trivet_store_log_find(txn, "m", text, &logged, &found, &f->err));
        if (found) {
            out.n_rows++;
            out.weight += ldexp(1, (int)logged.level);
        } else if (trivet_prediction_log_may_skip(bench->log, "m", hash_of(bench, id, i))) {
            out.n_skipped++;
        } else {
            out.n_unknown++;
        }
    }
    trivet_store_abort(txn);
    return out;
}

static void a_few_rows_are_all_there_after_a_flush(void **state)
{
    (void)state;
    struct bench bench;
    open_bench(&bench, 1000, 20000);
    predict(&bench, "a", 500);
    trivet_prediction_log_flush(bench.log);
    struct found found = look_for(&bench, "a", 600);
    assert_int_equal(found.n_rows, 500);
    assert_float_equal(found.weight, 500, 0);
    assert_int_equal(found.n_skipped, 0);
    assert_int_equal(found.n_unknown, 100);
    assert_int_equal(trivet_prediction_log_dropped(bench.log), 0);
    close_bench(&bench);
}

static void many_rows_are_sampled_and_each_missing_one_is_told(void **state)
{
    (void)state;
    struct bench bench;
    open_bench(&bench, 1000, 4000);
    const uint32_t n_rows = 200000;
    int64_t begun_ns = trivet_clock_monotonic_ns();
    predict(&bench, "busy", n_rows);
    /* A slow machine has more seconds to log rows of. */
    double seconds = (double)(trivet_clock_monotonic_ns() - begun_ns) / (double)TRIVET_NS_PER_S;
    trivet_prediction_log_flush(bench.log);
    struct found found = look_for(&bench, "busy", n_rows);
    print_message("%u rows: %llu logged, which stand for %.0f\n", n_rows,
                  (unsigned long long)found.n_rows, found.weight);
    assert_true(found.n_rows >= 3000);
    assert_true((double)found.n_rows < 8000 + 2 * 1000 * seconds);
    assert_true(fabs(found.weight / n_rows - 1) < 0.4);
    assert_int_equal(found.n_unknown, 0);
    /* And after the log was closed and opened. */
    trivet_prediction_log_close(bench.log);
    open_log(&bench);
    found = look_for(&bench, "busy", n_rows);
    assert_int_equal(found.n_unknown, 0);
    close_bench(&bench);
}

static void a_full_queue_drops_rows_and_counts_them(void **state)
{
    (void)state;
    struct bench bench;
    open_bench(&bench, 1000, 20000);
    trivet_prediction_log_close(bench.log);
    bench.options.queue_bytes_max = 1000;
    open_log(&bench);
    predict(&bench, "a", 100);
    trivet_prediction_log_flush(bench.log);
    struct found found = look_for(&bench, "a", 100);
    assert_true(found.n_rows > 0);
    assert_true(found.n_rows < 100);
    assert_int_equal(found.n_rows + trivet_prediction_log_dropped(bench.log), 100);
    assert_int_equal(found.n_unknown, 100 - found.n_rows);
    close_bench(&bench);
}

static void what_was_logged_is_in_the_totals(void **state)
{
    (void)state;
    struct bench bench;
    struct trivet_quality_messages messages = {0};
    open_bench(&bench, 1000, 20000);
    predict(&bench, "a", 300);
    predict(&bench, "a", 300); /* the same ids: the first ones stay */
    trivet_prediction_log_flush(bench.log);
    struct trivet_arena *arena = trivet_arena_create(1u << 20, 0);
    assert_ok(&bench.fixture,
              trivet_quality_encode(bench.quality, false, arena, &messages, &bench.fixture.err));
    assert_int_equal(messages.n_versions, 1);
    assert_int_equal(trivet_prediction_log_repeated(bench.log), 300);
    assert_int_equal(messages.versions[0]->logged, 300);
    assert_float_equal(messages.versions[0]->logged_weight, 300, 0);
    trivet_arena_free(arena);
    close_bench(&bench);
}

/* Ids that were chosen for their hashes: with the log's key these are as all others. */
static void who_chooses_ids_does_not_choose_their_hashes(void **state)
{
    (void)state;
    struct bench bench;
    unsigned n_chosen = 0;
    unsigned n_zeros = 0;
    open_bench(&bench, 1000, 20000);
    const uint64_t before = hash_of(&bench, "a", 0);
    for (unsigned i = 0; n_chosen < 1000; i++) {
        char id[16];
        (void)trivet_text_format(id, sizeof(id), "evil-%u", i);
        if (trivet_log_row_hash(trivet_hash_bytes(id, strlen(id)), 0) >> 60 == 0) {
            n_chosen++;
            n_zeros += hash_of(&bench, id, 0) >> 60 == 0;
        }
    }
    assert_in_range(n_zeros, 20, 115); /* about 62, by another key each time */
    /* The same after the log was closed and opened; another in another log. */
    trivet_prediction_log_close(bench.log);
    open_log(&bench);
    assert_true(hash_of(&bench, "a", 0) == before);
    close_bench(&bench);
    open_bench(&bench, 1000, 20000);
    assert_true(hash_of(&bench, "a", 0) != before);
    close_bench(&bench);
}

static uint64_t rows_in_store(struct bench *bench)
{
    struct trivet_store_usage usage[2];
    size_t count = 0;
    assert_ok(&bench->fixture,
              trivet_store_log_usage(bench->fixture.store, usage, 2, &count, &bench->fixture.err));
    return count == 0 ? 0 : usage[0].n_rows;
}

static void too_many_rows_of_a_model_are_thinned(void **state)
{
    (void)state;
    struct bench bench;
    open_bench(&bench, 100000, 100000);
    trivet_prediction_log_close(bench.log);
    bench.options.model_rows_max = 8000;
    open_log(&bench);
    for (int i = 0; i < 20; i++) {
        char id[8];
        (void)trivet_text_format(id, sizeof(id), "t%d", i);
        predict(&bench, id, 1000);
        trivet_prediction_log_flush(bench.log);
    }
    for (int i = 0; i < 100 && rows_in_store(&bench) > 8000; i++) {
        usleep(100000);
        trivet_prediction_log_flush(bench.log);
    }
    /* Pieces may still be under way, one after each flush: let them end. */
    for (int i = 0; i < 10; i++) {
        trivet_prediction_log_flush(bench.log);
    }
    struct found all = {0};
    for (int i = 0; i < 20; i++) {
        char id[8];
        (void)trivet_text_format(id, sizeof(id), "t%d", i);
        struct found found = look_for(&bench, id, 1000);
        assert_true(found.n_rows > 50); /* from first to last */
        all.n_rows += found.n_rows;
        all.weight += found.weight;
        all.n_unknown += found.n_unknown;
    }
    print_message("20,000 rows where 8,000 may be: %llu are there, which stand for %.0f\n",
                  (unsigned long long)all.n_rows, all.weight);
    assert_true(all.n_rows <= 8000);
    assert_true(fabs(all.weight / 20000 - 1) < 0.15);
    assert_int_equal(all.n_unknown, 0);
    close_bench(&bench);
}

static size_t labelled_rows(struct bench *bench)
{
    struct fixture *f = &bench->fixture;
    struct trivet_store_labelled rows[4];
    struct trivet_buffer features = {0};
    size_t count = 0;
    assert_ok(f, trivet_store_log_list_labelled(f->store, "m", 0, 0, rows, 4, &count, &features,
                                                &f->err));
    trivet_buffer_release(&features);
    return count;
}

static void set_outcome(struct bench *bench, const char *id)
{
    struct fixture *f = &bench->fixture;
    struct trivet_store_logged logged;
    const struct trivet_store_outcome outcome = {.number = 1};
    bool found = false;
    struct trivet_store_txn *txn = fixture_begin(f, TRIVET_STORE_LOG);
    assert_ok(f, trivet_store_log_find(txn, "m", id, &logged, &found, &f->err));
    assert_true(found);
    assert_ok(f, trivet_store_log_set_outcome(txn, logged.key, &outcome, &f->err));
    fixture_commit(f, txn);
}

static void features_are_kept_while_the_switch_is_on(void **state)
{
    (void)state;
    struct bench bench;
    open_bench(&bench, 1000, 20000);
    struct trivet_error *err = &bench.fixture.err;
    predict(&bench, "off", 1);
    assert_ok(&bench.fixture, trivet_prediction_log_keep_features(bench.log, "m", true, err));
    predict(&bench, "on", 1);
    trivet_prediction_log_flush(bench.log);
    set_outcome(&bench, "off/0");
    set_outcome(&bench, "on/0");
    assert_int_equal(labelled_rows(&bench), 1);
    assert_ok(&bench.fixture, trivet_prediction_log_keep_features(bench.log, "m", false, err));
    for (int i = 0; i < 100 && labelled_rows(&bench) > 0; i++) {
        usleep(20000);
        trivet_prediction_log_flush(bench.log);
    }
    assert_int_equal(labelled_rows(&bench), 0);
    close_bench(&bench);
}

/* Off, and at once on again: what was there by then goes all the same, and what follows stays. */
static void what_was_to_be_erased_is_whatever_the_switch_does_later(void **state)
{
    (void)state;
    struct bench bench;
    open_bench(&bench, 1000, 20000);
    struct trivet_error *err = &bench.fixture.err;
    assert_ok(&bench.fixture, trivet_prediction_log_keep_features(bench.log, "m", true, err));
    predict(&bench, "before", 2);
    assert_ok(&bench.fixture, trivet_prediction_log_keep_features(bench.log, "m", false, err));
    assert_ok(&bench.fixture, trivet_prediction_log_keep_features(bench.log, "m", true, err));
    predict(&bench, "after", 1);
    trivet_prediction_log_flush(bench.log);
    set_outcome(&bench, "before/0");
    set_outcome(&bench, "before/1");
    set_outcome(&bench, "after/0");
    for (int i = 0; i < 100 && labelled_rows(&bench) > 1; i++) {
        usleep(20000);
        trivet_prediction_log_flush(bench.log);
    }
    usleep(300000);
    assert_int_equal(labelled_rows(&bench), 1);
    close_bench(&bench);
}

/* Off while the log is empty: there is nothing to erase, and what comes later is not meant. */
static void nothing_is_erased_of_an_empty_log(void **state)
{
    (void)state;
    struct bench bench;
    struct trivet_store_erasure erasure;
    size_t count = 1;
    open_bench(&bench, 1000, 20000);
    struct trivet_error *err = &bench.fixture.err;
    assert_ok(&bench.fixture, trivet_prediction_log_keep_features(bench.log, "m", true, err));
    assert_ok(&bench.fixture, trivet_prediction_log_keep_features(bench.log, "m", false, err));
    assert_ok(&bench.fixture,
              trivet_store_log_list_erasures(bench.fixture.store, &erasure, 1, &count, err));
    assert_int_equal(count, 0);
    assert_ok(&bench.fixture, trivet_prediction_log_keep_features(bench.log, "m", true, err));
    predict(&bench, "after", 1);
    for (int i = 0; i < 3; i++) {
        trivet_prediction_log_flush(bench.log); /* each comes after the work that follows a write */
    }
    set_outcome(&bench, "after/0");
    assert_int_equal(labelled_rows(&bench), 1);
    close_bench(&bench);
}

/* Of the log's file; its write-ahead log has a bound of its own. */
static uint64_t file_bytes(struct bench *bench)
{
    char path[128];
    struct stat info;
    (void)trivet_text_format(path, sizeof(path), "%s/log.db", bench->fixture.dir);
    assert_int_equal(stat(path, &info), 0);
    return (uint64_t)info.st_size;
}

static void predict_wide(struct bench *bench, const char *id, uint32_t n_rows)
{
    static const char features[16000];
    struct trivet_log_round round = trivet_log_begin(bench->log, bench->version, n_rows);
    for (uint32_t i = 0; i < n_rows; i++) {
        const struct trivet_log_row row = {.id = id,
                                           .id_bytes = strlen(id),
                                           .row = i,
                                           .hash = hash_of(bench, id, i),
                                           .number = i,
                                           .probability = -1,
                                           .features = features,
                                           .features_bytes = sizeof(features)};
        if (trivet_log_chooses(&round, row.hash)) {
            trivet_log_put(&round, &row);
        }
    }
}

static struct trivet_store_kept kept_of(struct bench *bench, const char *model)
{
    struct trivet_store_kept kept = {.n_rows = 0};
    assert_ok(&bench->fixture,
              trivet_store_log_count_kept(bench->fixture.store, model, &kept, &bench->fixture.err));
    return kept;
}

static struct trivet_store_kept kept_in_store(struct bench *bench)
{
    return kept_of(bench, "m");
}

static void wide_rows_lose_their_features_before_the_log_grows_too_large(void **state)
{
    (void)state;
    struct bench bench;
    const uint64_t bytes_max = 8u << 20;
    const unsigned n_calls = 100;
    open_bench(&bench, 100000, 100000);
    trivet_prediction_log_close(bench.log);
    bench.options.model_bytes_max = bytes_max;
    open_log(&bench);
    assert_ok(&bench.fixture,
              trivet_prediction_log_keep_features(bench.log, "m", true, &bench.fixture.err));
    uint64_t most_bytes = 0;
    for (unsigned i = 0; i < n_calls; i++) {
        char id[8];
        (void)trivet_text_format(id, sizeof(id), "w%u", i);
        predict_wide(&bench, id, 50);
        trivet_prediction_log_flush(bench.log);
        if (i % 5 == 0) {
            char first[16];
            (void)trivet_text_format(first, sizeof(first), "%s/0", id);
            set_outcome(&bench, first); /* these keep them longest */
        }
        uint64_t n_bytes = file_bytes(&bench);
        most_bytes = n_bytes > most_bytes ? n_bytes : most_bytes;
    }
    for (int i = 0; i < 100 && kept_in_store(&bench).n_bytes > bytes_max; i++) {
        usleep(20000);
        trivet_prediction_log_flush(bench.log);
    }
    struct trivet_store_kept kept = kept_in_store(&bench);
    print_message("%u rows of 16,000 bytes: %llu have their features, the file had at most %.1f "
                  "MiB\n",
                  n_calls * 50, (unsigned long long)kept.n_rows, (double)most_bytes / (1 << 20));
    assert_true(kept.n_bytes <= bytes_max);
    assert_true(kept.n_rows > 50);
    assert_int_equal(rows_in_store(&bench), n_calls * 50); /* outcomes join as before */
    assert_int_equal(labelled_rows(&bench), 4);            /* of them as many as are asked */
    assert_true(trivet_prediction_log_stripped(bench.log) >= n_calls * 50 - kept.n_rows);
    assert_int_equal(trivet_prediction_log_dropped(bench.log), 0);
    assert_true(most_bytes < 2 * bytes_max); /* 80 MB were offered */
    close_bench(&bench);
}

/* Features go of the models that have the most of them, not of the one with the most rows. */
static void of_all_models_those_with_the_most_features_lose_some(void **state)
{
    (void)state;
    struct bench bench;
    static const char *const wide[] = {"wide-a", "wide-b"};
    open_bench(&bench, 10000000, 10000000);
    struct fixture *f = &bench.fixture;
    trivet_prediction_log_close(bench.log);
    bench.options.bytes_max = 16u << 20;
    open_log(&bench);
    assert_ok(f, trivet_prediction_log_keep_features(bench.log, "m", true, &f->err));
    predict(&bench, "rows", 26000); /* 7.4 MiB of rows, 0.2 of features */
    trivet_prediction_log_flush(bench.log);
    for (size_t i = 0; i < 2; i++) {
        bench.version = trivet_prediction_log_add(bench.log, wide[i], 1, "columns", 7);
        assert_non_null(bench.version);
        assert_ok(f, trivet_prediction_log_keep_features(bench.log, wide[i], true, &f->err));
        predict_wide(&bench, "w", 450); /* 6.9 MiB of features */
        trivet_prediction_log_flush(bench.log);
    }
    const uint64_t room = (16u << 20) - 27000 * 300;
    uint64_t n_bytes = UINT64_MAX;
    for (int i = 0; i < 200 && n_bytes > room; i++) {
        usleep(20000);
        trivet_prediction_log_flush(bench.log);
        n_bytes = kept_of(&bench, wide[0]).n_bytes + kept_of(&bench, wide[1]).n_bytes;
    }
    assert_true(n_bytes <= room);
    assert_true(n_bytes > room / 4);
    assert_int_equal(kept_of(&bench, "m").n_rows, 26000);
    close_bench(&bench);
}

/* Of rows that all have an outcome the oldest lose theirs; also what was there before the start. */
static void the_oldest_labelled_rows_lose_their_features_at_last(void **state)
{
    (void)state;
    struct bench bench;
    const uint64_t bytes_max = 4u << 20;
    open_bench(&bench, 100000, 100000);
    struct fixture *f = &bench.fixture;
    assert_ok(f, trivet_prediction_log_keep_features(bench.log, "m", true, &f->err));
    predict_wide(&bench, "w", 500); /* 8 MB */
    trivet_prediction_log_flush(bench.log);
    for (unsigned i = 0; i < 500; i++) {
        char id[16];
        (void)trivet_text_format(id, sizeof(id), "w/%u", i);
        set_outcome(&bench, id);
    }
    trivet_prediction_log_close(bench.log);
    bench.options.model_bytes_max = bytes_max;
    open_log(&bench);
    for (int i = 0; i < 200 && kept_in_store(&bench).n_bytes > bytes_max / 4 * 3; i++) {
        usleep(20000);
        trivet_prediction_log_flush(bench.log);
    }
    struct trivet_store_kept kept = kept_in_store(&bench);
    assert_true(kept.n_bytes <= bytes_max / 4 * 3);
    assert_true(kept.n_rows > 150);
    assert_int_equal(rows_in_store(&bench), 500);
    assert_int_equal(trivet_prediction_log_stripped(bench.log), 500 - kept.n_rows);
    struct trivet_store_labelled row;
    struct trivet_buffer features = {0};
    size_t count = 0;
    char oldest[16];
    assert_ok(f, trivet_store_log_list_labelled(f->store, "m", 0, 0, &row, 1, &count, &features,
                                                &f->err));
    (void)trivet_text_format(oldest, sizeof(oldest), "w/%u", (unsigned)(500 - kept.n_rows));
    assert_string_equal(row.id, oldest);
    /* There is room for new ones. */
    assert_ok(f, trivet_prediction_log_keep_features(bench.log, "m", true, &f->err));
    predict_wide(&bench, "x", 20);
    trivet_prediction_log_flush(bench.log);
    assert_int_equal(kept_in_store(&bench).n_rows, kept.n_rows + 20);
    trivet_buffer_release(&features);
    close_bench(&bench);
}

/* The oldest rows go, and a row without an outcome that came later can still get one. */
static void many_labelled_rows_leave_room_for_others(void **state)
{
    (void)state;
    struct bench bench;
    open_bench(&bench, 100000, 100000);
    predict(&bench, "l", 450);
    trivet_prediction_log_flush(bench.log);
    for (unsigned i = 0; i < 450; i++) {
        char id[16];
        (void)trivet_text_format(id, sizeof(id), "l/%u", i);
        set_outcome(&bench, id);
    }
    predict(&bench, "u", 20);
    trivet_prediction_log_close(bench.log);
    bench.options.model_rows_max = 400;
    open_log(&bench);
    for (int i = 0; i < 200 && rows_in_store(&bench) > 300; i++) {
        usleep(20000);
        trivet_prediction_log_flush(bench.log);
    }
    assert_int_equal(rows_in_store(&bench), 300);
    assert_int_equal(look_for(&bench, "u", 20).n_rows, 20);
    assert_int_equal(look_for(&bench, "never", 20).n_unknown, 20);
    close_bench(&bench);
}

/* More versions than places, one after the other: each is logged, also the last. */
static void versions_that_nobody_uses_make_room(void **state)
{
    (void)state;
    struct bench bench;
    open_bench(&bench, 1000, 20000);
    struct trivet_log_version *first = bench.version;
    for (uint64_t version = 2; version <= TRIVET_LOG_VERSIONS_MAX + 100; version++) {
        char id[16];
        (void)trivet_text_format(id, sizeof(id), "v%u", (unsigned)version);
        bench.version = trivet_prediction_log_add(bench.log, "m", version, "columns", 7);
        if (bench.version == NULL) { /* the others' rows are still in the queue */
            trivet_prediction_log_flush(bench.log);
            trivet_prediction_log_flush(bench.log);
            bench.version = trivet_prediction_log_add(bench.log, "m", version, "columns", 7);
        }
        assert_non_null(bench.version);
        predict(&bench, id, 1);
        trivet_log_version_release(bench.version);
    }
    trivet_prediction_log_flush(bench.log);
    assert_int_equal(rows_in_store(&bench), TRIVET_LOG_VERSIONS_MAX + 99);
    /* One that is in use is never among them. */
    assert_ptr_equal(trivet_prediction_log_find(bench.log, "m", 1), first);
    assert_null(trivet_prediction_log_find(bench.log, "m", 2));
    close_bench(&bench);
}

static void when_all_versions_are_in_use_the_next_is_not_logged(void **state)
{
    (void)state;
    struct bench bench;
    open_bench(&bench, 1000, 20000);
    for (uint64_t version = 2; version <= TRIVET_LOG_VERSIONS_MAX; version++) {
        assert_non_null(trivet_prediction_log_add(bench.log, "m", version, "columns", 7));
    }
    trivet_prediction_log_flush(bench.log);
    assert_null(trivet_prediction_log_add(bench.log, "m", 9999, "columns", 7));
    trivet_log_version_release(bench.version);
    trivet_prediction_log_flush(bench.log);
    trivet_prediction_log_flush(bench.log);
    assert_non_null(trivet_prediction_log_add(bench.log, "m", 9999, "columns", 7));
    close_bench(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_few_rows_are_all_there_after_a_flush),
        cmocka_unit_test(many_rows_are_sampled_and_each_missing_one_is_told),
        cmocka_unit_test(a_full_queue_drops_rows_and_counts_them),
        cmocka_unit_test(what_was_logged_is_in_the_totals),
        cmocka_unit_test(who_chooses_ids_does_not_choose_their_hashes),
        cmocka_unit_test(too_many_rows_of_a_model_are_thinned),
        cmocka_unit_test(features_are_kept_while_the_switch_is_on),
        cmocka_unit_test(what_was_to_be_erased_is_whatever_the_switch_does_later),
        cmocka_unit_test(nothing_is_erased_of_an_empty_log),
        cmocka_unit_test(wide_rows_lose_their_features_before_the_log_grows_too_large),
        cmocka_unit_test(of_all_models_those_with_the_most_features_lose_some),
        cmocka_unit_test(the_oldest_labelled_rows_lose_their_features_at_last),
        cmocka_unit_test(many_labelled_rows_leave_room_for_others),
        cmocka_unit_test(versions_that_nobody_uses_make_room),
        cmocka_unit_test(when_all_versions_are_in_use_the_next_is_not_logged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
