/* DESIGN
 * One lock for all: outcomes come by the call, collected before, and logged rows by the batch; the
 * publisher copies what has changed ten times a second. A full table gives a new version the slot
 * of the one without news for the longest time, once its last news were encoded; so messages copy
 * all names. */
#include "events/quality.h"

#include "base/alloc.h"
#include "base/hash.h"
#include "base/text.h"
#include "events/class_pairs.h"
#include "events/exact_sum.h"

#include <math.h>
#include <pthread.h>
#include <string.h>

#define NAME_BYTES 65
#define OTHER      "(other)"
/* An event takes 16 KiB; the rest of it is far smaller than what is left. */
#define PAIRS_BYTES_MAX 15000
/* Of these, for outcomes that are no class of the version: whoever sends them may make up any. */
#define FOREIGN_PAIRS_MAX 50
#define FOREIGN_BYTES_MAX 2000

/* As in QualityTotals. */
enum sum {
    LOGGED_WEIGHT,
    LABELLED_WEIGHT,
    SQUARED_WEIGHT,
    SQUARED_WEIGHT_RIGHT,
    ERROR,
    ABSOLUTE_ERROR,
    SQUARED_ERROR,
    OUTCOME,
    SQUARED_OUTCOME,
    SQUARED_WEIGHT_ABSOLUTE_ERROR,
    SQUARED_WEIGHT_SQUARED_ERROR,
    SQUARED_WEIGHT_FOURTH_ERROR,
    N_SUMS,
};

/* Of one version. */
struct quality_version {
    uint64_t key;
    uint64_t used; /* by n_uses, when it had news last */
    bool changed;  /* since it was told */
    char model[NAME_BYTES];
    uint64_t version;
    uint64_t life;
    uint64_t logged;
    uint64_t labelled;
    uint64_t corrected;
    uint64_t duplicate;
    uint64_t late;
    uint64_t invalid;
    struct trivet_exact_sum sums[N_SUMS];
    struct trivet_class_pairs pairs;
};

/* Of one model. */
struct quality_model {
    uint64_t used;
    bool changed;
    char model[NAME_BYTES];
    uint64_t life;
    struct trivet_unjoined counts;
};

struct trivet_quality {
    pthread_mutex_t lock; /* all below */
    struct quality_version **versions;
    size_t n_versions;
    struct quality_model **models;
    size_t n_models;
    uint64_t n_uses;
    uint64_t n_reused; /* slots of either given to another, ever */
};

struct trivet_quality *trivet_quality_create(void)
{
    struct trivet_quality *quality = trivet_calloc(1, sizeof(*quality));
    if (quality != NULL) {
        pthread_mutex_init(&quality->lock, NULL);
    }
    return quality;
}

void trivet_quality_free(struct trivet_quality *quality)
{
    if (quality == NULL) {
        return;
    }
    for (size_t i = 0; i < quality->n_versions; i++) {
        trivet_class_pairs_release(&quality->versions[i]->pairs);
        trivet_free(quality->versions[i]);
    }
    for (size_t i = 0; i < quality->n_models; i++) {
        trivet_free(quality->models[i]);
    }
    trivet_free(quality->versions);
    trivet_free(quality->models);
    pthread_mutex_destroy(&quality->lock);
    trivet_free(quality);
}

/* --- under the lock -------------------------------------------------------------------------- */

/* `list` of `count` pointers with room for one more: lists double. NULL: out of memory, it stays.
 */
static void *make_room(void *list, size_t count)
{
    if (count > 0 && (count & (count - 1)) != 0) {
        return list;
    }
    return trivet_realloc_array(list, count == 0 ? 1 : 2 * count, sizeof(void *));
}

/* Zeroed, at the end of the list; NULL when out of memory. */
static struct quality_version *new_version(struct trivet_quality *quality)
{
    struct quality_version **list = make_room(quality->versions, quality->n_versions);
    if (list == NULL) {
        return NULL;
    }
    quality->versions = list;
    struct quality_version *made = trivet_calloc(1, sizeof(*made));
    if (made != NULL) {
        quality->versions[quality->n_versions++] = made;
    }
    return made;
}

