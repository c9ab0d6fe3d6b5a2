#include "clients/cli/estimators.h"

#include "base/text.h"
#include "data/csv.h"
#include "data/table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KIND_ESTIMATOR   "estimator"
#define KIND_TRANSFORMER "transformer"
#define WORDS_BEGIN      " or "
#define VALUE_BYTES      48
#define ITEM_BYTES       32
#define ROWS_PER_READ    4096

enum trivet_status trivet_cli_list_estimators(struct trivet_cli *cli, const char *name,
                                              Trivet__V1__ListEstimatorsResponse **out,
                                              struct trivet_error *err)
{
    Trivet__V1__ListEstimatorsRequest request = TRIVET__V1__LIST_ESTIMATORS_REQUEST__INIT;
    request.name = trivet_cli_field(name);
    ProtobufCMessage *reply = NULL;
    enum trivet_status status = trivet_cli_call(
        cli, "trivet.v1.Training/ListEstimators", &request.base,
        &trivet__v1__list_estimators_response__descriptor, 0, cli->arena, &reply, err);
    if (status == TRIVET_OK) {
        *out = (Trivet__V1__ListEstimatorsResponse *)reply;
    }
    return status;
}

/* One more name to "a, b, c"; what does not fit is left out. */
static void append_name(char text[TRIVET_CLI_ALLOWED_BYTES], const char *name)
{
    size_t used = strlen(text);
    snprintf(text + used, TRIVET_CLI_ALLOWED_BYTES - used, "%s%s", used > 0 ? ", " : "", name);
}

void trivet_cli_allowed_text(const Trivet__V1__ParameterInfo *info,
                             char text[TRIVET_CLI_ALLOWED_BYTES])
{
    snprintf(text, TRIVET_CLI_ALLOWED_BYTES, "%s", info->n_choices > 0 ? "" : info->range);
    for (size_t i = 0; i < info->n_choices; i++) {
        append_name(text, info->choices[i]);
    }
}

static const Trivet__V1__EstimatorInfo *find(const Trivet__V1__ListEstimatorsResponse *known,
                                             const char *kind, const char *name)
{
    for (size_t i = 0; i < known->n_estimators; i++) {
        const Trivet__V1__EstimatorInfo *info = known->estimators[i];
        if (strcmp(info->kind, kind) == 0 && strcmp(info->name, name) == 0) {
            return info;
        }
    }
    return NULL;
}

const char *trivet_cli_task_name(Trivet__V1__Task task)
{
    switch (task) {
    case TRIVET__V1__TASK__TASK_REGRESSION:
        return "regression";
    case TRIVET__V1__TASK__TASK_CLASSIFICATION:
        return "classification";
    case TRIVET__V1__TASK__TASK_CLUSTERING:
        return "clustering";
    default:
        return "";
    }
}

/* All names of a kind, as far as they fit. */
static void names_of(const Trivet__V1__ListEstimatorsResponse *known, const char *kind,
                     char names[TRIVET_CLI_ALLOWED_BYTES])
{
    names[0] = '\0';
    for (size_t i = 0; i < known->n_estimators; i++) {
        if (strcmp(known->estimators[i]->kind, kind) == 0) {
            append_name(names, known->estimators[i]->name);
        }
    }
}

enum trivet_status trivet_cli_find_estimator(const Trivet__V1__ListEstimatorsResponse *known,
                                             const char *name,
                                             const Trivet__V1__EstimatorInfo **out,
                                             struct trivet_error *err)
{
    const Trivet__V1__EstimatorInfo *info = find(known, KIND_ESTIMATOR, name);
    if (info == NULL) {
        char names[TRIVET_CLI_ALLOWED_BYTES];
        names_of(known, KIND_ESTIMATOR, names);
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "--estimator '%.80s': the server has no such estimator; choose "
                                "auto or one of: %s",
                                name, names);
    }
    *out = info;
    return TRIVET_OK;
}

