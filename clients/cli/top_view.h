/* How `trivet top` looks, apart from the terminal that shows it. */
#ifndef TRIVET_CLI_TOP_VIEW_H
#define TRIVET_CLI_TOP_VIEW_H

#include "base/compiler.h"
#include "clients/cli/format.h"
#include "clients/cli/top_state.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum trivet_cli_top_style {
    TRIVET_CLI_TOP_PLAIN,
    TRIVET_CLI_TOP_STRONG,
    TRIVET_CLI_TOP_HEADER,
    TRIVET_CLI_TOP_WRONG, /* the one that has a colour */
};

struct trivet_cli_top_view {
    const char *server; /* its address */
    double interval_s;
    enum trivet_cli_top_key key;
    bool reverse;
    bool plain;   /* for paper: no keys, nothing at the ends of lines */
    size_t first; /* index of the first version shown; put into its bounds by draw */
    int64_t now_ns;
    int64_t now_unix_us;
};

/* Where text goes: nothing of it reaches beyond the width. */
struct trivet_cli_top_canvas {
    int n_rows;
    int n_cols;
    void *ctx;
    void (*put)(void *ctx, int row, int col, enum trivet_cli_top_style style, const char *text);
};

/* Sorts `top`, and draws on a canvas that is empty. */
void trivet_cli_top_draw(struct trivet_cli_top *top, struct trivet_cli_top_view *view,
                         const struct trivet_cli_top_canvas *canvas);
/* Lines for versions on a canvas, and the lines of a canvas for so many. */
int trivet_cli_top_page(const struct trivet_cli_top_canvas *canvas);
int trivet_cli_top_rows_for(size_t n_versions);
/* "calls/s", "name" … */
const char *trivet_cli_top_key_name(enum trivet_cli_top_key key);

/* In seven columns: "0", "0.25", "12.5", "1,234", "99,999", "123.4k", "1.23M". */
void trivet_cli_top_format_rate(double per_s, char text[TRIVET_CLI_TEXT_BYTES]);
/* In seven columns: "0.40 µs", "12.5 µs", "1.25 ms", "3.10 s"; "-" for 0. */
void trivet_cli_top_format_us(double us, char text[TRIVET_CLI_TEXT_BYTES]);
/* "name:12" in `width` columns, the name cut with "…" where it must be. */
void trivet_cli_top_format_name(const char *model, uint64_t version, int width, char *text,
                                size_t text_bytes);

#endif