/* The same, out of one that is there. */
static struct quality_version *reuse_version(struct trivet_quality *quality, size_t at)
{
    struct quality_version *slot = quality->versions[at];
    trivet_class_pairs_release(&slot->pairs);
    *slot = (struct quality_version){0};
    memmove(&quality->versions[at], &quality->versions[at + 1],
            (quality->n_versions - at - 1) * sizeof(struct quality_version *));
    quality->versions[quality->n_versions - 1] = slot;
    quality->n_reused++;
    return slot;
}

/* NULL when out of memory. */
static struct quality_version *find_version(struct trivet_quality *quality, const char *model,
                                            uint64_t version)
{
    uint64_t key = trivet_hash_mix64(trivet_hash_bytes(model, strlen(model)) ^ version);
    bool full = quality->n_versions >= TRIVET_QUALITY_VERSIONS_MAX;
    uint64_t least = UINT64_MAX;
    size_t idle = 0;
    for (size_t i = quality->n_versions; i-- > 0;) {
        struct quality_version *each = quality->versions[i];
        if (each->key == key && each->version == version && strcmp(each->model, model) == 0) {
            each->used = ++quality->n_uses;
            return each;
        }
        if (full && each->used < least && !each->changed && strcmp(each->model, OTHER) != 0) {
            least = each->used;
            idle = i;
        }
    }
    struct quality_version *slot = NULL;
    if (!full || strcmp(model, OTHER) == 0) {
        slot = new_version(quality);
    } else if (least < UINT64_MAX) {
        slot = reuse_version(quality, idle);
    } else {
        return find_version(quality, OTHER, 0);
    }
    if (slot != NULL) {
        slot->key = key;
        slot->version = version;
        slot->life = quality->n_reused;
        slot->used = ++quality->n_uses;
        (void)trivet_text_copy(slot->model, sizeof(slot->model), model);
    }
    return slot;
}

/* Zeroed; NULL when out of memory. */
static struct quality_model *new_model(struct trivet_quality *quality)
{
    struct quality_model **list = make_room(quality->models, quality->n_models);
    if (list == NULL) {
        return NULL;
    }
    quality->models = list;
    struct quality_model *made = trivet_calloc(1, sizeof(*made));
    if (made != NULL) {
        quality->models[quality->n_models++] = made;
    }
    return made;
}

static struct quality_model *find_model(struct trivet_quality *quality, const char *model)
{
    bool full = quality->n_models >= TRIVET_QUALITY_VERSIONS_MAX;
    struct quality_model *idle = NULL;
    for (size_t i = 0; i < quality->n_models; i++) {
        struct quality_model *each = quality->models[i];
        if (strcmp(each->model, model) == 0) {
            each->used = ++quality->n_uses;
            return each;
        }
        if (full && !each->changed && (idle == NULL || each->used < idle->used) &&
            strcmp(each->model, OTHER) != 0) {
            idle = each;
        }
    }
    struct quality_model *slot = NULL;
    if (!full || strcmp(model, OTHER) == 0) {
        slot = new_model(quality);
    } else if (idle != NULL) {
        slot = idle;
        *slot = (struct quality_model){0};
        quality->n_reused++;
    } else {
        return find_model(quality, OTHER);
    }
    if (slot != NULL) {
        slot->life = quality->n_reused;
        slot->used = ++quality->n_uses;
        (void)trivet_text_copy(slot->model, sizeof(slot->model), model);
    }
    return slot;
}

static void add_pair(struct quality_version *slot, const char *truth, const char *predicted,
                     bool is_foreign, double weight)
{
    /* One place is for those without. */
    static const struct trivet_class_room room = {
        .pairs_max = TRIVET_QUALITY_PAIRS_MAX - 1,
        .bytes_max = PAIRS_BYTES_MAX,
        .foreign_pairs_max = FOREIGN_PAIRS_MAX,
        .foreign_bytes_max = FOREIGN_BYTES_MAX,
    };
    trivet_class_pairs_add(&slot->pairs, truth, predicted, is_foreign, weight, &room);
}

