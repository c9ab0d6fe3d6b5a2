/* Between the files of the fast lane only. */
#ifndef TRIVET_RPC_FAST_LANE_INTERNAL_H
#define TRIVET_RPC_FAST_LANE_INTERNAL_H

#include "base/arena.h"
#include "base/compiler.h"
#include "base/rng.h"
#include "data/table.h"
#include "events/prediction_log.h"
#include "models/outputs.h"
#include "models/pipeline.h"
#include "rpc/fast_lane.h"
#include "rpc/listener.h"
#include "serving/servable_set.h"
#include "wire/predict_frame.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FAST_LANE_VERSIONS  128
#define FAST_LANE_CALLS_MAX 1024

/* A call whose rows wait for the batch of their version. Its view lies in the exchange's bytes. */
struct fast_call {
    struct trivet_exchange *exchange;
    struct trivet_predict_view view;
    size_t first_row;                /* of the batch */
    struct trivet_traffic *shadowed; /* shadows compute it too; the split's entry has it. Or NULL */
    struct fast_call *next;
};

/* What a look-up by (model, version, alias) gave, with all of a reply that is the same for each
 * call, and the rows of this turn. */
struct fast_version {
    char *key; /* model, alias: as in the request */
    size_t model_bytes;
    size_t alias_bytes;
    uint64_t number; /* as asked for; 0 = by alias */
    uint64_t used;   /* the lane's: greater is later */
    bool fit;     /* false: the general way's, and what batches and replies need may be missing */
    size_t place; /* in the lane's table */

    /* Our reference: the calls are shared by other versions. NULL: they are not; else it is not
     * fit, and has nothing of the below but the places where those were found last. */
    struct trivet_traffic *traffic;
    bool has_shadows;
    size_t share_places[TRIVET_TRAFFIC_MEMBERS_MAX];

    struct trivet_servable *servable; /* our reference */
    const struct trivet_pipeline *pipeline;
    size_t n_inputs;
    size_t n_features;
    size_t n_outputs;
    enum trivet_output_kind kind;
    struct trivet_cost cost;
    struct trivet_log_version *log; /* our reference; NULL = not logged */
    uint64_t n_dear;                /* calls that went to the workers for what they cost */

    struct trivet_arena *parts; /* all of the below */
    const uint8_t *version_part;
    size_t version_bytes;
    const struct trivet_output *outputs; /* static */
    size_t n_output_parts;
    struct trivet_predict_output_parts output_parts[TRIVET_OUTPUTS_MAX];

    /* The batch of the turn. */
    size_t rows_max;
    size_t n_rows;
    size_t n_calls;
    const struct trivet_plan *plan; /* NULL: by columns over x, into which rows are copied */
    bool single_precision;          /* of the batch's rows, with a plan */
    const void **rows;              /* rows_max, with a plan: where the requests have them */
    void *scratch;                  /* the plan's */
    double *x;                      /* (rows_max, n_inputs), without */
    struct fast_call *calls;
    struct fast_call **calls_end;
    struct trivet_column *columns; /* n_inputs, over x */
};

struct trivet_fast_lane {
    const struct trivet_fast_lane_options *options;
    struct trivet_servable_watch watch;
    uint64_t generation; /* of all that is in `versions` */
    struct fast_version *versions[FAST_LANE_VERSIONS];
    uint64_t n_found;
    struct fast_version *last;       /* of them, found last; or NULL */
    struct trivet_arena *arena;      /* of one batch */
    struct trivet_rng rng;           /* for ids */
    double turn_ns;                  /* of prediction, taken on in this turn */
    struct trivet_traffic *shadowed; /* of the call that is being taken: as in struct fast_call */
    size_t n_calls;
    struct fast_call calls[FAST_LANE_CALLS_MAX];
    struct trivet_served_call served[FAST_LANE_CALLS_MAX];
};

/* --- fast_lane_version.c ---- */
/* The version that the request names, if it is loaded; fit if its rows can be taken from a matrix:
 * numeric inputs, each row by itself. NULL when it is not loaded, and when out of memory. */
struct fast_version *trivet_fast_version_create(struct trivet_servable_set *set,
                                                const struct trivet_predict_view *view);
/* With no calls left. NULL is fine. */
void trivet_fast_version_free(struct fast_version *version);
bool trivet_fast_version_is(const struct fast_version *version,
                            const struct trivet_predict_view *view);
/* The request's rows become rows [n_rows …) of the batch, for which there is room; without being
 * counted. False: one has a value that is not finite. */
bool trivet_fast_version_add_rows(struct fast_version *version,
                                  const struct trivet_predict_view *view);
/* The n_rows of the batch → out (n_rows, n_outputs); *faults (n_rows, in `arena`) says which rows
 * are no answers, NULL: none. False: it failed. The general way says why. */
bool trivet_fast_version_predict(struct fast_version *version, struct trivet_arena *arena,
                                 double *out, struct trivet_row_status **faults);
/* All rows of one request likewise, with nothing in the batch; false when there is any fault. */
bool trivet_fast_version_predict_request(struct fast_version *version,
                                         const struct trivet_predict_view *view,
                                         struct trivet_arena *arena, double *out);
/* Row `row` of a request, which the round has chosen, to the log; `out` is what was estimated. */
void trivet_fast_version_log(const struct fast_version *version, struct trivet_log_round *round,
                             const struct trivet_predict_view *view, struct trivet_text_view id,
                             uint32_t row, uint64_t hash, const double *out,
                             struct trivet_arena *arena);

/* --- fast_lane_answer.c ---- */
/* Answers the batch's calls from `out`, and counts them; those with a fault, and what is too late,
 * are left. */
void trivet_fast_lane_answer(struct trivet_fast_lane *lane, struct fast_version *version,
                             const double *out, const struct trivet_row_status *faults,
                             int64_t started_ns);
/* To the general way, from the start. */
void trivet_fast_lane_leave(struct trivet_fast_lane *lane, struct fast_call *call);

#endif
