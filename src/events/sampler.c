#include "events/sampler.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/hash.h"

#include <pthread.h>
#include <stddef.h>
#include <string.h>

#define VERSIONS_MAX 4096
#define INDEX_COUNT  8192 /* a power of two, twice as many */

/* The current second of one kind of prediction of one version. */
struct window {
    int64_t start_ns; /* 0 = not begun */
    uint64_t n_offered;
    uint64_t n_sent;
    uint64_t threshold; /* hashes up to it are chosen */
    double weight;
};

struct entry {
    uint64_t key; /* 0 = free */
    struct window predictions;
    struct window errors;
};

struct trivet_sampler {
    uint32_t samples_per_s_max;
    uint32_t errors_per_s_max;
    pthread_mutex_t lock; /* all below */
    size_t n_entries;
    uint64_t n_suppressed;
    struct entry entries[INDEX_COUNT + 1]; /* the last: versions beyond VERSIONS_MAX */
};

struct trivet_sampler *trivet_sampler_create(uint32_t samples_per_s_max, uint32_t errors_per_s_max)
{
    struct trivet_sampler *sampler = trivet_calloc(1, sizeof(*sampler));
    if (sampler == NULL) {
        return NULL;
    }
    sampler->samples_per_s_max = samples_per_s_max;
    sampler->errors_per_s_max = errors_per_s_max;
    pthread_mutex_init(&sampler->lock, NULL);
    return sampler;
}

void trivet_sampler_free(struct trivet_sampler *sampler)
{
    if (sampler == NULL) {
        return;
    }
    pthread_mutex_destroy(&sampler->lock);
    trivet_free(sampler);
}

/* Under the lock. The key is a 64-bit hash: two versions that share one share a cap. */
static struct entry *find_entry(struct trivet_sampler *sampler, const char *model, uint64_t version)
{
    uint64_t key = trivet_hash_mix64(trivet_hash_bytes(model, strlen(model)) ^ version) | 1;
    size_t place = (size_t)(key >> 1) % INDEX_COUNT;
    while (sampler->entries[place].key != 0 && sampler->entries[place].key != key) {
        place = (place + 1) % INDEX_COUNT;
    }
    struct entry *entry = &sampler->entries[place];
    if (entry->key == 0) {
        if (sampler->n_entries == VERSIONS_MAX) {
            return &sampler->entries[INDEX_COUNT];
        }
        sampler->n_entries++;
        entry->key = key;
    }
    return entry;
}

static void begin_second(struct window *window, uint32_t per_s_max, int64_t now_ns)
{
    double seconds = (double)(now_ns - window->start_ns) / (double)TRIVET_NS_PER_S;
    double per_s = window->start_ns == 0 ? 0 : (double)window->n_offered / seconds;
    double rate = per_s <= per_s_max ? 1 : per_s_max / per_s;
    window->start_ns = now_ns;
    window->n_offered = 0;
    window->n_sent = 0;
    window->threshold = rate >= 1 ? UINT64_MAX : (uint64_t)(rate * 0x1p64);
    window->weight = 1 / rate;
}

static void roll(struct window *window, uint32_t per_s_max, int64_t now_ns)
{
    if (window->start_ns == 0 || now_ns - window->start_ns >= TRIVET_NS_PER_S) {
        begin_second(window, per_s_max, now_ns);
    }
}

bool trivet_sampler_is_on(const struct trivet_sampler *sampler, bool failed)
{
    return (failed ? sampler->errors_per_s_max : sampler->samples_per_s_max) > 0;
}

bool trivet_sampler_offer(struct trivet_sampler *sampler, const char *model, uint64_t version,
                          bool failed, uint64_t id_hash, int64_t now_ns, double *weight)
{
    uint32_t per_s_max = failed ? sampler->errors_per_s_max : sampler->samples_per_s_max;
    if (!trivet_sampler_is_on(sampler, failed)) {
        return false;
    }
    pthread_mutex_lock(&sampler->lock);
    struct entry *entry = find_entry(sampler, model, version);
    struct window *window = failed ? &entry->errors : &entry->predictions;
    roll(window, per_s_max, now_ns);
    window->n_offered++;
    bool chosen = id_hash <= window->threshold;
    bool sent = chosen && window->n_sent < per_s_max;
    window->n_sent += sent;
    sampler->n_suppressed += chosen && !sent;
    *weight = window->weight;
    pthread_mutex_unlock(&sampler->lock);
    return sent;
}

struct trivet_sample_round trivet_sampler_begin(struct trivet_sampler *sampler, const char *model,
                                                uint64_t version, uint64_t n_offered,
                                                int64_t now_ns)
{
    struct trivet_sample_round round = {0};
    if (!trivet_sampler_is_on(sampler, false)) {
        return round;
    }
    pthread_mutex_lock(&sampler->lock);
    struct window *window = &find_entry(sampler, model, version)->predictions;
    roll(window, sampler->samples_per_s_max, now_ns);
    window->n_offered += n_offered;
    round.threshold = window->threshold;
    round.weight = window->weight;
    if (window->n_sent < sampler->samples_per_s_max) {
        round.room = sampler->samples_per_s_max - window->n_sent;
    }
    pthread_mutex_unlock(&sampler->lock);
    return round;
}

void trivet_sampler_end(struct trivet_sampler *sampler, const char *model, uint64_t version,
                        uint64_t n_chosen, uint64_t n_sent)
{
    pthread_mutex_lock(&sampler->lock);
    find_entry(sampler, model, version)->predictions.n_sent += n_sent;
    sampler->n_suppressed += n_chosen - n_sent;
    pthread_mutex_unlock(&sampler->lock);
}

uint64_t trivet_sampler_suppressed(struct trivet_sampler *sampler)
{
    pthread_mutex_lock(&sampler->lock);
    uint64_t n = sampler->n_suppressed;
    pthread_mutex_unlock(&sampler->lock);
    return n;
}
