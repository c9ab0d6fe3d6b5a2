#include "monitor/alerts/rules.h"

#include "base/text.h"
#include "monitor/ini_file.h"

#include <math.h>
#include <string.h>

#define WINDOW_S_MAX (6 * 3600)
#define FOR_S_MAX    (7 * 24 * 3600)
#define NAME_MAX_    (TRIVET_ALERT_NAME_BYTES - 1)

static const struct {
    const char *name;
    const char *advice;
} kinds[TRIVET_ALERT_KIND_COUNT] = {
    [TRIVET_ALERT_DOWN] = {"down", "see whether trivetd runs and its address is right; its log "
                                   "says why it ended"},
    [TRIVET_ALERT_ERROR_RATIO] =
        {"error_ratio", "look at the codes of the failed calls: INVALID_ARGUMENT is the callers' "
                        "data, RESOURCE_EXHAUSTED load, INTERNAL the server's log"},
    [TRIVET_ALERT_LATENCY_BURN] =
        {"latency_burn", "compare queue and compute time: a long queue wants workers or fewer "
                         "calls, long compute a smaller model or larger batches"},
    [TRIVET_ALERT_DRIFT] = {"drift", "look at the columns named: a change upstream is repaired "
                                     "there, a changed world needs training on new data"},
    [TRIVET_ALERT_MISSING_RATIO] = {"missing_ratio",
                                    "find out why the columns named are not filled upstream"},
    [TRIVET_ALERT_QUALITY_DROP] = {"quality_drop", "look at drift and at the labels; roll back to "
                                                   "the version before, or train anew"},
    [TRIVET_ALERT_LOST_EVENTS] =
        {"lost_events", "the monitor or the network was too slow; counts were repaired by "
                        "Server.Stats, charts may have gaps"},
    [TRIVET_ALERT_HISTORY] = {"history",
                              "see whether the disk of --history is full or gone; what is "
                              "not stored is lost when the monitor ends"},
};

const char *trivet_alert_kind_name(enum trivet_alert_kind kind)
{
    return kinds[kind].name;
}

const char *trivet_alert_kind_advice(enum trivet_alert_kind kind)
{
    return kinds[kind].advice;
}

static const struct trivet_alert_rule built_in[] = {
    {"down", TRIVET_ALERT_DOWN, true, "*", 1, 10, 10, 0, 0, 0, 0, 0, "", NAN},
    {"error_ratio", TRIVET_ALERT_ERROR_RATIO, true, "*", 0.05, 60, 120, 300, 0, 20, 0, 0, "", NAN},
    {"latency_burn", TRIVET_ALERT_LATENCY_BURN, true, "*", 6, 60, 300, 300, 3600, 100, 0.99, 100,
     "", NAN},
    {"latency_burn_fast", TRIVET_ALERT_LATENCY_BURN, true, "*", 14.4, 10, 60, 60, 300, 100, 0.99,
     100, "", NAN},
    /* The drift watch has its own confirmation by two windows in a row. */
    {"drift", TRIVET_ALERT_DRIFT, true, "*", 1, 0, 0, 900, 0, 0, 0, 0, "", NAN},
    {"missing_ratio", TRIVET_ALERT_MISSING_RATIO, true, "*", 0.05, 0, 0, 900, 0, 0, 0, 0, "", NAN},
    {"quality_drop", TRIVET_ALERT_QUALITY_DROP, true, "*", 0.05, 30, 300, 3600, 0,
     TRIVET_ALERT_LABELS_MIN, 0, 0, "", NAN},
    {"lost_events", TRIVET_ALERT_LOST_EVENTS, true, "*", 0, 0, 60, 300, 0, 0, 0, 0, "", NAN},
    {"history", TRIVET_ALERT_HISTORY, true, "*", 1, 15, 15, 0, 0, 0, 0, 0, "", NAN},
};

void trivet_alert_rules_default(struct trivet_alert_rules *out)
{
    *out = (struct trivet_alert_rules){.n = TRIVET_ARRAY_COUNT(built_in)};
    memcpy(out->items, built_in, sizeof(built_in));
}

bool trivet_alert_rule_matches(const struct trivet_alert_rule *rule, const char *model)
{
    size_t n = strlen(rule->model);
    if (n > 0 && rule->model[n - 1] == '*') {
        return strncmp(rule->model, model, n - 1) == 0;
    }
    return strcmp(rule->model, model) == 0;
}

/* --- reading -------------------------------------------------------------- */

