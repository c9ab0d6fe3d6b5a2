#include "monitor/loop/policy.h"

#include "base/alloc.h"
#include "base/text.h"
#include "metrics/bound.h"
#include "metrics/catalog.h"
#include "monitor/ini_file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define LINE_BYTES   256 /* inih takes fewer */
#define US_PER_S     1000000.0
#define DURATION_MAX (3650.0 * 86400.0) /* s */

enum key_type { SWITCH, DURATION, COUNT, NUMBER, METRIC, GATES };

struct key {
    const char *name;
    size_t offset;
    enum key_type type;
    double minimum; /* of COUNT and NUMBER */
    double maximum;
};

#define KEY(member, type, minimum, maximum)                                                        \
    {                                                                                              \
#member, offsetof(struct trivet_policy, member), type, minimum, maximum                    \
    }
#define DURATION_KEY(name, member)                                                                 \
    {                                                                                              \
        name, offsetof(struct trivet_policy, member), DURATION, 0, 0                               \
    }

static const struct key keys[] = {
    KEY(enabled, SWITCH, 0, 0),
    KEY(on_drift, SWITCH, 0, 0),
    KEY(on_quality, SWITCH, 0, 0),
    DURATION_KEY("every", every_us),
    KEY(new_labels, COUNT, 0, 1e9),
    KEY(train, SWITCH, 0, 0),
    KEY(evaluate, SWITCH, 0, 0),
    KEY(shadow, SWITCH, 0, 0),
    KEY(canary, SWITCH, 0, 0),
    KEY(promote, SWITCH, 0, 0),
    KEY(rollback, SWITCH, 0, 0),
    KEY(tidy, SWITCH, 0, 0),
    KEY(labels_min, COUNT, 20, 1e9),
    DURATION_KEY("cooldown", cooldown_us),
    DURATION_KEY("pause", pause_us),
    DURATION_KEY("step_timeout", step_timeout_us),
    DURATION_KEY("fresh", fresh_us),
    KEY(grow_rows_max, COUNT, 1, 1e9),
    KEY(growth_max, NUMBER, 0.01, 1000),
    KEY(holdout_share, NUMBER, 0.05, 0.5),
    KEY(holdout_rows_min, COUNT, 10, 1e9),
    KEY(metric, METRIC, 0, 0),
    KEY(require, GATES, 0, 0),
    KEY(better_by, NUMBER, 0, 1e9),
    KEY(base_drop_max, NUMBER, 0, 1),
    KEY(shadow_share, NUMBER, 0.0001, 1),
    DURATION_KEY("shadow_for", shadow_us),
    KEY(shadow_rows, COUNT, 1, 1e9),
    KEY(shadow_failed_max, NUMBER, 0, 1),
    KEY(shadow_agreement_min, NUMBER, 0, 1),
    KEY(canary_share, NUMBER, 0.0001, 0.9999),
    DURATION_KEY("canary_for", canary_us),
    KEY(canary_rows, COUNT, 1, 1e9),
    KEY(canary_failed_max, NUMBER, 0, 1),
    DURATION_KEY("watch_for", watch_us),
    KEY(watch_labels, COUNT, 20, 1e9),
    KEY(watch_drop, NUMBER, 0, 1),
};

void trivet_policy_defaults(struct trivet_policy *policy, const char *model)
{
    *policy = (struct trivet_policy){
        .enabled = true,
        .on_drift = true,
        .on_quality = true,
        .train = true,
        .evaluate = true,
        .shadow = true,
        .promote = true,
        .rollback = true,
        .tidy = true,
        .labels_min = 200,
        .cooldown_us = 6 * 3600 * INT64_C(1000000),
        .pause_us = 10 * INT64_C(1000000),
        .step_timeout_us = 24 * 3600 * INT64_C(1000000),
        .grow_rows_max = 100000,
        .growth_max = 1,
        .holdout_share = 0.2,
        .holdout_rows_min = 40,
        .base_drop_max = 0.05,
        .shadow_share = 1,
        .shadow_us = 600 * INT64_C(1000000),
        .shadow_rows = 1000,
        .shadow_failed_max = 0.001,
        .canary_share = 0.1,
        .canary_us = 1800 * INT64_C(1000000),
        .canary_rows = 1000,
        .canary_failed_max = 0.001,
        .watch_us = 24 * 3600 * INT64_C(1000000),
        .watch_labels = 100,
        .watch_drop = 0.05,
    };
    (void)trivet_text_copy(policy->model, sizeof(policy->model), model);
}

