/* What sums say of the quality, and sums as a message. */
#include "monitor/quality/quality.h"

#include "base/alloc.h"
#include "monitor/quality/weighted.h"
#include "wire/codec.h"

#include <math.h>
#include <string.h>

/* Of a normal distribution, 95 % lie within. */
#define Z 1.959963984540054

static struct trivet_quality_estimate wilson(double share, double n)
{
    double z2 = Z * Z;
    double centre = (share + z2 / (2.0 * n)) / (1.0 + z2 / n);
    double half = Z / (1.0 + z2 / n) * sqrt(share * (1.0 - share) / n + z2 / (4.0 * n * n));
    return (struct trivet_quality_estimate){.known = true,
                                            .value = share,
                                            .lower = fmax(0.0, centre - half),
                                            .upper = fmin(1.0, centre + half)};
}

/* Share of the weight of class `name` of a role that the sums hold. */
struct class_sums {
    double right;
    double truth;
    double predicted;
};

static struct class_sums sums_of_class(const struct trivet_quality *quality,
                                       const struct trivet_quality_sums *sums, const char *name)
{
    struct class_sums out = {0};
    for (size_t i = 0; i < sums->n_pairs; i++) {
        bool is_truth = strcmp(quality->pairs[i].truth, name) == 0;
        bool is_predicted = strcmp(quality->pairs[i].predicted, name) == 0;
        out.right += is_truth && is_predicted ? sums->pairs[i] : 0.0;
        out.truth += is_truth ? sums->pairs[i] : 0.0;
        out.predicted += is_predicted ? sums->pairs[i] : 0.0;
    }
    return out;
}

/* The class is named by an earlier pair, or as this pair's truth. */
static bool named_before(const struct trivet_quality *quality, size_t at, const char *name,
                         bool as_predicted)
{
    for (size_t i = 0; i < at; i++) {
        if (strcmp(quality->pairs[i].truth, name) == 0 ||
            strcmp(quality->pairs[i].predicted, name) == 0) {
            return true;
        }
    }
    return as_predicted && strcmp(quality->pairs[at].truth, name) == 0;
}

/* Mean F1 over the classes with any weight; NaN without one. O(pairs²) of at most 512. */
static double f1_macro(const struct trivet_quality *quality, const struct trivet_quality_sums *sums)
{
    double total = 0.0;
    size_t n_classes = 0;
    for (size_t i = 0; i < sums->n_pairs; i++) {
        const char *const names[] = {quality->pairs[i].truth, quality->pairs[i].predicted};
        for (size_t k = 0; k < 2; k++) {
            if (named_before(quality, i, names[k], k == 1)) {
                continue;
            }
            struct class_sums of = sums_of_class(quality, sums, names[k]);
            if (of.truth + of.predicted > 0.0) {
                total += 2.0 * fmax(0.0, of.right) / (of.truth + of.predicted);
                n_classes++;
            }
        }
    }
    return n_classes > 0 ? total / (double)n_classes : (double)NAN;
}

/* Sums of a value of which `x` is that times squared weights, and `square` that of its square. */
static struct trivet_weighted weighted_of(const struct trivet_quality_sums *sums,
                                          enum trivet_quality_sum x, enum trivet_quality_sum square)
{
    return (struct trivet_weighted){
        .rows = sums->values[TRIVET_QUALITY_LABELLED],
        .weight = sums->values[TRIVET_QUALITY_LABELLED_WEIGHT],
        .squared_weight = sums->values[TRIVET_QUALITY_SQUARED_WEIGHT],
        .squared_weight_x = sums->values[x],
        .squared_weight_square = sums->values[square],
    };
}

static void state_classes(const struct trivet_quality *quality,
                          const struct trivet_quality_sums *sums,
                          struct trivet_quality_statement *out)
{
    double right = sums->values[TRIVET_QUALITY_OTHER_RIGHT];
    double other = right + sums->values[TRIVET_QUALITY_OTHER_WRONG];
    double all = other;
    for (size_t i = 0; i < sums->n_pairs; i++) {
        bool equal = strcmp(quality->pairs[i].truth, quality->pairs[i].predicted) == 0;
        right += equal ? sums->pairs[i] : 0.0;
        all += sums->pairs[i];
    }
    if (all <= 0.0) {
        return;
    }
    double share = fmin(1.0, fmax(0.0, right / all));
    struct trivet_weighted rights =
        weighted_of(sums, TRIVET_QUALITY_SQUARED_WEIGHT_RIGHT, TRIVET_QUALITY_SQUARED_WEIGHT_RIGHT);
    double variance = share * (1.0 - share);
    double error = trivet_weighted_error(&rights, share, variance);
    /* Of a share that is 0 or 1 there is no error; the effective labels stay. */
    out->accuracy = wilson(share, error > 0.0 ? variance / (error * error) : out->effective);
    out->f1_macro = f1_macro(quality, sums);
    out->f1_known = other == 0.0 && isfinite(out->f1_macro);
    out->f1_macro = out->f1_known ? out->f1_macro : 0.0;
}

