/* The end of a call in the lane: its reply, and who is told of it — samples, bins of drift, the
 * log, shadows, totals. */
#include "base/checks.h"
#include "base/clock.h"
#include "rpc/fast_lane_internal.h"
#include "rpc/log_rows.h"
#include "serving/observer.h"

#include <string.h>

#define ID_BYTES 19 /* "p-" and 16 digits, with the NUL */

struct answer {
    struct trivet_fast_lane *lane;
    struct fast_version *version;
    const double *out; /* of the call's rows */
    int64_t started_ns;
    int64_t computed_ns;
    struct trivet_publisher_round *samples;
    struct trivet_observer_round observed;
    struct trivet_log_round *log;
};

static uint64_t span_us(int64_t from_ns, int64_t to_ns)
{
    return to_ns > from_ns ? (uint64_t)(to_ns - from_ns) / TRIVET_NS_PER_US : 0;
}

static void make_id(struct trivet_fast_lane *lane, char id[ID_BYTES])
{
    static const char digits[] = "0123456789abcdef";
    uint64_t bits = trivet_rng_next(&lane->rng);
    id[0] = 'p';
    id[1] = '-';
    for (int i = 0; i < 16; i++) {
        id[2 + i] = digits[bits >> (60 - 4 * i) & 15];
    }
    id[ID_BYTES - 1] = '\0';
}

/* The columns as they are, in the request's precision. */
static bool fill_columns(const struct answer *answer, const struct fast_call *call,
                         struct trivet_predict_output *output)
{
    output->n_values = call->view.rows * answer->version->n_outputs;
    output->kind = TRIVET_PREDICT_F64;
    output->values = answer->out;
    if (call->view.single_precision) {
        float *values =
            trivet_arena_alloc_array(answer->lane->arena, output->n_values, sizeof(*values));
        for (size_t i = 0; values != NULL && i < output->n_values; i++) {
            values[i] = (float)answer->out[i];
        }
        output->kind = TRIVET_PREDICT_F32;
        output->values = values;
    }
    return output->values != NULL;
}

static bool fill_decisions(const struct answer *answer, const struct fast_call *call, bool is_text,
                           struct trivet_predict_output *output)
{
    const struct fast_version *version = answer->version;
    size_t n_rows = call->view.rows;
    uint32_t *codes = trivet_arena_alloc_array(answer->lane->arena, n_rows, sizeof(*codes));
    double *numbers =
        is_text ? NULL : trivet_arena_alloc_array(answer->lane->arena, n_rows, sizeof(*numbers));
    if (codes == NULL || (!is_text && numbers == NULL)) {
        return false;
    }
    for (size_t i = 0; i < n_rows; i++) {
        codes[i] = trivet_pipeline_decide(version->pipeline, &answer->out[i * version->n_outputs]);
        if (!is_text) {
            numbers[i] = (double)codes[i];
        }
    }
    output->n_values = n_rows;
    output->kind = is_text ? TRIVET_PREDICT_CODES : TRIVET_PREDICT_F64;
    output->values = is_text ? (const void *)codes : (const void *)numbers;
    return true;
}

static const void *row_of(const struct fast_version *version, const struct fast_call *call,
                          size_t row)
{
    size_t value_bytes = call->view.single_precision ? sizeof(float) : sizeof(double);
    return call->view.values + row * version->n_inputs * value_bytes;
}

/* Rows to be sent as samples, to be counted in the bins of drift, and to be logged. */
static void sample(const struct answer *answer, const struct fast_call *call,
                   struct trivet_text_view id)
{
    const struct fast_version *version = answer->version;
    uint64_t id_hash = trivet_prediction_log_hash(answer->lane->options->log, id.data, id.n_bytes);
    char text[TRIVET_PREDICT_TEXT_BYTES_MAX + 1];
    uint64_t total_us = span_us(call->exchange->arrival_ns, answer->computed_ns);
    for (uint32_t i = 0; i < call->view.rows; i++) {
        uint64_t hash = trivet_publisher_row_hash(id_hash, i);
        if (trivet_observer_chooses(&answer->observed, hash)) {
            trivet_observer_add_numbers(&answer->observed, row_of(version, call, i),
                                        call->view.single_precision,
                                        &answer->out[i * version->n_outputs]);
        }
        if (trivet_log_chooses(answer->log, hash)) {
            trivet_fast_version_log(version, answer->log, &call->view, id, i, hash,
                                    &answer->out[i * version->n_outputs], answer->lane->arena);
        }
        if (hash > answer->samples->limits.threshold) {
            continue;
        }
        memcpy(text, id.data, id.n_bytes);
        text[id.n_bytes] = '\0';
        trivet_publisher_send_chosen(
            answer->lane->options->publisher, answer->samples,
            trivet_servable_model(version->servable), trivet_servable_version(version->servable),
            text, i,
            trivet_pipeline_number(version->pipeline, &answer->out[i * version->n_outputs]),
            total_us);
    }
}

static void offer_to_shadows(const struct answer *answer, const struct fast_call *call)
{
    const struct fast_version *version = answer->version;
    const struct trivet_shadow_call offer = {
        .traffic = call->shadowed,
        .answered_by = version->servable,
        .n_rows = call->view.rows,
        .outputs = answer->out,
        .matrix = call->view.values,
        .n_cols = version->n_inputs,
        .single_precision = call->view.single_precision,
    };
    trivet_shadows_offer(answer->lane->options->shadows, &offer);
}