const Trivet__V1__EstimatorInfo *
trivet_cli_find_transformer(const Trivet__V1__ListEstimatorsResponse *known, const char *name)
{
    return find(known, KIND_TRANSFORMER, name);
}

enum trivet_status trivet_cli_no_transformer(const Trivet__V1__ListEstimatorsResponse *known,
                                             const char *name, struct trivet_error *err)
{
    char names[TRIVET_CLI_ALLOWED_BYTES];
    names_of(known, KIND_TRANSFORMER, names);
    return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                            "--transform '%.80s': the server has no such transformer; choose one "
                            "of: %s",
                            name, names);
}

/* --- parameters --- */

static bool is_choice(const Trivet__V1__ParameterInfo *info, const char *text)
{
    for (size_t i = 0; i < info->n_choices; i++) {
        if (strcmp(info->choices[i], text) == 0) {
            return true;
        }
    }
    return false;
}

/* One of the words after "or" in "[0, inf) or scale, auto". */
static bool is_word(const Trivet__V1__ParameterInfo *info, const char *text)
{
    const char *words = strstr(info->range, WORDS_BEGIN);
    const char *rest = words != NULL ? words + sizeof(WORDS_BEGIN) - 1 : "";
    size_t text_bytes = strlen(text);
    while (rest[0] != '\0') {
        size_t n_bytes = strcspn(rest, ",");
        if (n_bytes == text_bytes && strncmp(rest, text, n_bytes) == 0) {
            return true;
        }
        rest += n_bytes + strspn(rest + n_bytes, ", ");
    }
    return false;
}

/* "[0, 1)" and the like; what cannot be read is the server's to judge. */
bool trivet_cli_in_range(const Trivet__V1__ParameterInfo *info, double value)
{
    const char *range = info->range;
    const char *comma = strchr(range, ',');
    const char *end = comma != NULL ? comma + strcspn(comma, "])") : NULL;
    char *low_end = NULL;
    char *high_end = NULL;
    if (end == NULL || end[0] == '\0' || (range[0] != '[' && range[0] != '(')) {
        return true;
    }
    double low = strtod(range + 1, &low_end);
    double high = strtod(comma + 1, &high_end);
    if (low_end != comma || high_end != end) {
        return true;
    }
    return (range[0] == '[' ? value >= low : value > low) &&
           (end[0] == ']' ? value <= high : value < high);
}

static bool is_int(const Trivet__V1__ParameterInfo *info, const char *text)
{
    int64_t whole = 0;
    return trivet_text_parse_int64(text, &whole) && trivet_cli_in_range(info, (double)whole);
}

static bool is_real(const Trivet__V1__ParameterInfo *info, const char *text)
{
    double real = 0;
    return trivet_text_parse_double(text, strlen(text), &real) && trivet_cli_in_range(info, real);
}

static bool is_int_list(const Trivet__V1__ParameterInfo *info, const char *text)
{
    for (const char *rest = text; rest != NULL;) {
        char item[ITEM_BYTES];
        size_t n_bytes = strcspn(rest, ",");
        if (n_bytes >= sizeof(item)) {
            return false;
        }
        snprintf(item, sizeof(item), "%.*s", (int)n_bytes, rest);
        if (!is_int(info, item)) {
            return false;
        }
        rest = rest[n_bytes] == ',' ? rest + n_bytes + 1 : NULL;
    }
    return true;
}

/* NULL when `text` can be a value of the parameter, else how one is given. A type that is
 * not known here is the server's to judge. */
static const char *fault_of(const Trivet__V1__ParameterInfo *info, const char *text)
{
    if (strcmp(info->type, "bool") == 0) {
        bool good = strcmp(text, "true") == 0 || strcmp(text, "false") == 0 ||
                    strcmp(text, "1") == 0 || strcmp(text, "0") == 0;
        return good ? NULL : "give true or false";
    }
    if (strcmp(info->type, "int") == 0) {
        return is_int(info, text) || is_word(info, text) ? NULL : "give a whole number in ";
    }
    if (strcmp(info->type, "real") == 0) {
        return is_real(info, text) || is_word(info, text) ? NULL : "give a number in ";
    }
    if (strcmp(info->type, "ints") == 0) {
        return is_int_list(info, text) ? NULL : "give whole numbers, separated by commas, each in ";
    }
    if (strcmp(info->type, "enum") == 0) {
        return is_choice(info, text) ? NULL : "give one of: ";
    }
    return NULL;
}