bool trivet_quality_is_countable(double number)
{
    return fabs(number) <= TRIVET_QUALITY_NUMBER_MAX;
}

/* `sign` -1 takes back: each term is the one that was added. */
static void add_value(struct quality_version *slot, const struct trivet_quality_outcome *outcome,
                      const struct trivet_quality_value *truth, double sign)
{
    const double weight = outcome->weight;
    const double squared_weight = weight * weight;
    if (truth->label != NULL) {
        bool right = strcmp(truth->label, outcome->predicted.label) == 0;
        add_pair(slot, truth->label, outcome->predicted.label, outcome->is_foreign && !right,
                 sign * weight);
        trivet_exact_sum_add(&slot->sums[SQUARED_WEIGHT_RIGHT], right ? sign * squared_weight : 0);
        return;
    }
    if (!trivet_quality_is_countable(outcome->predicted.number) ||
        !trivet_quality_is_countable(truth->number)) {
        return; /* in the log since there was no such bound, and never counted */
    }
    const double error = outcome->predicted.number - truth->number;
    const double square = error * error;
    const double terms[N_SUMS] = {
        [ERROR] = weight * error,
        [ABSOLUTE_ERROR] = weight * fabs(error),
        [SQUARED_ERROR] = weight * square,
        [OUTCOME] = weight * truth->number,
        [SQUARED_OUTCOME] = weight * truth->number * truth->number,
        [SQUARED_WEIGHT_ABSOLUTE_ERROR] = squared_weight * fabs(error),
        [SQUARED_WEIGHT_SQUARED_ERROR] = squared_weight * square,
        [SQUARED_WEIGHT_FOURTH_ERROR] = squared_weight * square * square,
    };
    for (size_t i = ERROR; i < N_SUMS; i++) {
        trivet_exact_sum_add(&slot->sums[i], sign * terms[i]);
    }
}

/* --- adding ---------------------------------------------------------------------------------- */

void trivet_quality_add_logged(struct trivet_quality *quality, const char *model, uint64_t version,
                               uint64_t n_rows, double weight)
{
    pthread_mutex_lock(&quality->lock);
    struct quality_version *slot = find_version(quality, model, version);
    if (slot != NULL) {
        slot->logged += n_rows;
        trivet_exact_sum_add(&slot->sums[LOGGED_WEIGHT], weight);
        slot->changed = true;
    }
    pthread_mutex_unlock(&quality->lock);
}

void trivet_quality_add_outcome(struct trivet_quality *quality,
                                const struct trivet_quality_outcome *outcome)
{
    pthread_mutex_lock(&quality->lock);
    struct quality_version *slot = find_version(quality, outcome->model, outcome->version);
    if (slot != NULL) {
        if (outcome->before != NULL) {
            add_value(slot, outcome, outcome->before, -1);
            slot->corrected++;
        } else {
            slot->labelled++;
            trivet_exact_sum_add(&slot->sums[LABELLED_WEIGHT], outcome->weight);
            trivet_exact_sum_add(&slot->sums[SQUARED_WEIGHT], outcome->weight * outcome->weight);
        }
        add_value(slot, outcome, &outcome->truth, 1);
        slot->late += outcome->is_late;
        slot->changed = true;
    }
    pthread_mutex_unlock(&quality->lock);
}

/* NULL when out of memory; else with the lock, and marked. */
static struct quality_version *lock_version(struct trivet_quality *quality, const char *model,
                                            uint64_t version)
{
    pthread_mutex_lock(&quality->lock);
    struct quality_version *slot = find_version(quality, model, version);
    if (slot == NULL) {
        pthread_mutex_unlock(&quality->lock);
        return NULL;
    }
    slot->changed = true;
    return slot;
}

void trivet_quality_add_duplicate(struct trivet_quality *quality, const char *model,
                                  uint64_t version)
{
    struct quality_version *slot = lock_version(quality, model, version);
    if (slot != NULL) {
        slot->duplicate++;
        pthread_mutex_unlock(&quality->lock);
    }
}

