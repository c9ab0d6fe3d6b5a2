/* Arguments that several commands take alike. Each function is the `default:` of such a command's
 * argp parser, and gives ARGP_KEY_INIT its trivet_cli. */
#ifndef TRIVET_CLI_ARGUMENTS_H
#define TRIVET_CLI_ARGUMENTS_H

#include "clients/cli/cli.h"

#define TRIVET_CLI_WORDS_MAX 2

/* Up to two bare words: "ID", "cancel ID". */
struct trivet_cli_words {
    struct trivet_cli *cli;
    const char *items[TRIVET_CLI_WORDS_MAX];
    size_t n_items;
};
error_t trivet_cli_parse_word(struct trivet_cli_words *words, int key, const char *argument,
                              struct argp_state *state);

/* One model, which must be given. */
struct trivet_cli_one_model {
    struct trivet_cli *cli;
    const char *name;
};
error_t trivet_cli_parse_one_model(struct trivet_cli_one_model *model, int key,
                                   const char *argument, struct argp_state *state);

/* One model and --data FILE ('d'); both must be given. */
struct trivet_cli_model_on_data {
    struct trivet_cli *cli;
    const char *model;
    const char *data;
};
error_t trivet_cli_parse_model_on_data(struct trivet_cli_model_on_data *options, int key,
                                       const char *argument, struct argp_state *state);

#endif
