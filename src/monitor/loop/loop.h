/* The loop of one model, from a finding to a better version and back: time and observations in, one
 * action out. Pure: no I/O, no clock, no lock; the owner's thread.
 *
 *   IDLE → GROW_TRAIN → GROW_HOLDOUT → TRAIN → TRAINING → EVALUATE → SHADOW → SHADOWING
 *        → CANARY → CANARYING → PROMOTE → WATCH → IDLE        (kept)
 *                                           ↳ ROLLBACK → IDLE (taken back)
 *   any step → CLEAR (when a split of ours is set) → IDLE     (refused or failed)
 *
 * Before IDLE comes TIDY: the datasets that the round grew go, but for those that are still needed.
 *
 * A round is one way through it. The owner asks trivet_loop_next() for what is due, stores the
 * state, makes the call, and hands the result to trivet_loop_done(), and stores the state again. A
 * crash in between repeats the call with the same request id, which trivetd answers without doing
 * it twice. Running totals may begin anew (a restart of trivetd, whose epoch is then another):
 * what was counted stays counted, what is new counts.
 *
 * What keeps labels that are wrong from driving it: a round needs `labels_min` new ones; the
 * holdout is chosen by a hash of the prediction's id, which the labels' sender does not control;
 * new rows are capped against the champion's own; the challenger must stay good on the champion's
 * own rows; and after a promotion the live quality is watched. trivetd itself limits how many
 * labels one caller may record. */
#ifndef TRIVET_MONITOR_LOOP_H
#define TRIVET_MONITOR_LOOP_H

#include "base/compiler.h"
#include "monitor/loop/policy.h"

#include <trivet/status.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TRIVET_LOOP_ID_BYTES         24 /* "ds-" or "job-" and 16 hex digits */
#define TRIVET_LOOP_TEXT_BYTES       256
#define TRIVET_LOOP_REQUEST_ID_BYTES 65
#define TRIVET_LOOP_RETRY_US_MAX     INT64_C(64000000) /* between two tries of a call */

enum trivet_loop_step {
    TRIVET_LOOP_IDLE,
    TRIVET_LOOP_GROW_TRAIN,   /* Feedback.GrowDataset on the champion's rows */
    TRIVET_LOOP_GROW_HOLDOUT, /* Feedback.GrowDataset of what is never trained on */
    TRIVET_LOOP_TRAIN,        /* Training.Train as the champion was */
    TRIVET_LOOP_TRAINING,     /* Training.GetJob until it has ended */
    TRIVET_LOOP_EVALUATE,     /* Evaluation.Evaluate of both */
    TRIVET_LOOP_SHADOW,       /* Models.SetTraffic */
    TRIVET_LOOP_SHADOWING,
    TRIVET_LOOP_CANARY, /* Models.SetTraffic */
    TRIVET_LOOP_CANARYING,
    TRIVET_LOOP_PROMOTE, /* Models.Promote */
    TRIVET_LOOP_WATCH,
    TRIVET_LOOP_ROLLBACK, /* Models.Rollback */
    TRIVET_LOOP_CLEAR,    /* Models.SetTraffic, none */
    TRIVET_LOOP_TIDY,     /* Datasets.Delete of what the round grew */
    TRIVET_LOOP_STEP_COUNT,
};

enum trivet_loop_trigger {
    TRIVET_LOOP_BY_NOTHING,
    TRIVET_LOOP_BY_DRIFT,
    TRIVET_LOOP_BY_QUALITY,
    TRIVET_LOOP_BY_SCHEDULE,
    TRIVET_LOOP_BY_LABELS,
    TRIVET_LOOP_TRIGGER_COUNT,
};

/* As in struct trivet_loop_version, of which the labelled only grow. */
enum trivet_loop_quality_meter {
    TRIVET_LOOP_LABELLED,
    TRIVET_LOOP_WEIGHT,
    TRIVET_LOOP_RIGHT,
    TRIVET_LOOP_SQUARED_ERROR,
    TRIVET_LOOP_ABSOLUTE_ERROR,
    TRIVET_LOOP_SQUARED_WEIGHT,
    TRIVET_LOOP_SQUARED_WEIGHT_RIGHT,
    TRIVET_LOOP_SQUARED_WEIGHT_ABSOLUTE_ERROR,
    TRIVET_LOOP_SQUARED_WEIGHT_SQUARED_ERROR,
    TRIVET_LOOP_QUALITY_METERS,
};

/* A running total, and what it grew by since it was begun. */
struct trivet_loop_meter {
    double last;
    double since;
};

/* Of one version, since the publisher's epoch. */
struct trivet_loop_version {
    double rows; /* predicted or failed */
    double failed;
    double labelled;       /* outcomes */
    double weight;         /* predictions they stand for */
    double right;          /* classification: weight of right ones */
    double squared_error;  /* regression: weighted sum */
    double absolute_error; /* likewise */
    double squared_weight; /* of the outcomes, and times … */
    double squared_weight_right;
    double squared_weight_absolute_error;
    double squared_weight_squared_error;
};

struct trivet_loop_observation {
    int64_t now_us;                                   /* Unix */
    bool reachable;                                   /* false: everything below is unknown */
    uint64_t epoch;                                   /* of the publisher, whose totals these are */
    uint64_t production;                              /* version; 0 = none */
    char production_dataset_id[TRIVET_LOOP_ID_BYTES]; /* that it was trained on */
    size_t n_shares;                                  /* of the model's traffic, whoever set them */
    bool challenger_has_share;
    double labelled; /* outcomes of all versions */
    bool drift;      /* alerts that fire for the version in production */
    bool quality;
    const char *why_drift; /* borrowed; may be NULL */
    const char *why_quality;
    struct trivet_loop_version champion; /* of the round; zeros outside of one */
    struct trivet_loop_version challenger;
    double shadow_seen; /* rows compared, or failed in the shadow only */
    double shadow_equal;
    double shadow_failed;
};

