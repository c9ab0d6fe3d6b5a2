/* trivet status */
#include "clients/cli/format.h"
#include "clients/cli/output.h"
#include "trivet/v1/server.pb-c.h"
#include "wire/json.h"

#include "base/clock.h"

#include <stdio.h>
#include <string.h>

struct server_state {
    const Trivet__V1__ReadyResponse *ready;
    const Trivet__V1__InfoResponse *info;
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
    (void)argument;
    if (key == ARGP_KEY_INIT) {
        state->child_inputs[0] = state->input;
        return 0;
    }
    return ARGP_ERR_UNKNOWN;
}

static const struct argp status_argp = {
    .parser = parse,
    .doc = "Is the server there and ready, and what is it? Exit code 1 when it is not ready.",
    .children = trivet_cli_shared_children,
};

static int print_json(const struct server_state *state)
{
    struct trivet_buffer text = {0};
    struct trivet_error err = {0};
    enum trivet_status status = trivet_buffer_printf(
        &text, &err,
        "{\"live\":true,\"ready\":%s,\"reason\":", state->ready->ready ? "true" : "false");
    if (status == TRIVET_OK) {
        status = trivet_wire_json_text(state->ready->reason, &text, &err);
    }
    if (status == TRIVET_OK) {
        status = trivet_buffer_printf(&text, &err, ",\"info\":");
    }
    if (status == TRIVET_OK) {
        status = trivet_wire_json_message(&state->info->base, &text, &err);
    }
    if (status == TRIVET_OK) {
        printf("%.*s}\n", (int)text.n_bytes, (const char *)text.data);
    }
    trivet_buffer_release(&text);
    return status == TRIVET_OK && trivet_cli_flush() ? TRIVET_CLI_DONE : TRIVET_CLI_FAILED;
}

static int print_csv(struct trivet_cli *cli, const struct server_state *state)
{
    static const struct trivet_cli_column columns[] = {{"name", false, false},
                                                       {"value", false, false}};
    const Trivet__V1__InfoResponse *info = state->info;
    struct trivet_cli_table *table = trivet_cli_open_table(cli, columns, 2);
    if (table == NULL) {
        return trivet_cli_print_table(cli, table);
    }
    const char *const facts[][2] = {
        {"server", cli->server},
        {"ready", state->ready->ready ? "true" : "false"},
        {"reason", state->ready->reason},
        {"version", info->version},
        {"blas", info->blas},
        {"blas_kernel", info->blas_kernel},
        {"events_url", info->events_url},
        {"data_dir", info->data_dir},
    };
    for (size_t i = 0; i < sizeof(facts) / sizeof(facts[0]); i++) {
        trivet_cli_table_text(table, "%s", facts[i][0]);
        trivet_cli_table_text(table, "%s", facts[i][1]);
    }
    trivet_cli_table_text(table, "pid");
    trivet_cli_table_count(table, info->pid);
    trivet_cli_table_text(table, "workers");
    trivet_cli_table_count(table, info->workers);
    for (size_t i = 0; i < info->n_limits; i++) {
        trivet_cli_table_text(table, "%s", info->limits[i]->name);
        trivet_cli_table_count(table, info->limits[i]->value);
    }
    return trivet_cli_print_table(cli, table);
}

static int print_limits(struct trivet_cli *cli, const Trivet__V1__InfoResponse *info)
{
    static const struct trivet_cli_column columns[] = {
        {"limit", false, false}, {"value", true, false}, {"unit", false, false}};
    struct trivet_cli_table *table = trivet_cli_open_table(cli, columns, 3);
    for (size_t i = 0; table != NULL && i < info->n_limits; i++) {
        const Trivet__V1__Limit *limit = info->limits[i];
        bool in_bytes = strcmp(limit->unit, "bytes") == 0;
        trivet_cli_table_text(table, "%s", limit->name);
        if (in_bytes && limit->value == 0) {
            trivet_cli_table_text(table, "none");
            trivet_cli_table_empty(table);
        } else if (in_bytes) {
            trivet_cli_table_bytes(table, limit->value);
            trivet_cli_table_empty(table);
        } else {
            trivet_cli_table_count(table, limit->value);
            trivet_cli_table_text(table, "%s", limit->unit);
        }
    }
    return trivet_cli_print_table(cli, table);
}

static int print_facts(struct trivet_cli *cli, const struct server_state *state)
{
    const Trivet__V1__InfoResponse *info = state->info;
    char age[TRIVET_CLI_TEXT_BYTES];
    trivet_cli_format_age(info->started_unix_us, trivet_clock_unix_us(), age);
    trivet_cli_print_fact(cli, "Server", "trivetd %s at %s", info->version, cli->server);
    trivet_cli_print_fact(cli, "State", "%s%s",
                          state->ready->ready ? "ready" : "not ready: ", state->ready->reason);
    trivet_cli_print_fact(cli, "Started", "%s, pid %u", age, info->pid);
    for (size_t i = 0; i < info->n_listen; i++) {
        trivet_cli_print_fact(cli, i == 0 ? "Listens" : "", "%s", info->listen[i]);
    }
    trivet_cli_print_fact(cli, "Events", "%s", info->events_url[0] ? info->events_url : "off");
    trivet_cli_print_fact(cli, "Data", "%s", info->data_dir);
    trivet_cli_print_fact(cli, "BLAS", "%s, kernel %s", info->blas, info->blas_kernel);
    trivet_cli_print_fact(cli, "Workers", "%u", info->workers);
    if (info->n_limits == 0) {
        return TRIVET_CLI_DONE;
    }
    putchar('\n');
    return print_limits(cli, info);
}

static int run(struct trivet_cli *cli, int argc, char **argv)
{
    Trivet__V1__ReadyRequest ready_request = TRIVET__V1__READY_REQUEST__INIT;
    Trivet__V1__InfoRequest info_request = TRIVET__V1__INFO_REQUEST__INIT;
    ProtobufCMessage *ready = NULL;
    ProtobufCMessage *info = NULL;
    struct trivet_error err = {0};
    argp_parse(&status_argp, argc, argv, 0, NULL, cli);
    enum trivet_status status =
        trivet_cli_call(cli, "trivet.v1.Server/Ready", &ready_request.base,
                        &trivet__v1__ready_response__descriptor, 0, cli->arena, &ready, &err);
    if (status == TRIVET_OK) {
        status =
            trivet_cli_call(cli, "trivet.v1.Server/Info", &info_request.base,
                            &trivet__v1__info_response__descriptor, 0, cli->arena, &info, &err);
    }
    if (status != TRIVET_OK) {
        return trivet_cli_fail(&err);
    }
    struct server_state state = {(const Trivet__V1__ReadyResponse *)ready,
                                 (const Trivet__V1__InfoResponse *)info};
    int code = cli->json                    ? print_json(&state)
               : trivet_cli_for_person(cli) ? print_facts(cli, &state)
                                            : print_csv(cli, &state);
    return state.ready->ready ? code : TRIVET_CLI_FAILED;
}

const struct trivet_cli_command trivet_cli_status = {
    .name = "status",
    .summary = "is the server ready; its version and limits",
    .run = run,
};
