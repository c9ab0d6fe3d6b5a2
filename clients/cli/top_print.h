/* `trivet top --once`: the same numbers without a terminal. */
#ifndef TRIVET_CLI_TOP_PRINT_H
#define TRIVET_CLI_TOP_PRINT_H

#include "base/buffer.h"
#include "base/compiler.h"
#include "clients/cli/top_view.h"

#include <trivet/error.h>

/* For a person what the screen shows, as plain text; CSV for a program. Returns the exit code. */
int trivet_cli_top_print(const struct trivet_cli *cli, struct trivet_cli_top *top,
                         struct trivet_cli_top_view *view);
/* {"publisher_epoch":…,"server":{…},"versions":[{…}]} on one line. What is not known is null. */
enum trivet_status trivet_cli_top_json(const struct trivet_cli_top *top, struct trivet_buffer *out,
                                       struct trivet_error *err) TRIVET_MUST_USE;

#endif
