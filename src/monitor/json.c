#include "monitor/json.h"

#include <math.h>

#define US_PER_S 1000000

json_t *trivet_json_number(double value)
{
    return json_real(isfinite(value) ? value : 0.0);
}

json_t *trivet_json_count(uint64_t value)
{
    return json_integer(value < INT64_MAX ? (json_int_t)value : INT64_MAX);
}

json_t *trivet_json_age(int64_t then_us, int64_t now_us)
{
    return then_us == 0 ? json_null() : trivet_json_number((double)(now_us - then_us) / US_PER_S);
}

static int append_text(const char *data, size_t n_bytes, void *out)
{
    return trivet_buffer_append(out, data, n_bytes, NULL) == TRIVET_OK ? 0 : -1;
}

enum trivet_status trivet_json_finish(json_t *json, struct trivet_buffer *out,
                                      struct trivet_error *err)
{
    int failed = json == NULL ||
                 json_dump_callback(json, append_text, out, JSON_COMPACT | JSON_REAL_PRECISION(9));
    json_decref(json);
    if (failed) {
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "out of memory for a report");
    }
    return TRIVET_OK;
}
