/* Small fitted models as artefacts and servables, and rows to predict with what they must give. */
#ifndef TRIVET_TESTS_SERVING_FIXTURE_H
#define TRIVET_TESTS_SERVING_FIXTURE_H

#include "base/buffer.h"
#include "serving/pool.h"
#include "serving/servable.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* A linear regression on numeric columns x0, x1, … that were drawn from `seed`; `imputes`: missing
 * values are filled and columns standardised, else a missing value is a fault of its row. Appended
 * to `out`. */
void fixture_artefact(const char *model, size_t n_columns, uint64_t seed, bool imputes,
                      struct trivet_buffer *out);
struct trivet_servable *fixture_servable(const char *model, uint64_t version, size_t n_columns,
                                         uint64_t seed, bool imputes);

/* Rows for a servable, with every kind of fault here and there, and their predictions one pipeline
 * call each slice, without a pool. */
struct fixture_rows {
    struct trivet_table table;
    struct trivet_row_status *faults_in;
    struct trivet_row_status *faults_out;
    double *outputs; /* NaN where there is a fault */
};

void fixture_rows_make(struct fixture_rows *rows, struct trivet_servable *servable, size_t n_rows,
                       uint64_t seed);
void fixture_rows_release(struct fixture_rows *rows);

#endif
