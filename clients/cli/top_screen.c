#include "clients/cli/top_screen.h"

#include <ncurses.h>
#include <stdio.h>
#include <stdlib.h>

#define WRONG_PAIR 1

static attr_t attributes_of(enum trivet_cli_top_style style)
{
    switch (style) {
    case TRIVET_CLI_TOP_STRONG:
        return A_BOLD;
    case TRIVET_CLI_TOP_HEADER:
        return A_REVERSE;
    case TRIVET_CLI_TOP_WRONG:
        return A_BOLD | (has_colors() ? (attr_t)COLOR_PAIR(WRONG_PAIR) : 0);
    default:
        return A_NORMAL;
    }
}

static void put(void *ctx, int row, int col, enum trivet_cli_top_style style, const char *text)
{
    (void)ctx;
    (void)attrset((int)attributes_of(style));
    /* ERR: the last cell of the screen, which is written all the same. */
    (void)mvaddstr(row, col, text);
}

static struct trivet_cli_top_canvas canvas_of_screen(void)
{
    struct trivet_cli_top_canvas canvas = {.put = put};
    getmaxyx(stdscr, canvas.n_rows, canvas.n_cols);
    return canvas;
}

enum trivet_status trivet_cli_top_screen_begin(struct trivet_error *err)
{
    const char *no_color = getenv("NO_COLOR");
    if (newterm(NULL, stdout, stdin) == NULL) {
        const char *term = getenv("TERM");
        return trivet_error_set(err, TRIVET_FAILED_PRECONDITION,
                                "this terminal (TERM=%s) is not known here; 'trivet top --once' "
                                "needs none",
                                term != NULL ? term : "");
    }
    if (has_colors() && (no_color == NULL || no_color[0] == '\0')) {
        start_color();
        use_default_colors();
        init_pair(WRONG_PAIR, COLOR_RED, -1);
    }
    cbreak();
    noecho();
    keypad(stdscr, TRUE);
    (void)curs_set(0);
    return TRIVET_OK;
}

void trivet_cli_top_screen_end(void)
{
    endwin();
}

void trivet_cli_top_screen_show(struct trivet_cli_top *top, struct trivet_cli_top_view *view)
{
    struct trivet_cli_top_canvas canvas = canvas_of_screen();
    erase();
    trivet_cli_top_draw(top, view, &canvas);
    refresh();
}

static void scroll_by(struct trivet_cli_top_view *view, int n_lines)
{
    size_t size = (size_t)abs(n_lines);
    if (n_lines < 0) {
        view->first -= size < view->first ? size : view->first;
    } else {
        view->first += size; /* draw keeps it in bounds */
    }
}

static void sort_by(struct trivet_cli_top_view *view, enum trivet_cli_top_key key)
{
    view->reverse = view->key == key && !view->reverse;
    view->key = key;
    view->first = 0;
}

enum trivet_cli_top_input trivet_cli_top_screen_read(struct trivet_cli_top_view *view, int wait_ms)
{
    struct trivet_cli_top_canvas canvas = canvas_of_screen();
    int page = trivet_cli_top_page(&canvas);
    timeout(wait_ms);
    switch (getch()) {
    case ERR:
        return TRIVET_CLI_TOP_NOTHING;
    case 'q':
    case 'Q':
        return TRIVET_CLI_TOP_QUIT;
    case 'c':
        sort_by(view, TRIVET_CLI_TOP_BY_CALLS);
        break;
    case 'r':
        sort_by(view, TRIVET_CLI_TOP_BY_ROWS);
        break;
    case 'e':
        sort_by(view, TRIVET_CLI_TOP_BY_ERRORS);
        break;
    case 'l':
        sort_by(view, TRIVET_CLI_TOP_BY_P99);
        break;
    case 'n':
        sort_by(view, TRIVET_CLI_TOP_BY_NAME);
        break;
    case KEY_UP:
    case 'k':
        scroll_by(view, -1);
        break;
    case KEY_DOWN:
    case 'j':
        scroll_by(view, 1);
        break;
    case KEY_PPAGE:
        scroll_by(view, -page);
        break;
    case KEY_NPAGE:
    case ' ':
        scroll_by(view, page);
        break;
    case KEY_HOME:
        view->first = 0;
        break;
    default: /* KEY_RESIZE too */
        break;
    }
    return TRIVET_CLI_TOP_REDRAW;
}
