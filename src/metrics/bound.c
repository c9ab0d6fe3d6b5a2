#include "metrics/bound.h"

#include "base/text.h"

#include <string.h>

enum trivet_status trivet_metric_bound_parse(const char *text, struct trivet_metric_bound *out,
                                             struct trivet_error *err)
{
    const char *name = text + strspn(text, " ");
    size_t name_bytes = strcspn(name, "<>=");
    const char *sign = name + name_bytes;
    bool has_sign = sign[0] == '<' || sign[0] == '>';
    bool or_equal = has_sign && sign[1] == '=';
    const char *number = sign + (or_equal ? 2 : has_sign);
    while (name_bytes > 0 && name[name_bytes - 1] == ' ') {
        name_bytes--;
    }
    if (!has_sign || name_bytes == 0 || name_bytes >= sizeof(out->metric) ||
        !trivet_text_parse_double(number, strlen(number), &out->value)) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "'%.80s' is not a gate; write METRIC, then >=, >, <= or <, then a "
                                "number, as in r2>=0.9",
                                text);
    }
    memcpy(out->metric, name, name_bytes);
    out->metric[name_bytes] = '\0';
    if (sign[0] == '>') {
        out->comparison = or_equal ? TRIVET_METRIC_AT_LEAST : TRIVET_METRIC_ABOVE;
    } else {
        out->comparison = or_equal ? TRIVET_METRIC_AT_MOST : TRIVET_METRIC_BELOW;
    }
    return TRIVET_OK;
}

bool trivet_metric_bound_holds(const struct trivet_metric_bound *bound, double value)
{
    switch (bound->comparison) {
    case TRIVET_METRIC_AT_LEAST:
        return value >= bound->value;
    case TRIVET_METRIC_ABOVE:
        return value > bound->value;
    case TRIVET_METRIC_AT_MOST:
        return value <= bound->value;
    case TRIVET_METRIC_BELOW:
        return value < bound->value;
    }
    return false;
}
