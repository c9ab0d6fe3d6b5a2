#include "monitor/quality/quality.h"

#include "base/alloc.h"
#include "base/text.h"
#include "wire/codec.h"

#include <math.h>
#include <string.h>

/* The publisher's name for the pairs that it counts together. */
#define OTHER "(other)"

/* --- sums ------------------------------------------------------------------------------------- */

static void charge(struct trivet_quality *quality, size_t n_more, size_t n_less)
{
    *quality->used_bytes += n_more;
    *quality->used_bytes -= n_less;
}

static enum trivet_status grow(struct trivet_quality_sums *sums, size_t n_pairs,
                               struct trivet_error *err)
{
    if (n_pairs <= sums->n_pairs) {
        return TRIVET_OK;
    }
    double *pairs = trivet_realloc_array(sums->pairs, n_pairs, sizeof(*pairs));
    if (pairs == NULL) {
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "out of memory for quality");
    }
    memset(pairs + sums->n_pairs, 0, (n_pairs - sums->n_pairs) * sizeof(*pairs));
    sums->pairs = pairs;
    sums->n_pairs = n_pairs;
    return TRIVET_OK;
}

void trivet_quality_sums_release(struct trivet_quality_sums *sums)
{
    trivet_free(sums->pairs);
    *sums = (struct trivet_quality_sums){0};
}

/* `into` has room for all pairs of `from`. */
static void add(struct trivet_quality_sums *into, const struct trivet_quality_sums *from,
                double sign)
{
    for (size_t i = 0; i < TRIVET_QUALITY_SUM_COUNT; i++) {
        into->values[i] += sign * from->values[i];
    }
    for (size_t i = 0; i < from->n_pairs; i++) {
        into->pairs[i] += sign * from->pairs[i];
    }
}

static enum trivet_status add_growing(struct trivet_quality_sums *into,
                                      const struct trivet_quality_sums *from,
                                      struct trivet_error *err)
{
    enum trivet_status status = grow(into, from->n_pairs, err);
    if (status == TRIVET_OK) {
        add(into, from, 1.0);
    }
    return status;
}

static bool is_zero(const struct trivet_quality_sums *sums)
{
    for (size_t i = 0; i < TRIVET_QUALITY_SUM_COUNT; i++) {
        if (sums->values[i] != 0.0) {
            return false;
        }
    }
    for (size_t i = 0; i < sums->n_pairs; i++) {
        if (sums->pairs[i] != 0.0) {
            return false;
        }
    }
    return true;
}

/* --- life ------------------------------------------------------------------------------------- */

struct trivet_quality *trivet_quality_create(size_t *used_bytes)
{
    struct trivet_quality *quality = trivet_calloc(1, sizeof(*quality));
    if (quality != NULL) {
        quality->used_bytes = used_bytes;
        charge(quality, sizeof(*quality), 0);
    }
    return quality;
}

static void drop_slot(struct trivet_quality *quality, size_t at)
{
    charge(quality, 0, quality->slots[at].sums.n_pairs * sizeof(double));
    trivet_quality_sums_release(&quality->slots[at].sums);
    quality->n_slots--;
    memmove(&quality->slots[at], &quality->slots[at + 1],
            (quality->n_slots - at) * sizeof(quality->slots[0]));
    quality->slots[quality->n_slots] = (struct trivet_quality_slot){0};
}

void trivet_quality_free(struct trivet_quality *quality)
{
    if (quality == NULL) {
        return;
    }
    while (quality->n_slots > 0) {
        drop_slot(quality, quality->n_slots - 1);
    }
    for (size_t i = 0; i < TRIVET_QUALITY_SOURCES; i++) {
        if (quality->parts[i] != NULL) {
            trivet_quality_sums_release(&quality->parts[i]->base);
            trivet_quality_sums_release(&quality->parts[i]->current);
            trivet_free(quality->parts[i]);
        }
    }
    charge(quality, 0, sizeof(*quality) + quality->pairs_capacity * sizeof(*quality->pairs));
    trivet_free(quality->pairs);
    trivet_free(quality);
}

