#include "clients/cli/traffic.h"

#include "base/text.h"
#include "clients/cli/models.h"
#include "clients/cli/names.h"
#include "clients/cli/output.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define WEIGHT_MAX 10000 /* of the contract: all calls, of a shadow */

static uint64_t sum_of_weights(Trivet__V1__TrafficShare *const *shares, size_t n_shares)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < n_shares; i++) {
        sum += shares[i]->shadow ? 0 : shares[i]->weight;
    }
    return sum;
}

static void share_text(const Trivet__V1__TrafficShare *share, uint64_t sum, char *text,
                       size_t text_bytes)
{
    if (!share->shadow) {
        (void)trivet_text_format(text, text_bytes, "%.4g %%", 100.0 * share->weight / (double)sum);
    } else if (share->weight >= WEIGHT_MAX) {
        (void)trivet_text_copy(text, text_bytes, "shadow");
    } else {
        (void)trivet_text_format(text, text_bytes, "shadow %.4g %%",
                                 100.0 * share->weight / WEIGHT_MAX);
    }
}

void trivet_cli_traffic_text(Trivet__V1__TrafficShare *const *shares, size_t n_shares,
                             uint64_t version, char text[TRIVET_CLI_TRAFFIC_BYTES])
{
    uint64_t sum = sum_of_weights(shares, n_shares);
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < n_shares; i++) {
        char one[32];
        share_text(shares[i], sum, one, sizeof(one));
        if (shares[i]->version == version) {
            (void)trivet_text_copy(text, TRIVET_CLI_TRAFFIC_BYTES, one);
        } else if (version == 0) {
            (void)trivet_text_format(text + used, TRIVET_CLI_TRAFFIC_BYTES - used, "%s%llu: %s",
                                     i > 0 ? ", " : "", (unsigned long long)shares[i]->version,
                                     one);
            used += strlen(text + used);
        }
    }
}

bool trivet_cli_parse_percent(const char *text, double *percent)
{
    return trivet_text_parse_double(text, strlen(text), percent) && *percent > 0 && *percent <= 100;
}

enum trivet_status trivet_cli_set_split(struct trivet_cli *cli,
                                        const struct trivet_cli_split *split,
                                        ProtobufCMessage **reply, struct trivet_error *err)
{
    Trivet__V1__TrafficShare values[2];
    Trivet__V1__TrafficShare *shares[2] = {&values[0], &values[1]};
    Trivet__V1__SetTrafficRequest request = TRIVET__V1__SET_TRAFFIC_REQUEST__INIT;
    request.model = trivet_cli_field(split->model);
    request.reason = trivet_cli_field(split->reason != NULL ? split->reason : "");
    request.shares = shares;
    trivet__v1__traffic_share__init(&values[0]);
    trivet__v1__traffic_share__init(&values[1]);
    if (split->version != 0) {
        values[0].version = split->version;
        values[0].weight = (uint32_t)fmax(1, round(split->percent * WEIGHT_MAX / 100));
        values[0].shadow = split->shadow;
        request.n_shares = 1;
    }
    if (split->version != 0 && !split->shadow) {
        struct trivet_cli_model production = {.alias = "production"};
        Trivet__V1__Version *described = NULL;
        (void)trivet_text_copy(production.name, sizeof(production.name), split->model);
        enum trivet_status status = trivet_cli_resolve(cli, &production, &described, err);
        if (status != TRIVET_OK) {
            return status;
        }
        if (described->version == split->version || values[0].weight >= WEIGHT_MAX) {
            return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                    "that would be no split: version %llu answers all calls with "
                                    "'trivet deploy %s %llu'",
                                    (unsigned long long)split->version, split->model,
                                    (unsigned long long)split->version);
        }
        values[1] = values[0];
        values[0].version = described->version;
        values[0].weight = WEIGHT_MAX - values[1].weight;
        request.n_shares = 2;
    }
    return trivet_cli_call(cli, "trivet.v1.Models/SetTraffic", &request.base,
                           &trivet__v1__model__descriptor, 0, cli->arena, reply, err);
}

int trivet_cli_print_split(struct trivet_cli *cli, const Trivet__V1__Model *model)
{
    static const struct trivet_cli_column columns[] = {
        {"model", false, false}, {"version", true, false}, {"traffic", false, false}};
    char text[TRIVET_CLI_TRAFFIC_BYTES];
    if (trivet_cli_for_person(cli)) {
        trivet_cli_traffic_text(model->traffic, model->n_traffic, 0, text);
        printf("%s: %s\n", model->name,
               model->n_traffic > 0 ? text : "no split; production answers all calls");
        return trivet_cli_flush() ? TRIVET_CLI_DONE : TRIVET_CLI_FAILED;
    }
    struct trivet_cli_table *table = trivet_cli_open_table(cli, columns, 3);
    for (size_t i = 0; table != NULL && i < model->n_traffic; i++) {
        const Trivet__V1__TrafficShare *share = model->traffic[i];
        trivet_cli_traffic_text(model->traffic, model->n_traffic, share->version, text);
        trivet_cli_table_text(table, "%s", model->name);
        trivet_cli_table_count(table, share->version);
        trivet_cli_table_text(table, "%s", text);
    }
    return trivet_cli_print_table(cli, table);
}
