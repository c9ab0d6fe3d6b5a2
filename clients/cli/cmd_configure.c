/* trivet configure NAME [--keep-features on|off] [--keep-versions N] [--outcomes-per-minute N] */
#include "clients/cli/arguments.h"
#include "clients/cli/models.h"
#include "clients/cli/names.h"
#include "clients/cli/output.h"
#include "trivet/v1/models.pb-c.h"

#include "base/text.h"

#include <string.h>

#define SETTINGS_MAX 3

struct configure_options {
    struct trivet_cli_one_model model;
    const char *reason;
    bool has_keep_features;
    bool keep_features;
    bool has_keep_versions;
    uint64_t keep_versions;
    bool has_outcomes;
    uint64_t outcomes_per_minute;
};

static uint64_t parse_count(const char *option, const char *argument, struct argp_state *state)
{
    uint64_t count = 0;
    if (!trivet_text_parse_uint64(argument, &count) || count > UINT32_MAX) {
        argp_error(state, "--%s %s: give a whole number", option, argument);
    }
    return count;
}

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct configure_options *options = state->input;
    switch (key) {
    case 'f':
        if (strcmp(argument, "on") != 0 && strcmp(argument, "off") != 0) {
            argp_error(state, "--keep-features %s: give on or off", argument);
        }
        options->has_keep_features = true;
        options->keep_features = strcmp(argument, "on") == 0;
        return 0;
    case 'k':
        options->has_keep_versions = true;
        options->keep_versions = parse_count("keep-versions", argument, state);
        return 0;
    case 'l':
        options->has_outcomes = true;
        options->outcomes_per_minute = parse_count("outcomes-per-minute", argument, state);
        return 0;
    case 'm':
        options->reason = argument;
        return 0;
    default:
        return trivet_cli_parse_one_model(&options->model, key, argument, state);
    }
}

static const struct argp_option configure_argp_options[] = {
    {"keep-features", 'f', "on|off", 0,
     "keep the features of the predictions that are logged, so that outcomes make rows to train "
     "on; "
     "off: those that are kept are erased",
     0},
    {"keep-versions", 'k', "N", 0,
     "of the versions that nothing points at keep the newest N; 0: all", 0},
    {"outcomes-per-minute", 'l', "N", 0,
     "outcomes that one caller may record in a minute; 0: 1,000,000", 0},
    {"reason", 'm', "TEXT", 0, "why, for the record", 0},
    {0},
};

static const struct argp configure_argp = {
    .options = configure_argp_options,
    .parser = parse,
    .args_doc = "NAME",
    .doc = "Change what holds for all versions of a model, and show it. What is not named stays; "
           "without any option nothing is changed.",
    .children = trivet_cli_shared_children,
};

/* Names what is given: the rest stays as it is then, whoever changes it meanwhile. Returns how
 * many. */
static size_t change(const struct configure_options *options, Trivet__V1__ModelSettings *settings,
                     char *fields[SETTINGS_MAX])
{
    size_t n_fields = 0;
    if (options->has_keep_features) {
        settings->keep_features = options->keep_features;
        fields[n_fields++] = trivet_cli_field("keep_features");
    }
    if (options->has_keep_versions) {
        settings->keep_versions = (uint32_t)options->keep_versions;
        fields[n_fields++] = trivet_cli_field("keep_versions");
    }
    if (options->has_outcomes) {
        settings->outcomes_per_minute_max = (uint32_t)options->outcomes_per_minute;
        fields[n_fields++] = trivet_cli_field("outcomes_per_minute_max");
    }
    return n_fields;
}

static enum trivet_status configure(struct trivet_cli *cli, const struct configure_options *options,
                                    char *model, Trivet__V1__Model **out, struct trivet_error *err)
{
    Trivet__V1__ConfigureRequest request = TRIVET__V1__CONFIGURE_REQUEST__INIT;
    Trivet__V1__ModelSettings settings = TRIVET__V1__MODEL_SETTINGS__INIT;
    ProtobufCMessage *reply = NULL;
    char *fields[SETTINGS_MAX];
    request.n_fields = change(options, &settings, fields);
    if (request.n_fields == 0) {
        return trivet_cli_describe(cli, model, 0, out, err);
    }
    request.fields = fields;
    request.model = model;
    request.settings = &settings;
    request.reason = trivet_cli_field(options->reason != NULL ? options->reason : "");
    enum trivet_status status =
        trivet_cli_call(cli, "trivet.v1.Models/Configure", &request.base,
                        &trivet__v1__model__descriptor, 0, cli->arena, &reply, err);
    *out = (Trivet__V1__Model *)reply;
    return status;
}

static int print(struct trivet_cli *cli, const char *name,
                 const Trivet__V1__ModelSettings *settings)
{
    static const struct trivet_cli_column columns[] = {
        {.name = "model"},
        {.name = "keep_features"},
        {.name = "keep_versions", .right = true},
        {.name = "outcomes_per_minute", .right = true},
    };
    if (cli->json) {
        return trivet_cli_print_json(&settings->base);
    }
    struct trivet_cli_table *table =
        trivet_cli_open_table(cli, columns, sizeof(columns) / sizeof(columns[0]));
    if (table != NULL) {
        trivet_cli_table_text(table, "%s", name);
        trivet_cli_table_text(table, "%s", settings->keep_features ? "on" : "off");
        trivet_cli_table_count(table, settings->keep_versions);
        trivet_cli_table_count(table, settings->outcomes_per_minute_max);
    }
    return trivet_cli_print_table(cli, table);
}

static int run(struct trivet_cli *cli, int argc, char **argv)
{
    struct configure_options options = {.model = {.cli = cli}};
    struct trivet_cli_model model = {0};
    struct trivet_error err = {0};
    Trivet__V1__Model *found = NULL;
    const Trivet__V1__ModelSettings defaults = TRIVET__V1__MODEL_SETTINGS__INIT;
    argp_parse(&configure_argp, argc, argv, 0, NULL, &options);
    if (trivet_cli_parse_name(options.model.name, &model, &err) != TRIVET_OK) {
        return trivet_cli_usage("%s", err.message);
    }
    if (configure(cli, &options, model.name, &found, &err) != TRIVET_OK) {
        return trivet_cli_fail(&err);
    }
    return print(cli, model.name, found->settings != NULL ? found->settings : &defaults);
}

const struct trivet_cli_command trivet_cli_configure = {
    .name = "configure",
    .summary = "change what holds for all versions of a model",
    .run = run,
};
