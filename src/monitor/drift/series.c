#include "monitor/drift/series.h"

#include "base/alloc.h"
#include "base/text.h"
#include "monitor/registry.h"
#include "profile/profile.h"
#include "wire/codec.h"

#include <math.h>
#include <string.h>

/* Of the running totals: what is lost of a difference between sums of that size. */
#define ROUNDING 1e-9

_Static_assert(TRIVET_MONITOR_DRIFT_SOURCES == TRIVET_MONITOR_SOURCES_MAX, "one part per source");

/* --- memory ---------------------------------------------------------------------------------- */

static size_t bins_bytes(const struct trivet_bins *bins)
{
    return sizeof(*bins) + (bins->n_columns + 1) * sizeof(*bins->first) +
           (bins->first[bins->n_columns] + 1) * sizeof(*bins->cells);
}

static void part_free(struct trivet_drift_part *part)
{
    if (part != NULL) {
        trivet_bins_free(part->coming);
        trivet_bins_free(part->taken);
        trivet_free(part);
    }
}

static size_t part_bytes(const struct trivet_drift_part *part)
{
    return sizeof(*part) + bins_bytes(part->coming) + bins_bytes(part->taken);
}

static void drop_part(struct trivet_drift_budget *budget, struct trivet_monitor_drift *drift,
                      size_t source)
{
    if (drift->parts[source] != NULL) {
        size_t n_bytes = part_bytes(drift->parts[source]);
        budget->bytes -= n_bytes;
        drift->n_bytes -= n_bytes;
        part_free(drift->parts[source]);
        drift->parts[source] = NULL;
    }
}

void trivet_monitor_drift_free(struct trivet_drift_budget *budget,
                               struct trivet_monitor_drift *drift)
{
    if (drift == NULL) {
        return;
    }
    if (budget != NULL) {
        budget->bytes -= drift->n_bytes;
    }
    for (size_t i = 0; i < TRIVET_MONITOR_DRIFT_SOURCES; i++) {
        part_free(drift->parts[i]);
    }
    trivet_drift_watch_free(drift->watch);
    trivet_arena_free(drift->arena);
    trivet_free(drift);
}

/* Should it come back, its totals begin with what was told of them before. */
static void forget(struct trivet_monitor *monitor, struct trivet_monitor_series *series)
{
    trivet_monitor_drift_free(&monitor->drift_budget, series->drift);
    series->drift = NULL;
    for (size_t i = 0; i < monitor->n_sources; i++) {
        if (series->parts[i] != NULL) {
            series->parts[i]->zero_epoch = 0;
        }
    }
}

/* The version that has had no news for the longest time goes, if that is long enough. */
static bool make_room(struct trivet_monitor *monitor, int64_t now_us)
{
    struct trivet_monitor_series *idle = NULL;
    for (size_t i = 0; i < monitor->n_series; i++) {
        struct trivet_monitor_series *series = monitor->series[i];
        if (series->drift != NULL && series->drift->watch != NULL &&
            now_us - series->drift->fed_us > TRIVET_MONITOR_DRIFT_IDLE_US &&
            (idle == NULL || series->drift->fed_us < idle->drift->fed_us)) {
            idle = series;
        }
    }
    if (idle != NULL) {
        forget(monitor, idle);
    }
    return idle != NULL;
}

static bool charge(struct trivet_monitor *monitor, struct trivet_monitor_drift *drift,
                   size_t n_bytes, int64_t now_us)
{
    struct trivet_drift_budget *budget = &monitor->drift_budget;
    while (budget->bytes + n_bytes > budget->bytes_max) {
        if (!make_room(monitor, now_us)) {
            return false;
        }
    }
    budget->bytes += n_bytes;
    drift->n_bytes += n_bytes;
    return true;
}

/* --- profiles -------------------------------------------------------------------------------- */

static bool has_confidence(const Trivet__V1__Profile *profile)
{
    for (size_t i = 0; i < profile->n_predictions; i++) {
        const Trivet__V1__FeatureProfile *column = profile->predictions[i];
        if (!column->categorical && strcmp(column->name, "confidence") == 0) {
            return true;
        }
    }
    return false;
}

