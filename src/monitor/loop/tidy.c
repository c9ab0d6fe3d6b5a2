#include "monitor/loop/tidy.h"

#include "base/text.h"

#include <string.h>

void trivet_loop_tidy_look(struct trivet_loop_state *state,
                           const struct trivet_loop_observation *seen)
{
    /* Somebody may have trained a version of their own on these rows. */
    bool is_base = state->train_dataset_id[0] != '\0' &&
                   strcmp(seen->production_dataset_id, state->train_dataset_id) == 0;
    bool is_challenger = state->challenger != 0 && seen->production == state->challenger;
    if (is_base || is_challenger) {
        state->adopted = true;
    } else if (seen->production == state->champion) {
        state->adopted = false; /* taken back */
    }
    /* Else another version was put above it, and a rollback may come back to it. */
}

size_t trivet_loop_tidy_list(const struct trivet_loop_state *state, const char *ids[2])
{
    size_t n = 0;
    if (state->awaited) {
        return 0;
    }
    if (state->holdout_dataset_id[0] != '\0') {
        ids[n++] = state->holdout_dataset_id;
    }
    if (state->train_dataset_id[0] != '\0' && !state->adopted) {
        ids[n++] = state->train_dataset_id;
    }
    return n;
}

void trivet_loop_tidy_done(struct trivet_loop_state *state, char text[TRIVET_LOOP_TEXT_BYTES])
{
    const char *ids[2] = {"", ""};
    const size_t n = trivet_loop_tidy_list(state, ids);
    const bool stays = state->adopted && state->train_dataset_id[0] != '\0';
    (void)trivet_text_format(text, TRIVET_LOOP_TEXT_BYTES, "deleted %s%s%s%s%s",
                             n > 0 ? ids[0] : "nothing", n > 1 ? " and " : "", n > 1 ? ids[1] : "",
                             stays ? "; the next round grows from " : "",
                             stays ? state->train_dataset_id : "");
    if (n > 0) {
        state->holdout_dataset_id[0] = '\0';
    }
    if (!state->adopted) {
        state->train_dataset_id[0] = '\0';
    }
}
