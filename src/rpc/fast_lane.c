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
#include "base/clock.h"
#include "base/rng.h"
#include "rpc/fast_lane_internal.h"
#include "rpc/log_rows.h"

#include <assert.h>
#include <string.h>

#define WAYS           8                 /* places for one version */
#define BYTES_MAX      ((size_t)4 << 20) /* of one request */
#define ROWS_TO_GATHER 64                /* more are predicted on their own */
/* What a call costs that goes to a worker and back: cheaper ones never go. */
#define HAND_OVER_NS      20000
#define DEAR_CALLS_TO_ASK 32
#define ARENA_BYTES_MAX   ((size_t)64 << 20)
#define ARENA_BYTES_KEEP  ((size_t)1 << 20)

/* --- batches --------------------------------------------------------------------------------- */

static void leave_all(struct trivet_fast_lane *lane, struct fast_version *version)
{
    struct fast_call *next;
    for (struct fast_call *call = version->calls; call != NULL; call = next) {
        next = call->next;
        trivet_fast_lane_leave(lane, call);
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
        trivet_fast_lane_answer(lane, version, out, faults, started_ns);
    } else {
        leave_all(lane, version);
    }
    clear_batch(version);
}

static void run_batches(struct trivet_fast_lane *lane)
{
    for (size_t i = 0; lane->n_calls > 0 && i < FAST_LANE_VERSIONS; i++) {
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
    trivet_fast_lane_answer(lane, version, out, NULL, started_ns);
    clear_batch(version);
    lane->n_calls--;
    return true;
}

/* --- versions -------------------------------------------------------------------------------- */

/* No calls may wait. */
static void let_go(struct trivet_fast_lane *lane)
{
    for (size_t i = 0; i < FAST_LANE_VERSIONS; i++) {
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
        struct fast_version **place = &lane->versions[(hash + i) % FAST_LANE_VERSIONS];
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
        struct fast_version *each = lane->versions[(hash + i) % FAST_LANE_VERSIONS];
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
    if (lane->n_calls == FAST_LANE_CALLS_MAX) {
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
