/* A deterministic fuzzer: run N of seed S is always the same input and the same failing
 * allocation, so that a crash is repeated by --seed S --only N. A run starts from one of the
 * target's valid inputs and changes it a few times, by bytes and by protobuf fields; every fourth
 * run also lets one allocation fail. */
#include "base/alloc.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/rng.h"
#include "base/text.h"
#include "fuzz/fuzz.h"
#include "fuzz/mutate.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SEEDS_MAX       16
#define CHANGES_MAX     8
#define FAIL_WITHIN     40
#define INPUT_BYTES_MAX ((size_t)1 << 16)
#define RUN_SECONDS_MAX 20

struct options {
    uint64_t n_runs;
    uint64_t seed;
    uint64_t seconds; /* 0 = no limit */
    uint64_t only;    /* UINT64_MAX = all */
    const char *seeds_folder;
};

static struct options options = {.n_runs = 2000, .seed = 1, .only = UINT64_MAX};
static volatile uint64_t current_run;

/* Weak: there only under a sanitizer. */
__attribute__((weak)) void __sanitizer_set_death_callback(void (*callback)(void));

static void tell_run(void)
{
    char text[96];
    if (trivet_text_format(text, sizeof(text), "\nrepeat with: --seed %llu --only %llu\n",
                           (unsigned long long)options.seed, (unsigned long long)current_run)) {
        ssize_t written = write(STDERR_FILENO, text, strlen(text));
        (void)written; /* dying anyway */
    }
}

static void on_signal(int number)
{
    tell_run();
    (void)signal(number, SIG_DFL);
    (void)raise(number);
}

void trivet_fuzz_require(bool holds, const char *condition, const char *file, int line)
{
    if (!holds) {
        (void)fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, condition);
        abort();
    }
}

static void make_input(struct trivet_rng *rng, const struct trivet_buffer *seeds, size_t n_seeds,
                       struct trivet_buffer *input)
{
    const struct trivet_buffer *seed = &seeds[trivet_rng_below(rng, n_seeds)];
    input->n_bytes = 0;
    if (trivet_buffer_append(input, seed->data, seed->n_bytes, NULL) != TRIVET_OK) {
        abort();
    }
    uint64_t n_changes = trivet_rng_below(rng, CHANGES_MAX + 1);
    uint64_t by_field = trivet_rng_below(rng, 4); /* none, some, most, all of the changes */
    for (uint64_t i = 0; i < n_changes && input->n_bytes < INPUT_BYTES_MAX; i++) {
        if (trivet_rng_below(rng, 3) >= by_field || !trivet_mutate_message(rng, input, 0)) {
            trivet_mutate_bytes(rng, input, 0);
        }
    }
}

static void run_one(uint64_t run, const struct trivet_buffer *seeds, size_t n_seeds)
{
    struct trivet_rng rng;
    struct trivet_buffer input = {0};
    trivet_rng_seed(&rng, trivet_hash_mix64(options.seed) ^ run);
    make_input(&rng, seeds, n_seeds, &input);
    uint64_t fail_at = trivet_rng_below(&rng, 4) == 0 ? 1 + trivet_rng_below(&rng, FAIL_WITHIN) : 0;
    uint8_t *exact = trivet_memdup(input.data, input.n_bytes); /* nothing lies behind its end */
    if (!exact) {
        abort();
    }
    current_run = run;
    (void)alarm(RUN_SECONDS_MAX);
    trivet_alloc_fail_at(fail_at);
    (void)trivet_fuzz_one(exact, input.n_bytes);
    trivet_alloc_fail_at(0);
    (void)alarm(0);
    trivet_free(exact);
    trivet_buffer_release(&input);
}

static bool parse_options(int argc, char **argv)
{
    const struct {
        const char *name;
        uint64_t *value;
    } numbers[] = {{"--runs", &options.n_runs},
                   {"--seed", &options.seed},
                   {"--seconds", &options.seconds},
                   {"--only", &options.only}};
    for (int i = 1; i + 1 < argc; i += 2) {
        bool known = strcmp(argv[i], "--write-seeds") == 0;
        if (known) {
            options.seeds_folder = argv[i + 1];
        }
        for (size_t j = 0; j < TRIVET_ARRAY_COUNT(numbers) && !known; j++) {
            known = strcmp(argv[i], numbers[j].name) == 0 &&
                    trivet_text_parse_uint64(argv[i + 1], numbers[j].value);
        }
        if (!known) {
            return false;
        }
    }
    return argc % 2 == 1;
}

/* A corpus for libFuzzer. */
static int write_seeds(const struct trivet_buffer *seeds, size_t n_seeds)
{
    for (size_t i = 0; i < n_seeds; i++) {
        char path[512];
        bool fits = trivet_text_format(path, sizeof(path), "%s/seed-%zu", options.seeds_folder, i);
        FILE *file = fits ? fopen(path, "wb") : NULL;
        bool empty = seeds[i].n_bytes == 0;
        if (!file || (!empty && fwrite(seeds[i].data, seeds[i].n_bytes, 1, file) != 1) ||
            fclose(file) != 0) {
            perror(path);
            return 1;
        }
    }
    return 0;
}

static void watch_signals(void)
{
    /* A sanitizer has handlers of its own for the faults of a processor, but not for these. */
    static const int signals[] = {SIGABRT, SIGALRM, SIGSEGV, SIGBUS, SIGFPE, SIGILL};
    size_t n_signals = TRIVET_ARRAY_COUNT(signals);
    if (__sanitizer_set_death_callback) {
        __sanitizer_set_death_callback(tell_run);
        n_signals = 2;
    }
    for (size_t i = 0; i < n_signals; i++) {
        (void)signal(signals[i], on_signal);
    }
}

int main(int argc, char **argv)
{
    if (!parse_options(argc, argv)) {
        (void)fprintf(stderr,
                      "usage: %s [--runs N] [--seed S] [--seconds T] [--only RUN] "
                      "[--write-seeds FOLDER]\n",
                      argv[0]);
        return 2;
    }
    struct trivet_buffer seeds[SEEDS_MAX] = {{0}};
    size_t n_seeds = 0;
    int result = 0;
    trivet_log_configure("fuzz", TRIVET_LOG_ERROR, false);
    while (n_seeds < SEEDS_MAX && trivet_fuzz_seed(n_seeds, &seeds[n_seeds])) {
        n_seeds++;
    }
    if (n_seeds == 0) {
        (void)fprintf(stderr, "the target has no seeds\n");
        return 1;
    }
    if (options.seeds_folder) {
        result = write_seeds(seeds, n_seeds);
    } else if (options.only != UINT64_MAX) {
        run_one(options.only, seeds, n_seeds);
    } else {
        watch_signals();
        int64_t end_ns = options.seconds == 0 ? TRIVET_NEVER_NS
                                              : trivet_clock_monotonic_ns() +
                                                    (int64_t)options.seconds * TRIVET_NS_PER_S;
        uint64_t run = 0;
        for (; run < options.n_runs && trivet_clock_monotonic_ns() < end_ns; run++) {
            run_one(run, seeds, n_seeds);
        }
        (void)printf("%llu runs of seed %llu from %zu inputs\n", (unsigned long long)run,
                     (unsigned long long)options.seed, n_seeds);
    }
    for (size_t i = 0; i < SEEDS_MAX; i++) {
        trivet_buffer_release(&seeds[i]);
    }
    return result;
}
