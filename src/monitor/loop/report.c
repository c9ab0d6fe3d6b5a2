#include "monitor/loop/report.h"

#include "base/text.h"
#include "monitor/json.h"

/* A text that was cut may end in half a character. */
static json_t *text_of(const char *text)
{
    char whole[TRIVET_LOOP_TEXT_BYTES];
    (void)trivet_text_copy(whole, sizeof(whole), text);
    trivet_text_trim_utf8(whole);
    return json_string(whole);
}

json_t *trivet_loop_report_step(const char *model, const struct trivet_history_loop_step *step)
{
    const struct trivet_loop_event *event = &step->event;
    return json_pack("{s:s, s:s, s:I, s:o, s:s, s:s, s:o, s:o}", "kind", "loop_step", "model",
                     model, "unix_us", (json_int_t)step->unix_us, "round",
                     trivet_json_count(event->round), "step", trivet_loop_step_name(event->step),
                     "outcome", trivet_loop_outcome_name(event->outcome), "version",
                     trivet_json_count(event->version), "text", text_of(event->text));
}

static json_t *scores_of(const struct trivet_loop_state *state)
{
    const struct trivet_loop_scores *scores = &state->scores;
    if (!state->scored) {
        return json_null();
    }
    return json_pack("{s:s, s:b, s:o, s:o, s:o, s:o, s:o, s:o}", "metric", scores->metric,
                     "greater_is_better", scores->greater_is_better, "holdout_rows",
                     trivet_json_count(scores->holdout_rows), "champion",
                     trivet_json_number(scores->champion), "challenger",
                     trivet_json_number(scores->challenger), "quality_before",
                     trivet_json_number(scores->quality), "base_champion",
                     trivet_json_number(scores->base_champion), "base_challenger",
                     trivet_json_number(scores->base_challenger));
}

static json_t *switches_of(const struct trivet_policy *policy)
{
    return json_pack("{s:b, s:b, s:b, s:b, s:b, s:b, s:b}", "train", policy->train, "evaluate",
                     policy->evaluate, "shadow", policy->shadow, "canary", policy->canary,
                     "promote", policy->promote, "rollback", policy->rollback, "tidy",
                     policy->tidy);
}

static json_t *triggers_of(const struct trivet_policy *policy)
{
    return json_pack("{s:b, s:b, s:o, s:o}", "drift", policy->on_drift, "quality",
                     policy->on_quality, "every_s",
                     trivet_json_number((double)policy->every_us / 1e6), "new_labels",
                     trivet_json_count(policy->new_labels));
}

json_t *trivet_loop_report_model(const struct trivet_policy *policy,
                                 const struct trivet_loop_state *state,
                                 const struct trivet_history_loop_step *steps, size_t n_steps)
{
    json_t *taken = json_array();
    bool good = taken != NULL;
    for (size_t i = 0; i < n_steps && good; i++) {
        good = json_array_append_new(taken, trivet_loop_report_step(policy->model, &steps[i])) == 0;
    }
    if (!good) {
        json_decref(taken);
        taken = NULL;
    }
    json_t *json = json_pack(
        "{s:s, s:b, s:s, s:s, s:o, s:I, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "model",
        policy->model, "enabled", policy->enabled, "step", trivet_loop_step_name(state->step),
        "trigger", trivet_loop_trigger_name(state->trigger), "round",
        trivet_json_count(state->round), "round_since_unix_us", (json_int_t)state->round_since_us,
        "step_since_unix_us", (json_int_t)state->step_since_us, "next_unix_us",
        (json_int_t)trivet_loop_next_us(policy, state), "champion",
        trivet_json_count(state->champion), "challenger", trivet_json_count(state->challenger),
        "why", text_of(state->why), "labels", trivet_json_number(state->labels.since), "labels_min",
        trivet_json_count(policy->labels_min), "scores", scores_of(state), "triggers",
        triggers_of(policy));
    if (json == NULL || json_object_set_new(json, "switches", switches_of(policy)) != 0 ||
        json_object_set_new(json, "train_dataset_id", json_string(state->train_dataset_id)) != 0 ||
        json_object_set_new(json, "holdout_dataset_id", json_string(state->holdout_dataset_id)) !=
            0 ||
        json_object_set_new(json, "job_id", json_string(state->job_id)) != 0 ||
        json_object_set_new(json, "steps", taken) != 0) {
        json_decref(json);
        return NULL;
    }
    return json;
}
