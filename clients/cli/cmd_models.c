/* trivet models [NAME[:VERSION]], trivet models delete NAME[:VERSION|@ALIAS] --yes */
#include "clients/cli/arguments.h"
#include "clients/cli/models.h"
#include "clients/cli/models_delete.h"
#include "clients/cli/output.h"
#include "clients/cli/report.h"
#include "clients/cli/traffic.h"

#include <stdio.h>
#include <string.h>

#define ALIASES_BYTES 256
#define METRICS_BYTES 1024

struct models_options {
    struct trivet_cli_words words;
    const char *reason;
    bool yes;
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct models_options *options = state->input;
    switch (key) {
    case 'y':
        options->yes = true;
        return 0;
    case 'm':
        options->reason = argument;
        return 0;
    default:
        return trivet_cli_parse_word(&options->words, key, argument, state);
    }
}

static const struct argp_option models_argp_options[] = {
    {"yes", 'y', NULL, 0, "delete: do it", 0},
    {"reason", 'm', "TEXT", 0, "delete: why, for the record", 0},
    {0},
};

static const struct argp models_argp = {
    .options = models_argp_options,
    .parser = parse,
    .args_doc = "[NAME[:VERSION]]\ndelete NAME --yes\ndelete NAME:VERSION --yes\ndelete NAME@ALIAS "
                "--yes",
    .doc = "List the models; the versions of one; or the training report of one version. Or delete "
           "a model with all its versions, one version that nothing needs, or an alias; 'trivet "
           "history NAME' keeps who did it and why.",
    .children = trivet_cli_shared_children,
};

/* Aliases that point at `version`, or all ("production 3, staging 4") when it is 0. */
static void aliases_text(const Trivet__V1__Model *model, uint64_t version, char *text,
                         size_t text_bytes)
{
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < model->n_aliases && used + 1 < text_bytes; i++) {
        const Trivet__V1__Alias *alias = model->aliases[i];
        int n = 0;
        if (version == 0) {
            n = snprintf(text + used, text_bytes - used, "%s%s %llu", used > 0 ? ", " : "",
                         alias->name, (unsigned long long)alias->version);
        } else if (alias->version == version) {
            n = snprintf(text + used, text_bytes - used, "%s%s", used > 0 ? ", " : "", alias->name);
        }
        used += n > 0 ? (size_t)n : 0;
    }
}

static void metrics_cell(const struct trivet_cli *cli, struct trivet_cli_table *table,
                         const Trivet__V1__Version *version)
{
    char text[METRICS_BYTES];
    trivet_cli_metrics_text(version->metrics, version->n_metrics, !trivet_cli_for_person(cli), text,
                            sizeof(text));
    trivet_cli_table_text(table, "%s", text);
}

static int list(struct trivet_cli *cli)
{
    static const struct trivet_cli_column columns[] = {
        {"model", false, false},   {"versions", true, false},  {"newest", true, false},
        {"aliases", false, true},  {"estimator", false, true}, {"metrics", false, true},
        {"created", false, false},
    };
    Trivet__V1__ListModelsRequest request = TRIVET__V1__LIST_MODELS_REQUEST__INIT;
    request.limit = 1000;
    ProtobufCMessage *reply = NULL;
    struct trivet_error err = {0};
    if (trivet_cli_call(cli, "trivet.v1.Models/List", &request.base,
                        &trivet__v1__list_models_response__descriptor, 0, cli->arena, &reply,
                        &err) != TRIVET_OK) {
        return trivet_cli_fail(&err);
    }
    if (cli->json) {
        return trivet_cli_print_json(reply);
    }
    const Trivet__V1__ListModelsResponse *response = (const Trivet__V1__ListModelsResponse *)reply;
    if (response->n_models == 0 && trivet_cli_for_person(cli)) {
        puts("No models yet; make one: trivet train NAME --data FILE.csv --target COLUMN");
        return TRIVET_CLI_DONE;
    }
    struct trivet_cli_table *table = trivet_cli_open_table(cli, columns, 7);
    for (size_t i = 0; table != NULL && i < response->n_models; i++) {
        const Trivet__V1__Model *model = response->models[i];
        const Trivet__V1__Version *newest = model->n_versions > 0 ? model->versions[0] : NULL;
        const Trivet__V1__Version none = TRIVET__V1__VERSION__INIT;
        newest = newest != NULL ? newest : &none;
        char aliases[ALIASES_BYTES];
        aliases_text(model, 0, aliases, sizeof(aliases));
        trivet_cli_table_text(table, "%s", model->name);
        trivet_cli_table_count(table, model->version_count);
        trivet_cli_table_count(table, newest->version);
        trivet_cli_table_text(table, "%s", aliases);
        trivet_cli_table_text(table, "%s", newest->estimator);
        metrics_cell(cli, table, newest);
        trivet_cli_table_time(table, newest->created_unix_us);
    }
    return trivet_cli_print_table(cli, table);
}