static enum trivet_status set_number(double *to, const char *key, const char *text, double least,
                                     double greatest, struct trivet_error *err)
{
    double value = 0.0;
    if (!trivet_text_parse_double(text, strlen(text), &value) || value < least ||
        value > greatest) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT, "%s = %s: not a number of %g to %g",
                                key, text, least, greatest);
    }
    *to = value;
    return TRIVET_OK;
}

/* "90", "90s", "5m" or "1h". */
static enum trivet_status set_seconds(int64_t *to, const char *key, const char *text,
                                      int64_t greatest, struct trivet_error *err)
{
    char digits[24];
    int64_t unit = 1;
    int64_t value = 0;
    bool fits = trivet_text_copy(digits, sizeof(digits), text);
    size_t n = strlen(digits);
    if (n > 1 && strchr("smh", digits[n - 1]) != NULL) {
        unit = digits[n - 1] == 'h' ? 3600 : digits[n - 1] == 'm' ? 60 : 1;
        digits[n - 1] = '\0';
    }
    if (!fits || !trivet_text_parse_int64(digits, &value) || value < 0 || value > greatest / unit) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "%s = %s: not seconds of 0 to %lld, or minutes as 5m, or hours as "
                                "1h",
                                key, text, (long long)greatest);
    }
    *to = value * unit;
    return TRIVET_OK;
}

static enum trivet_status set_kind(struct trivet_alert_rule *rule, const char *text,
                                   struct trivet_error *err)
{
    for (size_t i = 0; i < TRIVET_ALERT_KIND_COUNT; i++) {
        if (strcmp(kinds[i].name, text) == 0) {
            rule->kind = (enum trivet_alert_kind)i;
            return TRIVET_OK;
        }
    }
    return trivet_error_set(
        err, TRIVET_INVALID_ARGUMENT,
        "kind = %s is not known; the kinds are down, error_ratio, "
        "latency_burn, drift, missing_ratio, quality_drop, lost_events, history",
        text);
}

static enum trivet_status set_text(char *to, size_t to_bytes, const char *key, const char *text,
                                   struct trivet_error *err)
{
    if (text[0] == '\0' || !trivet_text_copy(to, to_bytes, text)) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT, "%s is a text of 1 to %zu bytes", key,
                                to_bytes - 1);
    }
    return TRIVET_OK;
}

static enum trivet_status set_metric(struct trivet_alert_rule *rule, const char *text,
                                     struct trivet_error *err)
{
    static const char *const metrics[] = {"accuracy", "mae", "mse", "r2"};
    for (size_t i = 0; i < TRIVET_ARRAY_COUNT(metrics); i++) {
        if (strcmp(metrics[i], text) == 0) {
            (void)trivet_text_copy(rule->metric, sizeof(rule->metric), text);
            return TRIVET_OK;
        }
    }
    return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                            "metric = %s: only accuracy, mae, mse and r2 have an interval to be "
                            "judged by",
                            text);
}

static enum trivet_status set_on(struct trivet_alert_rule *rule, const char *text,
                                 struct trivet_error *err)
{
    bool yes = strcmp(text, "yes") == 0 || strcmp(text, "on") == 0 || strcmp(text, "true") == 0;
    if (!yes && strcmp(text, "no") != 0 && strcmp(text, "off") != 0 && strcmp(text, "false") != 0) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT, "on = %s: yes or no", text);
    }
    rule->on = yes;
    return TRIVET_OK;
}

static enum trivet_status set_key(struct trivet_alert_rule *rule, const char *key, const char *text,
                                  struct trivet_error *err)
{
    double number = 0.0;
    if (strcmp(key, "kind") == 0) {
        return set_kind(rule, text, err);
    }
    if (strcmp(key, "on") == 0) {
        return set_on(rule, text, err);
    }
    if (strcmp(key, "model") == 0) {
        return set_text(rule->model, sizeof(rule->model), key, text, err);
    }
    if (strcmp(key, "threshold") == 0) {
        return set_number(&rule->threshold, key, text, 0, 1e12, err);
    }
    if (strcmp(key, "for") == 0) {
        return set_seconds(&rule->for_s, key, text, FOR_S_MAX, err);
    }
    if (strcmp(key, "resolve") == 0) {
        return set_seconds(&rule->resolve_s, key, text, FOR_S_MAX, err);
    }
    if (strcmp(key, "window") == 0) {
        return set_seconds(&rule->window_s, key, text, WINDOW_S_MAX, err);
    }
    if (strcmp(key, "long_window") == 0) {
        return set_seconds(&rule->long_window_s, key, text, WINDOW_S_MAX, err);
    }
    if (strcmp(key, "minimum") == 0) {
        enum trivet_status status = set_number(&number, key, text, 0, 1e15, err);
        rule->minimum = (uint64_t)number;
        return status;
    }
    if (strcmp(key, "objective") == 0) {
        return set_number(&rule->objective, key, text, 0, 0.999999, err);
    }
    if (strcmp(key, "latency_ms") == 0) {
        return set_number(&rule->latency_ms, key, text, 0.001, 3.6e6, err);
    }
    if (strcmp(key, "metric") == 0) {
        return set_metric(rule, text, err);
    }
    if (strcmp(key, "floor") == 0) {
        return set_number(&rule->floor, key, text, -1e12, 1e12, err);
    }
    return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                            "'%s' is not known; the keys are kind, on, model, threshold, for, "
                            "resolve, window, long_window, minimum, objective, latency_ms, metric, "
                            "floor",
                            key);
}

