#include "models/params.h"

#include "base/text.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#define NAMES_BYTES 256

static size_t count_specs(const struct trivet_param_spec *specs)
{
    size_t n = 0;
    while (specs != NULL && specs[n].name != NULL) {
        n++;
    }
    assert(n <= TRIVET_PARAMS_MAX);
    return n;
}

/* One more name to "a, b, c". */
static void append_name(char *text, size_t text_bytes, const char *name)
{
    size_t used = strlen(text);
    trivet_text_format(&text[used], text_bytes - used, "%s%s", used > 0 ? ", " : "", name);
}

static void list_specs(const struct trivet_param_spec *specs, size_t n, char *text,
                       size_t text_bytes)
{
    text[0] = '\0';
    for (size_t i = 0; i < n; i++) {
        append_name(text, text_bytes, specs[i].name);
    }
    if (n == 0) {
        trivet_text_copy(text, text_bytes, "none");
    }
}

static void list_texts(const char *const *list, char *text, size_t text_bytes)
{
    text[0] = '\0';
    for (size_t i = 0; list[i] != NULL; i++) {
        append_name(text, text_bytes, list[i]);
    }
}

static bool in_range(const struct trivet_param_spec *spec, double value)
{
    bool above = spec->min_open ? value > spec->min : value >= spec->min;
    bool below = spec->max_open ? value < spec->max : value <= spec->max;
    return above && below;
}

static bool parse_bool(const char *text, bool *out)
{
    if (strcmp(text, "true") == 0 || strcmp(text, "1") == 0) {
        *out = true;
        return true;
    }
    if (strcmp(text, "false") == 0 || strcmp(text, "0") == 0) {
        *out = false;
        return true;
    }
    return false;
}

/* Index of `text` in a NULL-terminated list; false when it is not there. */
static bool find_text(const char *const *list, const char *text, size_t *out)
{
    for (size_t i = 0; list != NULL && list[i] != NULL; i++) {
        if (strcmp(list[i], text) == 0) {
            *out = i;
            return true;
        }
    }
    return false;
}

static bool parse_list(const struct trivet_param_spec *spec, const char *text,
                       struct trivet_int_list *out)
{
    struct trivet_int_list list = {0};
    char item[24];
    for (const char *at = text; at != NULL;) {
        const char *comma = strchr(at, ',');
        size_t n_bytes = comma != NULL ? (size_t)(comma - at) : strlen(at);
        if (list.n_items == TRIVET_PARAM_LIST_MAX || n_bytes >= sizeof item) {
            return false;
        }
        memcpy(item, at, n_bytes);
        item[n_bytes] = '\0';
        if (!trivet_text_parse_int64(item, &list.items[list.n_items]) ||
            !in_range(spec, (double)list.items[list.n_items])) {
            return false;
        }
        list.n_items++;
        at = comma != NULL ? comma + 1 : NULL;
    }
    *out = list;
    return true;
}

static bool parse_value(const struct trivet_param_spec *spec, const char *text,
                        struct trivet_param_value *out)
{
    size_t word;
    out->word = NULL;
    if (find_text(spec->words, text, &word)) {
        out->word = spec->words[word];
        return true;
    }
    switch (spec->type) {
    case TRIVET_PARAM_BOOL:
        return parse_bool(text, &out->boolean);
    case TRIVET_PARAM_INT:
        return trivet_text_parse_int64(text, &out->integer) && in_range(spec, (double)out->integer);
    case TRIVET_PARAM_REAL:
        return trivet_text_parse_double(text, strlen(text), &out->real) &&
               in_range(spec, out->real);
    case TRIVET_PARAM_ENUM:
        return find_text(spec->choices, text, &out->choice);
    case TRIVET_PARAM_INT_LIST:
        return parse_list(spec, text, &out->list);
    case TRIVET_PARAM_TEXT:
        if (strlen(text) > TRIVET_PARAM_TEXT_BYTES_MAX) {
            return false;
        }
        trivet_text_copy(out->text, sizeof out->text, text);
        return true;
    }
    return false;
}

