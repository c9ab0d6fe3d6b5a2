#include "telemetry/prometheus.h"

#include "base/text.h"

#include <math.h>
#include <string.h>

static const double bounds_us[] = {10,   25,   50,    100,   250,   500, 1e3,   2.5e3, 5e3, 10e3,
                                   25e3, 50e3, 100e3, 250e3, 500e3, 1e6, 2.5e6, 5e6,   10e6};

/* Help texts escape backslash and newline, label values the quote as well. */
static enum trivet_status append_escaped(struct trivet_buffer *out, const char *text, bool quoted,
                                         struct trivet_error *err)
{
    enum trivet_status status = TRIVET_OK;
    for (; *text != '\0' && status == TRIVET_OK; text++) {
        if (*text == '\n') {
            status = trivet_buffer_append(out, "\\n", 2, err);
        } else if (*text == '\\' || (quoted && *text == '"')) {
            char escape[2] = {'\\', *text};
            status = trivet_buffer_append(out, escape, sizeof(escape), err);
        } else {
            status = trivet_buffer_append(out, text, 1, err);
        }
    }
    return status;
}

enum trivet_status trivet_prometheus_family(struct trivet_buffer *out, const char *name,
                                            const char *type, const char *help,
                                            struct trivet_error *err)
{
    enum trivet_status status = trivet_buffer_printf(out, err, "# HELP %s ", name);
    if (status == TRIVET_OK) {
        status = append_escaped(out, help, false, err);
    }
    if (status == TRIVET_OK) {
        status = trivet_buffer_printf(out, err, "\n# TYPE %s %s\n", name, type);
    }
    return status;
}

static enum trivet_status append_label(struct trivet_buffer *out, const char *name,
                                       const char *value, bool first, struct trivet_error *err)
{
    enum trivet_status status = trivet_buffer_printf(out, err, "%c%s=\"", first ? '{' : ',', name);
    if (status == TRIVET_OK) {
        status = append_escaped(out, value, true, err);
    }
    if (status == TRIVET_OK) {
        status = trivet_buffer_append(out, "\"", 1, err);
    }
    return status;
}

/* `name``suffix`{labels…,le="le"} value; no le when NULL. */
static enum trivet_status append_sample(struct trivet_buffer *out, const char *name,
                                        const char *suffix, const struct trivet_label *labels,
                                        size_t n_labels, const char *le, double value,
                                        struct trivet_error *err)
{
    enum trivet_status status = trivet_buffer_printf(out, err, "%s%s", name, suffix);
    for (size_t i = 0; i < n_labels && status == TRIVET_OK; i++) {
        status = append_label(out, labels[i].name, labels[i].value, i == 0, err);
    }
    if (le && status == TRIVET_OK) {
        status = append_label(out, "le", le, n_labels == 0, err);
    }
    if (status != TRIVET_OK) {
        return status;
    }
    char text[TRIVET_DOUBLE_TEXT_BYTES];
    (void)trivet_text_double(value, text);
    if (!isfinite(value)) {
        (void)trivet_text_copy(text, sizeof(text),
                               isnan(value) ? "NaN" : (value > 0 ? "+Inf" : "-Inf"));
    }
    return trivet_buffer_printf(out, err, "%s %s\n", n_labels > 0 || le ? "}" : "", text);
}

enum trivet_status trivet_prometheus_sample(struct trivet_buffer *out, const char *name,
                                            const struct trivet_label *labels, size_t n_labels,
                                            double value, struct trivet_error *err)
{
    return append_sample(out, name, "", labels, n_labels, NULL, value, err);
}

/* Values up to `bound_us`. Our buckets do not end at Prometheus's bounds: the bucket that a bound
 * cuts counts in proportion, rounded down. */
static double count_up_to(const struct trivet_histogram *histogram, double bound_us)
{
    double count = 0.0;
    double lower_us = 0.0;
    for (size_t i = 0; i < TRIVET_HISTOGRAM_BUCKETS && lower_us < bound_us; i++) {
        double upper_us = trivet_histogram_upper_us(i);
        double in_bucket = (double)histogram->buckets[i];
        if (upper_us <= bound_us) {
            count += in_bucket;
        } else {
            count += floor(in_bucket * (bound_us - lower_us) / (upper_us - lower_us));
        }
        lower_us = upper_us;
    }
    return count;
}

enum trivet_status trivet_prometheus_histogram(struct trivet_buffer *out, const char *name,
                                               const struct trivet_label *labels, size_t n_labels,
                                               const struct trivet_histogram *histogram,
                                               struct trivet_error *err)
{
    enum trivet_status status = TRIVET_OK;
    for (size_t i = 0; i < TRIVET_ARRAY_COUNT(bounds_us) && status == TRIVET_OK; i++) {
        char le[TRIVET_DOUBLE_TEXT_BYTES];
        (void)trivet_text_double(bounds_us[i] / 1e6, le);
        status = append_sample(out, name, "_bucket", labels, n_labels, le,
                               count_up_to(histogram, bounds_us[i]), err);
    }
    double count = (double)histogram->count;
    if (status == TRIVET_OK) {
        status = append_sample(out, name, "_bucket", labels, n_labels, "+Inf", count, err);
    }
    if (status == TRIVET_OK) {
        status = append_sample(out, name, "_sum", labels, n_labels, NULL,
                               (double)histogram->sum_ns / 1e9, err);
    }
    if (status == TRIVET_OK) {
        status = append_sample(out, name, "_count", labels, n_labels, NULL, count, err);
    }
    return status;
}
