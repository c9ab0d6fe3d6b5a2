#include "clients/cli/plot_script.h"

#include "base/text.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define PIECE_BYTES 1024

void trivet_cli_script_release(struct trivet_cli_script *script)
{
    trivet_buffer_release(&script->text);
}

static void append(struct trivet_cli_script *script, const char *text, size_t n_bytes)
{
    if (trivet_buffer_append(&script->text, text, n_bytes, NULL) != TRIVET_OK) {
        script->failed = true;
    }
}

void trivet_cli_script_add(struct trivet_cli_script *script, const char *format, ...)
{
    char piece[PIECE_BYTES];
    va_list arguments;
    va_start(arguments, format);
    int n = vsnprintf(piece, sizeof(piece), format, arguments);
    va_end(arguments);
    if (n < 0 || (size_t)n >= sizeof(piece)) {
        script->failed = true;
        return;
    }
    append(script, piece, (size_t)n);
}

/* In single quotes nothing but the quote itself has a meaning to gnuplot (in double quotes it would
 * run commands between backquotes), and a doubled one ends the text where it stands first: it
 * becomes the typographer's. */
void trivet_cli_script_string(struct trivet_cli_script *script, const char *text)
{
    append(script, "'", 1);
    for (const char *at = text; *at != '\0'; at++) {
        if (*at == '\'') {
            append(script, "\xe2\x80\x99", 3);
        } else {
            append(script, (unsigned char)*at < ' ' || *at == 0x7f ? " " : at, 1);
        }
    }
    append(script, "'", 1);
}

const char *trivet_cli_colour(size_t index)
{
    static const char *const colours[TRIVET_CLI_COLOURS] = {
        "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000"};
    return colours[index % TRIVET_CLI_COLOURS];
}

void trivet_cli_script_points(struct trivet_cli_script *script, const char *name, const double *x,
                              const double *y, const double *z, size_t n_points)
{
    char numbers[3][TRIVET_DOUBLE_TEXT_BYTES];
    trivet_cli_script_add(script, "$%s << END_OF_POINTS\n", name);
    for (size_t i = 0; i < n_points; i++) {
        if (!isfinite(x[i]) || !isfinite(y[i])) {
            continue;
        }
        trivet_text_double(x[i], numbers[0]);
        trivet_text_double(y[i], numbers[1]);
        trivet_text_double(z != NULL && isfinite(z[i]) ? z[i] : 0, numbers[2]);
        trivet_cli_script_add(script, "%s %s %s\n", numbers[0], numbers[1], numbers[2]);
    }
    trivet_cli_script_add(script, "END_OF_POINTS\n");
}

void trivet_cli_script_begin(struct trivet_cli_script *script, const char *title, unsigned rows,
                             unsigned cols)
{
    trivet_cli_script_add(script, "set encoding utf8\nset multiplot layout %u,%u title ", rows,
                          cols);
    trivet_cli_script_string(script, title);
    trivet_cli_script_add(script, " font ',15'\n");
}

void trivet_cli_script_panel(struct trivet_cli_script *script, const char *title,
                             const char *x_title, const char *y_title)
{
    trivet_cli_script_add(script, "reset\nset title ");
    trivet_cli_script_string(script, title);
    trivet_cli_script_add(script, " font ',13'\nset xlabel ");
    trivet_cli_script_string(script, x_title);
    trivet_cli_script_add(script, "\nset ylabel ");
    trivet_cli_script_string(script, y_title);
    trivet_cli_script_add(script, "\nset border 3 lw 1.2 lc rgb '#555555'\n"
                                  "set tics nomirror out scale 0.6 textcolor rgb '#333333'\n"
                                  "set grid lt 1 lw 0.8 lc rgb '#e4e4e4'\n"
                                  "set lmargin 10\nset rmargin 4\nset tmargin 4\nset bmargin 4\n");
}
