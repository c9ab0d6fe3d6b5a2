/* Columns of many shapes, drawn from fixed seeds: what drift must not be found in. */
#ifndef TESTS_UNIT_PROFILE_DRIFT_COLUMNS_H
#define TESTS_UNIT_PROFILE_DRIFT_COLUMNS_H

#include "base/arena.h"
#include "base/rng.h"
#include "profile/bins.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DRIFT_COLUMNS 30
/* The first of them are numbers, the rest categories. */
#define DRIFT_NUMBERS 24

/* A value of a numeric column; NaN = missing. */
double drift_draw_number(struct trivet_rng *rng, size_t column);
/* The code of a category; UINT32_MAX = missing. */
uint32_t drift_draw_code(struct trivet_rng *rng, size_t column);
/* Profile of `n_rows` rows in `arena`: DRIFT_COLUMNS features, no predictions. */
const Trivet__V1__Profile *drift_reference(struct trivet_rng *rng, size_t n_rows,
                                           struct trivet_arena *arena);
/* Count `n_rows` undisturbed rows, but column `shifted` (SIZE_MAX: none), which is moved by `by`.
 */
void drift_fill(struct trivet_bins *bins, const Trivet__V1__Profile *profile,
                struct trivet_rng *rng, size_t n_rows, size_t shifted, double by);

#endif
