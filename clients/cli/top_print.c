#include "clients/cli/top_print.h"

#include "clients/cli/output.h"
#include "wire/json.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

static const struct trivet_cli_column columns[] = {
    {"model", false, true},        {"version", true, false},
    {"calls_per_s", true, false},  {"calls_failed_per_s", true, false},
    {"rows_per_s", true, false},   {"errors_per_s", true, false},
    {"p50_us", true, false},       {"p99_us", true, false},
    {"queue_us", true, false},     {"compute_us", true, false},
    {"batch_rows", true, false},   {"calls", true, false},
    {"calls_failed", true, false}, {"rows", true, false},
    {"errors", true, false},
};

/* The rates in the order of the columns. */
#define N_RATES 9
static void list_rates(const struct trivet_cli_top_rates *rates, double list[N_RATES])
{
    list[0] = rates->calls_per_s;
    list[1] = rates->calls_failed_per_s;
    list[2] = rates->rows_per_s;
    list[3] = rates->errors_per_s;
    list[4] = rates->p50_us;
    list[5] = rates->p99_us;
    list[6] = rates->queue_us;
    list[7] = rates->compute_us;
    list[8] = rates->batch_rows;
}

/* Without a call there is no latency, and no batch. */
static bool is_known(const struct trivet_cli_top_rates *rates, size_t column, double value)
{
    return rates->known && (column < 4 || value > 0);
}

/* --- plain text: draw goes from line to line, and from left to right --- */

struct place {
    int row;
    int col;
};

static void put(void *ctx, int row, int col, enum trivet_cli_top_style style, const char *text)
{
    (void)style;
    struct place *place = ctx;
    for (; place->row < row; place->row++) {
        putchar('\n');
        place->col = 0;
    }
    if (text[0] != '\0') {
        printf("%*s%s", col > place->col ? col - place->col : 0, "", text);
        place->col = col + (int)trivet_cli_text_width(text);
    }
}

static int print_plain(struct trivet_cli_top *top, struct trivet_cli_top_view *view)
{
    struct place place = {0};
    const struct trivet_cli_top_canvas canvas = {
        .n_rows = trivet_cli_top_rows_for(top->n_versions > 0 ? top->n_versions : 1),
        .n_cols = (int)trivet_cli_terminal_width(STDOUT_FILENO),
        .ctx = &place,
        .put = put,
    };
    view->plain = true;
    trivet_cli_top_draw(top, view, &canvas);
    putchar('\n');
    return trivet_cli_flush() ? TRIVET_CLI_DONE : TRIVET_CLI_FAILED;
}

static int print_csv(const struct trivet_cli *cli, const struct trivet_cli_top *top)
{
    struct trivet_cli_table *table =
        trivet_cli_open_table(cli, columns, sizeof(columns) / sizeof(columns[0]));
    for (size_t i = 0; table != NULL && i < top->n_versions; i++) {
        const struct trivet_cli_top_version *version = &top->versions[i];
        double rates[N_RATES];
        list_rates(&version->rates, rates);
        trivet_cli_table_text(table, "%s", version->model);
        trivet_cli_table_count(table, version->version);
        for (size_t j = 0; j < N_RATES; j++) {
            if (is_known(&version->rates, j, rates[j])) {
                trivet_cli_table_number(table, rates[j]);
            } else {
                trivet_cli_table_empty(table);
            }
        }
        trivet_cli_table_count(table, version->counts.calls);
        trivet_cli_table_count(table, version->counts.calls_failed);
        trivet_cli_table_count(table, version->counts.rows);
        trivet_cli_table_count(table, version->counts.errors);
    }
    return trivet_cli_print_table(cli, table);
}

int trivet_cli_top_print(const struct trivet_cli *cli, struct trivet_cli_top *top,
                         struct trivet_cli_top_view *view)
{
    trivet_cli_top_sort(top, view->key, view->reverse);
    return trivet_cli_for_person(cli) ? print_plain(top, view) : print_csv(cli, top);
}

/* --- JSON --- */

static enum trivet_status append_number(const char *name, bool known, double value,
                                        struct trivet_buffer *out, struct trivet_error *err)
{
    enum trivet_status status = trivet_buffer_printf(out, err, ",\"%s\":", name);
    if (status != TRIVET_OK) {
        return status;
    }
    return known ? trivet_wire_json_double(value, out, err)
                 : trivet_buffer_append(out, "null", 4, err);
}

