/* Small pictures in text: bars and lines of blocks. */
#ifndef TRIVET_CLI_BAR_H
#define TRIVET_CLI_BAR_H

#include <stdbool.h>
#include <stddef.h>

/* Cells of the widest bar and line. */
#define TRIVET_CLI_BAR_WIDTH_MAX 40
/* A cell is at most three bytes. */
#define TRIVET_CLI_BAR_BYTES (3 * TRIVET_CLI_BAR_WIDTH_MAX + 1)

/* True when the terminal's character set has blocks. */
bool trivet_cli_has_blocks(void);
/* A bar of `fraction` (clamped to 0..1; NaN is 0) of `width` cells, without blanks behind it; in
 * eighths of a cell with `blocks`, else of '#'. */
void trivet_cli_bar(double fraction, size_t width, bool blocks, char text[TRIVET_CLI_BAR_BYTES]);
/* `values` as a line of blocks of growing height, thinned out to `width` cells; empty without
 * `blocks`, or when there is none that is finite. */
void trivet_cli_sparkline(const double *values, size_t n_values, size_t width, bool blocks,
                          char text[TRIVET_CLI_BAR_BYTES]);

#endif