/* False: nothing has been done. */
static bool reply(const struct answer *answer, const struct fast_call *call)
{
    const struct fast_version *version = answer->version;
    struct trivet_exchange *exchange = call->exchange;
    struct trivet_predict_output outputs[TRIVET_OUTPUTS_MAX];
    char made[ID_BYTES];
    struct trivet_text_view id = call->view.prediction_id;
    if (id.n_bytes == 0) {
        make_id(answer->lane, made);
        id = (struct trivet_text_view){made, ID_BYTES - 1};
    }
    for (size_t i = 0; i < version->n_output_parts; i++) {
        const struct trivet_output *output = &version->outputs[i];
        outputs[i].parts = &version->output_parts[i];
        if (!(output->is_decision ? fill_decisions(answer, call, output->is_text, &outputs[i])
                                  : fill_columns(answer, call, &outputs[i]))) {
            return false;
        }
    }
    const struct trivet_predict_reply reply = {
        .request_id = call->view.request_id,
        .queue_us = span_us(exchange->arrival_ns, answer->started_ns),
        .compute_us = span_us(answer->started_ns, answer->computed_ns),
        .total_us = span_us(exchange->arrival_ns, answer->computed_ns),
        .version_part = version->version_part,
        .version_bytes = version->version_bytes,
        .prediction_id = id,
        .rows = call->view.rows,
        .outputs = outputs,
        .n_outputs = version->n_output_parts,
    };
    uint8_t *room = exchange->ops->reserve(exchange, trivet_predict_reply_bytes(&reply));
    if (room == NULL) {
        return false;
    }
    (void)trivet_predict_reply_write(&reply, room);
    if (TRIVET_CHECKS) {
        sample(answer, call, id);
    }
    if (call->shadowed != NULL) {
        offer_to_shadows(answer, call);
    }
    exchange->ops->send(exchange);
    return true;
}

void trivet_fast_lane_leave(struct trivet_fast_lane *lane, struct fast_call *call)
{
    trivet_dispatch_on_request(lane->options->dispatch, call->exchange);
}

static bool is_late(const struct fast_call *call, int64_t now_ns)
{
    uint64_t timeout_us = call->view.timeout_us;
    return timeout_us > 0 && span_us(call->exchange->arrival_ns, now_ns) >= timeout_us;
}

static bool is_faulty(const struct fast_call *call, const struct trivet_row_status *faults)
{
    for (size_t i = 0; faults != NULL && i < call->view.rows; i++) {
        if (faults[call->first_row + i].fault != TRIVET_ROW_FINE) {
            return true;
        }
    }
    return false;
}

/* `n_served` calls of the batch, as lane->served has them. */
static void count_calls(struct trivet_fast_lane *lane, const struct fast_version *version,
                        size_t n_served, int64_t started_ns, int64_t computed_ns)
{
    struct trivet_version_totals *slot = trivet_servable_user(version->servable);
    if (slot != NULL && n_served > 0) {
        trivet_version_totals_add_batch(slot, lane->served, n_served, started_ns, computed_ns,
                                        computed_ns);
    }
    trivet_totals_add_calls(lane->options->totals, TRIVET_PREDICT_METHOD, TRIVET_OK, n_served);
}

void trivet_fast_lane_answer(struct trivet_fast_lane *lane, struct fast_version *version,
                             const double *out, const struct trivet_row_status *faults,
                             int64_t started_ns)
{
    const struct trivet_fast_lane_options *options = lane->options;
    const char *model = trivet_servable_model(version->servable);
    uint64_t number = trivet_servable_version(version->servable);
    int64_t computed_ns = trivet_clock_monotonic_ns();
    struct trivet_publisher_round samples = {0};
    struct trivet_log_round log = {0};
    if (TRIVET_CHECKS) {
        samples = trivet_publisher_begin_samples(options->publisher, model, number, version->n_rows,
                                                 computed_ns);
        log = trivet_log_begin(options->log, version->log, version->n_rows);
    }
    struct answer answer = {
        .lane = lane,
        .version = version,
        .started_ns = started_ns,
        .computed_ns = computed_ns,
        .samples = &samples,
        .log = &log,
        .observed = trivet_observer_begin(version->servable, version->n_rows, computed_ns)};
    trivet_cost_learn(&version->cost, version->n_rows, (double)(computed_ns - started_ns));
    struct fast_call *next;
    size_t n_served = 0;
    for (struct fast_call *call = version->calls; call != NULL; call = next) {
        next = call->next;
        struct trivet_served_call served = {.rows = call->view.rows,
                                            .arrival_ns = call->exchange->arrival_ns};
        answer.out = out + call->first_row * version->n_outputs;
        if (!is_faulty(call, faults) && !is_late(call, computed_ns) && reply(&answer, call)) {
            lane->served[n_served++] = served;
        } else {
            trivet_fast_lane_leave(lane, call);
        }
    }
    if (TRIVET_CHECKS) {
        trivet_publisher_end_samples(options->publisher, &samples, model, number);
        count_calls(lane, version, n_served, started_ns, computed_ns);
    }
    trivet_servable_touch(version->servable, computed_ns);
}
