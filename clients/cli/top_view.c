/* From the top: the server (2 lines and a blank one), the header, versions, the keys. */
#include "clients/cli/top_view.h"

#include "base/clock.h"
#include "base/text.h"

#include <math.h>
#include <stdarg.h>
#include <string.h>

#define LINE_BYTES 1024
#define HEADER_ROW 3
#define NAME_MIN   16
#define N_COLUMNS  12
/* Of the columns: rates a second, then times, then rows a batch, then totals. */
#define FAILED_CALLS 1
#define FAILED_ROWS  3
#define FIRST_TIME   4
#define BATCH        8
#define DATE_BYTES   32
#define CLOCK_AT     11 /* in "2026-03-01T12:00:00.123Z" */
#define CLOCK_BYTES  8

/* --- numbers --- */

void trivet_cli_top_format_rate(double per_s, char text[TRIVET_CLI_TEXT_BYTES])
{
    if (!(per_s > 0)) {
        trivet_text_copy(text, TRIVET_CLI_TEXT_BYTES, "0");
    } else if (per_s < 9.995) {
        trivet_text_format(text, TRIVET_CLI_TEXT_BYTES, "%.2f", per_s);
    } else if (per_s < 99.95) {
        trivet_text_format(text, TRIVET_CLI_TEXT_BYTES, "%.1f", per_s);
    } else if (per_s < 99999.5) {
        trivet_cli_format_count((uint64_t)llround(per_s), text);
    } else if (per_s < 999950) {
        trivet_text_format(text, TRIVET_CLI_TEXT_BYTES, "%.1fk", per_s / 1e3);
    } else if (per_s < 99.995e6) {
        trivet_text_format(text, TRIVET_CLI_TEXT_BYTES, "%.2fM", per_s / 1e6);
    } else {
        trivet_text_format(text, TRIVET_CLI_TEXT_BYTES, "%.3gG", per_s / 1e9);
    }
}

void trivet_cli_top_format_us(double us, char text[TRIVET_CLI_TEXT_BYTES])
{
    const char *unit = "\xc2\xb5s";
    double value = us;
    if (!(us > 0)) {
        trivet_text_copy(text, TRIVET_CLI_TEXT_BYTES, "-");
        return;
    }
    if (us >= 999500) {
        value = us / 1e6;
        unit = "s";
    } else if (us >= 999.5) {
        value = us / 1e3;
        unit = "ms";
    }
    int decimals = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
    trivet_text_format(text, TRIVET_CLI_TEXT_BYTES, "%.*f %s", decimals, value, unit);
}

void trivet_cli_top_format_name(const char *model, uint64_t version, int width, char *text,
                                size_t text_bytes)
{
    char tail[TRIVET_CLI_TEXT_BYTES];
    trivet_text_format(tail, sizeof(tail), ":%llu", (unsigned long long)version);
    int room = width - (int)strlen(tail);
    if ((int)strlen(model) <= room) { /* names are ASCII */
        trivet_text_format(text, text_bytes, "%s%s", model, tail);
    } else {
        trivet_text_format(text, text_bytes, "%.*s\xe2\x80\xa6%s", room > 1 ? room - 1 : 0, model,
                           tail);
    }
}

/* --- columns --- */

struct column {
    const char *name;
    int width;
    int key; /* of trivet_cli_top_key; -1 = not sorted by */
};

/* As many from the left as a terminal has room for: the first eight in 80 columns. */
static const struct column columns[N_COLUMNS] = {
    {"CALLS/S", 7, TRIVET_CLI_TOP_BY_CALLS},
    {"FAIL/S", 6, -1},
    {"ROWS/S", 7, TRIVET_CLI_TOP_BY_ROWS},
    {"ERR/S", 6, TRIVET_CLI_TOP_BY_ERRORS},
    {"P50", 7, -1},
    {"P99", 7, TRIVET_CLI_TOP_BY_P99},
    {"QUEUE", 7, -1},
    {"COMPUTE", 7, -1},
    {"BATCH", 6, -1},
    {"CALLS", 13, -1},
    {"ROWS", 15, -1},
    {"ERRORS", 11, -1},
};

