#include "base/alloc.h"
#include "telemetry/prometheus.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

static const struct trivet_label labels[] = {{"model", "a\"b\\c\nd"}, {"version", "3"}};

static void texts_are_escaped(void **state)
{
    (void)state;
    struct trivet_buffer out = {0};
    assert_int_equal(trivet_prometheus_family(&out, "x_total", "counter", "a \"b\" \\ c\nd", NULL),
                     TRIVET_OK);
    assert_int_equal(trivet_prometheus_sample(&out, "x_total", labels, 2, 0.1, NULL), TRIVET_OK);
    assert_int_equal(trivet_prometheus_sample(&out, "y", NULL, 0, NAN, NULL), TRIVET_OK);
    assert_int_equal(trivet_prometheus_sample(&out, "y", NULL, 0, INFINITY, NULL), TRIVET_OK);
    assert_int_equal(trivet_prometheus_sample(&out, "y", NULL, 0, -INFINITY, NULL), TRIVET_OK);
    assert_int_equal(trivet_buffer_append(&out, "", 1, NULL), TRIVET_OK);
    assert_string_equal((const char *)out.data,
                        "# HELP x_total a \"b\" \\\\ c\\nd\n"
                        "# TYPE x_total counter\n"
                        "x_total{model=\"a\\\"b\\\\c\\nd\",version=\"3\"} 0.1\n"
                        "y NaN\ny +Inf\ny -Inf\n");
    trivet_buffer_release(&out);
}

static void histograms_are_cumulative_seconds(void **state)
{
    (void)state;
    struct trivet_buffer out = {0};
    struct trivet_histogram histogram = {0};
    for (int i = 0; i < 8; i++) {
        trivet_histogram_record_ns(&histogram, 100500); /* 96 … 112 µs: a quarter is <= 100 µs */
    }
    trivet_histogram_record_ns(&histogram, 3 * UINT64_C(1000000000));
    trivet_histogram_record_ns(&histogram, 3600 * UINT64_C(1000000000));
    assert_int_equal(
        trivet_prometheus_histogram(&out, "t_seconds", &labels[1], 1, &histogram, NULL), TRIVET_OK);
    assert_int_equal(trivet_buffer_append(&out, "", 1, NULL), TRIVET_OK);
    const char *text = (const char *)out.data;
    static const char *const lines[] = {
        "t_seconds_bucket{version=\"3\",le=\"1e-05\"} 0\n",
        "t_seconds_bucket{version=\"3\",le=\"5e-05\"} 0\n",
        "t_seconds_bucket{version=\"3\",le=\"0.0001\"} 2\n",
        "t_seconds_bucket{version=\"3\",le=\"0.00025\"} 8\n",
        "t_seconds_bucket{version=\"3\",le=\"2.5\"} 8\n",
        "t_seconds_bucket{version=\"3\",le=\"5\"} 9\n",
        "t_seconds_bucket{version=\"3\",le=\"10\"} 9\n",
        "t_seconds_bucket{version=\"3\",le=\"+Inf\"} 10\n",
        "t_seconds_sum{version=\"3\"} 3603.000804\n",
        "t_seconds_count{version=\"3\"} 10\n",
    };
    for (size_t i = 0; i < TRIVET_ARRAY_COUNT(lines); i++) {
        const char *found = strstr(text, lines[i]);
        assert_non_null(found);
        text = found; /* in this order */
    }
    trivet_buffer_release(&out);
}

static void no_memory_is_a_status(void **state)
{
    (void)state;
    struct trivet_histogram histogram = {0};
    enum trivet_status status = TRIVET_RESOURCE_EXHAUSTED;
    for (uint64_t k = 1; status != TRIVET_OK; k++) {
        struct trivet_buffer out = {0};
        assert_true(k < 1000);
        trivet_alloc_fail_at(k);
        status = trivet_prometheus_family(&out, "x", "gauge", "a long help text", NULL);
        if (status == TRIVET_OK) {
            status = trivet_prometheus_histogram(&out, "x", labels, 2, &histogram, NULL);
        }
        trivet_alloc_fail_at(0);
        assert_true(status == TRIVET_OK || status == TRIVET_RESOURCE_EXHAUSTED);
        trivet_buffer_release(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_escaped),
        cmocka_unit_test(histograms_are_cumulative_seconds),
        cmocka_unit_test(no_memory_is_a_status),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