/* What may be given, as a sentence. */
static void allowed_text(const struct trivet_param_spec *spec, char *text, size_t text_bytes)
{
    char range[NAMES_BYTES];
    switch (spec->type) {
    case TRIVET_PARAM_BOOL:
        trivet_text_copy(text, text_bytes, "give true or false");
        break;
    case TRIVET_PARAM_INT:
        trivet_param_range_text(spec, range, sizeof range);
        trivet_text_format(text, text_bytes, "give a whole number in %s", range);
        break;
    case TRIVET_PARAM_REAL:
        trivet_param_range_text(spec, range, sizeof range);
        trivet_text_format(text, text_bytes, "give a number in %s", range);
        break;
    case TRIVET_PARAM_ENUM:
        list_texts(spec->choices, range, sizeof range);
        trivet_text_format(text, text_bytes, "give one of: %s", range);
        break;
    case TRIVET_PARAM_INT_LIST:
        trivet_param_range_text(spec, range, sizeof range);
        trivet_text_format(text, text_bytes,
                           "give 1 to %d whole numbers in %s with commas between them",
                           TRIVET_PARAM_LIST_MAX, range);
        break;
    case TRIVET_PARAM_TEXT:
        trivet_text_format(text, text_bytes, "give a text of at most %d bytes",
                           TRIVET_PARAM_TEXT_BYTES_MAX);
        break;
    }
}

static enum trivet_status refuse_name(const struct trivet_param_spec *specs, size_t n,
                                      const char *owner, const char *name, struct trivet_error *err)
{
    char names[NAMES_BYTES];
    list_specs(specs, n, names, sizeof names);
    trivet_error_set(err, TRIVET_INVALID_ARGUMENT, "%s has no parameter '%s'; it has: %s", owner,
                     name, names);
    trivet_error_add_violation(err, name, "not a parameter of %s", owner);
    return TRIVET_INVALID_ARGUMENT;
}

static enum trivet_status refuse_value(const struct trivet_param_spec *spec, const char *owner,
                                       const char *value, struct trivet_error *err)
{
    char allowed[NAMES_BYTES + 32];
    allowed_text(spec, allowed, sizeof allowed);
    trivet_error_set(err, TRIVET_INVALID_ARGUMENT, "%s: parameter %s cannot be '%s'; %s", owner,
                     spec->name, value, allowed);
    trivet_error_add_violation(err, spec->name, "%s", allowed);
    return TRIVET_INVALID_ARGUMENT;
}

static enum trivet_status apply_given(const struct trivet_param_spec *specs, const char *owner,
                                      const char *name, const char *value, bool *seen,
                                      struct trivet_params *params, struct trivet_error *err)
{
    size_t i = 0;
    while (i < params->n_params && strcmp(specs[i].name, name) != 0) {
        i++;
    }
    if (i == params->n_params) {
        return refuse_name(specs, params->n_params, owner, name, err);
    }
    if (seen[i]) {
        trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                         "%s: parameter %s is given twice; give it once", owner, name);
        trivet_error_add_violation(err, name, "given twice");
        return TRIVET_INVALID_ARGUMENT;
    }
    seen[i] = true;
    if (!parse_value(&specs[i], value, &params->values[i])) {
        return refuse_value(&specs[i], owner, value, err);
    }
    return TRIVET_OK;
}

enum trivet_status trivet_params_parse(const struct trivet_param_spec *specs, const char *owner,
                                       Trivet__V1__Parameter *const *given, size_t n_given,
                                       struct trivet_params *out, struct trivet_error *err)
{
    struct trivet_params params = {.specs = specs, .n_params = count_specs(specs)};
    bool seen[TRIVET_PARAMS_MAX] = {false};
    for (size_t i = 0; i < params.n_params; i++) {
        bool parsed = parse_value(&specs[i], specs[i].default_text, &params.values[i]);
        assert(parsed);
        (void)parsed;
    }
    for (size_t i = 0; i < n_given; i++) {
        enum trivet_status status =
            apply_given(specs, owner, given[i]->name, given[i]->value, seen, &params, err);
        if (status != TRIVET_OK) {
            return status;
        }
    }
    *out = params;
    return TRIVET_OK;
}

static const struct trivet_param_value *find(const struct trivet_params *params, const char *name,
                                             enum trivet_param_type type, size_t *index)
{
    for (size_t i = 0; i < params->n_params; i++) {
        if (strcmp(params->specs[i].name, name) == 0) {
            assert(params->specs[i].type == type);
            (void)type;
            *index = i;
            return &params->values[i];
        }
    }
    assert(!"the parameter is in the table");
    *index = 0;
    return &params->values[0];
}

bool trivet_params_bool(const struct trivet_params *params, const char *name)
{
    size_t index;
    return find(params, name, TRIVET_PARAM_BOOL, &index)->boolean;
}

int64_t trivet_params_int(const struct trivet_params *params, const char *name)
{
    size_t index;
    const struct trivet_param_value *value = find(params, name, TRIVET_PARAM_INT, &index);
    assert(value->word == NULL);
    return value->integer;
}

double trivet_params_real(const struct trivet_params *params, const char *name)
{
    size_t index;
    const struct trivet_param_value *value = find(params, name, TRIVET_PARAM_REAL, &index);
    assert(value->word == NULL);
    return value->real;
}

