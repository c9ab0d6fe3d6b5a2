#include "monitor/loop/state.h"

#include "base/log.h"
#include "base/text.h"
#include "monitor/json.h"

#include <float.h>
#include <math.h>
#include <string.h>

#define DUMP_FLAGS (JSON_COMPACT | JSON_REAL_PRECISION(17))

enum field_type { NUMBER, COUNT, BITS, TIME, FLAG, TEXT };

/* One member of the state: its name in the text, and where it is. */
struct field {
    const char *name;
    size_t offset;
    size_t n_bytes; /* of TEXT */
    enum field_type type;
};

#define AT(member)          offsetof(struct trivet_loop_state, member), 0
#define TEXT_OF(member)     offsetof(struct trivet_loop_state, member), sizeof_member(member), TEXT
#define sizeof_member(name) sizeof(((struct trivet_loop_state *)0)->name)
#define METER(name, member)                                                                        \
    {name "_last", AT(member.last), NUMBER},                                                       \
    {                                                                                              \
        name "_since", AT(member.since), NUMBER                                                    \
    }

static const struct field fields[] = {
    {"round", AT(round), COUNT},
    {"round_since_us", AT(round_since_us), TIME},
    {"step_since_us", AT(step_since_us), TIME},
    {"last_action_us", AT(last_action_us), TIME},
    {"not_before_us", AT(not_before_us), TIME},
    {"retry_us", AT(retry_us), TIME},
    {"champion", AT(champion), COUNT},
    {"challenger", AT(challenger), COUNT},
    {"train_rows", AT(train_rows), COUNT},
    {"holdout_rows", AT(holdout_rows), COUNT},
    {"split_is_ours", AT(split_is_ours), FLAG},
    {"scored", AT(scored), FLAG},
    {"train_dataset_id", TEXT_OF(train_dataset_id)},
    {"holdout_dataset_id", TEXT_OF(holdout_dataset_id)},
    {"job_id", TEXT_OF(job_id)},
    {"metric", TEXT_OF(scores.metric)},
    {"greater_is_better", AT(scores.greater_is_better), FLAG},
    {"classification", AT(scores.classification), FLAG},
    {"scored_rows", AT(scores.holdout_rows), COUNT},
    {"champion_score", AT(scores.champion), NUMBER},
    {"challenger_score", AT(scores.challenger), NUMBER},
    {"quality_before", AT(scores.quality), NUMBER},
    {"base_champion", AT(scores.base_champion), NUMBER},
    {"base_challenger", AT(scores.base_challenger), NUMBER},
    {"labels_known", AT(labels_known), FLAG},
    METER("labels", labels),
    METER("champion_rows", champion_rows[0]),
    METER("champion_failed", champion_rows[1]),
    METER("challenger_rows", challenger_rows[0]),
    METER("challenger_failed", challenger_rows[1]),
    METER("labelled", quality[TRIVET_LOOP_LABELLED]),
    METER("weight", quality[TRIVET_LOOP_WEIGHT]),
    METER("right", quality[TRIVET_LOOP_RIGHT]),
    METER("squared_error", quality[TRIVET_LOOP_SQUARED_ERROR]),
    METER("shadow_seen", shadow[0]),
    METER("shadow_equal", shadow[1]),
    METER("shadow_failed", shadow[2]),
    {"finding", TEXT_OF(finding)},
    {"why", TEXT_OF(why)},
};

/* Those that a state of an earlier version does not have. */
static const struct field later_fields[] = {
    {"adopted", AT(adopted), FLAG},
    {"awaited", AT(awaited), FLAG},
    {"epoch", AT(epoch), BITS},
    {"doubtful", AT(doubtful), FLAG},
    {"error_before", AT(scores.error), NUMBER},
    METER("absolute_error", quality[TRIVET_LOOP_ABSOLUTE_ERROR]),
    METER("squared_weight", quality[TRIVET_LOOP_SQUARED_WEIGHT]),
    METER("squared_weight_right", quality[TRIVET_LOOP_SQUARED_WEIGHT_RIGHT]),
    METER("squared_weight_absolute_error", quality[TRIVET_LOOP_SQUARED_WEIGHT_ABSOLUTE_ERROR]),
    METER("squared_weight_squared_error", quality[TRIVET_LOOP_SQUARED_WEIGHT_SQUARED_ERROR]),
};

/* A text that was cut may end in half a character. */
static json_t *text_member(const char *text)
{
    char whole[TRIVET_LOOP_TEXT_BYTES];
    (void)trivet_text_copy(whole, sizeof(whole), text);
    trivet_text_trim_utf8(whole);
    return json_string(whole);
}

/* JSON has no word for those that are not finite. */
static const struct {
    const char *name;
    double value;
} not_finite[] = {{"inf", INFINITY}, {"-inf", -INFINITY}, {"nan", NAN}};

static json_t *number_member(double value)
{
    if (isfinite(value)) {
        return json_real(value);
    }
    return json_string(not_finite[isnan(value) ? 2 : value < 0].name);
}

static bool read_number(const json_t *value, double *out)
{
    *out = json_number_value(value);
    bool good = json_is_number(value);
    for (size_t i = 0; i < TRIVET_ARRAY_COUNT(not_finite) && json_is_string(value); i++) {
        if (strcmp(json_string_value(value), not_finite[i].name) == 0) {
            *out = not_finite[i].value;
            good = true;
        }
    }
    return good;
}