enum trivet_status trivet_quality_part_get(struct trivet_quality *quality, size_t source,
                                           struct trivet_quality_part **out,
                                           struct trivet_error *err)
{
    if (quality->parts[source] == NULL) {
        quality->parts[source] = trivet_calloc(1, sizeof(struct trivet_quality_part));
    }
    if (quality->parts[source] == NULL) {
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "out of memory for quality");
    }
    *out = quality->parts[source];
    return TRIVET_OK;
}

/* --- reading ---------------------------------------------------------------------------------- */

static bool is_used(const struct trivet_quality_sums *sums, size_t pair)
{
    return pair < sums->n_pairs && sums->pairs[pair] != 0.0;
}

/* A pair that is 0 wherever it stands, also in the sums that are being read: outcomes that were no
 * class and were put right, a day ago. TRIVET_QUALITY_PAIRS_MAX: none. */
static size_t find_unused(const struct trivet_quality *quality,
                          const struct trivet_quality_sums *reading)
{
    for (size_t i = 0; i < quality->n_pairs; i++) {
        bool used = is_used(reading, i);
        for (size_t s = 0; s < TRIVET_QUALITY_SOURCES && !used; s++) {
            const struct trivet_quality_part *part = quality->parts[s];
            used = part != NULL && (is_used(&part->base, i) || is_used(&part->current, i));
        }
        for (size_t s = 0; s < quality->n_slots && !used; s++) {
            used = is_used(&quality->slots[s].sums, i);
        }
        if (!used) {
            return i;
        }
    }
    return TRIVET_QUALITY_PAIRS_MAX;
}

static void name_pair(struct trivet_quality_pair *pair, const char *truth, const char *predicted)
{
    (void)trivet_text_copy(pair->truth, sizeof(pair->truth), truth);
    (void)trivet_text_copy(pair->predicted, sizeof(pair->predicted), predicted);
}

/* The index of a pair, made when there is room; n_pairs_max where it is counted with the others. */
static enum trivet_status find_pair(struct trivet_quality *quality,
                                    const struct trivet_quality_sums *reading, const char *truth,
                                    const char *predicted, size_t *out, struct trivet_error *err)
{
    *out = TRIVET_QUALITY_PAIRS_MAX;
    if (strlen(truth) >= TRIVET_QUALITY_NAME_BYTES ||
        strlen(predicted) >= TRIVET_QUALITY_NAME_BYTES) {
        return TRIVET_OK;
    }
    for (size_t i = 0; i < quality->n_pairs; i++) {
        if (strcmp(quality->pairs[i].truth, truth) == 0 &&
            strcmp(quality->pairs[i].predicted, predicted) == 0) {
            *out = i;
            return TRIVET_OK;
        }
    }
    if (quality->n_pairs == TRIVET_QUALITY_PAIRS_MAX) {
        *out = find_unused(quality, reading);
        if (*out < TRIVET_QUALITY_PAIRS_MAX) {
            name_pair(&quality->pairs[*out], truth, predicted);
        }
        return TRIVET_OK;
    }
    if (quality->n_pairs == quality->pairs_capacity) {
        size_t capacity = quality->pairs_capacity > 0 ? quality->pairs_capacity * 2 : 4;
        void *pairs = trivet_realloc_array(quality->pairs, capacity, sizeof(*quality->pairs));
        if (pairs == NULL) {
            return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "out of memory for quality");
        }
        charge(quality, (capacity - quality->pairs_capacity) * sizeof(*quality->pairs), 0);
        quality->pairs = pairs;
        quality->pairs_capacity = capacity;
    }
    name_pair(&quality->pairs[quality->n_pairs], truth, predicted);
    *out = quality->n_pairs++;
    return TRIVET_OK;
}

