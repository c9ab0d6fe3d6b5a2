/* What a long command is doing, on stderr: one line that is redrawn on a terminal, elsewhere a line
 * whenever the phase changes. */
#ifndef TRIVET_CLI_PROGRESS_H
#define TRIVET_CLI_PROGRESS_H

#include "clients/cli/cli.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TRIVET_CLI_PROGRESS_BYTES 512

/* One thread at a time. */
struct trivet_cli_progress {
    bool live;    /* a terminal */
    bool visible; /* a line is drawn and must be cleared before other output */
    bool utf8;
    int64_t started_ns;
    int64_t drawn_ns;
    char phase[32];
};

void trivet_cli_progress_init(struct trivet_cli_progress *progress, const struct trivet_cli *cli);
/* `fraction` 0..1, negative when unknown; `detail` may be "". Redraws at most ten times a second,
 * but at once for a new phase. */
void trivet_cli_progress_show(struct trivet_cli_progress *progress, const char *phase,
                              double fraction, const char *detail);
/* Take the line off the terminal: before other output, and at the end. */
void trivet_cli_progress_clear(struct trivet_cli_progress *progress);

/* The line itself, at most `width` columns: "fit  ▕████    ▏  52 %  3.10 s  detail". */
void trivet_cli_progress_text(const char *phase, double fraction, const char *detail,
                              double elapsed_seconds, size_t width, bool utf8,
                              char text[TRIVET_CLI_PROGRESS_BYTES]);

#endif