bool trivet_policy_duration(const char *text, int64_t *out_us)
{
    static const char units[] = "smhd";
    static const double seconds[] = {1, 60, 3600, 86400};
    size_t n = strlen(text);
    double value = 0;
    double factor = 1;
    const char *unit = n > 0 ? strchr(units, text[n - 1]) : NULL;
    if (unit != NULL) {
        factor = seconds[unit - units];
        n--;
    }
    while (n > 0 && text[n - 1] == ' ') {
        n--;
    }
    if (!trivet_text_parse_double(text, n, &value) || (unit == NULL && value != 0) ||
        !(value >= 0) || value * factor > DURATION_MAX) {
        return false;
    }
    *out_us = (int64_t)(value * factor * US_PER_S);
    return true;
}

static bool parse_switch(const char *text, bool *out)
{
    bool yes = strcmp(text, "yes") == 0 || strcmp(text, "on") == 0 || strcmp(text, "true") == 0;
    bool no = strcmp(text, "no") == 0 || strcmp(text, "off") == 0 || strcmp(text, "false") == 0;
    *out = yes;
    return yes || no;
}

static enum trivet_status check_metric(const char *name, struct trivet_error *err)
{
    char known[TRIVET_ERROR_MESSAGE_BYTES / 2] = "";
    size_t n = 0;
    size_t used = 0;
    if (trivet_metric_info_find(name) != NULL) {
        return TRIVET_OK;
    }
    const struct trivet_metric_info *all = trivet_metric_catalog(&n);
    for (size_t i = 0; i < n && trivet_text_format(known + used, sizeof(known) - used, "%s%s",
                                                   used > 0 ? ", " : "", all[i].name);
         i++) {
        used = strlen(known);
    }
    known[used] = '\0';
    return trivet_error_set(err, TRIVET_INVALID_ARGUMENT, "'%.64s' is not a metric; there are %s",
                            name, known);
}

/* "r2>=0.9, mse<=3", added to those that stand there: an indented line continues the one before. */
static enum trivet_status add_gates(struct trivet_policy *policy, const char *text,
                                    struct trivet_error *err)
{
    while (*text != '\0') {
        text += strspn(text, ", ");
        size_t n = strcspn(text, ",");
        if (n > 0) {
            if (policy->n_require == TRIVET_POLICY_GATES_MAX || n >= TRIVET_POLICY_GATE_BYTES) {
                return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                        "require: at most %d gates of at most %d bytes",
                                        TRIVET_POLICY_GATES_MAX, TRIVET_POLICY_GATE_BYTES - 1);
            }
            char *gate = policy->require[policy->n_require++];
            memcpy(gate, text, n);
            gate[n] = '\0';
            struct trivet_metric_bound bound;
            enum trivet_status status = trivet_metric_bound_parse(gate, &bound, err);
            if (status == TRIVET_OK) {
                status = check_metric(bound.metric, err);
            }
            if (status != TRIVET_OK) {
                return status;
            }
        }
        text += n;
    }
    return TRIVET_OK;
}

static enum trivet_status set_number(const struct key *key, void *field, const char *value,
                                     struct trivet_error *err)
{
    double number = 0;
    uint64_t count = 0;
    bool good = false;
    if (key->type == COUNT) {
        good = trivet_text_parse_uint64(value, &count);
        number = (double)count;
    } else {
        good = trivet_text_parse_double(value, strlen(value), &number);
    }
    if (!good || !(number >= key->minimum && number <= key->maximum)) {
        return trivet_error_set(
            err, TRIVET_INVALID_ARGUMENT, "%s = %s: %s from %g to %g", key->name, value,
            key->type == COUNT ? "a whole number" : "a number", key->minimum, key->maximum);
    }
    if (key->type == COUNT) {
        *(uint64_t *)field = count;
    } else {
        *(double *)field = number;
    }
    return TRIVET_OK;
}

static enum trivet_status set_key(struct trivet_policy *policy, const struct key *key,
                                  const char *value, struct trivet_error *err)
{
    void *field = (char *)policy + key->offset;
    switch (key->type) {
    case SWITCH:
        if (!parse_switch(value, field)) {
            return trivet_error_set(err, TRIVET_INVALID_ARGUMENT, "%s = %s: yes or no", key->name,
                                    value);
        }
        return TRIVET_OK;
    case DURATION:
        if (!trivet_policy_duration(value, field)) {
            return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                    "%s = %s: a number and its unit, s, m, h or d, as in 30m",
                                    key->name, value);
        }
        return TRIVET_OK;
    case METRIC:
        if (!trivet_text_copy(field, TRIVET_POLICY_GATE_BYTES, value)) {
            return trivet_error_set(err, TRIVET_INVALID_ARGUMENT, "%s is too long", key->name);
        }
        return value[0] == '\0' ? TRIVET_OK : check_metric(value, err);
    case GATES:
        return add_gates(policy, value, err);
    case COUNT:
    case NUMBER:
        break;
    }
    return set_number(key, field, value, err);
}

