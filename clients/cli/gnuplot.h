/* Runs gnuplot on a script. */
#ifndef TRIVET_CLI_GNUPLOT_H
#define TRIVET_CLI_GNUPLOT_H

#include "base/buffer.h"
#include "base/compiler.h"

#include <trivet/error.h>

#include <stddef.h>

/* Draws `script`, which holds everything but the terminal, to `path`, .png or .svg of `width` ×
 * `height` pixels; the file is replaced only when all went well. INVALID_ARGUMENT: another
 * ending, a file that cannot be written; FAILED_PRECONDITION: gnuplot is not installed. */
enum trivet_status trivet_cli_gnuplot(const struct trivet_buffer *script, const char *path,
                                      unsigned width, unsigned height,
                                      struct trivet_error *err) TRIVET_MUST_USE;
/* The same refusals without drawing, before work is done that would be in vain. */
enum trivet_status trivet_cli_gnuplot_check(const char *path,
                                            struct trivet_error *err) TRIVET_MUST_USE;

#endif
