#include "clients/cli/train_ways.h"

#include "clients/cli/estimators.h"

#include <stdio.h>
#include <string.h>

#define WAY_BYTES      64
#define NAMES_BYTES    256
#define SELECTOR_BYTES 256
#define CONSTANT       "constant"

/* General ways first, so that what is said of a type, then of a column, stands. */
enum pass { OF_ALL, OF_TYPE, OF_COLUMN, N_PASSES };

struct treating {
    const struct trivet_cli_recipe *recipe;
    const Trivet__V1__ListEstimatorsResponse *known;
    struct trivet_cli_plan *plan;
    Trivet__V1__TransformerSpec *const *given; /* of --transform */
    size_t n_given;
};

static const char *const option_names[] = {"--impute", "--scale", "--encode"};
static const char *const suffixes[] = {"", "_scaler", "_encoder"};

const char **trivet_cli_way(const struct trivet_cli_plan *plan, enum trivet_cli_way_kind kind,
                            size_t column)
{
    struct trivet_cli_treatment *treatment = &plan->treatments[column];
    return kind == TRIVET_CLI_IMPUTE  ? &treatment->impute
           : kind == TRIVET_CLI_SCALE ? &treatment->scale
                                      : &treatment->encode;
}

void trivet_cli_way_step(enum trivet_cli_way_kind kind, const char *way,
                         char name[TRIVET_CLI_STEP_NAME_BYTES])
{
    snprintf(name, TRIVET_CLI_STEP_NAME_BYTES, "%.*s%s", TRIVET_CLI_STEP_NAME_BYTES / 2,
             kind == TRIVET_CLI_IMPUTE ? "imputer" : way, suffixes[kind]);
}

enum trivet_column_type trivet_cli_sent_type(const struct trivet_cli_plan *plan, size_t column)
{
    size_t sent = trivet_schema_find(&plan->sent, plan->file.schema.columns[column].name);
    return plan->sent.columns[sent].type;
}

static bool ends_with(const char *text, const char *end)
{
    size_t text_bytes = strlen(text);
    size_t end_bytes = strlen(end);
    return text_bytes > end_bytes && strcmp(text + text_bytes - end_bytes, end) == 0;
}

/* "constant", also as "constant:VALUE". */
static bool is_constant(const char *impute)
{
    size_t n_bytes = sizeof(CONSTANT) - 1;
    return strncmp(impute, CONSTANT, n_bytes) == 0 &&
           (impute[n_bytes] == '\0' || impute[n_bytes] == ':');
}

static bool is_of_numbers(const char *impute)
{
    return strcmp(impute, "mean") == 0 || strcmp(impute, "median") == 0;
}

static const char *name_of(const struct treating *treating, size_t column)
{
    return treating->plan->file.schema.columns[column].name;
}

static bool is_feature(const struct treating *treating, size_t column)
{
    return trivet_cli_is_feature(treating->recipe, name_of(treating, column));
}

static const struct trivet_cli_list *list_of(const struct treating *treating,
                                             enum trivet_cli_way_kind kind)
{
    const struct trivet_cli_recipe *recipe = treating->recipe;
    return kind == TRIVET_CLI_IMPUTE  ? &recipe->impute
           : kind == TRIVET_CLI_SCALE ? &recipe->scale
                                      : &recipe->encode;
}

/* --- ways: what may stand behind --impute, --scale and --encode ----------------------------- */

static enum trivet_status check_way(const struct treating *treating, enum trivet_cli_way_kind kind,
                                    const char *item, const char *way, struct trivet_error *err)
{
    char name[WAY_BYTES];
    const Trivet__V1__EstimatorInfo *info = NULL;
    if (strcmp(way, TRIVET_CLI_NONE) == 0) {
        return TRIVET_OK;
    }
    if (kind == TRIVET_CLI_IMPUTE) {
        return is_of_numbers(way) || strcmp(way, "most_frequent") == 0 || is_constant(way)
                   ? TRIVET_OK
                   : trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                      "--impute %.80s: choose mean, median, most_frequent, "
                                      "constant, constant:NUMBER or none",
                                      item);
    }
    snprintf(name, sizeof(name), "%.*s%s", (int)(sizeof(name) / 2), way, suffixes[kind]);
    info = trivet_cli_find_transformer(treating->known, name);
    if (info != NULL) {
        return TRIVET_OK;
    }
    char names[NAMES_BYTES] = "";
    size_t used = 0;
    for (size_t i = 0; i < treating->known->n_estimators; i++) {
        const char *known = treating->known->estimators[i]->name;
        if (ends_with(known, suffixes[kind]) && used < sizeof(names)) {
            int n = snprintf(names + used, sizeof(names) - used, "%.*s, ",
                             (int)(strlen(known) - strlen(suffixes[kind])), known);
            used += n > 0 ? (size_t)n : 0;
        }
    }
    return trivet_error_set(err, TRIVET_INVALID_ARGUMENT, "%s %.80s: choose %s%s",
                            option_names[kind], item, names, TRIVET_CLI_NONE);
}

