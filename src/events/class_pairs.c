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

static size_t packed_bytes_of(const char *truth, const char *predicted)
{
    return strlen(truth) + strlen(predicted) + PAIR_OVERHEAD_BYTES;
}

/* Those of weight 0 leave; addresses of pairs change. */
static void sweep(struct trivet_class_pairs *table)
{
    size_t n = 0;
    for (size_t i = 0; i < table->n_pairs; i++) {
        struct trivet_class_pair *pair = &table->pairs[i];
        if (pair->weight != 0) {
            table->pairs[n++] = *pair;
            continue;
        }
        size_t n_bytes = packed_bytes_of(pair->truth, pair->predicted);
        table->packed_bytes -= n_bytes;
        table->n_foreign -= pair->is_foreign;
        table->foreign_bytes -= pair->is_foreign ? n_bytes : 0;
        trivet_free(pair->truth);
    }
    table->n_pairs = n;
    memset(table->slots, 0, table->n_slots * sizeof(*table->slots));
    for (size_t i = 0; i < n; i++) {
        const struct trivet_class_pair *pair = &table->pairs[i];
        *find_slot(table, pair->hash, pair->truth, pair->predicted) = (uint32_t)(i + 1);
    }
}

static bool has_room(const struct trivet_class_pairs *table, size_t n_bytes, bool is_foreign,
                     const struct trivet_class_room *room)
{
    return table->n_pairs < room->pairs_max && table->packed_bytes + n_bytes <= room->bytes_max &&
           (!is_foreign || (table->n_foreign < room->foreign_pairs_max &&
                            table->foreign_bytes + n_bytes <= room->foreign_bytes_max));
}

static struct trivet_class_pair *make_pair(struct trivet_class_pairs *table, uint64_t hash,
                                           const char *truth, const char *predicted,
                                           bool is_foreign)
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
    *pair = (struct trivet_class_pair){
        .hash = hash, .truth = texts, .predicted = texts + truth_bytes, .is_foreign = is_foreign};
    size_t n_bytes = packed_bytes_of(truth, predicted);
    table->packed_bytes += n_bytes;
    table->n_foreign += is_foreign;
    table->foreign_bytes += is_foreign ? n_bytes : 0;
    return pair;
}

void trivet_class_pairs_add(struct trivet_class_pairs *table, const char *truth,
                            const char *predicted, bool is_foreign, double weight,
                            const struct trivet_class_room *room)
{
    uint64_t hash =
        trivet_hash_mix64(trivet_hash_bytes(truth, strlen(truth)) ^
                          trivet_hash_mix64(trivet_hash_bytes(predicted, strlen(predicted))));
    size_t n_bytes = packed_bytes_of(truth, predicted);
    struct trivet_class_pair *pair = NULL;
    uint32_t *slot = table->n_slots == 0 ? NULL : find_slot(table, hash, truth, predicted);
    if (slot != NULL && *slot != 0) {
        pair = &table->pairs[*slot - 1];
    } else {
        if (!is_foreign && slot != NULL && !has_room(table, n_bytes, false, room)) {
            sweep(table);
        }
        pair = has_room(table, n_bytes, is_foreign, room)
                   ? make_pair(table, hash, truth, predicted, is_foreign)
                   : NULL;
    }
    if (pair != NULL) {
        pair->weight += weight;
    } else if (strcmp(truth, predicted) == 0) {
        table->other_right += weight;
    } else {
        table->other_wrong += weight;
    }
}