static enum trivet_status read_pair(struct trivet_quality *quality,
                                    const Trivet__V1__ClassPairCount *pair,
                                    struct trivet_quality_sums *out, struct trivet_error *err)
{
    size_t at = TRIVET_QUALITY_PAIRS_MAX;
    enum trivet_status status = TRIVET_OK;
    if (!isfinite(pair->weight)) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT, "a pair of classes without a weight");
    }
    if (pair->weight == 0.0) {
        return TRIVET_OK;
    }
    if (strcmp(pair->truth, OTHER) != 0 || strcmp(pair->predicted, OTHER) != 0) {
        status = find_pair(quality, out, pair->truth, pair->predicted, &at, err);
    } else {
        out->values[TRIVET_QUALITY_OTHER_WRONG] += pair->weight;
        return TRIVET_OK;
    }
    if (status == TRIVET_OK && at < TRIVET_QUALITY_PAIRS_MAX) {
        status = grow(out, at + 1, err);
        if (status == TRIVET_OK) {
            out->pairs[at] += pair->weight;
        }
    } else if (status == TRIVET_OK) {
        bool right = strcmp(pair->truth, pair->predicted) == 0;
        out->values[right ? TRIVET_QUALITY_OTHER_RIGHT : TRIVET_QUALITY_OTHER_WRONG] +=
            pair->weight;
    }
    return status;
}

/* `out` is released by the caller, on error too. */
static enum trivet_status read_totals(struct trivet_quality *quality,
                                      const Trivet__V1__QualityTotals *totals,
                                      struct trivet_quality_sums *out, struct trivet_error *err)
{
    *out = (struct trivet_quality_sums){
        .values =
            {
                [TRIVET_QUALITY_LOGGED] = (double)totals->logged,
                [TRIVET_QUALITY_LABELLED] = (double)totals->labelled,
                [TRIVET_QUALITY_CORRECTED] = (double)totals->corrected,
                [TRIVET_QUALITY_DUPLICATE] = (double)totals->duplicate,
                [TRIVET_QUALITY_LATE] = (double)totals->late,
                [TRIVET_QUALITY_INVALID] = (double)totals->invalid,
                [TRIVET_QUALITY_LOGGED_WEIGHT] = totals->logged_weight,
                [TRIVET_QUALITY_LABELLED_WEIGHT] = totals->labelled_weight,
                [TRIVET_QUALITY_ERROR] = totals->error,
                [TRIVET_QUALITY_ABSOLUTE_ERROR] = totals->absolute_error,
                [TRIVET_QUALITY_SQUARED_ERROR] = totals->squared_error,
                [TRIVET_QUALITY_OUTCOME] = totals->outcome,
                [TRIVET_QUALITY_SQUARED_OUTCOME] = totals->squared_outcome,
                [TRIVET_QUALITY_SQUARED_WEIGHT] = totals->squared_weight,
                [TRIVET_QUALITY_SQUARED_WEIGHT_RIGHT] = totals->squared_weight_right,
                [TRIVET_QUALITY_SQUARED_WEIGHT_ABSOLUTE_ERROR] =
                    totals->squared_weight_absolute_error,
                [TRIVET_QUALITY_SQUARED_WEIGHT_SQUARED_ERROR] =
                    totals->squared_weight_squared_error,
                [TRIVET_QUALITY_SQUARED_WEIGHT_FOURTH_ERROR] = totals->squared_weight_fourth_error,
                [TRIVET_QUALITY_OTHER_RIGHT] = totals->other_right,
            },
        .life = totals->life};
    for (size_t i = 0; i < TRIVET_QUALITY_SUM_COUNT; i++) {
        if (!isfinite(out->values[i])) {
            return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                    "quality of %s:%llu with a sum that is no number",
                                    totals->model, (unsigned long long)totals->version);
        }
    }
    enum trivet_status status = TRIVET_OK;
    for (size_t i = 0; i < totals->n_pairs && status == TRIVET_OK; i++) {
        status = read_pair(quality, totals->pairs[i], out, err);
    }
    return status;
}

enum trivet_status trivet_quality_unpack(struct trivet_quality *quality, const void *data,
                                         size_t n_bytes, struct trivet_arena *arena,
                                         struct trivet_quality_sums *out, struct trivet_error *err)
{
    ProtobufCMessage *message = NULL;
    struct trivet_quality_sums sums = {0};
    enum trivet_status status = trivet_codec_unpack(&trivet__v1__quality_totals__descriptor, arena,
                                                    data, n_bytes, &message, err);
    if (status == TRIVET_OK) {
        status = read_totals(quality, (const Trivet__V1__QualityTotals *)message, &sums, err);
    }
    if (status != TRIVET_OK) {
        trivet_quality_sums_release(&sums);
        return status;
    }
    trivet_quality_sums_release(out);
    *out = sums;
    return TRIVET_OK;
}