/* A way for a column that was named, or for its type. */
static enum trivet_status check_type(enum trivet_cli_way_kind kind, const char *item,
                                     const char *name, enum trivet_column_type type,
                                     const char *way, struct trivet_error *err)
{
    bool text = type == TRIVET_COLUMN_CATEGORICAL;
    if (kind == TRIVET_CLI_IMPUTE && text && (is_of_numbers(way) || strchr(way, ':') != NULL)) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "--impute %.80s: '%.80s' is categorical; choose most_frequent, "
                                "constant or none",
                                item, name);
    }
    if (kind == TRIVET_CLI_SCALE && text && strcmp(way, TRIVET_CLI_NONE) != 0) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "--scale %.80s: '%.80s' is categorical; only numbers are scaled",
                                item, name);
    }
    return TRIVET_OK;
}

/* "COLUMNS=HOW" in its parts; without '=' the columns are NULL. */
static const char *split_item(const char *item, char selector[SELECTOR_BYTES], bool *has_columns)
{
    const char *equals = strrchr(item, '=');
    *has_columns = equals != NULL;
    if (equals == NULL) {
        return item;
    }
    snprintf(selector, SELECTOR_BYTES, "%.*s", (int)(equals - item), item);
    return equals + 1;
}

static size_t find_column(const struct treating *treating, const char *name)
{
    return trivet_schema_find(&treating->plan->file.schema, name);
}

/* The type that a selector names, unless a column has that name; 0 = none. */
static enum trivet_column_type selected_type(const struct treating *treating, const char *name)
{
    if (find_column(treating, name) != TRIVET_COLUMN_NOT_FOUND) {
        return 0;
    }
    return strcmp(name, "numeric") == 0       ? TRIVET_COLUMN_NUMERIC
           : strcmp(name, "categorical") == 0 ? TRIVET_COLUMN_CATEGORICAL
                                              : 0;
}

/* A selector's name that is no type: a feature, or an error. */
static enum trivet_status check_column(const struct treating *treating,
                                       enum trivet_cli_way_kind kind, const char *item,
                                       const char *name, struct trivet_error *err)
{
    size_t column = find_column(treating, name);
    if (column == TRIVET_COLUMN_NOT_FOUND) {
        enum trivet_status status =
            trivet_cli_no_column(treating->recipe, treating->plan, option_names[kind], name, err);
        if (kind == TRIVET_CLI_IMPUTE && strcmp(name, CONSTANT) == 0) {
            status = trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                      "--impute %.80s: write constant:NUMBER for all columns, or "
                                      "COLUMN=constant:NUMBER for one",
                                      item);
        }
        return status;
    }
    if (!is_feature(treating, column)) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT, "%s %.80s: '%.80s' is no feature",
                                option_names[kind], item, name);
    }
    return TRIVET_OK;
}

static void set_all(const struct treating *treating, enum trivet_cli_way_kind kind,
                    enum trivet_column_type only, const char *way)
{
    for (size_t i = 0; i < treating->plan->file.schema.n_columns; i++) {
        const char **slot = trivet_cli_way(treating->plan, kind, i);
        if (*slot == NULL || (only != 0 && trivet_cli_sent_type(treating->plan, i) != only)) {
            continue;
        }
        bool text = trivet_cli_sent_type(treating->plan, i) == TRIVET_COLUMN_CATEGORICAL;
        *slot = kind == TRIVET_CLI_IMPUTE && text && is_of_numbers(way) ? "most_frequent" : way;
    }
}

static enum trivet_status apply_name(const struct treating *treating, enum trivet_cli_way_kind kind,
                                     enum pass pass, const char *item, const char *name,
                                     const char *way, struct trivet_error *err)
{
    enum trivet_column_type type = selected_type(treating, name);
    enum trivet_status status = TRIVET_OK;
    if (type != 0 && pass == OF_TYPE) {
        status = check_type(kind, item, name, type, way, err);
        if (status == TRIVET_OK) {
            set_all(treating, kind, type, way);
        }
    }
    if (type == 0 && pass == OF_COLUMN) {
        status = check_column(treating, kind, item, name, err);
        size_t column = find_column(treating, name);
        if (status == TRIVET_OK) {
            status = check_type(kind, item, name, trivet_cli_sent_type(treating->plan, column), way,
                                err);
        }
        if (status == TRIVET_OK && *trivet_cli_way(treating->plan, kind, column) != NULL) {
            *trivet_cli_way(treating->plan, kind, column) = way;
        }
    }
    return status;
}

static enum trivet_status apply_item(const struct treating *treating, enum trivet_cli_way_kind kind,
                                     enum pass pass, const char *item, struct trivet_error *err)
{
    char selector[SELECTOR_BYTES];
    bool has_columns = false;
    struct trivet_cli_list names = {0};
    const char *way = split_item(item, selector, &has_columns);
    if (!has_columns && pass == OF_ALL) {
        set_all(treating, kind, 0, way);
    }
    enum trivet_status status =
        has_columns ? trivet_cli_list_parse(&names, selector, err) : TRIVET_OK;
    for (size_t i = 0; status == TRIVET_OK && i < names.n_items; i++) {
        status = apply_name(treating, kind, pass, item, names.items[i], way, err);
    }
    trivet_cli_list_release(&names);
    /* Last: "--impute constant=0" is told of its columns first. */
    return status == TRIVET_OK && pass == OF_COLUMN ? check_way(treating, kind, item, way, err)
                                                    : status;
}