static enum trivet_status copy_profile(const Trivet__V1__Profile *profile,
                                       struct trivet_monitor_drift *drift, struct trivet_error *err)
{
    struct trivet_buffer packed = {0};
    ProtobufCMessage *message = NULL;
    enum trivet_status status = trivet_codec_pack(&profile->base, &packed, err);
    drift->arena = trivet_arena_create(TRIVET_MONITOR_DRIFT_BYTES_MAX, 0);
    if (status == TRIVET_OK && drift->arena == NULL) {
        status = trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "out of memory for a profile");
    }
    if (status == TRIVET_OK) {
        status = trivet_codec_unpack(&trivet__v1__profile__descriptor, drift->arena, packed.data,
                                     packed.n_bytes, &message, err);
    }
    drift->profile = (const Trivet__V1__Profile *)message;
    trivet_buffer_release(&packed);
    return status;
}

enum trivet_status trivet_monitor_drift_create(const struct trivet_drift_options *options,
                                               const Trivet__V1__Profile *profile,
                                               struct trivet_monitor_drift **out,
                                               struct trivet_error *err)
{
    struct trivet_monitor_drift *drift = trivet_calloc(1, sizeof(*drift));
    if (drift == NULL) {
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "out of memory to watch drift");
    }
    enum trivet_status status = copy_profile(profile, drift, err);
    if (status == TRIVET_OK) {
        status = trivet_drift_watch_create(drift->profile, options, &drift->watch, err);
    }
    if (status != TRIVET_OK) {
        trivet_monitor_drift_free(NULL, drift);
        return status;
    }
    drift->has_confidence = has_confidence(drift->profile);
    *out = drift;
    return TRIVET_OK;
}

enum trivet_status trivet_monitor_drift_attach(struct trivet_monitor *monitor,
                                               struct trivet_monitor_series *series,
                                               struct trivet_monitor_drift *drift,
                                               struct trivet_error *err)
{
    struct trivet_drift_inside inside = trivet_drift_watch_inside(drift->watch);
    size_t n_bytes = sizeof(*drift) + trivet_arena_used_bytes(drift->arena) +
                     inside.n_columns * sizeof(*inside.columns) + 3 * bins_bytes(inside.reference);
    int64_t now_us = series->drift != NULL ? series->drift->fed_us : monitor->started_us;
    drift->fed_us = now_us;
    if (!charge(monitor, drift, n_bytes, now_us)) {
        monitor->drift_budget.refused++;
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                                "the drift of %s:%llu is not watched: the versions that are take "
                                "all of %zu MiB",
                                series->model, (unsigned long long)series->version,
                                monitor->drift_budget.bytes_max >> 20);
    }
    trivet_monitor_drift_free(&monitor->drift_budget, series->drift);
    series->drift = drift;
    return TRIVET_OK;
}

bool trivet_monitor_drift_wanted(struct trivet_monitor *monitor, size_t source, int64_t now_us,
                                 char *model, uint64_t *version)
{
    bool found = false;
    pthread_mutex_lock(&monitor->lock);
    for (size_t i = 0; i < monitor->n_series && !found; i++) {
        struct trivet_monitor_series *series = monitor->series[i];
        struct trivet_monitor_drift *drift = series->drift;
        found = drift != NULL && drift->wanted && drift->ask_us <= now_us &&
                series->parts[source] != NULL && series->parts[source]->live;
        if (found) {
            drift->ask_us = now_us + TRIVET_MONITOR_DRIFT_RETRY_US;
            (void)trivet_text_copy(model, TRIVET_MONITOR_MODEL_BYTES, series->model);
            *version = series->version;
        }
    }
    pthread_mutex_unlock(&monitor->lock);
    return found;
}

enum trivet_status trivet_monitor_drift_profile(struct trivet_monitor *monitor, const char *model,
                                                uint64_t version,
                                                const Trivet__V1__Profile *profile,
                                                struct trivet_error *err)
{
    struct trivet_monitor_drift *drift = NULL;
    enum trivet_status status = TRIVET_OK;
    bool has_columns = profile != NULL && profile->n_features + profile->n_predictions > 0;
    if (has_columns) {
        status = trivet_monitor_drift_create(&monitor->drift_options, profile, &drift, err);
    }
    pthread_mutex_lock(&monitor->lock);
    struct trivet_monitor_series *series = trivet_monitor_find(monitor, model, version);
    bool asked = series != NULL && series->drift != NULL && series->drift->wanted;
    if (asked) {
        series->drift->wanted = false;
        series->drift->refused = drift == NULL;
    }
    if (asked && drift != NULL) {
        status = trivet_monitor_drift_attach(monitor, series, drift, err);
        series->drift->refused = status != TRIVET_OK;
        drift = status == TRIVET_OK ? NULL : drift;
    }
    pthread_mutex_unlock(&monitor->lock);
    trivet_monitor_drift_free(NULL, drift);
    return status;
}