/* --- the window ------------------------------------------------------------------------------- */

/* Put the two neighbours together that blur least: their length over their age. False without
 * memory. */
static bool merge_slots(struct trivet_quality *quality, int64_t now_us)
{
    size_t best = 0;
    double least = INFINITY;
    struct trivet_error err;
    for (size_t i = 0; i + 1 < quality->n_slots; i++) {
        double length = (double)(quality->slots[i + 1].end_us - quality->slots[i].begin_us);
        double age = (double)(now_us - quality->slots[i].begin_us) + 1.0;
        if (length / age < least) {
            least = length / age;
            best = i;
        }
    }
    struct trivet_quality_slot *into = &quality->slots[best];
    size_t n_before = into->sums.n_pairs;
    if (add_growing(&into->sums, &quality->slots[best + 1].sums, &err) != TRIVET_OK) {
        return false;
    }
    charge(quality, (into->sums.n_pairs - n_before) * sizeof(double), 0);
    into->end_us = quality->slots[best + 1].end_us;
    drop_slot(quality, best + 1);
    return true;
}

static void expire(struct trivet_quality *quality, int64_t now_us)
{
    while (quality->n_slots > 0 && quality->slots[0].end_us <= now_us - TRIVET_QUALITY_WINDOW_US) {
        drop_slot(quality, 0);
    }
}

/* The slot that takes what came at `at_us`; NULL without memory. */
static struct trivet_quality_slot *slot_at(struct trivet_quality *quality, int64_t at_us)
{
    size_t slots_max = *quality->used_bytes < TRIVET_QUALITY_BYTES_MAX ? TRIVET_QUALITY_SLOTS_MAX
                                                                       : TRIVET_QUALITY_SLOTS_FEW;
    /* Late or by a clock that was set back: the newest slot will do. */
    if (quality->n_slots > 0 && at_us < quality->slots[quality->n_slots - 1].end_us) {
        return &quality->slots[quality->n_slots - 1];
    }
    expire(quality, at_us);
    while (quality->n_slots >= slots_max) {
        if (!merge_slots(quality, at_us)) {
            return &quality->slots[quality->n_slots - 1];
        }
    }
    struct trivet_quality_slot *slot = &quality->slots[quality->n_slots++];
    slot->begin_us = at_us - at_us % TRIVET_QUALITY_SLOT_US;
    slot->end_us = slot->begin_us + TRIVET_QUALITY_SLOT_US;
    return slot;
}

enum trivet_status trivet_quality_restore_slot(struct trivet_quality *quality, int64_t begin_us,
                                               int64_t end_us, const void *data, size_t n_bytes,
                                               struct trivet_arena *arena, struct trivet_error *err)
{
    if (quality->n_slots == TRIVET_QUALITY_SLOTS_MAX) {
        return trivet_error_set(err, TRIVET_DATA_LOSS,
                                "the history has more than %d slots of one "
                                "version's quality",
                                TRIVET_QUALITY_SLOTS_MAX);
    }
    struct trivet_quality_slot slot = {.begin_us = begin_us, .end_us = end_us};
    enum trivet_status status =
        trivet_quality_unpack(quality, data, n_bytes, arena, &slot.sums, err);
    if (status == TRIVET_OK) {
        quality->slots[quality->n_slots++] = slot;
        charge(quality, slot.sums.n_pairs * sizeof(double), 0);
    }
    return status;
}

void trivet_quality_set_back(struct trivet_quality *quality, int64_t now_us)
{
    int64_t end_us = now_us - now_us % TRIVET_QUALITY_SLOT_US + TRIVET_QUALITY_SLOT_US;
    int64_t ahead_us =
        quality->n_slots > 0 ? quality->slots[quality->n_slots - 1].end_us - end_us : 0;
    for (size_t i = 0; i < quality->n_slots && ahead_us > 0; i++) {
        quality->slots[i].begin_us -= ahead_us;
        quality->slots[i].end_us -= ahead_us;
        quality->changed = true;
    }
}

/* --- taking ----------------------------------------------------------------------------------- */

