/* Where answers go: stdout, as a table for a person, CSV for a program, JSON when asked. */
#ifndef TRIVET_CLI_OUTPUT_H
#define TRIVET_CLI_OUTPUT_H

#include "clients/cli/cli.h"
#include "clients/cli/table.h"

/* True: readable text; false: CSV. */
bool trivet_cli_for_person(const struct trivet_cli *cli);
/* Bold and colours: on a terminal that has them, unless NO_COLOR is set. */
bool trivet_cli_has_style(const struct trivet_cli *cli);
/* Columns of a terminal; 80 when it does not say. */
size_t trivet_cli_terminal_width(int fd);

/* A table in the style that the output asks for. */
struct trivet_cli_table *trivet_cli_open_table(const struct trivet_cli *cli,
                                               const struct trivet_cli_column *columns,
                                               size_t n_columns);
/* Prints and frees it; NULL (out of memory) is reported. Returns the exit code. */
int trivet_cli_print_table(const struct trivet_cli *cli, struct trivet_cli_table *table);
/* One object on one line. */
int trivet_cli_print_json(const ProtobufCMessage *message);
/* "Name      value" of a list of facts, the name in bold; a long value goes on below itself. */
void trivet_cli_print_fact(const struct trivet_cli *cli, const char *name, const char *format, ...)
    TRIVET_PRINTF(3, 4);
/* Flushes stdout: false, and says so, when something could not be written. */
bool trivet_cli_flush(void);

#endif