/* --- snapshots ------------------------------------------------------------------------------- */

static enum trivet_status out_of_memory(const struct trivet_monitor_series *series,
                                        struct trivet_error *err)
{
    return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                            "out of memory for what is served of %s:%llu", series->model,
                            (unsigned long long)series->version);
}

static enum trivet_status get_part(struct trivet_monitor *monitor,
                                   struct trivet_monitor_series *series, size_t source,
                                   uint64_t epoch, struct trivet_drift_part **out,
                                   struct trivet_error *err)
{
    struct trivet_monitor_drift *drift = series->drift;
    struct trivet_drift_part *part = drift->parts[source];
    if (part == NULL) {
        part = trivet_calloc(1, sizeof(*part));
        struct trivet_error why;
        if (part == NULL || trivet_bins_create(drift->profile, &part->coming, &why) != TRIVET_OK ||
            trivet_bins_create(drift->profile, &part->taken, &why) != TRIVET_OK ||
            !charge(monitor, drift, part_bytes(part), drift->fed_us)) {
            part_free(part);
            return out_of_memory(series, err);
        }
        drift->parts[source] = part;
    }
    if (part->epoch != epoch) {
        part->epoch = epoch;
        part->snapshot = 0;
        part->next_column = 0;
        part->has_taken = false;
    }
    *out = part;
    return TRIVET_OK;
}

static bool is_sum(double value)
{
    return isfinite(value) && value >= 0;
}

static bool are_sums(const Trivet__V1__BinTotals *piece)
{
    bool fine = is_sum(piece->weights) && is_sum(piece->squares) && is_sum(piece->confidence) &&
                is_sum(piece->confidence_weights);
    for (size_t i = 0; fine && i < piece->n_cells; i++) {
        fine = is_sum(piece->cells[i]);
    }
    return fine;
}

/* The column after the last one of the piece; 0: it does not end where a column does. */
static size_t column_after(const struct trivet_bins *bins, const Trivet__V1__BinTotals *piece)
{
    if (piece->columns != bins->n_columns || piece->first_column >= bins->n_columns) {
        return 0;
    }
    size_t end = bins->first[piece->first_column] + piece->n_cells;
    size_t column = piece->first_column;
    while (column < bins->n_columns && bins->first[column] < end) {
        column++;
    }
    return bins->first[column] == end ? column : 0;
}

/* Totals that are less than they were began anew: the version was away so long that its server let
 * go of them. */
static bool covers(const struct trivet_drift_part *part)
{
    const struct trivet_bins *now = part->coming;
    const struct trivet_bins *before = part->taken;
    double slack = ROUNDING * (before->weights + 1);
    if (now->weights < before->weights - slack) {
        return false;
    }
    for (size_t i = 0; i < now->first[now->n_columns]; i++) {
        if (now->cells[i] < before->cells[i] - slack) {
            return false;
        }
    }
    return true;
}

static void keep_taken(struct trivet_drift_part *part)
{
    const struct trivet_bins *from = part->coming;
    memcpy(part->taken->cells, from->cells, from->first[from->n_columns] * sizeof(*from->cells));
    part->taken->weights = from->weights;
    part->taken->squares = from->squares;
    part->taken_confidence = part->coming_confidence;
    part->has_taken = true;
}

/* `taken` becomes what came since it; false when nothing did. */
static bool subtract_taken(struct trivet_drift_part *part)
{
    const struct trivet_bins *now = part->coming;
    struct trivet_bins *before = part->taken;
    for (size_t i = 0; i < now->first[now->n_columns]; i++) {
        before->cells[i] = fmax(now->cells[i] - before->cells[i], 0);
    }
    before->weights = fmax(now->weights - before->weights, 0);
    before->squares = fmax(now->squares - before->squares, 0);
    part->taken_confidence.sum = fmax(part->coming_confidence.sum - part->taken_confidence.sum, 0);
    part->taken_confidence.weights =
        fmax(part->coming_confidence.weights - part->taken_confidence.weights, 0);
    return before->weights > 0;
}

