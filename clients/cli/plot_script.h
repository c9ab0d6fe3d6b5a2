/* What the pages have in common: gnuplot scripts built in a buffer. Running out of memory shows
 * when the page is drawn. */
#ifndef TRIVET_CLI_PLOT_SCRIPT_H
#define TRIVET_CLI_PLOT_SCRIPT_H

#include "base/buffer.h"
#include "base/compiler.h"
#include "trivet/v1/report.pb-c.h"

#include <stdbool.h>
#include <stddef.h>

/* Colours that colour-blind people tell apart (Okabe and Ito, without yellow). */
#define TRIVET_CLI_COLOURS 7
#define TRIVET_CLI_GREY    "#888888"

struct trivet_cli_script {
    struct trivet_buffer text; /* owned */
    bool failed;
};

void trivet_cli_script_release(struct trivet_cli_script *script);
void trivet_cli_script_add(struct trivet_cli_script *script, const char *format, ...)
    TRIVET_PRINTF(2, 3);
/* `text` as a gnuplot string in which nothing has a meaning: control characters become blanks,
 * apostrophes ’. */
void trivet_cli_script_string(struct trivet_cli_script *script, const char *text);
const char *trivet_cli_colour(size_t index);
/* "$NAME" as a block of points; z may be NULL. Points that are not finite are left out. */
void trivet_cli_script_points(struct trivet_cli_script *script, const char *name, const double *x,
                              const double *y, const double *z, size_t n_points);
/* The page: its look, its heading, and `rows` × `cols` panels. */
void trivet_cli_script_begin(struct trivet_cli_script *script, const char *title, unsigned rows,
                             unsigned cols);
/* A panel's title and axes; what the panel before set is forgotten. */
void trivet_cli_script_panel(struct trivet_cli_script *script, const char *title,
                             const char *x_title, const char *y_title);

/* The panels of a page (plot_classes.c, plot_values.c). */
void trivet_cli_plot_classes(struct trivet_cli_script *script, const char *title,
                             const Trivet__V1__EvaluationReport *report, unsigned *width,
                             unsigned *height);
void trivet_cli_plot_values(struct trivet_cli_script *script, const char *title,
                            const Trivet__V1__EvaluationReport *report, unsigned *width,
                            unsigned *height);

#endif