enum trivet_status trivet_cli_check_value(const Trivet__V1__ParameterInfo *info, const char *option,
                                          const char *name, const char *value,
                                          struct trivet_error *err)
{
    const char *fault = fault_of(info, value);
    if (fault == NULL) {
        return TRIVET_OK;
    }
    char allowed[TRIVET_CLI_ALLOWED_BYTES];
    trivet_cli_allowed_text(info, allowed);
    return trivet_error_set(err, TRIVET_INVALID_ARGUMENT, "%s %s=%.80s: %s%s", option, name, value,
                            fault, allowed);
}

enum trivet_status trivet_cli_find_parameter(const Trivet__V1__EstimatorInfo *info,
                                             const char *option, const char *name,
                                             const Trivet__V1__ParameterInfo **out,
                                             struct trivet_error *err)
{
    for (size_t i = 0; i < info->n_parameters; i++) {
        if (strcmp(info->parameters[i]->name, name) == 0) {
            *out = info->parameters[i];
            return TRIVET_OK;
        }
    }
    char names[TRIVET_CLI_ALLOWED_BYTES] = "";
    for (size_t i = 0; i < info->n_parameters; i++) {
        append_name(names, info->parameters[i]->name);
    }
    return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                            "%s %.80s: %s has no parameter '%.80s'; it has: %s", option, name,
                            info->name, name, names[0] != '\0' ? names : "none");
}

/* `option` names in messages where the parameters come from. */
static enum trivet_status check_parameters(const Trivet__V1__EstimatorInfo *info,
                                           const char *option, Trivet__V1__Parameter *const *given,
                                           size_t n_given, struct trivet_error *err)
{
    enum trivet_status status = TRIVET_OK;
    for (size_t i = 0; status == TRIVET_OK && i < n_given; i++) {
        const char *name = given[i]->name;
        const Trivet__V1__ParameterInfo *parameter = NULL;
        status = trivet_cli_find_parameter(info, option, name, &parameter, err);
        for (size_t j = 0; status == TRIVET_OK && j < i; j++) {
            if (strcmp(given[j]->name, name) == 0) {
                status = trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                          "%s %s is given twice; give it once", option, name);
            }
        }
        if (status == TRIVET_OK) {
            status = trivet_cli_check_value(parameter, option, name, given[i]->value, err);
        }
    }
    return status;
}

static enum trivet_status check_steps(const Trivet__V1__PipelineSpec *pipeline,
                                      const Trivet__V1__ListEstimatorsResponse *known,
                                      struct trivet_error *err)
{
    enum trivet_status status = TRIVET_OK;
    for (size_t i = 0; status == TRIVET_OK && i < pipeline->n_transformers; i++) {
        const Trivet__V1__TransformerSpec *step = pipeline->transformers[i];
        const Trivet__V1__EstimatorInfo *info = find(known, KIND_TRANSFORMER, step->name);
        if (info != NULL) {
            status = check_parameters(info, step->name, step->parameters, step->n_parameters, err);
        }
    }
    return status;
}

/* --- the target --- */

/* One row's text as one short line; false when the row is not at `line`. */
static bool take_text(const struct trivet_csv_reader *reader, const struct trivet_table *table,
                      size_t row, uint64_t line, char text[VALUE_BYTES])
{
    const struct trivet_column *column = &table->columns[0];
    uint32_t code = column->codes[row * column->stride];
    if (trivet_csv_row_line(reader, row) != line || code >= column->n_dictionary) {
        return false;
    }
    if (!trivet_text_copy(text, VALUE_BYTES, column->dictionary[code])) {
        trivet_text_trim_utf8(text);
    }
    for (char *at = text; *at != '\0'; at++) {
        *at = (unsigned char)*at < ' ' ? ' ' : *at;
    }
    return true;
}

