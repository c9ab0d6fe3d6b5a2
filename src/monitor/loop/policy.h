/* What may happen to a model by itself: the policy file.
 *
 * INI: a section [loop] for all, a section [loop MODEL] for each model that has a policy. Nothing
 * is automatic for a model without one. Every trigger, every step and the whole can be turned off.
 * Sections of other names are left to other programs. Pure data; loop.h acts on it. */
#ifndef TRIVET_MONITOR_POLICY_H
#define TRIVET_MONITOR_POLICY_H

#include "base/compiler.h"

#include <trivet/error.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TRIVET_POLICIES_MAX      128
#define TRIVET_POLICY_NAME_BYTES 65
#define TRIVET_POLICY_GATES_MAX  8
#define TRIVET_POLICY_GATE_BYTES 80

struct trivet_policy {
    char model[TRIVET_POLICY_NAME_BYTES];
    bool enabled;

    /* What begins a round. */
    bool on_drift;       /* a drift alert of the version in production fires */
    bool on_quality;     /* a quality alert of it fires */
    int64_t every_us;    /* so long after the last round; 0 = never */
    uint64_t new_labels; /* so many labels since the last round; 0 = never */

    /* Steps; one that is off is left out, but without `train` no round begins, and without
     * `promote` a round ends before it. */
    bool train;
    bool evaluate;
    bool shadow;
    bool canary;
    bool promote;
    bool rollback;
    bool tidy; /* delete what a round grew, once it is over */

    /* Caution. */
    uint64_t labels_min;     /* new labels that a round needs, whatever begins it */
    int64_t cooldown_us;     /* from the end of a round to the next */
    int64_t pause_us;        /* from one step to the next; a rollback does not wait */
    int64_t step_timeout_us; /* a step that takes longer ends the round; 0 = never */

    /* Rows. */
    int64_t fresh_us;       /* labels of predictions that are no older; 0 = all */
    uint64_t grow_rows_max; /* labelled rows to train on, the newest */
    double growth_max;      /* … and at most so many for one of the champion's rows of no log */
    double holdout_share;   /* of labelled predictions, never trained on */
    uint64_t holdout_rows_min; /* fewer: the round ends */

    /* Gates. */
    char metric[TRIVET_POLICY_GATE_BYTES]; /* empty: r2 or f1_macro */
    char require[TRIVET_POLICY_GATES_MAX][TRIVET_POLICY_GATE_BYTES];
    size_t n_require;
    double better_by; /* on the holdout, in units of the metric */
    double
        base_drop_max; /* on the champion's own rows, by how much less than the champion's test */

    double shadow_share;         /* of calls that the shadow computes too */
    int64_t shadow_us;           /* at least so long … */
    uint64_t shadow_rows;        /* … and so many rows compared */
    double shadow_failed_max;    /* share of rows that only the shadow could not predict */
    double shadow_agreement_min; /* share of rows with an equal answer; 0 = not looked at */

    double canary_share; /* of calls that the challenger answers */
    int64_t canary_us;
    uint64_t canary_rows;     /* answered by the challenger */
    double canary_failed_max; /* share of failed rows beyond the champion's */

    int64_t watch_us;      /* after the promotion */
    uint64_t watch_labels; /* labels that are judged together */
    double watch_drop;     /* how far below what the champion had is a fall */
};

struct trivet_policies {
    bool enabled;     /* the master switch */
    int64_t check_us; /* between two looks at the server */
    struct trivet_policy items[TRIVET_POLICIES_MAX];
    size_t n_items;
};

/* What a section that says nothing means. */
void trivet_policy_defaults(struct trivet_policy *policy, const char *model);

/* INVALID_ARGUMENT names file, line and what is expected; NOT_FOUND: the file cannot be read. `out`
 * is untouched on failure. */
enum trivet_status trivet_policies_read(const char *path, struct trivet_policies *out,
                                        struct trivet_error *err) TRIVET_MUST_USE;

/* "90s", "10m", "6h", "2d", "0"; whole or decimal. False when it is none or negative. */
bool trivet_policy_duration(const char *text, int64_t *out_us);

#endif
