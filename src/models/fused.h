/* A column of features as a function of one number of a request: what remains of simple
 * transformers when they are put together.
 *
 *   x missing: `filled` (NaN: it stays missing); else (x - centre) / divisor + offset */
#ifndef TRIVET_MODELS_FUSED_H
#define TRIVET_MODELS_FUSED_H

#include <math.h>
#include <stdbool.h>

struct trivet_fused {
    double filled;
    double centre;
    double divisor; /* infinite: only missing or not matters */
    double offset;
    bool exact; /* bit for bit what the transformers make; else to the last places */
};

static inline struct trivet_fused trivet_fused_identity(void)
{
    return (struct trivet_fused){
        .filled = (double)NAN, .centre = 0.0, .divisor = 1.0, .offset = 0.0, .exact = true};
}

static inline bool trivet_fused_is_identity(const struct trivet_fused *fused)
{
    return fused->centre == 0.0 && fused->divisor == 1.0 && fused->offset == 0.0;
}

static inline double trivet_fused_apply(const struct trivet_fused *fused, double x)
{
    return isnan(x) ? fused->filled : (x - fused->centre) / fused->divisor + fused->offset;
}

/* Followed by (v - centre) / divisor. False: that is no fused column any more. */
static inline bool trivet_fused_standardise(struct trivet_fused *fused, double centre,
                                            double divisor)
{
    fused->filled = (fused->filled - centre) / divisor;
    if (isinf(fused->divisor)) {
        fused->offset = (fused->offset - centre) / divisor;
        return true;
    }
    if (!trivet_fused_is_identity(fused)) {
        return centre == 0.0 && divisor == 1.0;
    }
    fused->centre = centre;
    fused->divisor = divisor;
    return true;
}

/* Followed by v * factor + offset. */
static inline bool trivet_fused_affine(struct trivet_fused *fused, double factor, double offset)
{
    fused->filled = fused->filled * factor + offset;
    fused->exact = false;
    if (isinf(fused->divisor)) {
        fused->offset = fused->offset * factor + offset;
        return true;
    }
    if (!trivet_fused_is_identity(fused)) {
        return factor == 1.0 && offset == 0.0;
    }
    fused->divisor = 1.0 / factor;
    fused->offset = offset;
    return isfinite(fused->divisor);
}

/* Followed by `value` in the place of what is missing. */
static inline void trivet_fused_fill(struct trivet_fused *fused, double value)
{
    fused->filled = isnan(fused->filled) ? value : fused->filled;
}

/* Followed by 1 where it is missing, else 0. */
static inline void trivet_fused_indicate(struct trivet_fused *fused)
{
    fused->filled = isnan(fused->filled) ? 1.0 : 0.0;
    fused->centre = 0.0;
    fused->divisor = (double)INFINITY;
    fused->offset = 0.0;
}

#endif