/* What EVALUATE found. */
struct trivet_loop_scores {
    char metric[TRIVET_POLICY_GATE_BYTES];
    bool greater_is_better;
    bool classification;
    uint64_t holdout_rows;
    double champion; /* on the holdout */
    double challenger;
    double quality;         /* the champion's accuracy, or mean squared error, on the holdout */
    double error;           /* its mean absolute error there; 0 = not known */
    double base_champion;   /* its own test, when it was trained */
    double base_challenger; /* on the champion's rows */
};

/* Survives a restart. Zeroed = before the first look. */
struct trivet_loop_state {
    enum trivet_loop_step step;
    enum trivet_loop_trigger trigger;
    uint64_t round; /* from 1; 0 = none yet */
    int64_t round_since_us;
    int64_t step_since_us;
    int64_t last_action_us;
    int64_t not_before_us; /* end of the cool-down */
    int64_t retry_us;      /* after a failure that may pass */
    uint32_t n_retries;
    uint64_t champion;
    uint64_t challenger;
    uint64_t train_rows;
    uint64_t holdout_rows;
    bool split_is_ours;
    bool scored;  /* `scores` holds */
    bool adopted; /* production needs the training dataset: it is the base of the next round's */
    bool awaited; /* the challenger waits for somebody, who may need both datasets */
    char train_dataset_id[TRIVET_LOOP_ID_BYTES]; /* empty: not grown, or deleted */
    char holdout_dataset_id[TRIVET_LOOP_ID_BYTES];
    char job_id[TRIVET_LOOP_ID_BYTES];
    struct trivet_loop_scores scores;
    bool labels_known;
    uint64_t epoch;                  /* of the totals below; 0 = not known */
    struct trivet_loop_meter labels; /* since the last round began */
    /* Since the step that looks at them began. */
    struct trivet_loop_meter champion_rows[2];                    /* rows, failed */
    struct trivet_loop_meter challenger_rows[2];                  /* rows, failed */
    struct trivet_loop_meter quality[TRIVET_LOOP_QUALITY_METERS]; /* of the challenger */
    struct trivet_loop_meter shadow[3];                           /* seen, equal, failed */
    bool doubtful; /* the last block that WATCH looked at was worse than chance explains, once */
    uint32_t n_judged;                    /* blocks of labels that WATCH found good */
    char finding[TRIVET_LOOP_TEXT_BYTES]; /* that a rollback is for */
    char why[TRIVET_LOOP_TEXT_BYTES];     /* what it waits for; empty while it acts */
};

/* A call to make. `step` says which; what it is about stands in the state. */
struct trivet_loop_action {
    bool due;
    enum trivet_loop_step step;
    char request_id[TRIVET_LOOP_REQUEST_ID_BYTES]; /* the same whenever this is repeated */
    char reason[TRIVET_LOOP_TEXT_BYTES];           /* for the audit log */
};

struct trivet_loop_result {
    enum trivet_status status;
    const char *message;              /* borrowed; of a failure */
    char id[TRIVET_LOOP_ID_BYTES];    /* GROW_*: the dataset; TRAIN: the job */
    uint64_t rows;                    /* GROW_* */
    bool running;                     /* TRAINING: not ended yet */
    uint64_t version;                 /* TRAINING: made; ROLLBACK: that answers now */
    struct trivet_loop_scores scores; /* EVALUATE */
};

enum trivet_loop_outcome {
    TRIVET_LOOP_BEGUN,
    TRIVET_LOOP_DONE,
    TRIVET_LOOP_SKIPPED, /* the step is off */
    TRIVET_LOOP_REFUSED, /* by a gate or a limit; the round is over */
    TRIVET_LOOP_FAILED,  /* the round is over */
    TRIVET_LOOP_OUTCOME_COUNT,
};

/* Something to be told: a line in the log, an event, a row in the history. */
struct trivet_loop_event {
    bool happened;
    uint64_t round;
    enum trivet_loop_step step;
    enum trivet_loop_outcome outcome;
    uint64_t version; /* that it is about; 0 = none */
    char text[TRIVET_LOOP_TEXT_BYTES];
};

/* What is due at `seen->now_us`: at most one action and one event. `enabled`: the master switch. */
void trivet_loop_next(const struct trivet_policy *policy, bool enabled,
                      struct trivet_loop_state *state, const struct trivet_loop_observation *seen,
                      struct trivet_loop_action *action, struct trivet_loop_event *event);
/* The action of the state's step was made. `now_us` Unix. */
void trivet_loop_done(const struct trivet_policy *policy, struct trivet_loop_state *state,
                      const struct trivet_loop_result *result, int64_t now_us,
                      struct trivet_loop_event *event);

/* "idle", "grow_train" …; "drift" …; "begun" … */
const char *trivet_loop_step_name(enum trivet_loop_step step);
const char *trivet_loop_trigger_name(enum trivet_loop_trigger trigger);
const char *trivet_loop_outcome_name(enum trivet_loop_outcome outcome);
/* And back. False for a name that is none. */
bool trivet_loop_step_parse(const char *name, enum trivet_loop_step *out);
bool trivet_loop_trigger_parse(const char *name, enum trivet_loop_trigger *out);
bool trivet_loop_outcome_parse(const char *name, enum trivet_loop_outcome *out);
/* When the next round may begin, or the next step be tried; 0 = now. */
int64_t trivet_loop_next_us(const struct trivet_policy *policy,
                            const struct trivet_loop_state *state);

#endif