/* A window may have closed: the sums of confidence go with it. */
static void follow_windows(struct trivet_monitor_drift *drift, uint64_t n_windows, int64_t now_us)
{
    if (trivet_drift_watch_n_windows(drift->watch) != n_windows) {
        drift->closed = drift->open;
        drift->open = (struct trivet_drift_confidence){0};
        drift->closed_us = now_us;
        drift->unsaved = true;
    }
}

/* The snapshot is whole. */
static enum trivet_status take_snapshot(struct trivet_monitor_drift *drift,
                                        struct trivet_drift_part *part, bool from_zero,
                                        int64_t now_us, struct trivet_error *err)
{
    enum trivet_status status = TRIVET_OK;
    bool news = part->has_taken || from_zero;
    if (!part->has_taken || !covers(part)) {
        trivet_bins_clear(part->taken);
        part->taken_confidence = (struct trivet_drift_confidence){0};
    }
    if (news && subtract_taken(part)) {
        uint64_t n_windows = trivet_drift_watch_n_windows(drift->watch);
        drift->open.sum += part->taken_confidence.sum;
        drift->open.weights += part->taken_confidence.weights;
        drift->fed_us = now_us;
        drift->fed = true;
        status = trivet_drift_watch_take(drift->watch, part->taken, now_us, err);
        follow_windows(drift, n_windows, now_us);
    }
    keep_taken(part);
    return status;
}

static enum trivet_status take_piece(struct trivet_monitor_drift *drift,
                                     struct trivet_drift_part *part, bool from_zero,
                                     const Trivet__V1__BinTotals *piece, int64_t now_us,
                                     struct trivet_error *err)
{
    size_t next = column_after(part->coming, piece);
    if (next == 0 || !are_sums(piece)) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "bins of %s:%llu that are not those of its profile", piece->model,
                                (unsigned long long)piece->version);
    }
    if (piece->snapshot < part->snapshot) {
        return TRIVET_OK; /* late */
    }
    if (piece->first_column == 0 && piece->snapshot > part->snapshot) {
        part->snapshot = piece->snapshot;
        part->next_column = 0;
    } else if (piece->snapshot != part->snapshot || piece->first_column != part->next_column ||
               part->next_column == 0) {
        part->next_column = 0; /* one is lost, or it came twice: the next snapshot has it all */
        return TRIVET_OK;
    }
    memcpy(part->coming->cells + part->coming->first[piece->first_column], piece->cells,
           piece->n_cells * sizeof(*piece->cells));
    part->coming->weights = piece->weights;
    part->coming->squares = piece->squares;
    part->coming_confidence =
        (struct trivet_drift_confidence){piece->confidence, piece->confidence_weights};
    part->next_column = next;
    if (next < part->coming->n_columns) {
        return TRIVET_OK;
    }
    part->next_column = 0;
    return take_snapshot(drift, part, from_zero, now_us, err);
}

enum trivet_status trivet_monitor_drift_piece(struct trivet_monitor *monitor,
                                              struct trivet_monitor_series *series, size_t source,
                                              uint64_t epoch, bool from_zero,
                                              const Trivet__V1__BinTotals *piece, int64_t now_us,
                                              struct trivet_error *err)
{
    struct trivet_drift_part *part = NULL;
    if (series->drift == NULL) {
        series->drift = trivet_calloc(1, sizeof(*series->drift));
        if (series->drift == NULL) {
            return out_of_memory(series, err);
        }
        series->drift->wanted = true;
    }
    series->drift->fed_us = series->drift->fed_us > now_us ? series->drift->fed_us : now_us;
    if (series->drift->watch == NULL) {
        return TRIVET_OK;
    }
    enum trivet_status status = get_part(monitor, series, source, epoch, &part, err);
    return status == TRIVET_OK ? take_piece(series->drift, part, from_zero, piece, now_us, err)
                               : status;
}

/* --- what else happens ----------------------------------------------------------------------- */

void trivet_monitor_drift_deleted(struct trivet_monitor *monitor, size_t source, const char *model,
                                  uint64_t version)
{
    for (size_t i = 0; i < monitor->n_series; i++) {
        struct trivet_monitor_series *series = monitor->series[i];
        if (series->drift == NULL || strcmp(series->model, model) != 0 ||
            (version != 0 && version != series->version)) {
            continue;
        }
        bool elsewhere = false;
        for (size_t k = 0; k < monitor->n_sources; k++) {
            elsewhere = elsewhere || (k != source && series->drift->parts[k] != NULL);
        }
        if (elsewhere) {
            drop_part(&monitor->drift_budget, series->drift, source);
        } else {
            forget(monitor, series);
            series->drift_deleted = true;
        }
    }
}

