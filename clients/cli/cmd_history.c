/* trivet history NAME [--alias A] [--limit N] */
#include "clients/cli/arguments.h"
#include "clients/cli/names.h"
#include "clients/cli/output.h"
#include "clients/cli/traffic.h"
#include "trivet/v1/models.pb-c.h"

#include "base/text.h"

#include <stdio.h>
#include <string.h>

#define CHANGES_MAX    1000
#define SETTINGS_BYTES 128

struct history_options {
    struct trivet_cli_one_model model;
    const char *alias;
    uint64_t limit;
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct history_options *options = state->input;
    switch (key) {
    case 'a':
        options->alias = argument;
        return 0;
    case 'n':
        if (!trivet_text_parse_uint64(argument, &options->limit) || options->limit == 0 ||
            options->limit > CHANGES_MAX) {
            argp_error(state, "--limit %s: give a number from 1 to %d", argument, CHANGES_MAX);
        }
        return 0;
    default:
        return trivet_cli_parse_one_model(&options->model, key, argument, state);
    }
}

static const struct argp_option history_argp_options[] = {
    {"alias", 'a', "ALIAS", 0, "of this alias only", 0},
    {"limit", 'n', "N", 0, "the newest N changes (else 100)", 0},
    {0},
};

static const struct argp history_argp = {
    .options = history_argp_options,
    .parser = parse,
    .args_doc = "NAME",
    .doc =
        "Show which version answered since when, what was configured and deleted, who did it and "
        "why; the newest first. Also of a model that is gone.",
    .children = trivet_cli_shared_children,
};

static const char *kind_text(const Trivet__V1__AliasChange *change)
{
    switch (change->kind) {
    case TRIVET__V1__ALIAS_CHANGE_KIND__ALIAS_CHANGE_KIND_PROMOTED:
        return "promoted";
    case TRIVET__V1__ALIAS_CHANGE_KIND__ALIAS_CHANGE_KIND_ROLLED_BACK:
        return "rolled back";
    case TRIVET__V1__ALIAS_CHANGE_KIND__ALIAS_CHANGE_KIND_TRAFFIC_SET:
        return change->n_traffic > 0 ? "split" : "split ended";
    case TRIVET__V1__ALIAS_CHANGE_KIND__ALIAS_CHANGE_KIND_CONFIGURED:
        return "configured";
    case TRIVET__V1__ALIAS_CHANGE_KIND__ALIAS_CHANGE_KIND_DELETED:
        return change->version != 0 ? "deleted" : "model deleted";
    case TRIVET__V1__ALIAS_CHANGE_KIND__ALIAS_CHANGE_KIND_ALIAS_REMOVED:
        return "alias removed";
    default:
        return "changed";
    }
}

static void traffic_cell(struct trivet_cli_table *table, const Trivet__V1__AliasChange *change)
{
    char text[TRIVET_CLI_TRAFFIC_BYTES];
    trivet_cli_traffic_text(change->traffic, change->n_traffic, 0, text);
    trivet_cli_table_text(table, "%s", text);
}

/* What is not as it is without any. */
static void settings_cell(struct trivet_cli_table *table, const Trivet__V1__ModelSettings *settings)
{
    char text[SETTINGS_BYTES] = "";
    char *to = text;
    const char *const end = text + sizeof(text);
    if (settings == NULL) {
        trivet_cli_table_empty(table);
        return;
    }
    if (settings->keep_features) {
        (void)trivet_text_format(to, (size_t)(end - to), "keep_features on ");
        to += strlen(to);
    }
    if (settings->keep_versions > 0) {
        (void)trivet_text_format(to, (size_t)(end - to), "keep_versions %u ",
                                 settings->keep_versions);
        to += strlen(to);
    }
    if (settings->outcomes_per_minute_max > 0) {
        (void)trivet_text_format(to, (size_t)(end - to), "outcomes_per_minute %u ",
                                 settings->outcomes_per_minute_max);
        to += strlen(to);
    }
    if (to > text) {
        to[-1] = '\0';
    }
    trivet_cli_table_text(table, "%s", to > text ? text : "defaults");
}

static int print(struct trivet_cli *cli, const Trivet__V1__HistoryResponse *history)
{
    static const struct trivet_cli_column columns[] = {
        {"when", false, false},       {"alias", false, false}, {"change", false, false},
        {"version", true, false},     {"before", true, false}, {"traffic", false, true},
        {"settings", false, true},    {"who", false, true},    {"why", false, true},
        {"request_id", false, false},
    };
    /* A line for a person ends with the reason. */
    bool person = trivet_cli_for_person(cli);
    if (history->n_changes == 0 && person) {
        puts("No version was deployed yet; do it with: trivet deploy NAME VERSION");
        return TRIVET_CLI_DONE;
    }
    struct trivet_cli_table *table = trivet_cli_open_table(cli, columns, person ? 9 : 10);
    for (size_t i = 0; table != NULL && i < history->n_changes; i++) {
        const Trivet__V1__AliasChange *change = history->changes[i];
        trivet_cli_table_time(table, change->changed_unix_us);
        trivet_cli_table_text(table, "%s", change->alias);
        trivet_cli_table_text(table, "%s", kind_text(change));
        if (change->version != 0) {
            trivet_cli_table_count(table, change->version);
        } else {
            trivet_cli_table_empty(table);
        }
        if (change->previous_version != 0) {
            trivet_cli_table_count(table, change->previous_version);
        } else {
            trivet_cli_table_empty(table);
        }
        traffic_cell(table, change);
        settings_cell(table, change->settings);
        trivet_cli_table_text(table, "%s",
                              change->identity[0] != '\0' ? change->identity : change->peer);
        trivet_cli_table_text(table, "%s", change->reason);
        if (!person) {
            trivet_cli_table_text(table, "%s", change->request_id);
        }
    }
    return trivet_cli_print_table(cli, table);
}

static int run(struct trivet_cli *cli, int argc, char **argv)
{
    struct history_options options = {.model = {.cli = cli}};
    struct trivet_cli_model model = {0};
    struct trivet_error err = {0};
    argp_parse(&history_argp, argc, argv, 0, NULL, &options);
    if (trivet_cli_parse_name(options.model.name, &model, &err) != TRIVET_OK) {
        return trivet_cli_usage("%s", err.message);
    }
    Trivet__V1__HistoryRequest request = TRIVET__V1__HISTORY_REQUEST__INIT;
    request.model = model.name;
    request.alias = trivet_cli_field(options.alias != NULL ? options.alias : "");
    request.limit = (uint32_t)options.limit;
    ProtobufCMessage *reply = NULL;
    if (trivet_cli_call(cli, "trivet.v1.Models/History", &request.base,
                        &trivet__v1__history_response__descriptor, 0, cli->arena, &reply,
                        &err) != TRIVET_OK) {
        return trivet_cli_fail(&err);
    }
    return cli->json ? trivet_cli_print_json(reply)
                     : print(cli, (const Trivet__V1__HistoryResponse *)reply);
}

const struct trivet_cli_command trivet_cli_history = {
    .name = "history",
    .summary = "which version answered since when, and why",
    .run = run,
};
