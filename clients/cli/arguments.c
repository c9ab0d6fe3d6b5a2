#include "clients/cli/arguments.h"

error_t trivet_cli_parse_word(struct trivet_cli_words *words, int key, const char *argument,
                              struct argp_state *state)
{
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = words->cli;
        return 0;
    case ARGP_KEY_ARG:
        if (words->n_items == TRIVET_CLI_WORDS_MAX) {
            argp_error(state, "'%s' is too much", argument);
        }
        words->items[words->n_items++] = argument;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

error_t trivet_cli_parse_one_model(struct trivet_cli_one_model *model, int key,
                                   const char *argument, struct argp_state *state)
{
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = model->cli;
        return 0;
    case ARGP_KEY_ARG:
        if (model->name != NULL) {
            argp_error(state, "one model at a time; '%s' is too much", argument);
        }
        model->name = argument;
        return 0;
    case ARGP_KEY_END:
        if (model->name == NULL) {
            argp_error(state, "name the model");
        }
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

error_t trivet_cli_parse_model_on_data(struct trivet_cli_model_on_data *options, int key,
                                       const char *argument, struct argp_state *state)
{
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = options->cli;
        return 0;
    case 'd':
        options->data = argument;
        return 0;
    case ARGP_KEY_ARG:
        if (options->model != NULL) {
            argp_error(state, "one model at a time; '%s' is too much", argument);
        }
        options->model = argument;
        return 0;
    case ARGP_KEY_END:
        if (options->model == NULL || options->data == NULL) {
            argp_error(state, "name the model, and the file with --data");
        }
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}