/* What `column` holds in the row that begins at `line`; false when the file cannot tell (any
 * more). */
static bool find_text(const char *path, const char *name, uint64_t line, char text[VALUE_BYTES])
{
    struct trivet_schema schema = {0};
    struct trivet_csv_reader *reader = NULL;
    struct trivet_table table = {.n_rows = 1};
    struct trivet_error ignored; /* the value is an extra of another error */
    bool found = false;
    enum trivet_status status =
        trivet_schema_add(&schema, name, TRIVET_COLUMN_CATEGORICAL, &ignored);
    if (status == TRIVET_OK) {
        status = trivet_csv_open(path, NULL, &reader, &ignored);
    }
    while (status == TRIVET_OK && !found && table.n_rows > 0) {
        status = trivet_csv_read(reader, &schema, ROWS_PER_READ, &table, &ignored);
        for (size_t row = 0; status == TRIVET_OK && !found && row < table.n_rows; row++) {
            found = take_text(reader, &table, row, line, text);
        }
    }
    trivet_csv_close(reader);
    trivet_schema_release(&schema);
    return found;
}

/* Numbers with a few texts among them are more often a mistake in the file than classes. */
static bool is_doubtful(const struct trivet_cli_recipe *recipe, const struct trivet_cli_plan *plan,
                        const struct trivet_csv_column_counts *counts)
{
    bool said = recipe->task != NULL || (recipe->estimator != NULL && plan->info != NULL);
    return !said && counts->n_texts * 10 <= counts->n_numbers;
}

enum trivet_status trivet_cli_check_target(const struct trivet_cli_recipe *recipe,
                                           const struct trivet_cli_plan *plan,
                                           struct trivet_error *err)
{
    if (recipe->target == NULL) {
        return TRIVET_OK;
    }
    size_t target = trivet_schema_find(&plan->file.schema, recipe->target);
    const struct trivet_csv_column_counts *counts = &plan->file.columns[target];
    bool doubtful = is_doubtful(recipe, plan, counts);
    if (plan->file.schema.columns[target].type == TRIVET_COLUMN_NUMERIC ||
        (plan->task != TRIVET__V1__TASK__TASK_REGRESSION && !doubtful)) {
        return TRIVET_OK;
    }
    uint64_t line = counts->first_text_line;
    char text[VALUE_BYTES] = "text";
    bool found = find_text(recipe->data, recipe->target, line, text);
    const char *quote = found ? "'" : "";
    const char *who = plan->info != NULL ? plan->info->name : "regression";
    return trivet_error_set(
        err, TRIVET_INVALID_ARGUMENT,
        "--target '%.80s' holds text, first %s%s%s in line %llu of %.160s, but %s%s; correct the "
        "file, %s",
        recipe->target, quote, text, quote, (unsigned long long)line, recipe->data,
        doubtful ? "its other values are numbers" : who, doubtful ? "" : " predicts numbers",
        doubtful ? "or give --task classification if each value is a class"
                 : "choose a numeric target, or an estimator for classification");
}

enum trivet_status trivet_cli_check_plan(const struct trivet_cli_plan *plan,
                                         const Trivet__V1__PipelineSpec *pipeline,
                                         const Trivet__V1__ListEstimatorsResponse *known,
                                         struct trivet_error *err)
{
    enum trivet_status status = TRIVET_OK;
    if (plan->info != NULL) {
        status = check_parameters(plan->info, "--param", pipeline->parameters,
                                  pipeline->n_parameters, err);
    } else if (pipeline->n_parameters > 0) {
        status = trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                  "--param %.80s: with --estimator auto there is no estimator yet "
                                  "whose parameter that is; name one",
                                  pipeline->parameters[0]->name);
    }
    return status == TRIVET_OK ? check_steps(pipeline, known, err) : status;
}
