#include "unit/profile/drift_columns.h"

#include "base/alloc.h"
#include "base/text.h"
#include "profile/profile.h"
#include "support/normal.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#include <math.h>

#define DICTIONARY 3000

static const char *names[DICTIONARY];
static char name_texts[DICTIONARY][8];

/* Student's t with 3 degrees of freedom: heavy tails. */
static double heavy(struct trivet_rng *rng)
{
    double squares = 0;
    for (int i = 0; i < 3; i++) {
        const double x = normal_next(rng);
        squares += x * x;
    }
    return normal_next(rng) / sqrt(squares / 3.0);
}

/* How many of an exponential clock's ticks fall into `mean`. */
static double poisson(struct trivet_rng *rng, double mean)
{
    double product = trivet_rng_uniform(rng);
    int count = 0;
    for (const double least = exp(-mean); product > least; count++) {
        product *= trivet_rng_uniform(rng);
    }
    return count;
}

double drift_draw_number(struct trivet_rng *rng, size_t column)
{
    const double nan = (double)NAN;
    switch (column % 12) {
    case 0:
        return 50.0 + 3.0 * normal_next(rng);
    case 1:
        return trivet_rng_uniform(rng);
    case 2:
        return exp(normal_next(rng));
    case 3:
        return heavy(rng);
    case 4:
        return poisson(rng, 2.0);
    case 5: /* a flag, at times a rare one */
        return trivet_rng_uniform(rng) < (column < 12 ? 0.5 : 0.01);
    case 6: /* mostly zero */
        return trivet_rng_uniform(rng) < 0.7 ? 0.0 : -log(1.0 - trivet_rng_uniform(rng));
    case 7: /* often missing */
        return trivet_rng_uniform(rng) < 0.15 ? nan : normal_next(rng);
    case 8: /* two hills */
        return normal_next(rng) + (trivet_rng_uniform(rng) < 0.3 ? 4.0 : -4.0);
    case 9: /* rounded */
        return 1e6 + round(2.0 * normal_next(rng));
    case 10: /* hardly ever there */
        return trivet_rng_uniform(rng) < 0.97 ? nan : normal_next(rng);
    default:
        return -log(1.0 - trivet_rng_uniform(rng));
    }
}

uint32_t drift_draw_code(struct trivet_rng *rng, size_t column)
{
    switch ((column - DRIFT_NUMBERS) % 6) {
    case 0:
        return (uint32_t)trivet_rng_below(rng, 3);
    case 1: /* falling off geometrically */
        return (uint32_t)(-log(1.0 - trivet_rng_uniform(rng)) * 5.0);
    case 2: /* more alike ones than a profile keeps */
        return (uint32_t)trivet_rng_below(rng, 400);
    case 3: /* hardly any twice */
        return (uint32_t)trivet_rng_below(rng, DICTIONARY);
    case 4: /* as words of a text: about 1 / rank */
        return (uint32_t)exp(trivet_rng_uniform(rng) * log(DICTIONARY));
    default:
        return trivet_rng_uniform(rng) < 0.2 ? UINT32_MAX : (uint32_t)trivet_rng_below(rng, 40);
    }
}

static void make_names(void)
{
    for (size_t i = 0; i < DICTIONARY; i++) {
        trivet_text_format(name_texts[i], sizeof(name_texts[i]), "%zu", i);
        names[i] = name_texts[i];
    }
}

const Trivet__V1__Profile *drift_reference(struct trivet_rng *rng, size_t n_rows,
                                           struct trivet_arena *arena)
{
    struct trivet_error err;
    make_names();
    Trivet__V1__Profile *profile = trivet_arena_alloc(arena, sizeof(*profile));
    Trivet__V1__FeatureProfile *columns =
        trivet_arena_alloc_array(arena, DRIFT_COLUMNS, sizeof(*columns));
    Trivet__V1__FeatureProfile **list =
        trivet_arena_alloc_array(arena, DRIFT_COLUMNS, sizeof(Trivet__V1__FeatureProfile *));
    double *numbers = trivet_alloc_array(n_rows, sizeof(*numbers));
    uint32_t *codes = trivet_alloc_array(n_rows, sizeof(*codes));
    assert_true(profile != NULL && columns != NULL && list != NULL);
    assert_true(numbers != NULL && codes != NULL);
    trivet__v1__profile__init(profile);
    for (size_t i = 0; i < DRIFT_COLUMNS; i++) {
        char name[8];
        trivet_text_format(name, sizeof(name), "x%zu", i);
        for (size_t row = 0; row < n_rows; row++) {
            if (i < DRIFT_NUMBERS) {
                numbers[row] = drift_draw_number(rng, i);
            } else {
                codes[row] = drift_draw_code(rng, i);
            }
        }
        assert_int_equal(
            i < DRIFT_NUMBERS
                ? trivet_profile_numeric(name, numbers, n_rows, 1, arena, &columns[i], &err)
                : trivet_profile_categorical(name, codes, n_rows, 1, names, DICTIONARY, arena,
                                             &columns[i], &err),
            TRIVET_OK);
        list[i] = &columns[i];
    }
    profile->features = list;
    profile->n_features = DRIFT_COLUMNS;
    trivet_free(numbers);
    trivet_free(codes);
    return profile;
}

void drift_fill(struct trivet_bins *bins, const Trivet__V1__Profile *profile,
                struct trivet_rng *rng, size_t n_rows, size_t shifted, double by)
{
    for (size_t row = 0; row < n_rows; row++) {
        for (size_t i = 0; i < DRIFT_NUMBERS; i++) {
            const double value = drift_draw_number(rng, i) + (i == shifted ? by : 0.0);
            trivet_bins_add_number(bins, profile, i, value, 1);
        }
        for (size_t i = DRIFT_NUMBERS; i < DRIFT_COLUMNS; i++) {
            const uint32_t code = drift_draw_code(rng, i);
            trivet_bins_add_category(bins, profile, i, code < DICTIONARY ? names[code] : NULL, 1);
        }
        trivet_bins_add_row(bins, 1);
    }
}
