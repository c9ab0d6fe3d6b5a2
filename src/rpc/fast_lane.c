/* DESIGN
 * Everything of a lane belongs to the thread of its loop. A version that is asked for is kept with
 * its reference until the servable set's generation changes: before each use it is compared, and
 * when nothing calls, the set's watch wakes the loop and end_turn lets go of what is stale.
 *
 * A request of few rows is put to the batch of its version, which runs at the end of the turn, or
 * when it is full. One of many rows is predicted when it is there. With a plan both are read where
 * the requests have them. Whatever does not go well is left to the general way, from the start:
 * nothing has been answered or counted by then. */
#include "rpc/fast_lane.h"

#include "base/alloc.h"
#include "base/checks.h"
#include "base/clock.h"
#include "base/rng.h"
#include "rpc/fast_lane_internal.h"
#include "rpc/log_rows.h"
#include "serving/observer.h"

#include <assert.h>
#include <string.h>

#define VERSIONS       128
#define WAYS           8 /* places for one version */
#define CALLS_MAX      1024
#define BYTES_MAX      ((size_t)4 << 20) /* of one request */
#define ROWS_TO_GATHER 64                /* more are predicted on their own */
/* What a call costs that goes to a worker and back: cheaper ones never go. */
#define HAND_OVER_NS      20000
#define DEAR_CALLS_TO_ASK 32
#define ARENA_BYTES_MAX   ((size_t)64 << 20)
#define ARENA_BYTES_KEEP  ((size_t)1 << 20)
#define ID_BYTES          19 /* "p-" and 16 digits, with the NUL */

struct trivet_fast_lane {
    const struct trivet_fast_lane_options *options;
    struct trivet_servable_watch watch;
    uint64_t generation; /* of all that is in `versions` */
    struct fast_version *versions[VERSIONS];
    uint64_t n_found;
    struct fast_version *last;       /* of them, found last; or NULL */
    struct trivet_arena *arena;      /* of one batch */
    struct trivet_rng rng;           /* for ids */
    double turn_ns;                  /* of prediction, taken on in this turn */
    struct trivet_traffic *shadowed; /* of the call that is being taken: as in struct fast_call */
    size_t n_calls;
    struct fast_call calls[CALLS_MAX];
    struct trivet_served_call served[CALLS_MAX];
};

/* --- answering ------------------------------------------------------------------------------- */

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
    uint64_t id_hash = trivet_hash_bytes(id.data, id.n_bytes);
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

/* --- the general way ------------------------------------------------------------------------- */

static void leave(struct trivet_fast_lane *lane, struct fast_call *call)
{
    trivet_dispatch_on_request(lane->options->dispatch, call->exchange);
}

static bool is_late(const struct fast_call *call, int64_t now_ns)
{
    uint64_t timeout_us = call->view.timeout_us;
    return timeout_us > 0 && span_us(call->exchange->arrival_ns, now_ns) >= timeout_us;
}

/* --- batches --------------------------------------------------------------------------------- */

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

/* Answers the calls of `version` from `out`, and counts them; those with a fault are left. */
static void answer_calls(struct trivet_fast_lane *lane, struct fast_version *version,
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
            leave(lane, call);
        }
    }
    if (TRIVET_CHECKS) {
        trivet_publisher_end_samples(options->publisher, &samples, model, number);
        count_calls(lane, version, n_served, started_ns, computed_ns);
    }
    trivet_servable_touch(version->servable, computed_ns);
}

static void leave_all(struct trivet_fast_lane *lane, struct fast_version *version)
{
    struct fast_call *next;
    for (struct fast_call *call = version->calls; call != NULL; call = next) {
        next = call->next;
        leave(lane, call);
    }
}

static void clear_batch(struct fast_version *version)
{
    version->n_rows = 0;
    version->n_calls = 0;
    version->calls = NULL;
    version->calls_end = &version->calls;
}

static void run_batch(struct trivet_fast_lane *lane, struct fast_version *version)
{
    if (version->n_calls == 0) {
        return;
    }
    int64_t started_ns = trivet_clock_monotonic_ns();
    trivet_arena_reset(lane->arena);
    double *out =
        trivet_arena_alloc_array(lane->arena, version->n_rows * version->n_outputs, sizeof(*out));
    struct trivet_row_status *faults = NULL;
    if (out != NULL && trivet_fast_version_predict(version, lane->arena, out, &faults)) {
        answer_calls(lane, version, out, faults, started_ns);
    } else {
        leave_all(lane, version);
    }
    clear_batch(version);
}

static void run_batches(struct trivet_fast_lane *lane)
{
    for (size_t i = 0; lane->n_calls > 0 && i < VERSIONS; i++) {
        if (lane->versions[i] != NULL) {
            run_batch(lane, lane->versions[i]);
        }
    }
}

static void end_turn(struct trivet_fast_lane *lane);

