#include "clients/cli/estimators.h"

#include "base/text.h"
#include "data/csv.h"
#include "data/table.h"

#include <stdio.h>
#include <string.h>

#define KIND_ESTIMATOR   "estimator"
#define KIND_TRANSFORMER "transformer"
#define VALUE_BYTES      48
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

static enum trivet_status no_estimator(const Trivet__V1__ListEstimatorsResponse *known,
                                       const char *name, struct trivet_error *err)
{
    char names[TRIVET_CLI_ALLOWED_BYTES] = "";
    for (size_t i = 0; i < known->n_estimators; i++) {
        if (strcmp(known->estimators[i]->kind, KIND_ESTIMATOR) == 0) {
            append_name(names, known->estimators[i]->name);
        }
    }
    return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                            "--estimator '%.80s': the server has no such estimator; choose one of: "
                            "%s",
                            name, names);
}

/* --- parameters --- */

static const Trivet__V1__ParameterInfo *find_parameter(const Trivet__V1__EstimatorInfo *info,
                                                       const char *name)
{
    for (size_t i = 0; i < info->n_parameters; i++) {
        if (strcmp(info->parameters[i]->name, name) == 0) {
            return info->parameters[i];
        }
    }
    return NULL;
}

static enum trivet_status no_parameter(const Trivet__V1__EstimatorInfo *info, const char *option,
                                       const char *name, struct trivet_error *err)
{
    char names[TRIVET_CLI_ALLOWED_BYTES] = "";
    for (size_t i = 0; i < info->n_parameters; i++) {
        append_name(names, info->parameters[i]->name);
    }
    return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                            "%s %.80s: %s has no parameter '%.80s'; it has: %s", option, name,
                            info->name, name, names[0] != '\0' ? names : "none");
}

static bool is_choice(const Trivet__V1__ParameterInfo *info, const char *text)
{
    for (size_t i = 0; i < info->n_choices; i++) {
        if (strcmp(info->choices[i], text) == 0) {
            return true;
        }
    }
    return false;
}

/* NULL when `text` can be a value of `type`, else how one is given. A type that is not known here
 * is the server's to judge. */
static const char *fault_of(const Trivet__V1__ParameterInfo *info, const char *text)
{
    int64_t whole = 0;
    double real = 0;
    if (strcmp(info->type, "bool") == 0) {
        bool good = strcmp(text, "true") == 0 || strcmp(text, "false") == 0 ||
                    strcmp(text, "1") == 0 || strcmp(text, "0") == 0;
        return good ? NULL : "give true or false";
    }
    if (strcmp(info->type, "int") == 0) {
        return trivet_text_parse_int64(text, &whole) ? NULL : "give a whole number in ";
    }
    if (strcmp(info->type, "real") == 0) {
        return trivet_text_parse_double(text, strlen(text), &real) ? NULL : "give a number in ";
    }
    if (strcmp(info->type, "enum") == 0) {
        return is_choice(info, text) ? NULL : "give one of: ";
    }
    return NULL;
}

/* `option` names in messages where the parameters come from. */
static enum trivet_status check_parameters(const Trivet__V1__EstimatorInfo *info,
                                           const char *option, Trivet__V1__Parameter *const *given,
                                           size_t n_given, struct trivet_error *err)
{
    for (size_t i = 0; i < n_given; i++) {
        const char *name = given[i]->name;
        const Trivet__V1__ParameterInfo *parameter = find_parameter(info, name);
        if (parameter == NULL) {
            return no_parameter(info, option, name, err);
        }
        for (size_t j = 0; j < i; j++) {
            if (strcmp(given[j]->name, name) == 0) {
                return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                        "%s %s is given twice; give it once", option, name);
            }
        }
        const char *fault = fault_of(parameter, given[i]->value);
        if (fault != NULL) {
            char allowed[TRIVET_CLI_ALLOWED_BYTES];
            trivet_cli_allowed_text(parameter, allowed);
            return trivet_error_set(err, TRIVET_INVALID_ARGUMENT, "%s %s=%.80s: %s%s", option, name,
                                    given[i]->value, fault, allowed);
        }
    }
    return TRIVET_OK;
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

static enum trivet_status check_target(const struct trivet_cli_recipe *recipe,
                                       const struct trivet_cli_plan *plan,
                                       const Trivet__V1__EstimatorInfo *info,
                                       struct trivet_error *err)
{
    size_t target = trivet_schema_find(&plan->file.schema, recipe->target);
    if (info->task != TRIVET__V1__TASK__TASK_REGRESSION ||
        plan->file.schema.columns[target].type == TRIVET_COLUMN_NUMERIC) {
        return TRIVET_OK;
    }
    uint64_t line = plan->file.columns[target].first_text_line;
    char text[VALUE_BYTES] = "text";
    bool found = find_text(recipe->data, recipe->target, line, text);
    const char *quote = found ? "'" : "";
    return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                            "--target '%.80s' holds text, first %s%s%s in line %llu of %.160s, but "
                            "%s predicts numbers; correct the file or choose a numeric target",
                            recipe->target, quote, text, quote, (unsigned long long)line,
                            recipe->data, info->name);
}

enum trivet_status trivet_cli_check_plan(const struct trivet_cli_recipe *recipe,
                                         const struct trivet_cli_plan *plan,
                                         const Trivet__V1__PipelineSpec *pipeline,
                                         const Trivet__V1__ListEstimatorsResponse *known,
                                         struct trivet_error *err)
{
    const Trivet__V1__EstimatorInfo *info = find(known, KIND_ESTIMATOR, pipeline->estimator);
    if (info == NULL) {
        return no_estimator(known, pipeline->estimator, err);
    }
    enum trivet_status status =
        check_parameters(info, "--param", pipeline->parameters, pipeline->n_parameters, err);
    if (status == TRIVET_OK) {
        status = check_steps(pipeline, known, err);
    }
    return status == TRIVET_OK ? check_target(recipe, plan, info, err) : status;
}