/* Counts that only grow tell which of two totals is newer: corrections make other sums smaller. */
static bool is_stale(const struct trivet_quality_sums *now, const struct trivet_quality_sums *new)
{
    for (size_t i = TRIVET_QUALITY_LOGGED; i <= TRIVET_QUALITY_INVALID; i++) {
        if (new->values[i] < now->values[i]) {
            return true;
        }
    }
    return false;
}

enum trivet_status trivet_quality_take(struct trivet_quality *quality, size_t source,
                                       const Trivet__V1__QualityTotals *totals, bool continues,
                                       int64_t at_us, bool *stale, struct trivet_error *err)
{
    struct trivet_quality_part *part = NULL;
    struct trivet_quality_sums new = {0};
    struct trivet_quality_sums delta = {0};
    *stale = false;
    enum trivet_status status = trivet_quality_part_get(quality, source, &part, err);
    if (status == TRIVET_OK) {
        status = read_totals(quality, totals, &new, err);
    }
    if (status != TRIVET_OK) {
        goto done;
    }
    /* The server had let the version go, and its totals begin at zero again. */
    if (new.life > part->current.life) {
        status = trivet_quality_fold(quality, source, err);
    }
    if (status != TRIVET_OK) {
        goto done;
    }
    *stale = new.life < part->current.life || is_stale(&part->current, &new);
    if (*stale) {
        goto done;
    }
    /* Both as wide as all pairs: then nothing below can fail half-way. */
    status = grow(&part->current, quality->n_pairs, err);
    if (status == TRIVET_OK) {
        status = grow(&new, quality->n_pairs, err);
    }
    if (status == TRIVET_OK) {
        status = add_growing(&delta, &new, err);
    }
    if (status != TRIVET_OK) {
        goto done;
    }
    add(&delta, &part->current, -1.0);
    if (!is_zero(&delta)) {
        quality->changed = true;
        if (continues) {
            struct trivet_quality_slot *slot = slot_at(quality, at_us);
            size_t n_before = slot->sums.n_pairs;
            status = add_growing(&slot->sums, &delta, err);
            charge(quality, (slot->sums.n_pairs - n_before) * sizeof(double), 0);
        }
    }
    if (status == TRIVET_OK) {
        trivet_quality_sums_release(&part->current);
        part->current = new;
        new = (struct trivet_quality_sums){0};
    }
done:
    trivet_quality_sums_release(&new);
    trivet_quality_sums_release(&delta);
    return status;
}

enum trivet_status trivet_quality_fold(struct trivet_quality *quality, size_t source,
                                       struct trivet_error *err)
{
    struct trivet_quality_part *part = quality->parts[source];
    if (part == NULL) {
        return TRIVET_OK;
    }
    enum trivet_status status = add_growing(&part->base, &part->current, err);
    if (status == TRIVET_OK) {
        trivet_quality_sums_release(&part->current);
        part->live = false;
        quality->changed = true;
    }
    return status;
}

enum trivet_status trivet_quality_window(const struct trivet_quality *quality, int64_t now_us,
                                         int64_t window_us, struct trivet_quality_sums *out,
                                         struct trivet_error *err)
{
    enum trivet_status status = TRIVET_OK;
    *out = (struct trivet_quality_sums){0};
    for (size_t i = 0; i < quality->n_slots && status == TRIVET_OK; i++) {
        if (quality->slots[i].end_us > now_us - window_us) {
            status = add_growing(out, &quality->slots[i].sums, err);
        }
    }
    if (status != TRIVET_OK) {
        trivet_quality_sums_release(out);
    }
    return status;
}

enum trivet_status trivet_quality_ever(const struct trivet_quality *quality,
                                       struct trivet_quality_sums *out, struct trivet_error *err)
{
    enum trivet_status status = TRIVET_OK;
    *out = (struct trivet_quality_sums){0};
    for (size_t i = 0; i < TRIVET_QUALITY_SOURCES && status == TRIVET_OK; i++) {
        if (quality->parts[i] != NULL) {
            status = add_growing(out, &quality->parts[i]->base, err);
            if (status == TRIVET_OK) {
                status = add_growing(out, &quality->parts[i]->current, err);
            }
        }
    }
    if (status != TRIVET_OK) {
        trivet_quality_sums_release(out);
    }
    return status;
}
