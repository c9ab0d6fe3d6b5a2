#include "lifecycle/gate.h"

#include "base/text.h"

#include <stdbool.h>
#include <string.h>

#define METRIC_NAME_BYTES 64

enum comparison {
    AT_LEAST,
    ABOVE,
    AT_MOST,
    BELOW,
};

struct gate {
    char metric[METRIC_NAME_BYTES];
    enum comparison comparison;
    double bound;
};

static enum trivet_status parse(const char *text, struct gate *out, struct trivet_error *err)
{
    size_t name_bytes = strcspn(text, "<>");
    const char *sign = text + name_bytes;
    bool or_equal = sign[0] != '\0' && sign[1] == '=';
    const char *number = sign + (sign[0] == '\0' ? 0 : or_equal ? 2 : 1);
    while (name_bytes > 0 && text[name_bytes - 1] == ' ') {
        name_bytes--;
    }
    while (*text == ' ' && name_bytes > 0) {
        text++;
        name_bytes--;
    }
    if (sign[0] == '\0' || name_bytes == 0 || name_bytes >= sizeof(out->metric) ||
        !trivet_text_parse_double(number, strlen(number), &out->bound)) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "'%.80s' is not a gate; write METRIC, then >=, >, <= or <, then a "
                                "number, as in r2>=0.9",
                                text);
    }
    memcpy(out->metric, text, name_bytes);
    out->metric[name_bytes] = '\0';
    if (sign[0] == '>') {
        out->comparison = or_equal ? AT_LEAST : ABOVE;
    } else {
        out->comparison = or_equal ? AT_MOST : BELOW;
    }
    return TRIVET_OK;
}

static bool holds(const struct gate *gate, double value)
{
    switch (gate->comparison) {
    case AT_LEAST:
        return value >= gate->bound;
    case ABOVE:
        return value > gate->bound;
    case AT_MOST:
        return value <= gate->bound;
    case BELOW:
        return value < gate->bound;
    }
    return false;
}

static enum trivet_status unknown_metric(const struct gate *gate,
                                         const struct trivet_metric *metrics, size_t n_metrics,
                                         struct trivet_error *err)
{
    char known[TRIVET_ERROR_MESSAGE_BYTES / 2] = "";
    size_t used = 0;
    for (size_t i = 0; i < n_metrics; i++) {
        if (trivet_text_format(known + used, sizeof(known) - used, "%s%s", used > 0 ? ", " : "",
                               metrics[i].name)) {
            used = strlen(known);
        }
    }
    return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                            "the version's evaluation has no metric '%s'; it has: %s", gate->metric,
                            used > 0 ? known : "none");
}

enum trivet_status trivet_gate_check(const char *text, const struct trivet_metric *metrics,
                                     size_t n_metrics, struct trivet_error *err)
{
    struct gate gate;
    enum trivet_status status = parse(text, &gate, err);
    if (status != TRIVET_OK) {
        return status;
    }
    for (size_t i = 0; i < n_metrics; i++) {
        if (strcmp(metrics[i].name, gate.metric) != 0) {
            continue;
        }
        if (!metrics[i].defined) {
            return trivet_error_set(err, TRIVET_FAILED_PRECONDITION,
                                    "the gate '%s' is not met: %s is not defined on the version's "
                                    "evaluation",
                                    text, gate.metric);
        }
        if (!holds(&gate, metrics[i].value)) {
            char value[TRIVET_DOUBLE_TEXT_BYTES];
            trivet_text_double(metrics[i].value, value);
            return trivet_error_set(err, TRIVET_FAILED_PRECONDITION,
                                    "the gate '%s' is not met: %s is %s", text, gate.metric, value);
        }
        return TRIVET_OK;
    }
    return unknown_metric(&gate, metrics, n_metrics, err);
}