static struct trivet_policy *policy_of(struct trivet_policies *policies, const char *model,
                                       struct trivet_error *err)
{
    for (size_t i = 0; i < policies->n_items; i++) {
        if (strcmp(policies->items[i].model, model) == 0) {
            return &policies->items[i];
        }
    }
    if (!trivet_text_is_name(model, TRIVET_POLICY_NAME_BYTES - 1)) {
        (void)trivet_error_set(err, TRIVET_INVALID_ARGUMENT, "[loop %s]: not a model's name",
                               model);
        return NULL;
    }
    if (policies->n_items == TRIVET_POLICIES_MAX) {
        (void)trivet_error_set(err, TRIVET_INVALID_ARGUMENT, "at most %d models with a policy",
                               TRIVET_POLICIES_MAX);
        return NULL;
    }
    struct trivet_policy *policy = &policies->items[policies->n_items++];
    trivet_policy_defaults(policy, model);
    return policy;
}

static enum trivet_status set_of_all(struct trivet_policies *policies, const char *name,
                                     const char *value, struct trivet_error *err)
{
    if (strcmp(name, "enabled") == 0 && parse_switch(value, &policies->enabled)) {
        return TRIVET_OK;
    }
    if (strcmp(name, "check") == 0 && trivet_policy_duration(value, &policies->check_us) &&
        policies->check_us >= 50000) {
        return TRIVET_OK;
    }
    return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                            "[loop] %s = %s: the keys are enabled (yes or no) and check (at least "
                            "0.05s); a model's keys stand under [loop MODEL]",
                            name, value);
}

static enum trivet_status take_value(void *context, const char *section, const char *name,
                                     const char *value, struct trivet_error *err)
{
    struct trivet_policies *policies = context;
    if (strcmp(section, "loop") == 0) {
        return set_of_all(policies, name, value, err);
    }
    if (strncmp(section, "loop ", 5) != 0) {
        return TRIVET_OK;
    }
    struct trivet_policy *policy = policy_of(policies, section + 5 + strspn(section + 5, " "), err);
    const struct key *key = NULL;
    for (size_t i = 0; i < TRIVET_ARRAY_COUNT(keys); i++) {
        key = strcmp(keys[i].name, name) == 0 ? &keys[i] : key;
    }
    if (policy == NULL) {
        return err->status;
    }
    if (key == NULL) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "'%s' is not known; deploy/policy.ini shows the keys", name);
    }
    return set_key(policy, key, value, err);
}

/* inih tells of keys only: a section of a model without any has all the defaults. */
static enum trivet_status read_section(struct trivet_policies *policies, const char *name,
                                       struct trivet_error *err)
{
    bool is_loop = strncmp(name, "loop", 4) == 0 && (name[4] == '\0' || name[4] == ' ');
    if (!is_loop && strncasecmp(name, "loop", 4) == 0) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "[%s] is not a section of a policy; write [loop] or [loop MODEL]",
                                name);
    }
    bool of_model = is_loop && name[4] == ' ';
    return of_model && policy_of(policies, name + 5 + strspn(name + 5, " "), err) == NULL
               ? err->status
               : TRIVET_OK;
}

static enum trivet_status read_sections(const char *path, struct trivet_policies *policies,
                                        struct trivet_error *err)
{
    char text[LINE_BYTES];
    enum trivet_status status = TRIVET_OK;
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return trivet_error_set(err, TRIVET_NOT_FOUND, "cannot read %s: %s", path, strerror(errno));
    }
    for (int line = 1; status == TRIVET_OK && fgets(text, sizeof(text), file) != NULL; line++) {
        char *name = text + strspn(text, " \t\xef\xbb\xbf");
        char *end = name[0] == '[' ? strchr(name, ']') : NULL;
        if (end != NULL) {
            *end = '\0';
            struct trivet_error cause;
            status = read_section(policies, name + 1, &cause);
            if (status != TRIVET_OK) {
                (void)trivet_error_set(err, status, "%s:%d: %s", path, line, cause.message);
            }
        }
    }
    (void)fclose(file);
    return status;
}

enum trivet_status trivet_policies_read(const char *path, struct trivet_policies *out,
                                        struct trivet_error *err)
{
    struct trivet_policies *read = trivet_calloc(1, sizeof(*read));
    if (read == NULL) {
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "out of memory for the policies");
    }
    read->enabled = true;
    read->check_us = 2 * INT64_C(1000000);
    enum trivet_status status = read_sections(path, read, err);
    if (status == TRIVET_OK) {
        status = trivet_ini_file_read(path, take_value, read, err);
    }
    if (status == TRIVET_OK) {
        *out = *read;
    }
    trivet_free(read);
    return status;
}