static struct trivet_quality_estimate around(double value, double half)
{
    return (struct trivet_quality_estimate){
        .known = true, .value = value, .lower = value - half, .upper = value + half};
}

static void state_numbers(const struct trivet_quality_sums *sums,
                          struct trivet_quality_statement *out)
{
    const double *values = sums->values;
    double weight = values[TRIVET_QUALITY_LABELLED_WEIGHT];
    if (weight <= 0.0) {
        return;
    }
    double mae = fmax(0.0, values[TRIVET_QUALITY_ABSOLUTE_ERROR] / weight);
    double mse = fmax(0.0, values[TRIVET_QUALITY_SQUARED_ERROR] / weight);
    double bias = values[TRIVET_QUALITY_ERROR] / weight;
    double mean = values[TRIVET_QUALITY_OUTCOME] / weight;
    double variance = fmax(0.0, values[TRIVET_QUALITY_SQUARED_OUTCOME] / weight - mean * mean);
    struct trivet_weighted absolute =
        weighted_of(sums, TRIVET_QUALITY_SQUARED_WEIGHT_ABSOLUTE_ERROR,
                    TRIVET_QUALITY_SQUARED_WEIGHT_SQUARED_ERROR);
    struct trivet_weighted squared = weighted_of(sums, TRIVET_QUALITY_SQUARED_WEIGHT_SQUARED_ERROR,
                                                 TRIVET_QUALITY_SQUARED_WEIGHT_FOURTH_ERROR);
    /* The history of a version of this program that did not know it: as if errors were normal. */
    double spread = fmax(0.0, mse - bias * bias);
    double normal =
        squared.squared_weight_square > 0.0 ? 0.0 : 2.0 * spread * (spread + 2.0 * bias * bias);
    out->bias = bias;
    out->mae = around(mae, Z * trivet_weighted_error(&absolute, mae, mse - mae * mae));
    out->mse = around(mse, Z * trivet_weighted_error(&squared, mse, normal));
    out->mae.lower = fmax(0.0, out->mae.lower);
    out->mse.lower = fmax(0.0, out->mse.lower);
    /* Beneath this, the variance is what is left of a difference of large sums. */
    if (variance > 1e-12 * mean * mean) {
        out->r2 = (struct trivet_quality_estimate){.known = true,
                                                   .value = 1.0 - mse / variance,
                                                   .lower = 1.0 - out->mse.upper / variance,
                                                   .upper = 1.0 - out->mse.lower / variance};
    }
}

void trivet_quality_state(const struct trivet_quality *quality,
                          const struct trivet_quality_sums *sums,
                          struct trivet_quality_statement *out)
{
    *out = (struct trivet_quality_statement){0};
    double labels = fmax(0.0, sums->values[TRIVET_QUALITY_LABELLED]);
    out->labels = (uint64_t)labels;
    out->enough = out->labels >= TRIVET_QUALITY_LABELS_MIN;
    struct trivet_weighted weights =
        weighted_of(sums, TRIVET_QUALITY_SQUARED_WEIGHT, TRIVET_QUALITY_SQUARED_WEIGHT);
    out->effective = trivet_weighted_rows(&weights);
    bool classes = quality->n_pairs > 0 || sums->values[TRIVET_QUALITY_OTHER_RIGHT] != 0.0 ||
                   sums->values[TRIVET_QUALITY_OTHER_WRONG] != 0.0;
    if (classes) {
        out->task = TRIVET_QUALITY_CLASSES;
    } else if (sums->values[TRIVET_QUALITY_LABELLED_WEIGHT] > 0.0) {
        out->task = TRIVET_QUALITY_NUMBERS;
    }
    if (out->enough && classes) {
        state_classes(quality, sums, out);
    } else if (out->enough && out->task == TRIVET_QUALITY_NUMBERS) {
        state_numbers(sums, out);
    }
}

double trivet_quality_coverage(const struct trivet_quality_sums *sums)
{
    double logged = sums->values[TRIVET_QUALITY_LOGGED_WEIGHT];
    double share = sums->values[TRIVET_QUALITY_LABELLED_WEIGHT] / logged;
    return logged > 0.0 ? fmin(1.0, fmax(0.0, share)) : (double)NAN;
}

/* --- as a message ------------------------------------------------------------------------------
 */