static int list_versions(struct trivet_cli *cli, const Trivet__V1__Model *model)
{
    static const struct trivet_cli_column columns[] = {
        {"version", true, false},   {"aliases", false, true},  {"traffic", false, false},
        {"estimator", false, true}, {"metrics", false, true},  {"created", false, false},
        {"size", true, false},      {"dataset", false, false}, {"job", false, false},
        {"checksum", false, false},
    };
    /* A line for a person ends with the size. */
    bool person = trivet_cli_for_person(cli);
    struct trivet_cli_table *table = trivet_cli_open_table(cli, columns, person ? 7 : 10);
    for (size_t i = 0; table != NULL && i < model->n_versions; i++) {
        const Trivet__V1__Version *version = model->versions[i];
        char aliases[ALIASES_BYTES];
        char traffic[TRIVET_CLI_TRAFFIC_BYTES];
        aliases_text(model, version->version, aliases, sizeof(aliases));
        trivet_cli_traffic_text(model->traffic, model->n_traffic, version->version, traffic);
        trivet_cli_table_count(table, version->version);
        trivet_cli_table_text(table, "%s", aliases);
        trivet_cli_table_text(table, "%s", traffic);
        trivet_cli_table_text(table, "%s", version->estimator);
        metrics_cell(cli, table, version);
        trivet_cli_table_time(table, version->created_unix_us);
        trivet_cli_table_bytes(table, version->artefact_bytes);
        if (!person) {
            trivet_cli_table_text(table, "%s", version->dataset_id);
            trivet_cli_table_text(table, "%s", version->job_id);
            trivet_cli_table_text(table, "%s", version->checksum);
        }
    }
    return trivet_cli_print_table(cli, table);
}

static int show_version(struct trivet_cli *cli, const Trivet__V1__Model *model)
{
    struct trivet_error err = {0};
    if (model->n_versions == 0 || model->versions[0]->report == NULL) {
        trivet_error_set(&err, TRIVET_NOT_FOUND, "'%s' has no training report for this version",
                         model->name);
        return trivet_cli_fail(&err);
    }
    const Trivet__V1__Version *version = model->versions[0];
    struct trivet_cli_subject subject = {model->name, version->version};
    return trivet_cli_print_training(cli, &subject, version->report);
}

static int run(struct trivet_cli *cli, int argc, char **argv)
{
    struct models_options options = {.words.cli = cli};
    struct trivet_cli_model name = {0};
    Trivet__V1__Model *model = NULL;
    struct trivet_error err = {0};
    argp_parse(&models_argp, argc, argv, 0, NULL, &options);
    const char *const *words = options.words.items;
    if (options.words.n_items == 2 && strcmp(words[0], "delete") == 0) {
        return trivet_cli_delete_model(cli, words[1], options.yes, options.reason);
    }
    if (options.words.n_items == 2 || options.yes || options.reason != NULL) {
        return trivet_cli_usage("write 'trivet models', 'trivet models NAME[:VERSION]' or 'trivet "
                                "models delete NAME[:VERSION|@ALIAS] --yes'");
    }
    if (options.words.n_items == 0) {
        return list(cli);
    }
    if (trivet_cli_parse_model(words[0], &name, &err) != TRIVET_OK) {
        return trivet_cli_usage("%s", err.message);
    }
    if (name.alias[0] != '\0') {
        return trivet_cli_usage("give a version, not an alias: 'trivet models %s' shows both",
                                name.name);
    }
    if (trivet_cli_describe(cli, name.name, name.version, &model, &err) != TRIVET_OK) {
        return trivet_cli_fail(&err);
    }
    if (cli->json) {
        return trivet_cli_print_json(&model->base);
    }
    return name.version == 0 ? list_versions(cli, model) : show_version(cli, model);
}

const struct trivet_cli_command trivet_cli_models = {
    .name = "models",
    .summary = "list models, their versions, a version's report; delete them",
    .run = run,
};