/* --encode of a numeric column takes its numbers as categories. */
static enum trivet_status encode_numbers(const struct treating *treating, struct trivet_error *err)
{
    struct trivet_cli_plan *plan = treating->plan;
    enum trivet_status status = TRIVET_OK;
    for (size_t i = 0; status == TRIVET_OK && i < treating->recipe->encode.n_items; i++) {
        char selector[SELECTOR_BYTES];
        bool has_columns = false;
        struct trivet_cli_list names = {0};
        const char *way = split_item(treating->recipe->encode.items[i], selector, &has_columns);
        if (!has_columns || strcmp(way, TRIVET_CLI_NONE) == 0) {
            continue;
        }
        status = trivet_cli_list_parse(&names, selector, err);
        for (size_t j = 0; status == TRIVET_OK && j < names.n_items; j++) {
            size_t column = trivet_schema_find(&plan->sent, names.items[j]);
            bool number = column != TRIVET_COLUMN_NOT_FOUND &&
                          trivet_cli_is_feature(treating->recipe, names.items[j]) &&
                          plan->sent.columns[column].type == TRIVET_COLUMN_NUMERIC;
            if (number) {
                plan->sent.columns[column].type = TRIVET_COLUMN_CATEGORICAL;
                plan->n_numeric--;
                plan->n_categorical++;
            }
        }
        trivet_cli_list_release(&names);
    }
    return status;
}

/* Without columns a step takes the type that only it can mean. */
static bool takes(const struct treating *treating, const Trivet__V1__TransformerSpec *step,
                  size_t column)
{
    const Trivet__V1__EstimatorInfo *info =
        trivet_cli_find_transformer(treating->known, step->name);
    for (size_t i = 0; i < step->n_columns; i++) {
        if (strcmp(step->columns[i], name_of(treating, column)) == 0) {
            return true;
        }
    }
    return step->n_columns == 0 &&
           (trivet_cli_sent_type(treating->plan, column) == TRIVET_COLUMN_NUMERIC
                ? info->takes_numeric
                : info->takes_categorical && !info->takes_numeric);
}

/* What a given step does itself is not done by default. */
static void set_default(const struct treating *treating, size_t column)
{
    struct trivet_cli_treatment *treatment = &treating->plan->treatments[column];
    bool text = trivet_cli_sent_type(treating->plan, column) == TRIVET_COLUMN_CATEGORICAL;
    bool raw = treating->plan->info != NULL && treating->plan->info->accepts_missing;
    treatment->impute = text ? "most_frequent" : "mean";
    treatment->scale = text ? NULL : "standard";
    treatment->encode = text ? "one_hot" : NULL;
    for (size_t i = 0; i < treating->n_given; i++) {
        const char *name = treating->given[i]->name;
        if (!takes(treating, treating->given[i], column)) {
            continue;
        }
        raw = false;
        if (strcmp(name, "imputer") == 0) {
            treatment->impute = TRIVET_CLI_NONE;
        } else if (ends_with(name, suffixes[TRIVET_CLI_SCALE])) {
            treatment->scale = text ? NULL : TRIVET_CLI_NONE;
        } else if (ends_with(name, suffixes[TRIVET_CLI_ENCODE])) {
            treatment->encode = text ? TRIVET_CLI_NONE : NULL;
        } else if (text) {
            treatment->impute = TRIVET_CLI_NONE;
            treatment->encode = TRIVET_CLI_NONE;
        }
    }
    if (raw && !text) {
        treatment->impute = TRIVET_CLI_NONE;
        treatment->scale = TRIVET_CLI_NONE;
    }
}

enum trivet_status trivet_cli_treat(const struct trivet_cli_recipe *recipe,
                                    const Trivet__V1__ListEstimatorsResponse *known,
                                    Trivet__V1__TransformerSpec *const *given, size_t n_given,
                                    struct trivet_cli_plan *plan, struct trivet_error *err)
{
    const struct treating made = {recipe, known, plan, given, n_given};
    const struct treating *treating = &made;
    enum trivet_status status = encode_numbers(treating, err);
    for (size_t i = 0; status == TRIVET_OK && i < treating->plan->file.schema.n_columns; i++) {
        if (is_feature(treating, i)) {
            set_default(treating, i);
        }
    }
    for (int pass = OF_ALL; pass < N_PASSES; pass++) {
        for (int kind = TRIVET_CLI_IMPUTE; kind < TRIVET_CLI_WAY_KINDS; kind++) {
            const struct trivet_cli_list *list = list_of(treating, (enum trivet_cli_way_kind)kind);
            for (size_t i = 0; status == TRIVET_OK && i < list->n_items; i++) {
                status = apply_item(treating, (enum trivet_cli_way_kind)kind, (enum pass)pass,
                                    list->items[i], err);
            }
        }
    }
    return status;
}