/* protobuf-c's strings are not const; packing only reads them. */
static char *unconst(const char *text)
{
    union {
        const char *from;
        char *to;
    } cast = {.from = text};
    return cast.to;
}

static void fill_values(const double values[TRIVET_QUALITY_SUM_COUNT],
                        Trivet__V1__QualityTotals *message)
{
    message->logged = (uint64_t)fmax(0.0, values[TRIVET_QUALITY_LOGGED]);
    message->labelled = (uint64_t)fmax(0.0, values[TRIVET_QUALITY_LABELLED]);
    message->corrected = (uint64_t)fmax(0.0, values[TRIVET_QUALITY_CORRECTED]);
    message->duplicate = (uint64_t)fmax(0.0, values[TRIVET_QUALITY_DUPLICATE]);
    message->late = (uint64_t)fmax(0.0, values[TRIVET_QUALITY_LATE]);
    message->invalid = (uint64_t)fmax(0.0, values[TRIVET_QUALITY_INVALID]);
    message->logged_weight = values[TRIVET_QUALITY_LOGGED_WEIGHT];
    message->labelled_weight = values[TRIVET_QUALITY_LABELLED_WEIGHT];
    message->error = values[TRIVET_QUALITY_ERROR];
    message->absolute_error = values[TRIVET_QUALITY_ABSOLUTE_ERROR];
    message->squared_error = values[TRIVET_QUALITY_SQUARED_ERROR];
    message->outcome = values[TRIVET_QUALITY_OUTCOME];
    message->squared_outcome = values[TRIVET_QUALITY_SQUARED_OUTCOME];
    message->squared_weight = values[TRIVET_QUALITY_SQUARED_WEIGHT];
    message->squared_weight_right = values[TRIVET_QUALITY_SQUARED_WEIGHT_RIGHT];
    message->squared_weight_absolute_error = values[TRIVET_QUALITY_SQUARED_WEIGHT_ABSOLUTE_ERROR];
    message->squared_weight_squared_error = values[TRIVET_QUALITY_SQUARED_WEIGHT_SQUARED_ERROR];
    message->squared_weight_fourth_error = values[TRIVET_QUALITY_SQUARED_WEIGHT_FOURTH_ERROR];
    message->other_right = values[TRIVET_QUALITY_OTHER_RIGHT];
}

enum trivet_status trivet_quality_recent(const struct trivet_quality *quality, int64_t now_us,
                                         int64_t *window_us, struct trivet_quality_sums *sums,
                                         struct trivet_quality_statement *out,
                                         struct trivet_error *err)
{
    static const int64_t windows_us[] = {TRIVET_QUALITY_RECENT_US, TRIVET_QUALITY_WINDOW_US};
    enum trivet_status status = TRIVET_OK;
    for (size_t i = 0; i < TRIVET_ARRAY_COUNT(windows_us) && !out->enough; i++) {
        trivet_quality_sums_release(sums);
        *window_us = windows_us[i];
        status = trivet_quality_window(quality, now_us, windows_us[i], sums, err);
        if (status != TRIVET_OK) {
            return status;
        }
        trivet_quality_state(quality, sums, out);
    }
    return status;
}

enum trivet_status trivet_quality_pack(const struct trivet_quality *quality,
                                       const struct trivet_quality_sums *sums,
                                       struct trivet_buffer *out, struct trivet_error *err)
{
    Trivet__V1__QualityTotals message = TRIVET__V1__QUALITY_TOTALS__INIT;
    size_t n = sums->n_pairs + 1;
    Trivet__V1__ClassPairCount *pairs = trivet_alloc_array(n, sizeof(*pairs));
    Trivet__V1__ClassPairCount **list = trivet_alloc_array(n, sizeof(*list));
    enum trivet_status status = TRIVET_OK;
    if (pairs == NULL || list == NULL) {
        status = trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "out of memory for quality");
        goto done;
    }
    fill_values(sums->values, &message);
    message.life = sums->life;
    for (size_t i = 0; i < n; i++) {
        bool other = i == sums->n_pairs;
        trivet__v1__class_pair_count__init(&pairs[i]);
        pairs[i].truth = unconst(other ? "(other)" : quality->pairs[i].truth);
        pairs[i].predicted = unconst(other ? "(other)" : quality->pairs[i].predicted);
        pairs[i].weight = other ? sums->values[TRIVET_QUALITY_OTHER_WRONG] : sums->pairs[i];
        list[message.n_pairs] = &pairs[i];
        message.n_pairs += pairs[i].weight != 0.0;
    }
    message.pairs = list;
    status = trivet_codec_pack(&message.base, out, err);
done:
    trivet_free(pairs);
    trivet_free(list);
    return status;
}
