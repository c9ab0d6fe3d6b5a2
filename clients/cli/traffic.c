#include "clients/cli/traffic.h"

#include "base/text.h"
#include "clients/cli/models.h"
#include "clients/cli/names.h"
#include "clients/cli/output.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define WEIGHT_MAX 10000 /* of the contract: all calls, of a shadow */
#define SHARES_MAX 32    /* more than the contract has */
#define TRIES      5

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

/* --- set a share ----------------------------------------------------------------------------- */

/* What is there now, and the number of its last change. */
struct present {
    Trivet__V1__Model *model;
    uint64_t production; /* 0 = none */
    uint64_t sequence;
};

struct shares {
    Trivet__V1__TrafficShare values[SHARES_MAX];
    size_t count;
};

/* More than the contract has is the server's to refuse. */
static void add_share(struct shares *to, uint64_t version, uint32_t weight, bool shadow)
{
    if (to->count < SHARES_MAX) {
        Trivet__V1__TrafficShare *share = &to->values[to->count++];
        trivet__v1__traffic_share__init(share);
        share->version = version;
        share->weight = weight;
        share->shadow = shadow;
    }
}

static bool has_share(const struct shares *shares, uint64_t version)
{
    bool found = false;
    for (size_t i = 0; i < shares->count; i++) {
        found = found || shares->values[i].version == version;
    }
    return found;
}

static enum trivet_status look(struct trivet_cli *cli, const char *name, struct present *out,
                               struct trivet_error *err)
{
    Trivet__V1__HistoryRequest request = TRIVET__V1__HISTORY_REQUEST__INIT;
    ProtobufCMessage *reply = NULL;
    *out = (struct present){0};
    request.model = trivet_cli_field(name);
    request.limit = 1;
    /* First the number: a change after it is found out by the server. */
    enum trivet_status status =
        trivet_cli_call(cli, "trivet.v1.Models/History", &request.base,
                        &trivet__v1__history_response__descriptor, 0, cli->arena, &reply, err);
    if (status != TRIVET_OK) {
        return status;
    }
    const Trivet__V1__HistoryResponse *history = (const Trivet__V1__HistoryResponse *)reply;
    out->sequence = history->n_changes > 0 ? history->changes[0]->sequence : 0;
    status = trivet_cli_describe(cli, name, 0, &out->model, err);
    for (size_t i = 0; status == TRIVET_OK && i < out->model->n_aliases; i++) {
        if (strcmp(out->model->aliases[i]->name, "production") == 0) {
            out->production = out->model->aliases[i]->version;
        }
    }
    return status;
}

/* Those of what is there that answer, or that shadow, but for `version`. */
static void keep_shares(const struct present *present, bool shadow, uint64_t version,
                        struct shares *out)
{
    for (size_t i = 0; i < present->model->n_traffic; i++) {
        const Trivet__V1__TrafficShare *share = present->model->traffic[i];
        if ((share->shadow != 0) == shadow && share->version != version &&
            !has_share(out, share->version)) {
            add_share(out, share->version, share->weight, shadow);
        }
    }
}

static enum trivet_status compose(const struct trivet_cli_split *split,
                                  const struct present *present, struct shares *out,
                                  struct trivet_error *err)
{
    const uint32_t weight = (uint32_t)fmax(1, round(split->percent * WEIGHT_MAX / 100));
    out->count = 0;
    if (split->shadow) {
        keep_shares(present, false, split->version, out);
        if (out->count == 1 && out->values[0].version == present->production) {
            out->count = 0; /* it answers all by itself */
        }
        keep_shares(present, true, split->version, out);
        add_share(out, split->version, weight, true);
        return TRIVET_OK;
    }
    if (present->production == split->version || weight >= WEIGHT_MAX) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "that would be no split: version %llu answers all calls with "
                                "'trivet deploy %s %llu'",
                                (unsigned long long)split->version, split->model,
                                (unsigned long long)split->version);
    }
    add_share(out, present->production, WEIGHT_MAX - weight, false);
    add_share(out, split->version, weight, false);
    keep_shares(present, true, split->version, out);
    return TRIVET_OK;
}

static void tell_ended(const struct present *present, const struct shares *shares)
{
    char text[TRIVET_CLI_TRAFFIC_BYTES];
    for (size_t i = 0; i < present->model->n_traffic; i++) {
        const uint64_t version = present->model->traffic[i]->version;
        if (version != present->production && !has_share(shares, version)) {
            trivet_cli_traffic_text(present->model->traffic, present->model->n_traffic, version,
                                    text);
            fprintf(stderr, "version %llu has no share any more; it had %s\n",
                    (unsigned long long)version, text);
        }
    }
}

static enum trivet_status send_shares(struct trivet_cli *cli, const struct trivet_cli_split *split,
                                      struct shares *shares, uint64_t seen,
                                      ProtobufCMessage **reply, struct trivet_error *err)
{
    Trivet__V1__TrafficShare *list[SHARES_MAX];
    Trivet__V1__SetTrafficRequest request = TRIVET__V1__SET_TRAFFIC_REQUEST__INIT;
    for (size_t i = 0; i < shares->count; i++) {
        list[i] = &shares->values[i];
    }
    request.model = trivet_cli_field(split->model);
    request.reason = trivet_cli_field(split->reason != NULL ? split->reason : "");
    request.shares = list;
    request.n_shares = shares->count;
    request.seen_sequence = seen;
    return trivet_cli_call(cli, "trivet.v1.Models/SetTraffic", &request.base,
                           &trivet__v1__model__descriptor, 0, cli->arena, reply, err);
}

static enum trivet_status need_production(struct trivet_cli *cli, const char *name,
                                          struct trivet_error *err)
{
    struct trivet_cli_model production = {.alias = "production"};
    Trivet__V1__Version *described = NULL;
    (void)trivet_text_copy(production.name, sizeof(production.name), name);
    return trivet_cli_resolve(cli, &production, &described, err);
}

enum trivet_status trivet_cli_set_split(struct trivet_cli *cli,
                                        const struct trivet_cli_split *split,
                                        ProtobufCMessage **reply, struct trivet_error *err)
{
    struct shares shares = {.count = 0};
    struct present present;
    enum trivet_status status = TRIVET_ABORTED;
    if (split->version == 0) {
        return send_shares(cli, split, &shares, 0, reply, err);
    }
    for (int i = 0; status == TRIVET_ABORTED && i < TRIES; i++) {
        status = look(cli, split->model, &present, err);
        if (status == TRIVET_OK && present.production == 0) {
            status = need_production(cli, split->model, err); /* says how to get one */
        }
        if (status == TRIVET_OK) {
            status = compose(split, &present, &shares, err);
        }
        if (status == TRIVET_OK) {
            status = send_shares(cli, split, &shares, present.sequence, reply, err);
        }
    }
    if (status == TRIVET_OK) {
        tell_ended(&present, &shares);
    }
    return status;
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