static json_t *member_of(const struct trivet_loop_state *state, const struct field *field)
{
    const void *at = (const char *)state + field->offset;
    switch (field->type) {
    case NUMBER:
        return number_member(*(const double *)at);
    case COUNT:
        return trivet_json_count(*(const uint64_t *)at);
    case BITS:
        return json_integer((json_int_t) * (const uint64_t *)at);
    case TIME:
        return json_integer(*(const int64_t *)at);
    case FLAG:
        return json_boolean(*(const bool *)at);
    case TEXT:
        return text_member(at);
    }
    return NULL;
}

static int append_text(const char *data, size_t n_bytes, void *out)
{
    return trivet_buffer_append(out, data, n_bytes, NULL) == TRIVET_OK ? 0 : -1;
}

enum trivet_status trivet_loop_state_write(const struct trivet_loop_state *state,
                                           struct trivet_buffer *out, struct trivet_error *err)
{
    json_t *json = json_pack("{s:s, s:s, s:i, s:i}", "step", trivet_loop_step_name(state->step),
                             "trigger", trivet_loop_trigger_name(state->trigger), "n_retries",
                             (int)state->n_retries, "n_judged", (int)state->n_judged);
    bool good = json != NULL;
    for (size_t i = 0; i < TRIVET_ARRAY_COUNT(fields) && good; i++) {
        good = json_object_set_new(json, fields[i].name, member_of(state, &fields[i])) == 0;
    }
    for (size_t i = 0; i < TRIVET_ARRAY_COUNT(later_fields) && good; i++) {
        good = json_object_set_new(json, later_fields[i].name,
                                   member_of(state, &later_fields[i])) == 0;
    }
    /* All digits: totals are compared with later ones. */
    good = good && json_dump_callback(json, append_text, out, DUMP_FLAGS) == 0;
    json_decref(json);
    return good ? TRIVET_OK
                : trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "out of memory for the loop");
}

static bool read_member(const json_t *value, const struct field *field,
                        struct trivet_loop_state *state)
{
    void *at = (char *)state + field->offset;
    switch (field->type) {
    case NUMBER:
        return read_number(value, at);
    case COUNT:
        *(uint64_t *)at = (uint64_t)json_integer_value(value);
        return json_is_integer(value) && json_integer_value(value) >= 0;
    case BITS:
        *(uint64_t *)at = (uint64_t)json_integer_value(value);
        return json_is_integer(value);
    case TIME:
        *(int64_t *)at = json_integer_value(value);
        return json_is_integer(value);
    case FLAG:
        *(bool *)at = json_is_true(value);
        return json_is_boolean(value);
    case TEXT:
        return json_is_string(value) &&
               trivet_text_copy(at, field->n_bytes, json_string_value(value));
    }
    return false;
}

/* What an earlier version did not write, it had no use for: a round was adopted once it was
 * watched, and whether a version waits for somebody is not known where its split was being ended.
 * Of which epoch its totals are, the next look cannot tell. The labels of a block that it began do
 * not have all their sums: another block begins, with the next look. */
static bool read_later(const json_t *json, struct trivet_loop_state *state)
{
    bool good = true;
    state->adopted = state->step == TRIVET_LOOP_WATCH || state->step == TRIVET_LOOP_ROLLBACK;
    state->awaited = state->step == TRIVET_LOOP_CLEAR;
    if (json_object_get(json, "absolute_error_last") == NULL) {
        memset(state->quality, 0, sizeof(state->quality));
        state->quality[TRIVET_LOOP_LABELLED].last = DBL_MAX; /* more than there will be: anew */
    }
    for (size_t i = 0; i < TRIVET_ARRAY_COUNT(later_fields) && good; i++) {
        const json_t *value = json_object_get(json, later_fields[i].name);
        good = value == NULL || read_member(value, &later_fields[i], state);
    }
    return good;
}

/* A step of a later version: nothing is known of it but that its round cannot go on here. What it
 * grew stays, as somebody may need it. */
static void give_up_round(const char *step, struct trivet_loop_state *state)
{
    trivet_log(TRIVET_LOG_WARN, "loop_round_given_up",
               "round=%llu step=%s message=the step is not known to this version",
               (unsigned long long)state->round, step);
    state->step = state->split_is_ours ? TRIVET_LOOP_CLEAR : TRIVET_LOOP_IDLE;
    state->awaited = true;
}

enum trivet_status trivet_loop_state_read(const char *text, struct trivet_loop_state *out,
                                          struct trivet_error *err)
{
    struct trivet_loop_state state = {0};
    json_t *json = json_loads(text, 0, NULL);
    const char *step = json_string_value(json_object_get(json, "step"));
    const char *trigger = json_string_value(json_object_get(json, "trigger"));
    const bool knows_step = trivet_loop_step_parse(step, &state.step);
    bool good = step != NULL && trivet_loop_trigger_parse(trigger, &state.trigger);
    for (size_t i = 0; i < TRIVET_ARRAY_COUNT(fields) && good; i++) {
        good = read_member(json_object_get(json, fields[i].name), &fields[i], &state);
    }
    good = good && read_later(json, &state);
    if (good && !knows_step) {
        give_up_round(step, &state);
    }
    state.n_retries = (uint32_t)json_integer_value(json_object_get(json, "n_retries"));
    state.n_judged = (uint32_t)json_integer_value(json_object_get(json, "n_judged"));
    json_decref(json);
    if (!good) {
        return trivet_error_set(err, TRIVET_DATA_LOSS, "the stored state of a loop is damaged");
    }
    *out = state;
    return TRIVET_OK;
}
