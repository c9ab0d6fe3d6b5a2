/* What the tests of the metrics share. */
#ifndef TRIVET_TEST_METRICS_SUPPORT_H
#define TRIVET_TEST_METRICS_SUPPORT_H

#include "metrics/metric.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
/* after its prerequisites */
#include <cmocka.h>

/* To 1e-12 of the expected value; 0 exactly up to 1e-15. */
static inline void assert_near(double value, double expected)
{
    if (!(fabs(value - expected) <= fmax(1e-12 * fabs(expected), 1e-15))) {
        fail_msg("%.17g, not %.17g", value, expected);
    }
}

static inline void assert_metric(const struct trivet_metric *metric, const char *name,
                                 double expected)
{
    assert_string_equal(metric->name, name);
    assert_true(metric->defined);
    assert_near(metric->value, expected);
}

static inline void assert_undefined(const struct trivet_metric *metric, const char *name)
{
    assert_string_equal(metric->name, name);
    assert_false(metric->defined);
    assert_true(metric->value == 0.0);
}

#endif
