#include "profile/calibration.h"

#include "base/text.h"

#include <math.h>

/* Of |x| with x normal: mean over deviation, and variance over variance of x. */
#define HALF_NORMAL_MEAN     0.7978845608028654 /* sqrt(2 / pi) */
#define HALF_NORMAL_VARIANCE 0.3633802276324187 /* 1 - 2 / pi */
/* Normal deviations that one in a hundred passes. */
#define ONE_IN_A_HUNDRED 2.326

struct bin {
    double sure;     /* sum of the confidences: what is expected to be right */
    double right;    /* rows */
    double variance; /* of `right`, if the confidences are right */
};

static size_t bin_of(double confidence)
{
    const double at = confidence * TRIVET_CALIBRATION_BINS;
    return at < TRIVET_CALIBRATION_BINS ? (size_t)at : TRIVET_CALIBRATION_BINS - 1;
}

void trivet_calibration_measure(const double *confidence, const bool *right, size_t n_rows,
                                Trivet__V1__Calibration *out)
{
    struct bin bins[TRIVET_CALIBRATION_BINS] = {{0}};
    double sure = 0;
    double n_right = 0;
    double error = 0;
    double by_chance = 0;
    double variance = 0;
    for (size_t i = 0; i < n_rows; i++) {
        const double p = fmin(fmax(confidence[i], 0.0), 1.0);
        struct bin *bin = &bins[bin_of(p)];
        bin->sure += p;
        bin->right += right[i] ? 1.0 : 0.0;
        bin->variance += p * (1.0 - p);
    }
    for (size_t b = 0; b < TRIVET_CALIBRATION_BINS; b++) {
        sure += bins[b].sure;
        n_right += bins[b].right;
        error += fabs(bins[b].right - bins[b].sure);
        by_chance += HALF_NORMAL_MEAN * sqrt(bins[b].variance);
        variance += HALF_NORMAL_VARIANCE * bins[b].variance;
    }
    const double n = (double)n_rows;
    trivet__v1__calibration__init(out);
    out->rows = n_rows;
    out->confidence = sure / n;
    out->accuracy = n_right / n;
    out->calibration_error = error / n;
    out->calibration_error_by_chance = (by_chance + ONE_IN_A_HUNDRED * sqrt(variance)) / n;
}

static bool is_share(double value)
{
    return value >= 0.0 && value <= 1.0;
}

bool trivet_calibration_is_sound(const Trivet__V1__Calibration *calibration)
{
    return calibration->rows > 0 && is_share(calibration->confidence) &&
           is_share(calibration->accuracy) && is_share(calibration->calibration_error) &&
           calibration->calibration_error_by_chance >= 0.0 &&
           isfinite(calibration->calibration_error_by_chance);
}

bool trivet_calibration_is_good(const Trivet__V1__Calibration *calibration, char *why)
{
    why[0] = '\0';
    if (calibration == NULL || !trivet_calibration_is_sound(calibration)) {
        (void)trivet_text_copy(why, TRIVET_CALIBRATION_TEXT_BYTES,
                               "it is not known how well its probabilities are calibrated: it was "
                               "trained without held-out rows, or by an older Trivet");
        return false;
    }
    const unsigned long long rows = calibration->rows;
    const double error = calibration->calibration_error;
    const double by_chance = calibration->calibration_error_by_chance;
    if (rows < TRIVET_CALIBRATION_ROWS_MIN || by_chance > TRIVET_CALIBRATION_CHANCE_MAX) {
        (void)trivet_text_format(why, TRIVET_CALIBRATION_TEXT_BYTES,
                                 "%llu held-out rows are too few to know how well its "
                                 "probabilities are calibrated",
                                 rows);
        return false;
    }
    if (error > TRIVET_CALIBRATION_ERROR_MAX && error > by_chance) {
        (void)trivet_text_format(why, TRIVET_CALIBRATION_TEXT_BYTES,
                                 "its probabilities are not calibrated: on %llu held-out rows it "
                                 "was %.1f %% sure and %.1f %% right, calibration error %.3f",
                                 rows, 100.0 * calibration->confidence,
                                 100.0 * calibration->accuracy, error);
        return false;
    }
    return true;
}

double trivet_calibration_expect(const Trivet__V1__Calibration *calibration, double confidence)
{
    const double share = confidence + calibration->accuracy - calibration->confidence;
    return fmin(fmax(share, 0.0), 1.0);
}