void trivet_monitor_drift_tick(struct trivet_monitor *monitor, int64_t now_us)
{
    for (size_t i = 0; i < monitor->n_series; i++) {
        struct trivet_monitor_drift *drift = monitor->series[i]->drift;
        if (drift != NULL && drift->watch != NULL) {
            uint64_t n_windows = trivet_drift_watch_n_windows(drift->watch);
            (void)trivet_drift_watch_tick(drift->watch, now_us);
            follow_windows(drift, n_windows, now_us);
        }
    }
}

/* --- what is told ---------------------------------------------------------------------------- */

static double value_of(const struct trivet_drift_column *column, enum trivet_drift_finding finding)
{
    switch (finding) {
    case TRIVET_DRIFT_MISSING:
        return column->score.missing;
    case TRIVET_DRIFT_OUT_OF_RANGE:
        return column->score.out_of_range;
    default:
        return column->score.psi;
    }
}

static void tell(const struct trivet_drift_column *column, enum trivet_drift_finding finding,
                 struct trivet_drift_told *told)
{
    const struct trivet_drift_track *track = &column->tracks[finding];
    bool firing = track->state == TRIVET_DRIFT_FIRING;
    if (track->state == TRIVET_DRIFT_QUIET) {
        return;
    }
    bool first = firing ? told->n_firing == 0 : told->n_firing + told->n_pending == 0;
    bool counts = firing || told->n_firing == 0;
    double excess = trivet_drift_excess(column, finding);
    if (counts && (first || excess > told->excess)) {
        told->worst = column->name;
        told->excess = excess;
        told->value = value_of(column, finding);
        told->since_us = track->since_us;
    }
    told->n_firing += firing;
    told->n_pending += !firing;
}

static void count_moved(const struct trivet_drift_column *column, struct trivet_drift_summary *out)
{
    enum trivet_drift_state distribution = column->tracks[TRIVET_DRIFT_DISTRIBUTION].state;
    enum trivet_drift_state range = column->tracks[TRIVET_DRIFT_OUT_OF_RANGE].state;
    bool firing = distribution == TRIVET_DRIFT_FIRING || range == TRIVET_DRIFT_FIRING;
    bool quiet = distribution == TRIVET_DRIFT_QUIET && range == TRIVET_DRIFT_QUIET;
    out->n_moved_firing += firing;
    out->n_moved_pending += !firing && !quiet;
}

static void tell_expected(const struct trivet_monitor_drift *drift,
                          struct trivet_drift_summary *out)
{
    const Trivet__V1__Calibration *calibration = drift->profile->calibration;
    if (calibration == NULL && !drift->has_confidence) {
        return;
    }
    const bool good = trivet_calibration_is_good(calibration, out->expected_doubt);
    if (calibration != NULL && trivet_calibration_is_sound(calibration)) {
        out->reference_accuracy = calibration->accuracy;
    }
    if (good && drift->closed.weights > 0) {
        out->expected_accuracy =
            trivet_calibration_expect(calibration, drift->closed.sum / drift->closed.weights);
    }
}

void trivet_monitor_drift_summary(const struct trivet_monitor_series *series,
                                  struct trivet_drift_summary *out)
{
    const struct trivet_monitor_drift *drift = series->drift;
    *out = (struct trivet_drift_summary){.expected_accuracy = (double)NAN,
                                         .reference_accuracy = (double)NAN};
    if (drift == NULL || drift->watch == NULL) {
        return;
    }
    size_t n_columns = 0;
    const struct trivet_drift_column *columns =
        trivet_drift_watch_columns(drift->watch, &n_columns);
    out->watched = true;
    out->n_windows = trivet_drift_watch_n_windows(drift->watch);
    out->known = out->n_windows > 0;
    out->open_rows = trivet_drift_watch_open_rows(drift->watch);
    out->closed_us = drift->closed_us;
    tell_expected(drift, out);
    for (size_t i = 0; out->known && i < n_columns; i++) {
        out->rows = columns[i].score.rows;
        out->psi_max = fmax(out->psi_max, columns[i].score.psi);
        for (int k = 0; k < TRIVET_DRIFT_FINDING_COUNT; k++) {
            tell(&columns[i], (enum trivet_drift_finding)k, &out->told[k]);
        }
        count_moved(&columns[i], out);
    }
}