static void cell_text(const struct trivet_cli_top_version *version, size_t column,
                      char text[TRIVET_CLI_TEXT_BYTES])
{
    const struct trivet_cli_top_rates *rates = &version->rates;
    const struct trivet_cli_top_counts *counts = &version->counts;
    const double per_s[] = {rates->calls_per_s, rates->calls_failed_per_s, rates->rows_per_s,
                            rates->errors_per_s};
    const double us[] = {rates->p50_us, rates->p99_us, rates->queue_us, rates->compute_us};
    const uint64_t totals[] = {counts->calls, counts->rows, counts->errors};
    if (column > BATCH) {
        trivet_cli_format_count(totals[column - BATCH - 1], text);
    } else if (!rates->known || (column == BATCH && !(rates->batch_rows > 0))) {
        trivet_text_copy(text, TRIVET_CLI_TEXT_BYTES, "-");
    } else if (column == BATCH) {
        trivet_text_format(text, TRIVET_CLI_TEXT_BYTES,
                           rates->batch_rows < 999.95 ? "%.1f" : "%.0f", rates->batch_rows);
    } else if (column >= FIRST_TIME) {
        trivet_cli_top_format_us(us[column - FIRST_TIME], text);
    } else {
        trivet_cli_top_format_rate(per_s[column], text);
    }
}

/* Columns that are shown, and the width of the names. */
struct layout {
    size_t n_columns;
    int name_width;
};

static int name_width_of(const struct trivet_cli_top_version *version)
{
    char tail[TRIVET_CLI_TEXT_BYTES];
    trivet_text_format(tail, sizeof(tail), ":%llu", (unsigned long long)version->version);
    return (int)(strlen(version->model) + strlen(tail)); /* names are ASCII */
}

/* Names get what the columns leave, but not more than the longest can use. */
static struct layout layout_of(const struct trivet_cli_top *top, int width)
{
    struct layout layout = {.name_width = NAME_MIN};
    int left = width - NAME_MIN;
    int longest = 0;
    while (layout.n_columns < N_COLUMNS && left >= columns[layout.n_columns].width + 1) {
        left -= columns[layout.n_columns].width + 1;
        layout.n_columns++;
    }
    for (size_t i = 0; i < top->n_versions; i++) {
        int needed = name_width_of(&top->versions[i]);
        longest = needed > longest ? needed : longest;
    }
    int over = longest - NAME_MIN < left ? longest - NAME_MIN : left;
    layout.name_width += over > 0 ? over : 0;
    return layout;
}

/* --- pen: writes along a line, and stops at its end --- */

struct pen {
    const struct trivet_cli_top_canvas *canvas;
    int row;
    int col;
};

static void write_text(struct pen *pen, enum trivet_cli_top_style style, const char *text)
{
    int room = pen->canvas->n_cols - pen->col;
    if (room <= 0 || pen->row >= pen->canvas->n_rows) {
        return;
    }
    char cut[LINE_BYTES];
    trivet_text_format(cut, sizeof(cut), "%.*s", (int)trivet_cli_text_fit(text, (size_t)room),
                       text);
    pen->canvas->put(pen->canvas->ctx, pen->row, pen->col, style, cut);
    pen->col += (int)trivet_cli_text_width(cut);
}

