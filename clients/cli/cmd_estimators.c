/* trivet estimators [NAME] */
#include "clients/cli/estimators.h"
#include "clients/cli/output.h"

#include <stdio.h>
#include <string.h>

struct estimators_options {
    struct trivet_cli *cli;
    const char *name;
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct estimators_options *options = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = options->cli;
        return 0;
    case ARGP_KEY_ARG:
        if (options->name != NULL) {
            argp_error(state, "one estimator at a time; '%s' is too much", argument);
        }
        options->name = argument;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp estimators_argp = {
    .parser = parse,
    .args_doc = "[NAME]",
    .doc = "List what the server can train, or the parameters of one estimator or transformer.",
    .children = trivet_cli_shared_children,
};

static const char *takes(const Trivet__V1__EstimatorInfo *info)
{
    if (info->task != TRIVET__V1__TASK__TASK_UNSPECIFIED) {
        return info->accepts_missing ? "missing values" : "";
    }
    return info->takes_numeric && info->takes_categorical ? "all"
           : info->takes_numeric                          ? "numeric"
           : info->takes_categorical                      ? "categorical"
                                                          : "";
}

static struct trivet_cli_table *csv_list(struct trivet_cli *cli,
                                         const Trivet__V1__ListEstimatorsResponse *response)
{
    static const struct trivet_cli_column columns[] = {{"name", false, false},
                                                       {"kind", false, false},
                                                       {"task", false, false},
                                                       {"takes", false, false},
                                                       {"summary", false, true}};
    struct trivet_cli_table *table = trivet_cli_open_table(cli, columns, 5);
    for (size_t i = 0; table != NULL && i < response->n_estimators; i++) {
        const Trivet__V1__EstimatorInfo *info = response->estimators[i];
        trivet_cli_table_text(table, "%s", info->name);
        trivet_cli_table_text(table, "%s", info->kind);
        trivet_cli_table_text(table, "%s", trivet_cli_task_name(info->task));
        trivet_cli_table_text(table, "%s", takes(info));
        trivet_cli_table_text(table, "%s", info->summary);
    }
    return table;
}

/* Estimators by their task, or transformers by what they take. */
static int print_kind(struct trivet_cli *cli, const Trivet__V1__ListEstimatorsResponse *response,
                      bool estimators)
{
    static const struct trivet_cli_column columns[] = {
        {"estimator", false, false}, {"task", false, false}, {"what_it_is", false, true}};
    static const struct trivet_cli_column of_steps[] = {
        {"transformer", false, false}, {"takes", false, false}, {"what_it_does", false, true}};
    struct trivet_cli_table *table = trivet_cli_open_table(cli, estimators ? columns : of_steps, 3);
    for (size_t i = 0; table != NULL && i < response->n_estimators; i++) {
        const Trivet__V1__EstimatorInfo *info = response->estimators[i];
        if ((info->task != TRIVET__V1__TASK__TASK_UNSPECIFIED) != estimators) {
            continue;
        }
        trivet_cli_table_text(table, "%s", info->name);
        trivet_cli_table_text(table, "%s",
                              estimators ? trivet_cli_task_name(info->task) : takes(info));
        trivet_cli_table_text(table, "%s%s", info->summary,
                              info->accepts_missing ? "; takes missing values" : "");
    }
    return trivet_cli_print_table(cli, table);
}

static int list(struct trivet_cli *cli, const Trivet__V1__ListEstimatorsResponse *response)
{
    if (!trivet_cli_for_person(cli)) {
        return trivet_cli_print_table(cli, csv_list(cli, response));
    }
    int code = print_kind(cli, response, true);
    putchar('\n');
    code = code == TRIVET_CLI_DONE ? print_kind(cli, response, false) : code;
    puts("\n'trivet estimators NAME' tells the parameters of one.");
    return code;
}

static struct trivet_cli_table *csv_parameters(struct trivet_cli *cli,
                                               const Trivet__V1__EstimatorInfo *info)
{
    static const struct trivet_cli_column columns[] = {{"parameter", false, false},
                                                       {"type", false, false},
                                                       {"default", false, false},
                                                       {"allowed", false, true},
                                                       {"help", false, true}};
    struct trivet_cli_table *table = trivet_cli_open_table(cli, columns, 5);
    for (size_t i = 0; table != NULL && i < info->n_parameters; i++) {
        const Trivet__V1__ParameterInfo *parameter = info->parameters[i];
        char allowed[TRIVET_CLI_ALLOWED_BYTES];
        trivet_cli_allowed_text(parameter, allowed);
        trivet_cli_table_text(table, "%s", parameter->name);
        trivet_cli_table_text(table, "%s", parameter->type);
        trivet_cli_table_text(table, "%s", parameter->default_value);
        trivet_cli_table_text(table, "%s", allowed);
        trivet_cli_table_text(table, "%s", parameter->help);
    }
    return table;
}

/* Before the range or the choices. */
static const char *value_words(const char *type)
{
    static const struct {
        const char *type;
        const char *words;
    } rows[] = {{"bool", "true or false"},
                {"int", "whole number in "},
                {"real", "number in "},
                {"enum", "one of: "},
                {"ints", "whole numbers separated by commas, each in "},
                {"text", "text"}};
    for (size_t i = 0; i < TRIVET_ARRAY_COUNT(rows); i++) {
        if (strcmp(rows[i].type, type) == 0) {
            return rows[i].words;
        }
    }
    return type;
}

static struct trivet_cli_table *parameters(struct trivet_cli *cli,
                                           const Trivet__V1__EstimatorInfo *info)
{
    static const struct trivet_cli_column columns[] = {
        {"parameter", false, false}, {"default", false, false}, {"meaning", false, true}};
    struct trivet_cli_table *table = trivet_cli_open_table(cli, columns, 3);
    for (size_t i = 0; table != NULL && i < info->n_parameters; i++) {
        const Trivet__V1__ParameterInfo *parameter = info->parameters[i];
        char allowed[TRIVET_CLI_ALLOWED_BYTES];
        trivet_cli_allowed_text(parameter, allowed);
        trivet_cli_table_text(table, "%s", parameter->name);
        trivet_cli_table_text(table, "%s", parameter->default_value);
        trivet_cli_table_text(table, "%s (%s%s)", parameter->help, value_words(parameter->type),
                              allowed);
    }
    return table;
}

static int run(struct trivet_cli *cli, int argc, char **argv)
{
    struct estimators_options options = {.cli = cli};
    argp_parse(&estimators_argp, argc, argv, 0, NULL, &options);
    Trivet__V1__ListEstimatorsResponse *response = NULL;
    struct trivet_error err = {0};
    if (trivet_cli_list_estimators(cli, options.name != NULL ? options.name : "", &response,
                                   &err) != TRIVET_OK) {
        return trivet_cli_fail(&err);
    }
    if (cli->json) {
        return trivet_cli_print_json(&response->base);
    }
    if (options.name == NULL) {
        return list(cli, response);
    }
    if (response->n_estimators == 0) {
        trivet_error_set(&err, TRIVET_NOT_FOUND,
                         "no estimator or transformer '%s'; 'trivet estimators' lists them",
                         options.name);
        return trivet_cli_fail(&err);
    }
    const Trivet__V1__EstimatorInfo *info = response->estimators[0];
    if (!trivet_cli_for_person(cli)) {
        return trivet_cli_print_table(cli, csv_parameters(cli, info));
    }
    printf("%s: %s\n\n", info->name, info->summary);
    return trivet_cli_print_table(cli, parameters(cli, info));
}

const struct trivet_cli_command trivet_cli_estimators = {
    .name = "estimators",
    .summary = "what can be trained, and with which parameters",
    .run = run,
};