const struct trivet_int_list *trivet_params_int_list(const struct trivet_params *params,
                                                     const char *name)
{
    size_t index;
    return &find(params, name, TRIVET_PARAM_INT_LIST, &index)->list;
}

const char *trivet_params_text(const struct trivet_params *params, const char *name)
{
    size_t index;
    return find(params, name, TRIVET_PARAM_TEXT, &index)->text;
}

const char *trivet_params_word(const struct trivet_params *params, const char *name)
{
    size_t i = 0;
    while (i < params->n_params && strcmp(params->specs[i].name, name) != 0) {
        i++;
    }
    assert(i < params->n_params && params->specs[i].words != NULL);
    return params->values[i].word;
}

const char *trivet_params_choice(const struct trivet_params *params, const char *name)
{
    size_t index;
    size_t choice = find(params, name, TRIVET_PARAM_ENUM, &index)->choice;
    return params->specs[index].choices[choice];
}

void trivet_params_format(const struct trivet_params *params, size_t i, char *text,
                          size_t text_bytes)
{
    const struct trivet_param_spec *spec = &params->specs[i];
    const struct trivet_param_value *value = &params->values[i];
    char number[TRIVET_DOUBLE_TEXT_BYTES];
    if (value->word != NULL) {
        trivet_text_copy(text, text_bytes, value->word);
        return;
    }
    switch (spec->type) {
    case TRIVET_PARAM_BOOL:
        trivet_text_copy(text, text_bytes, value->boolean ? "true" : "false");
        break;
    case TRIVET_PARAM_INT:
        trivet_text_format(text, text_bytes, "%lld", (long long)value->integer);
        break;
    case TRIVET_PARAM_REAL:
        trivet_text_double(value->real, number);
        trivet_text_copy(text, text_bytes, number);
        break;
    case TRIVET_PARAM_ENUM:
        trivet_text_copy(text, text_bytes, spec->choices[value->choice]);
        break;
    case TRIVET_PARAM_INT_LIST:
        text[0] = '\0';
        for (size_t k = 0; k < value->list.n_items; k++) {
            size_t used = strlen(text);
            trivet_text_format(&text[used], text_bytes - used, "%s%lld", k > 0 ? "," : "",
                               (long long)value->list.items[k]);
        }
        break;
    case TRIVET_PARAM_TEXT:
        trivet_text_copy(text, text_bytes, value->text);
        break;
    }
}

/* One of "a|b|c". */
static bool is_among(const char *list, const char *text)
{
    const size_t n_text = strlen(text);
    for (const char *at = list; *at != '\0';) {
        const size_t n = strcspn(at, "|");
        if (n == n_text && strncmp(at, text, n) == 0) {
            return true;
        }
        at += at[n] == '|' ? n + 1 : n;
    }
    return false;
}

bool trivet_params_is_idle(const struct trivet_params *params, size_t i, char *why,
                           size_t why_bytes)
{
    const char *needs = params->specs[i].needs;
    const size_t n_name = needs != NULL ? strcspn(needs, "=") : 0;
    for (size_t k = 0; needs != NULL && k < params->n_params; k++) {
        const char *name = params->specs[k].name;
        char value[TRIVET_PARAM_VALUE_BYTES];
        if (strlen(name) == n_name && strncmp(name, needs, n_name) == 0) {
            trivet_params_format(params, k, value, sizeof value);
            trivet_text_format(why, why_bytes, "%s=%s", name, value);
            return !is_among(needs + n_name + 1, value);
        }
    }
    assert(needs == NULL);
    return false;
}

static void bound_text(const struct trivet_param_spec *spec, double bound,
                       char text[TRIVET_DOUBLE_TEXT_BYTES])
{
    if (spec->type != TRIVET_PARAM_REAL && fabs(bound) < 1e15) {
        trivet_text_format(text, TRIVET_DOUBLE_TEXT_BYTES, "%.0f", bound);
    } else {
        trivet_text_double(bound, text);
    }
}

void trivet_param_range_text(const struct trivet_param_spec *spec, char *text, size_t text_bytes)
{
    char low[TRIVET_DOUBLE_TEXT_BYTES];
    char high[TRIVET_DOUBLE_TEXT_BYTES];
    bound_text(spec, spec->min, low);
    bound_text(spec, spec->max, high);
    trivet_text_format(text, text_bytes, "%s%s, %s%s",
                       spec->min_open || isinf(spec->min) ? "(" : "[", low, high,
                       spec->max_open || isinf(spec->max) ? ")" : "]");
    if (spec->words != NULL) {
        char words[NAMES_BYTES];
        list_texts(spec->words, words, sizeof words);
        size_t used = strlen(text);
        trivet_text_format(&text[used], text_bytes - used, " or %s", words);
    }
}