static void TRIVET_PRINTF(3, 4)
    write_format(struct pen *pen, enum trivet_cli_top_style style, const char *format, ...)
{
    char text[LINE_BYTES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    write_text(pen, style, text);
}

static void write_right(struct pen *pen, enum trivet_cli_top_style style, const char *text,
                        int width)
{
    int used = (int)trivet_cli_text_width(text);
    pen->col += used < width ? width - used : 0;
    write_text(pen, style, text);
}

/* --- the server --- */

static const char *state_of(const struct trivet_cli_top *top, bool silent)
{
    if (silent) {
        return "silent, waiting for it";
    }
    switch (top->server.phase) {
    case TRIVET__V1__SERVER_PHASE__SERVER_PHASE_STARTED:
        return "starting";
    case TRIVET__V1__SERVER_PHASE__SERVER_PHASE_READY:
        return "ready";
    case TRIVET__V1__SERVER_PHASE__SERVER_PHASE_DRAINING:
        return "draining";
    default:
        return "";
    }
}

static void draw_title(const struct trivet_cli_top *top, const struct trivet_cli_top_view *view,
                       const struct trivet_cli_top_canvas *canvas)
{
    char date[DATE_BYTES] = "";
    char clock[CLOCK_BYTES + 1] = "";
    bool silent = trivet_cli_top_silent(top, view->now_ns);
    struct pen pen = {.canvas = canvas};
    trivet_clock_format_unix_us(view->now_unix_us, date, sizeof(date));
    if (strlen(date) > CLOCK_AT) {
        trivet_text_copy(clock, sizeof(clock), date + CLOCK_AT);
    }
    write_text(&pen, TRIVET_CLI_TOP_STRONG, "trivet top");
    write_format(&pen, TRIVET_CLI_TOP_PLAIN, "  %s  ", view->server);
    write_text(&pen, silent ? TRIVET_CLI_TOP_WRONG : TRIVET_CLI_TOP_PLAIN, state_of(top, silent));
    if (top->restarts > 0) {
        write_format(&pen, TRIVET_CLI_TOP_PLAIN, ", %llu restart%s seen",
                     (unsigned long long)top->restarts, top->restarts == 1 ? "" : "s");
    }
    char right[LINE_BYTES];
    trivet_text_format(right, sizeof(right), "%s %g s  %sZ", view->plain ? "over" : "every",
                       view->interval_s, clock);
    int room = canvas->n_cols - pen.col;
    if (room > (int)strlen(right) + 2) {
        write_right(&pen, TRIVET_CLI_TOP_PLAIN, right, room);
    }
}

/* Four fifths of a limit are something to look at. */
static enum trivet_cli_top_style style_of(uint64_t used, uint64_t max)
{
    return max > 0 && used >= max / 5 * 4 ? TRIVET_CLI_TOP_WRONG : TRIVET_CLI_TOP_PLAIN;
}

/* As much of it as fits whole. */
static void draw_saturation(const struct trivet_cli_top_server *server, struct pen *pen)
{
    char bytes[TRIVET_CLI_TEXT_BYTES];
    char parts[4][LINE_BYTES];
    trivet_cli_format_bytes(server->model_bytes, bytes);
    trivet_text_format(parts[0], LINE_BYTES, "  models %u, %s", server->models_loaded, bytes);
    trivet_text_format(parts[1], LINE_BYTES, "  connections %u", server->connections);
    trivet_text_format(parts[2], LINE_BYTES, "  calls in hand %u", server->calls_in_hand);
    trivet_text_format(parts[3], LINE_BYTES, "  jobs %u, %u wait", server->jobs_running,
                       server->jobs_queued);
    const enum trivet_cli_top_style styles[] = {
        style_of(server->model_bytes, server->model_bytes_max),
        style_of(server->connections, server->connections_max),
        style_of(server->calls_in_hand, server->calls_max),
        TRIVET_CLI_TOP_PLAIN,
    };
    for (size_t i = 0; i < TRIVET_ARRAY_COUNT(styles); i++) {
        if ((int)trivet_cli_text_width(parts[i]) > pen->canvas->n_cols - pen->col) {
            return;
        }
        write_text(pen, styles[i], parts[i]);
    }
}

static void draw_server(const struct trivet_cli_top *top,
                        const struct trivet_cli_top_canvas *canvas)
{
    const struct trivet_cli_top_server *server = &top->server;
    char text[TRIVET_CLI_TEXT_BYTES];
    struct pen pen = {.canvas = canvas, .row = 1};
    if (!server->known) {
        write_text(&pen, TRIVET_CLI_TOP_PLAIN, "waiting for the first event");
        return;
    }
    trivet_cli_format_bytes(server->rss_bytes, text);
    write_format(&pen, TRIVET_CLI_TOP_PLAIN, "RSS %s  ", text);
    if (top->server_rates_known) {
        write_format(&pen, TRIVET_CLI_TOP_PLAIN, "CPU %.0f %%  ", top->cpu_percent);
    }
    write_format(&pen, TRIVET_CLI_TOP_PLAIN, "threads %u  files %u  ", server->threads,
                 server->open_files);
    write_format(&pen, style_of(server->queue_rows, server->queue_rows_max), "queue %llu rows",
                 (unsigned long long)server->queue_rows);
    draw_saturation(server, &pen);
}

static void draw_calls(const struct trivet_cli_top *top, const struct trivet_cli_top_canvas *canvas)
{
    const struct trivet_cli_top_server *server = &top->server;
    char calls[TRIVET_CLI_TEXT_BYTES];
    char errors[TRIVET_CLI_TEXT_BYTES];
    char rate[TRIVET_CLI_TEXT_BYTES] = "-";
    char error_rate[TRIVET_CLI_TEXT_BYTES] = "-";
    struct pen pen = {.canvas = canvas, .row = 2};
    if (!server->known) {
        return;
    }
    trivet_cli_format_count(server->calls, calls);
    trivet_cli_format_count(server->errors, errors);
    if (top->server_rates_known) {
        trivet_cli_top_format_rate(top->calls_per_s, rate);
        trivet_cli_top_format_rate(top->errors_per_s, error_rate);
    }
    write_format(&pen, TRIVET_CLI_TOP_PLAIN, "all calls %s, %s/s  ", calls, rate);
    write_format(&pen, top->errors_per_s > 0 ? TRIVET_CLI_TOP_WRONG : TRIVET_CLI_TOP_PLAIN,
                 "failed %s, %s/s", errors, error_rate);
    trivet_cli_format_count(server->events_dropped, calls);
    trivet_cli_format_count(top->lost, errors);
    write_text(&pen, TRIVET_CLI_TOP_PLAIN, "  ");
    write_format(&pen, top->dropping ? TRIVET_CLI_TOP_WRONG : TRIVET_CLI_TOP_PLAIN,
                 "events dropped %s", calls);
    write_text(&pen, TRIVET_CLI_TOP_PLAIN, ", ");
    write_format(&pen, top->lost > 0 ? TRIVET_CLI_TOP_WRONG : TRIVET_CLI_TOP_PLAIN, "lost %s",
                 errors);
}

/* --- the table --- */

static void draw_header(const struct trivet_cli_top_view *view, const struct layout *layout,
                        const struct trivet_cli_top_canvas *canvas)
{
    char line[LINE_BYTES];
    char name[TRIVET_CLI_TEXT_BYTES];
    size_t n_bytes = 0;
    trivet_text_format(line, sizeof(line), "%-*s", layout->name_width,
                       view->key == TRIVET_CLI_TOP_BY_NAME ? "*MODEL:VERSION" : "MODEL:VERSION");
    for (size_t i = 0; i < layout->n_columns; i++) {
        bool by_this = columns[i].key == (int)view->key;
        n_bytes = strlen(line);
        trivet_text_format(name, sizeof(name), "%s%s", by_this ? "*" : "", columns[i].name);
        /* The star may take the blank between two columns. */
        trivet_text_format(line + n_bytes, sizeof(line) - n_bytes, "%*s", columns[i].width + 1,
                           name);
    }
    int rest = view->plain ? 0 : canvas->n_cols - (int)strlen(line);
    n_bytes = strlen(line);
    trivet_text_format(line + n_bytes, sizeof(line) - n_bytes, "%*s", rest > 0 ? rest : 0, "");
    struct pen pen = {.canvas = canvas, .row = HEADER_ROW};
    write_text(&pen, TRIVET_CLI_TOP_HEADER, line);
}

static void draw_version(const struct trivet_cli_top_version *version, int row,
                         const struct layout *layout, const struct trivet_cli_top_canvas *canvas)
{
    const bool wrong[N_COLUMNS] = {
        [FAILED_CALLS] = version->rates.calls_failed_per_s > 0,
        [FAILED_ROWS] = version->rates.errors_per_s > 0,
    };
    char name[LINE_BYTES];
    char text[TRIVET_CLI_TEXT_BYTES];
    struct pen pen = {.canvas = canvas, .row = row};
    trivet_cli_top_format_name(version->model, version->version, layout->name_width, name,
                               sizeof(name));
    write_text(&pen, TRIVET_CLI_TOP_PLAIN, name);
    pen.col = layout->name_width;
    for (size_t i = 0; i < layout->n_columns; i++) {
        cell_text(version, i, text);
        write_right(&pen, wrong[i] ? TRIVET_CLI_TOP_WRONG : TRIVET_CLI_TOP_PLAIN, text,
                    columns[i].width + 1);
    }
}

const char *trivet_cli_top_key_name(enum trivet_cli_top_key key)
{
    static const char *const names[TRIVET_CLI_TOP_KEYS] = {"calls", "rows", "errors", "p99",
                                                           "name"};
    return names[key];
}

static void draw_keys(const struct trivet_cli_top *top, const struct trivet_cli_top_view *view,
                      size_t n_shown, const struct trivet_cli_top_canvas *canvas)
{
    struct pen pen = {.canvas = canvas, .row = canvas->n_rows - 1};
    if (pen.row <= HEADER_ROW || view->plain) {
        return;
    }
    write_text(&pen, TRIVET_CLI_TOP_PLAIN,
               "q quit  sort: c calls r rows e errors l p99 n name, again: reverse");
    if (n_shown < top->n_versions) {
        write_format(&pen, TRIVET_CLI_TOP_STRONG, "  %zu\xe2\x80\x93%zu of %zu", view->first + 1,
                     view->first + n_shown, top->n_versions);
    }
}

int trivet_cli_top_rows_for(size_t n_versions)
{
    return HEADER_ROW + 2 + (int)n_versions;
}

int trivet_cli_top_page(const struct trivet_cli_top_canvas *canvas)
{
    int n_lines = canvas->n_rows - HEADER_ROW - 2;
    return n_lines > 0 ? n_lines : 0;
}

void trivet_cli_top_draw(struct trivet_cli_top *top, struct trivet_cli_top_view *view,
                         const struct trivet_cli_top_canvas *canvas)
{
    size_t page = (size_t)trivet_cli_top_page(canvas);
    size_t last_first = top->n_versions > page ? top->n_versions - page : 0;
    trivet_cli_top_sort(top, view->key, view->reverse);
    view->first = view->first < last_first ? view->first : last_first;
    size_t n_shown = top->n_versions - view->first < page ? top->n_versions - view->first : page;
    const struct layout layout = layout_of(top, canvas->n_cols);
    draw_title(top, view, canvas);
    draw_server(top, canvas);
    draw_calls(top, canvas);
    draw_header(view, &layout, canvas);
    for (size_t i = 0; i < n_shown; i++) {
        draw_version(&top->versions[view->first + i], HEADER_ROW + 1 + (int)i, &layout, canvas);
    }
    if (top->n_versions == 0 && page > 0) {
        struct pen pen = {.canvas = canvas, .row = HEADER_ROW + 1};
        write_text(&pen, TRIVET_CLI_TOP_PLAIN, "no versions yet");
    }
    draw_keys(top, view, n_shown, canvas);
}