static void add_call(struct trivet_fast_lane *lane, struct fast_version *version,
                     struct trivet_exchange *exchange, const struct trivet_predict_view *view)
{
    struct fast_call *call = &lane->calls[lane->n_calls++];
    *call = (struct fast_call){.exchange = exchange,
                               .view = *view,
                               .first_row = version->n_rows,
                               .shadowed = lane->shadowed};
    *version->calls_end = call;
    version->calls_end = &call->next;
    version->n_calls++;
    version->n_rows += view->rows;
}

/* Few rows: to those of other calls. */
static bool gather(struct trivet_fast_lane *lane, struct fast_version *version,
                   struct trivet_exchange *exchange, const struct trivet_predict_view *view)
{
    if (version->n_rows + view->rows > version->rows_max ||
        (version->plan != NULL && version->single_precision != view->single_precision)) {
        run_batch(lane, version);
    }
    if (!trivet_fast_version_add_rows(version, view)) {
        return false;
    }
    add_call(lane, version, exchange, view);
    return true;
}

/* Many rows: on their own, at once, where they lie. */
static bool predict_now(struct trivet_fast_lane *lane, struct fast_version *version,
                        struct trivet_exchange *exchange, const struct trivet_predict_view *view)
{
    run_batch(lane, version);
    int64_t started_ns = trivet_clock_monotonic_ns();
    trivet_arena_reset(lane->arena);
    double *out =
        trivet_arena_alloc_array(lane->arena, view->rows * version->n_outputs, sizeof(*out));
    if (out == NULL || !trivet_fast_version_predict_request(version, view, lane->arena, out)) {
        return false;
    }
    add_call(lane, version, exchange, view);
    answer_calls(lane, version, out, NULL, started_ns);
    clear_batch(version);
    lane->n_calls--;
    return true;
}

/* --- versions -------------------------------------------------------------------------------- */

/* No calls may wait. */
static void let_go(struct trivet_fast_lane *lane)
{
    for (size_t i = 0; i < VERSIONS; i++) {
        trivet_fast_version_free(lane->versions[i]);
        lane->versions[i] = NULL;
    }
    lane->last = NULL;
}

/* What has changed since is asked for anew. */
static void check_generation(struct trivet_fast_lane *lane)
{
    uint64_t generation = trivet_servable_set_generation(lane->options->servables);
    if (generation != lane->generation) {
        end_turn(lane);
        let_go(lane);
        lane->generation = generation;
    }
}

/* Of the places where the version may be, a free one or that of the one used longest ago. */
static struct fast_version **choose_place(struct trivet_fast_lane *lane, uint64_t hash)
{
    struct fast_version **chosen = NULL;
    for (size_t i = 0; i < WAYS; i++) {
        struct fast_version **place = &lane->versions[(hash + i) % VERSIONS];
        if (*place == NULL) {
            return place;
        }
        if (chosen == NULL || (*place)->used < (*chosen)->used) {
            chosen = place;
        }
    }
    return chosen;
}

/* NULL when it is not loaded. */
static struct fast_version *find_named(struct trivet_fast_lane *lane,
                                       const struct trivet_predict_view *view)
{
    struct fast_version *found = lane->last;
    if (found != NULL && trivet_fast_version_is(found, view)) {
        return found;
    }
    uint64_t hash = trivet_hash_bytes(view->model.data, view->model.n_bytes) ^ view->version;
    if (view->alias.n_bytes > 0) {
        hash ^= trivet_hash_mix64(trivet_hash_bytes(view->alias.data, view->alias.n_bytes));
    }
    hash = trivet_hash_mix64(hash);
    found = NULL;
    for (size_t i = 0; i < WAYS && found == NULL; i++) {
        struct fast_version *each = lane->versions[(hash + i) % VERSIONS];
        found = each != NULL && trivet_fast_version_is(each, view) ? each : NULL;
    }
    if (found == NULL) {
        found = trivet_fast_version_create(lane->options->servables, view);
        if (found == NULL) {
            return NULL;
        }
        found->log = found->fit ? trivet_log_version_of(lane->options->log, found->servable) : NULL;
        struct fast_version **place = choose_place(lane, hash);
        if (*place != NULL) {
            run_batches(lane); /* shadowed calls of any version have the split of an entry */
            trivet_fast_version_free(*place);
        }
        *place = found;
        found->place = (size_t)(place - lane->versions);
    }
    found->used = ++lane->n_found;
    lane->last = found;
    return found;
}