/* The greatest value that the kind can come to; INFINITY where there is none. */
static double greatest_value(const struct trivet_alert_rule *rule)
{
    switch (rule->kind) {
    case TRIVET_ALERT_ERROR_RATIO:
    case TRIVET_ALERT_MISSING_RATIO:
        return 1.0;
    case TRIVET_ALERT_LATENCY_BURN:
        return 1.0 / (1.0 - rule->objective);
    case TRIVET_ALERT_QUALITY_DROP:
        return strcmp(rule->metric, "accuracy") == 0 && isnan(rule->floor) ? 1.0 : (double)INFINITY;
    default:
        return (double)INFINITY;
    }
}

/* A threshold that nothing exceeds would never be noticed not to fire. */
static enum trivet_status check_threshold(const struct trivet_alert_rule *rule,
                                          struct trivet_error *err)
{
    double greatest = greatest_value(rule);
    if (rule->threshold < greatest) {
        return TRIVET_OK;
    }
    return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                            "rule [%s] can never fire: its value is %g at most, its threshold %g",
                            rule->name, greatest, rule->threshold);
}

/* What only the whole rule tells. */
static enum trivet_status check_rule(const struct trivet_alert_rule *rule, struct trivet_error *err)
{
    bool windowed =
        rule->kind == TRIVET_ALERT_ERROR_RATIO || rule->kind == TRIVET_ALERT_LATENCY_BURN ||
        rule->kind == TRIVET_ALERT_QUALITY_DROP || rule->kind == TRIVET_ALERT_LOST_EVENTS;
    if (rule->kind == TRIVET_ALERT_KIND_COUNT) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT, "rule [%s] names no kind",
                                rule->name);
    }
    if (windowed && rule->window_s < 1) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "rule [%s] needs a window of at least 1 s", rule->name);
    }
    if (rule->kind == TRIVET_ALERT_LATENCY_BURN &&
        (rule->long_window_s < rule->window_s || rule->latency_ms <= 0.0)) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "rule [%s] needs latency_ms and a long_window of at least its "
                                "window",
                                rule->name);
    }
    return check_threshold(rule, err);
}

/* A rule of a kind begins as the one built in. */
static void begin_as_built_in(struct trivet_alert_rule *rule)
{
    char name[TRIVET_ALERT_NAME_BYTES];
    memcpy(name, rule->name, sizeof(name));
    for (size_t i = 0; i < TRIVET_ARRAY_COUNT(built_in); i++) {
        if (built_in[i].kind == rule->kind) {
            *rule = built_in[i];
            memcpy(rule->name, name, sizeof(name));
            return;
        }
    }
}

static enum trivet_status find_rule(struct trivet_alert_rules *rules, const char *name,
                                    struct trivet_alert_rule **out, struct trivet_error *err)
{
    for (size_t i = 0; i < rules->n; i++) {
        if (strcmp(rules->items[i].name, name) == 0) {
            *out = &rules->items[i];
            return TRIVET_OK;
        }
    }
    if (!trivet_text_is_name(name, NAME_MAX_)) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "[%s]: a rule's name has letters, digits, '-' and '_', at most %d",
                                name, NAME_MAX_);
    }
    if (rules->n == TRIVET_ALERT_RULES_MAX) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT, "more than %d rules",
                                TRIVET_ALERT_RULES_MAX);
    }
    struct trivet_alert_rule *rule = &rules->items[rules->n++];
    *rule = (struct trivet_alert_rule){.kind = TRIVET_ALERT_KIND_COUNT};
    (void)trivet_text_copy(rule->name, sizeof(rule->name), name);
    *out = rule;
    return TRIVET_OK;
}

