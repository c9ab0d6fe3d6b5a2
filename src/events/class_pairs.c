#include "events/class_pairs.h"

#include "base/alloc.h"
#include "base/hash.h"

#include <stdbool.h>
#include <string.h>

#define FIRST_SLOTS 16
/* Of a packed pair beyond its texts: its own tag and length, those of the texts, a double. */
#define PAIR_OVERHEAD_BYTES 18

void trivet_class_pairs_release(struct trivet_class_pairs *table)
{
    for (size_t i = 0; i < table->n_pairs; i++) {
        trivet_free(table->pairs[i].truth);
    }
    trivet_free(table->pairs);
    trivet_free(table->slots);
    memset(table, 0, sizeof(*table));
}

static uint32_t *find_slot(const struct trivet_class_pairs *table, uint64_t hash, const char *truth,
                           const char *predicted)
{
    size_t place = hash & (table->n_slots - 1);
    while (table->slots[place] != 0) {
        const struct trivet_class_pair *pair = &table->pairs[table->slots[place] - 1];
        if (pair->hash == hash && strcmp(pair->truth, truth) == 0 &&
            strcmp(pair->predicted, predicted) == 0) {
            break;
        }
        place = (place + 1) & (table->n_slots - 1);
    }
    return &table->slots[place];
}

/* Twice the slots, so that at most half of them are taken. */
static bool grow(struct trivet_class_pairs *table)
{
    size_t n_slots = table->n_slots == 0 ? FIRST_SLOTS : 2 * table->n_slots;
    uint32_t *slots = trivet_calloc(n_slots, sizeof(*slots));
    struct trivet_class_pair *pairs =
        trivet_realloc_array(table->pairs, n_slots / 2, sizeof(*pairs));
    if (pairs != NULL) {
        table->pairs = pairs;
    }
    if (slots == NULL || pairs == NULL) {
        trivet_free(slots);
        return false;
    }
    trivet_free(table->slots);
    table->slots = slots;
    table->n_slots = n_slots;
    table->capacity = n_slots / 2;
    for (size_t i = 0; i < table->n_pairs; i++) {
        *find_slot(table, pairs[i].hash, pairs[i].truth, pairs[i].predicted) = (uint32_t)(i + 1);
    }
    return true;
}

static struct trivet_class_pair *make_pair(struct trivet_class_pairs *table, uint64_t hash,
                                           const char *truth, const char *predicted)
{
    if (table->n_pairs == table->capacity && !grow(table)) {
        return NULL;
    }
    size_t truth_bytes = strlen(truth) + 1;
    size_t predicted_bytes = strlen(predicted) + 1;
    char *texts = trivet_malloc(truth_bytes + predicted_bytes);
    if (texts == NULL) {
        return NULL;
    }
    memcpy(texts, truth, truth_bytes);
    memcpy(texts + truth_bytes, predicted, predicted_bytes);
    *find_slot(table, hash, truth, predicted) = (uint32_t)(table->n_pairs + 1);
    struct trivet_class_pair *pair = &table->pairs[table->n_pairs++];
    *pair =
        (struct trivet_class_pair){.hash = hash, .truth = texts, .predicted = texts + truth_bytes};
    return pair;
}

void trivet_class_pairs_add(struct trivet_class_pairs *table, const char *truth,
                            const char *predicted, double weight, size_t pairs_max,
                            size_t bytes_max)
{
    size_t truth_bytes = strlen(truth);
    size_t predicted_bytes = strlen(predicted);
    size_t packed_bytes = truth_bytes + predicted_bytes + PAIR_OVERHEAD_BYTES;
    uint64_t hash =
        trivet_hash_mix64(trivet_hash_bytes(truth, truth_bytes) ^
                          trivet_hash_mix64(trivet_hash_bytes(predicted, predicted_bytes)));
    struct trivet_class_pair *pair = NULL;
    uint32_t *slot = table->n_slots == 0 ? NULL : find_slot(table, hash, truth, predicted);
    if (slot != NULL && *slot != 0) {
        pair = &table->pairs[*slot - 1];
    } else if (table->n_pairs < pairs_max && table->packed_bytes + packed_bytes <= bytes_max) {
        pair = make_pair(table, hash, truth, predicted);
        table->packed_bytes += pair == NULL ? 0 : packed_bytes;
    }
    if (pair != NULL) {
        pair->weight += weight;
    } else if (strcmp(truth, predicted) == 0) {
        table->other_right += weight;
    } else {
        table->other_wrong += weight;
    }
}
