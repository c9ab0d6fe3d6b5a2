/* The terminal of `trivet top`. */
#ifndef TRIVET_CLI_TOP_SCREEN_H
#define TRIVET_CLI_TOP_SCREEN_H

#include "base/compiler.h"
#include "clients/cli/top_view.h"

#include <trivet/error.h>

enum trivet_cli_top_input {
    TRIVET_CLI_TOP_NOTHING, /* the time is up, or a signal came */
    TRIVET_CLI_TOP_REDRAW,  /* the view changed, or the terminal's size */
    TRIVET_CLI_TOP_QUIT,
};

/* Takes the terminal over, until end. FAILED_PRECONDITION: it cannot be written to freely. */
enum trivet_status trivet_cli_top_screen_begin(struct trivet_error *err) TRIVET_MUST_USE;
void trivet_cli_top_screen_end(void);
/* Only what changed since the last time goes to the terminal. */
void trivet_cli_top_screen_show(struct trivet_cli_top *top, struct trivet_cli_top_view *view);
/* A key, within `wait_ms`. Sort keys and scrolling are done to `view`. */
enum trivet_cli_top_input trivet_cli_top_screen_read(struct trivet_cli_top_view *view, int wait_ms);

#endif
