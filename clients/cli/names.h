/* The small languages of the command line: NAME[:VERSION|@ALIAS], KEY=VALUE, lists of names. */
#ifndef TRIVET_CLI_NAMES_H
#define TRIVET_CLI_NAMES_H

#include "base/compiler.h"

#include <trivet/error.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TRIVET_CLI_NAME_BYTES 65 /* with its NUL */

/* A model as the user names it. Neither version nor alias: the alias "production". */
struct trivet_cli_model {
    char name[TRIVET_CLI_NAME_BYTES];
    uint64_t version; /* 0 = by alias */
    char alias[TRIVET_CLI_NAME_BYTES];
};

/* INVALID_ARGUMENT says which part is wrong. */
enum trivet_status trivet_cli_parse_model(const char *text, struct trivet_cli_model *out,
                                          struct trivet_error *err) TRIVET_MUST_USE;
/* A bare name, without version or alias. */
enum trivet_status trivet_cli_parse_name(const char *text, struct trivet_cli_model *out,
                                         struct trivet_error *err) TRIVET_MUST_USE;

/* Texts in order, owned. Zero-initialised is empty; release when done. */
struct trivet_cli_list {
    size_t n_items;
    char **items;
};
void trivet_cli_list_release(struct trivet_cli_list *list);
enum trivet_status trivet_cli_list_add(struct trivet_cli_list *list, const char *text,
                                       size_t n_bytes, struct trivet_error *err) TRIVET_MUST_USE;
/* "a,b,c"; blanks round a name are dropped. INVALID_ARGUMENT: an empty name, or one twice. */
enum trivet_status trivet_cli_list_parse(struct trivet_cli_list *list, const char *text,
                                         struct trivet_error *err) TRIVET_MUST_USE;
bool trivet_cli_list_has(const struct trivet_cli_list *list, const char *text);

/* "key=value", split at the first '='. INVALID_ARGUMENT: no '=' or no key. */
struct trivet_cli_pairs {
    struct trivet_cli_list keys;
    struct trivet_cli_list values;
};
void trivet_cli_pairs_release(struct trivet_cli_pairs *pairs);
enum trivet_status trivet_cli_pairs_parse(struct trivet_cli_pairs *pairs, const char *text,
                                          struct trivet_error *err) TRIVET_MUST_USE;

/* tcp://HOST:PORT must have a port from 1 to 65535, which INVALID_ARGUMENT says; other schemes are
 * the library's to judge. */
enum trivet_status trivet_cli_check_url(const char *url, struct trivet_error *err) TRIVET_MUST_USE;

/* Part of the path after the last '/', without ".csv": the default name of a dataset. */
void trivet_cli_file_title(const char *path, char *out, size_t out_bytes);

#endif