void trivet_quality_add_invalid(struct trivet_quality *quality, const char *model, uint64_t version)
{
    struct quality_version *slot = lock_version(quality, model, version);
    if (slot != NULL) {
        slot->invalid++;
        pthread_mutex_unlock(&quality->lock);
    }
}

void trivet_quality_add_unjoined(struct trivet_quality *quality, const char *model,
                                 struct trivet_unjoined counts)
{
    pthread_mutex_lock(&quality->lock);
    struct quality_model *slot = find_model(quality, model);
    if (slot != NULL) {
        slot->counts.unmatched += counts.unmatched;
        slot->counts.not_sampled += counts.not_sampled;
        slot->counts.refused += counts.refused;
        slot->counts.invalid += counts.invalid;
        slot->changed = true;
    }
    pthread_mutex_unlock(&quality->lock);
}

static void add_version(struct quality_version *to, const struct quality_version *from)
{
    to->logged += from->logged;
    to->labelled += from->labelled;
    to->corrected += from->corrected;
    to->duplicate += from->duplicate;
    to->late += from->late;
    to->invalid += from->invalid;
    for (size_t i = 0; i < N_SUMS; i++) {
        trivet_exact_sum_merge(&to->sums[i], &from->sums[i]);
    }
    to->pairs.other_right += from->pairs.other_right;
    to->pairs.other_wrong += from->pairs.other_wrong;
    for (size_t i = 0; i < from->pairs.n_pairs; i++) {
        const struct trivet_class_pair *pair = &from->pairs.pairs[i];
        if (pair->weight != 0) {
            add_pair(to, pair->truth, pair->predicted, pair->is_foreign, pair->weight);
        }
    }
    to->changed = true;
}

void trivet_quality_add_all(struct trivet_quality *quality, const struct trivet_quality *from)
{
    pthread_mutex_lock(&quality->lock);
    for (size_t i = 0; i < from->n_versions; i++) {
        struct quality_version *slot =
            find_version(quality, from->versions[i]->model, from->versions[i]->version);
        if (slot != NULL) {
            add_version(slot, from->versions[i]);
        }
    }
    pthread_mutex_unlock(&quality->lock);
    for (size_t i = 0; i < from->n_models; i++) {
        trivet_quality_add_unjoined(quality, from->models[i]->model, from->models[i]->counts);
    }
}

/* --- encoding, under the lock ---------------------------------------------------------------- */

static bool encode_pairs(const struct trivet_class_pairs *table, struct trivet_arena *arena,
                         Trivet__V1__QualityTotals *out)
{
    static char other[] = OTHER;
    size_t count = table->n_pairs + 1;
    Trivet__V1__ClassPairCount *pairs = trivet_arena_alloc_array(arena, count, sizeof(*pairs));
    out->pairs = trivet_arena_alloc_array(arena, count, sizeof(Trivet__V1__ClassPairCount *));
    if (pairs == NULL || out->pairs == NULL) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        bool has_place = i < table->n_pairs;
        if (!has_place && table->other_wrong == 0) {
            break;
        }
        trivet__v1__class_pair_count__init(&pairs[i]);
        pairs[i].truth = has_place ? trivet_arena_strdup(arena, table->pairs[i].truth) : other;
        pairs[i].predicted =
            has_place ? trivet_arena_strdup(arena, table->pairs[i].predicted) : other;
        if (pairs[i].truth == NULL || pairs[i].predicted == NULL) {
            return false;
        }
        pairs[i].weight = has_place ? table->pairs[i].weight : table->other_wrong;
        out->pairs[out->n_pairs++] = &pairs[i];
    }
    out->other_right = table->other_right;
    return true;
}