/* The version that the split gives the call to. */
static struct fast_version *find_share(struct trivet_fast_lane *lane, struct fast_version *split,
                                       struct trivet_exchange *exchange,
                                       const struct trivet_predict_view *view)
{
    struct trivet_text_view key = view->key.n_bytes > 0 ? view->key : view->prediction_id;
    size_t n_shares;
    const struct trivet_traffic_member *shares = trivet_traffic_shares(split->traffic, &n_shares);
    size_t i =
        trivet_traffic_choose(split->traffic, key.data, key.n_bytes, &exchange->traffic_turn);
    struct fast_version *share = lane->versions[split->share_places[i]];
    split->used = ++lane->n_found;
    if (share == NULL || share->servable != shares[i].servable) {
        struct trivet_predict_view by_number = *view;
        by_number.version = trivet_servable_version(shares[i].servable);
        by_number.alias.n_bytes = 0;
        share = find_named(lane, &by_number);
        if (share == NULL) {
            return NULL;
        }
        split->share_places[i] = share->place;
        lane->last = split; /* still there, as the one used last */
    }
    share->used = ++lane->n_found;
    lane->shadowed = split->has_shadows ? split->traffic : NULL;
    return share;
}

/* NULL when the lane cannot serve it. */
static struct fast_version *find_version(struct trivet_fast_lane *lane,
                                         struct trivet_exchange *exchange,
                                         const struct trivet_predict_view *view)
{
    struct fast_version *found = find_named(lane, view);
    lane->shadowed = NULL;
    if (found != NULL && found->traffic != NULL) {
        found = find_share(lane, found, exchange, view);
    }
    return found != NULL && found->fit ? found : NULL;
}

/* --- the face -------------------------------------------------------------------------------- */

/* Whether the turn has room for so many rows. What the lane no longer measures the workers do, so
 * their word is asked for now and then: an estimate that is too high does not stay so. */
static bool is_cheap(const struct trivet_fast_lane *lane, struct fast_version *version,
                     size_t n_rows, double *cost_ns)
{
    double room_ns = (double)lane->options->turn_ns_max;
    *cost_ns = version->cost.row_ns * (double)n_rows;
    if (version->n_calls == 0) {
        *cost_ns += version->cost.batch_ns;
    }
    if (*cost_ns > room_ns && ++version->n_dear % DEAR_CALLS_TO_ASK == 0) {
        version->cost = trivet_servable_cost(version->servable);
    }
    return *cost_ns <= room_ns && (*cost_ns <= HAND_OVER_NS || lane->turn_ns + *cost_ns <= room_ns);
}

static bool take(struct trivet_fast_lane *lane, struct trivet_exchange *exchange)
{
    struct trivet_predict_view view;
    if (exchange->n_bytes > BYTES_MAX ||
        !trivet_predict_frame_parse(exchange->data, exchange->n_bytes, &view) ||
        view.rows > TRIVET_ROWS_MAX_PER_CALL ||
        trivet_dispatch_is_draining(lane->options->dispatch)) {
        return false;
    }
    if (lane->n_calls == CALLS_MAX) {
        end_turn(lane); /* before a version is in hand: it may let go of them */
    }
    check_generation(lane);
    struct fast_version *version = find_version(lane, exchange, &view);
    if (version == NULL || view.cols != version->n_inputs) {
        return false;
    }
    double cost_ns = 0;
    if (!is_cheap(lane, version, view.rows, &cost_ns)) {
        return false;
    }
    bool few = view.rows <= ROWS_TO_GATHER && view.rows <= version->rows_max;
    bool taken =
        few ? gather(lane, version, exchange, &view) : predict_now(lane, version, exchange, &view);
    lane->turn_ns += taken ? cost_ns : 0;
    return taken;
}

static void end_turn(struct trivet_fast_lane *lane)
{
    run_batches(lane);
    lane->n_calls = 0;
    lane->turn_ns = 0;
    if (trivet_servable_set_generation(lane->options->servables) != lane->generation) {
        let_go(lane);
    }
}

static struct trivet_fast_lane *open_lane(void *ctx, void (*wake)(void *wake_ctx), void *wake_ctx)
{
    struct trivet_fast_lane *lane = trivet_calloc(1, sizeof(*lane));
    if (lane == NULL) {
        return NULL;
    }
    lane->options = ctx;
    lane->arena = trivet_arena_create(ARENA_BYTES_MAX, ARENA_BYTES_KEEP);
    if (lane->arena == NULL) {
        trivet_free(lane);
        return NULL;
    }
    trivet_rng_seed(&lane->rng, trivet_rng_entropy());
    lane->watch = (struct trivet_servable_watch){.changed = wake, .ctx = wake_ctx};
    trivet_servable_set_watch(lane->options->servables, &lane->watch);
    return lane;
}

static void close_lane(struct trivet_fast_lane *lane)
{
    if (lane == NULL) {
        return;
    }
    assert(lane->n_calls == 0);
    trivet_servable_set_unwatch(lane->options->servables, &lane->watch);
    let_go(lane);
    trivet_arena_free(lane->arena);
    trivet_free(lane);
}

const struct trivet_fast_lane_ops trivet_fast_lane_ops = {
    .open = open_lane,
    .take = take,
    .end_turn = end_turn,
    .close = close_lane,
};