static enum trivet_status take_value(void *context, const char *section, const char *name,
                                     const char *value, struct trivet_error *err)
{
    struct trivet_alert_rule *rule = NULL;
    enum trivet_status status = find_rule(context, section, &rule, err);
    if (status != TRIVET_OK) {
        return status;
    }
    bool is_kind = strcmp(name, "kind") == 0;
    bool is_new = rule->kind == TRIVET_ALERT_KIND_COUNT;
    if (is_new && !is_kind) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "[%s] is a new rule: its first key is its kind", section);
    }
    enum trivet_alert_kind before = rule->kind;
    status = set_key(rule, name, value, err);
    if (status == TRIVET_OK && is_kind && is_new) {
        begin_as_built_in(rule);
    } else if (status == TRIVET_OK && rule->kind != before) {
        status = trivet_error_set(err, TRIVET_INVALID_ARGUMENT, "[%s] is of the kind %s", section,
                                  kinds[before].name);
    }
    return status;
}

enum trivet_status trivet_alert_rules_read(const char *path, struct trivet_alert_rules *out,
                                           struct trivet_error *err)
{
    struct trivet_alert_rules rules;
    trivet_alert_rules_default(&rules);
    enum trivet_status status = trivet_ini_file_read(path, take_value, &rules, err);
    for (size_t i = 0; i < rules.n && status == TRIVET_OK; i++) {
        status = check_rule(&rules.items[i], err);
        if (status != TRIVET_OK) {
            trivet_error_prefix(err, "%s: ", path);
        }
    }
    if (status == TRIVET_OK) {
        *out = rules;
    }
    return status;
}

/* --- printing ------------------------------------------------------------- */

static enum trivet_status print_number(struct trivet_buffer *out, const char *key, double value,
                                       struct trivet_error *err)
{
    char text[TRIVET_DOUBLE_TEXT_BYTES];
    (void)trivet_text_double(value, text);
    return trivet_buffer_printf(out, err, "%s = %s\n", key, text);
}

static enum trivet_status print_seconds(struct trivet_buffer *out, const char *key, int64_t value,
                                        struct trivet_error *err)
{
    return trivet_buffer_printf(out, err, "%s = %llds\n", key, (long long)value);
}

/* It is so or it is not: nothing to measure. */
static bool is_state(const struct trivet_alert_rule *rule)
{
    return rule->kind == TRIVET_ALERT_DOWN || rule->kind == TRIVET_ALERT_HISTORY;
}

static enum trivet_status print_kind_keys(const struct trivet_alert_rule *rule,
                                          struct trivet_buffer *out, struct trivet_error *err)
{
    enum trivet_status status = TRIVET_OK;
    bool burn = rule->kind == TRIVET_ALERT_LATENCY_BURN;
    bool quality = rule->kind == TRIVET_ALERT_QUALITY_DROP;
    if (!is_state(rule)) {
        status = print_seconds(out, "window", rule->window_s, err);
    }
    if (status == TRIVET_OK && (burn || quality || rule->kind == TRIVET_ALERT_ERROR_RATIO)) {
        status = print_number(out, "minimum", (double)rule->minimum, err);
    }
    if (status == TRIVET_OK && burn) {
        status = print_seconds(out, "long_window", rule->long_window_s, err);
    }
    if (status == TRIVET_OK && burn) {
        status = print_number(out, "objective", rule->objective, err);
    }
    if (status == TRIVET_OK && burn) {
        status = print_number(out, "latency_ms", rule->latency_ms, err);
    }
    if (status == TRIVET_OK && quality && rule->metric[0] != '\0') {
        status = trivet_buffer_printf(out, err, "metric = %s\n", rule->metric);
    }
    if (status == TRIVET_OK && quality && !isnan(rule->floor)) {
        status = print_number(out, "floor", rule->floor, err);
    }
    return status;
}

enum trivet_status trivet_alert_rules_print(const struct trivet_alert_rules *rules,
                                            struct trivet_buffer *out, struct trivet_error *err)
{
    enum trivet_status status = TRIVET_OK;
    for (size_t i = 0; i < rules->n && status == TRIVET_OK; i++) {
        const struct trivet_alert_rule *rule = &rules->items[i];
        status = trivet_buffer_printf(out, err, "%s[%s]\nkind = %s\non = %s\nmodel = %s\n",
                                      i > 0 ? "\n" : "", rule->name, kinds[rule->kind].name,
                                      rule->on ? "yes" : "no", rule->model);
        if (status == TRIVET_OK && !is_state(rule)) {
            status = print_number(out, "threshold", rule->threshold, err);
        }
        if (status == TRIVET_OK) {
            status = print_seconds(out, "for", rule->for_s, err);
        }
        if (status == TRIVET_OK) {
            status = print_seconds(out, "resolve", rule->resolve_s, err);
        }
        if (status == TRIVET_OK) {
            status = print_kind_keys(rule, out, err);
        }
    }
    return status;
}