static enum trivet_status append_version(const struct trivet_cli_top_version *version,
                                         struct trivet_buffer *out, struct trivet_error *err)
{
    double rates[N_RATES];
    list_rates(&version->rates, rates);
    enum trivet_status status = trivet_buffer_printf(out, err, "{\"model\":");
    if (status == TRIVET_OK) {
        status = trivet_wire_json_text(version->model, out, err);
    }
    if (status == TRIVET_OK) {
        status = trivet_buffer_printf(
            out, err,
            ",\"version\":%" PRIu64 ",\"calls\":%" PRIu64 ",\"calls_failed\":%" PRIu64
            ",\"rows\":%" PRIu64 ",\"errors\":%" PRIu64 ",\"batches\":%" PRIu64,
            version->version, version->counts.calls, version->counts.calls_failed,
            version->counts.rows, version->counts.errors, version->counts.batches);
    }
    for (size_t i = 0; status == TRIVET_OK && i < N_RATES; i++) {
        bool known = is_known(&version->rates, i, rates[i]);
        status = append_number(columns[2 + i].name, known, rates[i], out, err);
    }
    return status == TRIVET_OK ? trivet_buffer_append(out, "}", 1, err) : status;
}

static enum trivet_status append_server(const struct trivet_cli_top *top, struct trivet_buffer *out,
                                        struct trivet_error *err)
{
    const struct trivet_cli_top_server *server = &top->server;
    bool known = top->server_rates_known;
    enum trivet_status status = trivet_buffer_printf(
        out, err,
        "\"server\":{\"rss_bytes\":%" PRIu64 ",\"threads\":%u,\"open_files\":%u,"
        "\"queue_rows\":%" PRIu64 ",\"queue_rows_max\":%" PRIu64 ",\"calls_in_hand\":%u,"
        "\"calls_max\":%u,\"connections\":%u,\"connections_max\":%u,\"model_bytes\":%" PRIu64
        ",\"model_bytes_max\":%" PRIu64 ",\"models_loaded\":%u,\"jobs_queued\":%u,"
        "\"jobs_running\":%u,\"events_dropped\":%" PRIu64 ",\"calls\":%" PRIu64
        ",\"errors\":%" PRIu64,
        server->rss_bytes, server->threads, server->open_files, server->queue_rows,
        server->queue_rows_max, server->calls_in_hand, server->calls_max, server->connections,
        server->connections_max, server->model_bytes, server->model_bytes_max,
        server->models_loaded, server->jobs_queued, server->jobs_running, server->events_dropped,
        server->calls, server->errors);
    if (status == TRIVET_OK) {
        status = append_number("cpu_percent", known, top->cpu_percent, out, err);
    }
    if (status == TRIVET_OK) {
        status = append_number("calls_per_s", known, top->calls_per_s, out, err);
    }
    if (status == TRIVET_OK) {
        status = append_number("errors_per_s", known, top->errors_per_s, out, err);
    }
    return status == TRIVET_OK ? trivet_buffer_append(out, "}", 1, err) : status;
}

enum trivet_status trivet_cli_top_json(const struct trivet_cli_top *top, struct trivet_buffer *out,
                                       struct trivet_error *err)
{
    /* A text, as in every other JSON: 64 random bits. */
    enum trivet_status status =
        trivet_buffer_printf(out, err, "{\"publisher_epoch\":\"%" PRIu64 "\",\"lost\":%" PRIu64 ",",
                             top->place.epoch, top->lost);
    if (status == TRIVET_OK) {
        status = append_server(top, out, err);
    }
    if (status == TRIVET_OK) {
        status = trivet_buffer_printf(out, err, ",\"versions\":[");
    }
    for (size_t i = 0; status == TRIVET_OK && i < top->n_versions; i++) {
        status = i > 0 ? trivet_buffer_append(out, ",", 1, err) : TRIVET_OK;
        if (status == TRIVET_OK) {
            status = append_version(&top->versions[i], out, err);
        }
    }
    return status == TRIVET_OK ? trivet_buffer_printf(out, err, "]}\n") : status;
}
