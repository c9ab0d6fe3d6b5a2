#include "monitor/loop/calls.h"

#include "base/text.h"
#include "trivet/v1/models.pb-c.h"

#include <string.h>

#define ASK_TIMEOUT_MS 3000

enum trivet_status trivet_loop_ask_totals(struct trivet_loop_client *client,
                                          const Trivet__V1__StatsResponse **out,
                                          struct trivet_error *err)
{
    Trivet__V1__StatsRequest request = TRIVET__V1__STATS_REQUEST__INIT;
    ProtobufCMessage *answer = NULL;
    enum trivet_status status = trivet_loop_client_call(
        client, "trivet.v1.Server/Stats", &request.base, NULL, ASK_TIMEOUT_MS,
        &trivet__v1__stats_response__descriptor, &answer, err);
    if (status == TRIVET_OK) {
        *out = (const Trivet__V1__StatsResponse *)answer;
    }
    return status;
}

static void add_rows(const Trivet__V1__PredictionTotals *totals, struct trivet_loop_version *out)
{
    for (size_t i = 0; i < totals->n_rows; i++) {
        const Trivet__V1__CodeCount *count = totals->rows[i];
        out->rows += (double)count->count;
        out->failed += count->status == TRIVET__V1__STATUS__STATUS_OK ? 0 : (double)count->count;
    }
}

static void add_quality(const Trivet__V1__QualityTotals *totals, struct trivet_loop_version *out)
{
    out->labelled += (double)totals->labelled;
    out->weight += totals->labelled_weight;
    out->squared_error += totals->squared_error;
    out->absolute_error += totals->absolute_error;
    out->squared_weight += totals->squared_weight;
    out->squared_weight_right += totals->squared_weight_right;
    out->squared_weight_absolute_error += totals->squared_weight_absolute_error;
    out->squared_weight_squared_error += totals->squared_weight_squared_error;
    out->right += totals->other_right;
    for (size_t i = 0; i < totals->n_pairs; i++) {
        const Trivet__V1__ClassPairCount *pair = totals->pairs[i];
        out->right += strcmp(pair->truth, pair->predicted) == 0 ? pair->weight : 0;
    }
}

static struct trivet_loop_version *version_of(const struct trivet_loop_state *state,
                                              uint64_t version,
                                              struct trivet_loop_observation *seen)
{
    if (version == state->champion) {
        return &seen->champion;
    }
    return version == state->challenger ? &seen->challenger : NULL;
}

static void take_totals(const Trivet__V1__StatsResponse *totals, const char *model,
                        const struct trivet_loop_state *state, struct trivet_loop_observation *seen)
{
    for (size_t i = 0; i < totals->n_predictions; i++) {
        const Trivet__V1__PredictionTotals *at = totals->predictions[i];
        struct trivet_loop_version *to = version_of(state, at->version, seen);
        if (to != NULL && strcmp(at->model, model) == 0) {
            add_rows(at, to);
        }
    }
    for (size_t i = 0; i < totals->n_quality; i++) {
        const Trivet__V1__QualityTotals *at = totals->quality[i];
        struct trivet_loop_version *to = version_of(state, at->version, seen);
        if (strcmp(at->model, model) == 0) {
            seen->labelled += (double)at->labelled;
            if (to != NULL) {
                add_quality(at, to);
            }
        }
    }
    for (size_t i = 0; i < totals->n_shadows; i++) {
        const Trivet__V1__ShadowTotals *at = totals->shadows[i];
        if (at->version == state->challenger && strcmp(at->model, model) == 0) {
            seen->shadow_seen += (double)(at->compared + at->failed);
            seen->shadow_equal += (double)at->equal;
            seen->shadow_failed += (double)at->failed;
        }
    }
}

enum trivet_status
trivet_loop_observe(struct trivet_loop_client *client, const Trivet__V1__StatsResponse *totals,
                    const struct trivet_policy *policy, const struct trivet_loop_state *state,
                    struct trivet_loop_observation *seen, struct trivet_error *err)
{
    char model[TRIVET_POLICY_NAME_BYTES];
    Trivet__V1__DescribeModelRequest request = TRIVET__V1__DESCRIBE_MODEL_REQUEST__INIT;
    ProtobufCMessage *answer = NULL;
    memcpy(model, policy->model, sizeof(model));
    request.model = model;
    enum trivet_status status =
        trivet_loop_client_call(client, "trivet.v1.Models/Describe", &request.base, NULL,
                                ASK_TIMEOUT_MS, &trivet__v1__model__descriptor, &answer, err);
    if (status != TRIVET_OK && status != TRIVET_NOT_FOUND) {
        return status;
    }
    seen->reachable = true;
    seen->epoch = totals->publisher_epoch;
    if (status == TRIVET_NOT_FOUND) {
        return TRIVET_OK;
    }
    const Trivet__V1__Model *described = (const Trivet__V1__Model *)answer;
    for (size_t i = 0; i < described->n_aliases; i++) {
        if (strcmp(described->aliases[i]->name, "production") == 0) {
            seen->production = described->aliases[i]->version;
        }
    }
    for (size_t i = 0; i < described->n_versions; i++) {
        if (described->versions[i]->version == seen->production) {
            (void)trivet_text_copy(seen->production_dataset_id, sizeof(seen->production_dataset_id),
                                   described->versions[i]->dataset_id);
        }
    }
    seen->n_shares = described->n_traffic;
    for (size_t i = 0; i < described->n_traffic; i++) {
        seen->challenger_has_share |=
            state->challenger != 0 && described->traffic[i]->version == state->challenger;
    }
    take_totals(totals, policy->model, state, seen);
    return TRIVET_OK;
}