static void encode_sums(const struct trivet_exact_sum *sums, Trivet__V1__QualityTotals *out)
{
    double *const fields[N_SUMS] = {
        [LOGGED_WEIGHT] = &out->logged_weight,
        [LABELLED_WEIGHT] = &out->labelled_weight,
        [SQUARED_WEIGHT] = &out->squared_weight,
        [SQUARED_WEIGHT_RIGHT] = &out->squared_weight_right,
        [ERROR] = &out->error,
        [ABSOLUTE_ERROR] = &out->absolute_error,
        [SQUARED_ERROR] = &out->squared_error,
        [OUTCOME] = &out->outcome,
        [SQUARED_OUTCOME] = &out->squared_outcome,
        [SQUARED_WEIGHT_ABSOLUTE_ERROR] = &out->squared_weight_absolute_error,
        [SQUARED_WEIGHT_SQUARED_ERROR] = &out->squared_weight_squared_error,
        [SQUARED_WEIGHT_FOURTH_ERROR] = &out->squared_weight_fourth_error,
    };
    for (size_t i = 0; i < N_SUMS; i++) {
        *fields[i] = trivet_exact_sum_value(&sums[i]);
    }
}

static Trivet__V1__QualityTotals *encode_version(struct quality_version *slot,
                                                 struct trivet_arena *arena)
{
    Trivet__V1__QualityTotals *out = trivet_arena_alloc(arena, sizeof(*out));
    if (out == NULL) {
        return NULL;
    }
    trivet__v1__quality_totals__init(out);
    out->model = trivet_arena_strdup(arena, slot->model);
    out->version = slot->version;
    out->life = slot->life;
    out->logged = slot->logged;
    out->labelled = slot->labelled;
    out->corrected = slot->corrected;
    out->duplicate = slot->duplicate;
    out->late = slot->late;
    out->invalid = slot->invalid;
    encode_sums(slot->sums, out);
    return out->model != NULL && encode_pairs(&slot->pairs, arena, out) ? out : NULL;
}

static Trivet__V1__UnjoinedTotals *encode_model(struct quality_model *slot,
                                                struct trivet_arena *arena)
{
    Trivet__V1__UnjoinedTotals *out = trivet_arena_alloc(arena, sizeof(*out));
    if (out == NULL) {
        return NULL;
    }
    trivet__v1__unjoined_totals__init(out);
    out->model = trivet_arena_strdup(arena, slot->model);
    out->life = slot->life;
    out->unmatched = slot->counts.unmatched;
    out->not_sampled = slot->counts.not_sampled;
    out->refused = slot->counts.refused;
    out->invalid = slot->counts.invalid;
    return out->model != NULL ? out : NULL;
}

static bool encode_all(struct trivet_quality *quality, bool changed_only,
                       struct trivet_arena *arena, struct trivet_quality_messages *out)
{
    out->versions = trivet_arena_alloc_array(arena, quality->n_versions + 1, sizeof(void *));
    out->models = trivet_arena_alloc_array(arena, quality->n_models + 1, sizeof(void *));
    bool whole = out->versions != NULL && out->models != NULL;
    for (size_t i = 0; whole && i < quality->n_versions; i++) {
        if (!changed_only || quality->versions[i]->changed) {
            out->versions[out->n_versions] = encode_version(quality->versions[i], arena);
            whole = out->versions[out->n_versions++] != NULL;
        }
    }
    for (size_t i = 0; whole && i < quality->n_models; i++) {
        if (!changed_only || quality->models[i]->changed) {
            out->models[out->n_models] = encode_model(quality->models[i], arena);
            whole = out->models[out->n_models++] != NULL;
        }
    }
    return whole;
}

enum trivet_status trivet_quality_encode(struct trivet_quality *quality, bool changed_only,
                                         struct trivet_arena *arena,
                                         struct trivet_quality_messages *out,
                                         struct trivet_error *err)
{
    struct trivet_quality_messages made = {0};
    pthread_mutex_lock(&quality->lock);
    bool whole = encode_all(quality, changed_only, arena, &made);
    for (size_t i = 0; whole && changed_only && i < quality->n_versions; i++) {
        quality->versions[i]->changed = false;
    }
    for (size_t i = 0; whole && changed_only && i < quality->n_models; i++) {
        quality->models[i]->changed = false;
    }
    pthread_mutex_unlock(&quality->lock);
    if (!whole) {
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                                "out of memory for the totals of outcomes");
    }
    *out = made;
    return TRIVET_OK;
}
