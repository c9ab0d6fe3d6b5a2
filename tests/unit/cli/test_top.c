/* `trivet top`: rates from running totals, and how they look. */
#include "clients/cli/top_print.h"
#include "clients/cli/top_state.h"
#include "clients/cli/top_view.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>
#include <locale.h>
#include <string.h>
#include <wchar.h>

#define SECOND_US  INT64_C(1000000)
#define BEGIN_US   INT64_C(1700000000000000)
#define ROWS_MAX   60
#define COLS_MAX   200
#define EPOCH      7
#define MONO_BEGIN (1000 * TRIVET_NS_PER_S)

/* --- events; seconds count from BEGIN_US, here and there --- */

struct source {
    struct trivet_cli_top top;
    uint64_t epoch;
    uint64_t sequence;
};

static int64_t mono_ns(double seconds)
{
    return MONO_BEGIN + (int64_t)(seconds * 1e9);
}

static void send(struct source *source, Trivet__V1__Event *event, double seconds)
{
    event->publisher_epoch = source->epoch;
    event->sequence = ++source->sequence;
    event->unix_us = BEGIN_US + (int64_t)(seconds * 1e6);
    assert_int_equal(trivet_cli_top_take(&source->top, event, mono_ns(seconds), NULL), TRIVET_OK);
}

struct totals {
    char model[80];
    Trivet__V1__CodeCount fine_calls, failed_calls, fine_rows, failed_rows;
    Trivet__V1__CodeCount *calls[2], *rows[2];
    Trivet__V1__Histogram total, queue;
    uint32_t bucket[1];
    uint64_t count[1];
    Trivet__V1__PredictionTotals message;
};

/* `n` calls of 10 rows that took 1 ms, 0.1 ms of it waiting; `n_failed` of one row beside them. */
static void fill_totals(struct totals *totals, const char *model, uint64_t version, uint64_t n,
                        uint64_t n_failed)
{
    const Trivet__V1__CodeCount init = TRIVET__V1__CODE_COUNT__INIT;
    snprintf(totals->model, sizeof(totals->model), "%s", model);
    totals->fine_calls = totals->failed_calls = totals->fine_rows = totals->failed_rows = init;
    totals->failed_calls.status = totals->failed_rows.status =
        TRIVET__V1__STATUS__STATUS_INVALID_ARGUMENT;
    totals->fine_calls.count = n;
    totals->fine_rows.count = 10 * n;
    totals->failed_calls.count = totals->failed_rows.count = n_failed;
    totals->calls[0] = &totals->fine_calls;
    totals->calls[1] = &totals->failed_calls;
    totals->rows[0] = &totals->fine_rows;
    totals->rows[1] = &totals->failed_rows;
    trivet__v1__histogram__init(&totals->total);
    totals->bucket[0] = (uint32_t)trivet_histogram_bucket_of_ns(TRIVET_NS_PER_MS);
    totals->count[0] = n;
    totals->total.n_buckets = totals->total.n_counts = 1;
    totals->total.buckets = totals->bucket;
    totals->total.counts = totals->count;
    totals->total.count = n;
    totals->total.sum_ns = n * 1000000;
    totals->queue = totals->total;
    totals->queue.sum_ns = n * 100000;
    trivet__v1__prediction_totals__init(&totals->message);
    totals->message.model = totals->model;
    totals->message.version = version;
    totals->message.n_calls = totals->message.n_rows = 2;
    totals->message.calls = totals->calls;
    totals->message.rows = totals->rows;
    totals->message.total = &totals->total;
    totals->message.queue = &totals->queue;
    totals->message.batches = n / 2;
}

static void send_totals(struct source *source, const char *model, uint64_t n, uint64_t n_failed,
                        double seconds)
{
    struct totals totals;
    Trivet__V1__Event event = TRIVET__V1__EVENT__INIT;
    fill_totals(&totals, model, 1, n, n_failed);
    event.body_case = TRIVET__V1__EVENT__BODY_PREDICTION_TOTALS;
    event.prediction_totals = &totals.message;
    send(source, &event, seconds);
}

static void send_server(struct source *source, double cpu_seconds, uint64_t n_calls,
                        uint64_t n_dropped, double seconds)
{
    char name[] = "trivet.v1.Prediction/Predict";
    Trivet__V1__CodeCount count = TRIVET__V1__CODE_COUNT__INIT;
    Trivet__V1__CodeCount *counts[] = {&count};
    Trivet__V1__MethodTotals method = TRIVET__V1__METHOD_TOTALS__INIT;
    Trivet__V1__MethodTotals *methods[] = {&method};
    Trivet__V1__ServerTotals totals = TRIVET__V1__SERVER_TOTALS__INIT;
    Trivet__V1__ServerEvent server = TRIVET__V1__SERVER_EVENT__INIT;
    Trivet__V1__Event event = TRIVET__V1__EVENT__INIT;
    count.count = n_calls;
    method.method = name;
    method.n_calls = 1;
    method.calls = counts;
    totals.n_methods = 1;
    totals.methods = methods;
    totals.cpu_seconds = cpu_seconds;
    totals.rss_bytes = 45 << 20;
    totals.threads = 14;
    totals.open_files = 60;
    totals.queue_rows = 3;
    totals.queue_rows_max = 100;
    totals.connections = 90;
    totals.connections_max = 100;
    totals.model_bytes = 2 << 20;
    totals.models_loaded = 7;
    totals.jobs_queued = 4;
    totals.jobs_running = 1;
    totals.events_dropped = n_dropped;
    server.phase = TRIVET__V1__SERVER_PHASE__SERVER_PHASE_READY;
    server.totals = &totals;
    event.body_case = TRIVET__V1__EVENT__BODY_SERVER;
    event.server = &server;
    send(source, &event, seconds);
}

static const struct trivet_cli_top_rates *rates_of(const struct source *source, const char *model)
{
    for (size_t i = 0; i < source->top.n_versions; i++) {
        if (strcmp(source->top.versions[i].model, model) == 0) {
            return &source->top.versions[i].rates;
        }
    }
    fail_msg("no %s", model);
    return NULL;
}

static void tick(struct source *source, double seconds)
{
    trivet_cli_top_tick(&source->top, mono_ns(seconds));
}

/* --- rates --- */

static void test_rates(void **state)
{
    (void)state;
    struct source source = {.epoch = EPOCH};
    send_totals(&source, "house", 100, 0, 0);
    tick(&source, 0.05);
    assert_false(rates_of(&source, "house")->known);
    send_totals(&source, "house", 300, 4, 2);
    tick(&source, 2.05);
    const struct trivet_cli_top_rates *rates = rates_of(&source, "house");
    assert_true(rates->known);
    assert_float_equal(rates->calls_per_s, 102, 1e-9); /* by the publisher's time */
    assert_float_equal(rates->rows_per_s, 1000, 1e-9);
    assert_float_equal(rates->errors_per_s, 2, 1e-9);
    assert_float_equal(rates->queue_us, 100, 1e-9);
    assert_float_equal(rates->batch_rows, 20, 1e-9);
    assert_true(rates->p50_us > 800 && rates->p50_us < 1250);
    assert_true(rates->p99_us >= rates->p50_us && rates->p99_us < 1250);
    assert_true(rates->compute_us <= 0);
    tick(&source, 4.05); /* nothing called */
    rates = rates_of(&source, "house");
    assert_true(rates->known && rates->calls_per_s <= 0 && rates->p50_us <= 0);
    /* After a rest it counts from the last look, not from the last event. */
    send_totals(&source, "house", 400, 4, 5.05);
    tick(&source, 5.05);
    assert_float_equal(rates_of(&source, "house")->calls_per_s, 100, 1e-6);
    trivet_cli_top_release(&source.top);
}

static void test_a_lost_event_costs_nothing(void **state)
{
    (void)state;
    struct source source = {.epoch = EPOCH};
    struct source whole = {.epoch = EPOCH};
    for (int i = 0; i <= 20; i++) {
        send_totals(&whole, "house", (uint64_t)(10 * i), 0, 0.1 * i);
        if (i == 0 || i == 20) {
            send_totals(&source, "house", (uint64_t)(10 * i), 0, 0.1 * i);
        } else {
            source.sequence++;
        }
        if (i == 0 || i == 20) {
            tick(&whole, 0.1 * i);
            tick(&source, 0.1 * i);
        }
    }
    assert_int_equal(source.top.lost, 19);
    assert_int_equal(whole.top.lost, 0);
    assert_float_equal(rates_of(&source, "house")->calls_per_s, 100, 1e-9);
    assert_float_equal(rates_of(&whole, "house")->calls_per_s, 100, 1e-9);
    trivet_cli_top_release(&source.top);
    trivet_cli_top_release(&whole.top);
}

static void test_server(void **state)
{
    (void)state;
    struct source source = {.epoch = EPOCH};
    send_server(&source, 1, 100, 5, 0);
    tick(&source, 0.1);
    assert_false(source.top.server_rates_known);
    send_server(&source, 1.5, 1100, 5, 1);
    tick(&source, 1.1);
    assert_true(source.top.server_rates_known);
    assert_float_equal(source.top.cpu_percent, 50, 1e-9);
    assert_float_equal(source.top.calls_per_s, 1000, 1e-9);
    assert_false(source.top.dropping);
    tick(&source, 1.3); /* no event between: what is known stays */
    assert_float_equal(source.top.calls_per_s, 1000, 1e-9);
    send_server(&source, 1.5, 1100, 6, 2);
    tick(&source, 2.1);
    assert_true(source.top.dropping);
    assert_true(source.top.calls_per_s <= 0);
    assert_false(trivet_cli_top_silent(&source.top, mono_ns(4.9)));
    assert_true(trivet_cli_top_silent(&source.top, mono_ns(5.1)));
    trivet_cli_top_release(&source.top);
}

static void test_a_new_epoch_forgets(void **state)
{
    (void)state;
    struct source source = {.epoch = EPOCH};
    send_totals(&source, "house", 1000, 0, 0);
    send_totals(&source, "gone", 1000, 0, 0);
    tick(&source, 0.1);
    source.epoch = EPOCH + 1;
    source.sequence = 0;
    send_totals(&source, "house", 10, 0, 2);
    tick(&source, 2.1);
    assert_int_equal(source.top.restarts, 1);
    assert_int_equal(source.top.n_versions, 1);
    assert_int_equal(source.top.versions[0].counts.calls, 10);
    assert_false(rates_of(&source, "house")->known);
    trivet_cli_top_release(&source.top);
}

static void test_stats_come_first(void **state)
{
    (void)state;
    struct source source = {.epoch = EPOCH, .sequence = 40};
    struct totals totals;
    Trivet__V1__PredictionTotals *list[] = {&totals.message};
    Trivet__V1__StatsResponse stats = TRIVET__V1__STATS_RESPONSE__INIT;
    Trivet__V1__ServerTotals server = TRIVET__V1__SERVER_TOTALS__INIT;
    fill_totals(&totals, "house", 1, 500, 0);
    stats.publisher_epoch = EPOCH;
    stats.sequence = 42;
    stats.n_predictions = 1;
    stats.predictions = list;
    stats.server = &server;
    assert_int_equal(trivet_cli_top_take_stats(&source.top, &stats, NULL), TRIVET_OK);
    tick(&source, 0); /* no time of the publisher yet */
    assert_int_equal(source.top.versions[0].counts.calls, 500);
    send_totals(&source, "house", 490, 0, 0.1); /* 41: older than the answer */
    assert_int_equal(source.top.versions[0].counts.calls, 500);
    tick(&source, 0.1);
    send_totals(&source, "house", 495, 0, 0.2);
    send_totals(&source, "house", 600, 0, 1.1); /* 43 */
    tick(&source, 1.1);
    assert_float_equal(rates_of(&source, "house")->calls_per_s, 100, 1e-9);
    assert_int_equal(source.top.lost, 0);
    /* A server that was started between the answer and the first event. */
    struct trivet_cli_top other = {0};
    Trivet__V1__Event event = TRIVET__V1__EVENT__INIT;
    event.publisher_epoch = EPOCH + 1;
    event.sequence = 1;
    assert_int_equal(trivet_cli_top_take_stats(&other, &stats, NULL), TRIVET_OK);
    assert_int_equal(trivet_cli_top_take(&other, &event, mono_ns(0), NULL), TRIVET_OK);
    assert_int_equal(other.n_versions, 0);
    assert_int_equal(other.restarts, 1);
    trivet_cli_top_release(&source.top);
    trivet_cli_top_release(&other);
}

static void test_a_bucket_that_is_none(void **state)
{
    (void)state;
    struct source source = {.epoch = EPOCH};
    struct totals totals;
    Trivet__V1__Event event = TRIVET__V1__EVENT__INIT;
    fill_totals(&totals, "house", 1, 5, 0);
    totals.bucket[0] = TRIVET_HISTOGRAM_BUCKETS;
    event.body_case = TRIVET__V1__EVENT__BODY_PREDICTION_TOTALS;
    event.prediction_totals = &totals.message;
    send(&source, &event, 0);
    assert_int_equal(source.top.versions[0].counts.total.count, 5);
    trivet_cli_top_release(&source.top);
}

/* --- looks --- */

static void test_formats(void **state)
{
    (void)state;
    char text[TRIVET_CLI_TEXT_BYTES];
    const struct {
        double value;
        const char *rate, *us;
    } cases[] = {
        {0, "0", "-"},
        {0.25, "0.25", "0.25 \xc2\xb5s"},
        {9.99, "9.99", "9.99 \xc2\xb5s"},
        {9.996, "10.0", "10.0 \xc2\xb5s"},
        {99.96, "100", "100 \xc2\xb5s"},
        {999.4, "999", "999 \xc2\xb5s"},
        {999.6, "1,000", "1.00 ms"},
        {12345, "12,345", "12.3 ms"},
        {99999.4, "99,999", "100 ms"},
        {99999.6, "100.0k", "100 ms"},
        {999400, "999.4k", "999 ms"},
        {999960, "1.00M", "1.00 s"},
        {3456789, "3.46M", "3.46 s"},
        {45.6e6, "45.60M", "45.6 s"},
        {3.2e9, "3.2G", "3200 s"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        trivet_cli_top_format_rate(cases[i].value, text);
        assert_string_equal(text, cases[i].rate);
        assert_true(trivet_cli_text_width(text) <= 7);
        trivet_cli_top_format_us(cases[i].value, text);
        assert_string_equal(text, cases[i].us);
        assert_true(trivet_cli_text_width(text) <= 7);
    }
    trivet_cli_top_format_name("house", 12, 16, text, sizeof(text));
    assert_string_equal(text, "house:12");
    trivet_cli_top_format_name("a-model-of-17", 12, 16, text, sizeof(text));
    assert_string_equal(text, "a-model-of-17:12");
    trivet_cli_top_format_name("a-model-of-1718", 12, 16, text, sizeof(text));
    assert_string_equal(text, "a-model-of-1\xe2\x80\xa6:12");
}

struct screen {
    int n_rows, n_cols;
    wchar_t cells[ROWS_MAX][COLS_MAX + 1];
    bool wrong[ROWS_MAX][COLS_MAX];
};

static void put(void *ctx, int row, int col, enum trivet_cli_top_style style, const char *text)
{
    struct screen *screen = ctx;
    wchar_t wide[COLS_MAX + 1];
    size_t n = mbstowcs(wide, text, COLS_MAX);
    assert_true(n != (size_t)-1);
    assert_true(row >= 0 && row < screen->n_rows && col >= 0);
    assert_true(n == 0 || col + (int)n <= screen->n_cols);
    for (size_t i = 0; i < n; i++) {
        assert_true(screen->cells[row][col + (int)i] == L' '); /* nothing is drawn over */
        screen->cells[row][col + (int)i] = wide[i];
        screen->wrong[row][col + (int)i] = style == TRIVET_CLI_TOP_WRONG && wide[i] != L' ';
    }
}

static void draw(struct screen *screen, struct trivet_cli_top *top,
                 struct trivet_cli_top_view *view, int n_rows, int n_cols)
{
    *screen = (struct screen){.n_rows = n_rows, .n_cols = n_cols};
    for (int row = 0; row < n_rows; row++) {
        wmemset(screen->cells[row], L' ', (size_t)n_cols);
    }
    struct trivet_cli_top_canvas canvas = {n_rows, n_cols, screen, put};
    trivet_cli_top_draw(top, view, &canvas);
}

static void assert_line(const struct screen *screen, int row, const wchar_t *begin)
{
    if (wcsncmp(screen->cells[row], begin, wcslen(begin)) != 0) {
        fail_msg("row %d is '%ls', not '%ls'", row, screen->cells[row], begin);
    }
}

static bool any_wrong(const struct screen *screen, int row)
{
    for (int col = 0; col < screen->n_cols; col++) {
        if (screen->wrong[row][col]) {
            return true;
        }
    }
    return false;
}

static void fill_three(struct source *source)
{
    for (int i = 0; i < 2; i++) {
        uint64_t n = (uint64_t)i;
        send_server(source, 1 + 0.25 * i, 100 + 250 * n, 0, 2 * i);
        send_totals(source, "quiet", 7, 0, 2 * i);
        send_totals(source, "flaky", 20 * n, 10 * n, 2 * i);
        send_totals(source, "recommendation-for-newcomers", 200000 * n, 0, 2 * i);
        tick(source, 2 * i + 0.01);
    }
}

static void test_screen_that_is_wide(void **state)
{
    (void)state;
    struct source source = {.epoch = EPOCH};
    struct screen screen;
    struct trivet_cli_top_view view = {.server = "s", .interval_s = 2, .now_ns = mono_ns(2.1)};
    fill_three(&source);
    draw(&screen, &source.top, &view, 24, 130);
    assert_line(&screen, 1,
                L"RSS 45.0 MiB  CPU 12 %  threads 14  files 60  queue 3 rows  models 7, 2.0 MiB  "
                L"connections 90  calls in hand 0  jobs 1, 4 wait");
    assert_true(any_wrong(&screen, 1)); /* connections, of 100 */
    trivet_cli_top_release(&source.top);
}

static void test_screen(void **state)
{
    (void)state;
    struct source source = {.epoch = EPOCH};
    struct screen screen;
    struct trivet_cli_top_view view = {.server = "tcp://127.0.0.1:7600",
                                       .interval_s = 2,
                                       .now_ns = mono_ns(2.1),
                                       .now_unix_us = 12 * 3600 * SECOND_US};
    fill_three(&source);
    draw(&screen, &source.top, &view, 24, 80);
    assert_line(&screen, 0, L"trivet top  tcp://127.0.0.1:7600  ready ");
    assert_line(&screen, 1, L"RSS 45.0 MiB  CPU 12 %  threads 14  files 60  queue 3 rows ");
    assert_line(&screen, 2,
                L"all calls 350, 125/s  failed 0, 0/s  events dropped 0, lost 0       ");
    assert_line(&screen, 3,
                L"MODEL:VERSION     *CALLS/S FAIL/S  ROWS/S  ERR/S     P50     P99   QUEUE"
                L" COMPUTE");
    assert_line(&screen, 4, L"recommendation-\x2026:1  100.0k      0   1.00M      0");
    assert_line(&screen, 5, L"flaky:1               15.0   5.00     100   5.00");
    assert_line(&screen, 6,
                L"quiet:1                  0      0       0      0       -       -       -"
                L"       -");
    assert_line(&screen, 7, L"                                                            ");
    assert_line(&screen, 23, L"q quit  sort: c calls");
    for (int row = 0; row < 24; row++) {
        assert_int_equal(any_wrong(&screen, row), row == 5);
    }
    assert_true(screen.wrong[5][32] && screen.wrong[5][47]);
    assert_true(!screen.wrong[5][25] && !screen.wrong[5][40]);
    view.key = TRIVET_CLI_TOP_BY_NAME;
    draw(&screen, &source.top, &view, 24, 144);
    assert_line(&screen, 3, L"*MODEL:VERSION ");
    assert_line(&screen, 4, L"flaky:1 ");
    assert_line(&screen, 6, L"recommendation-for-newcomers:1 ");
    assert_non_null(wcsstr(screen.cells[6], L"200,000"));
    view.reverse = true;
    draw(&screen, &source.top, &view, 24, 80);
    assert_line(&screen, 4, L"recommendation-");
    view.now_ns = mono_ns(30);
    draw(&screen, &source.top, &view, 24, 80);
    assert_non_null(wcsstr(screen.cells[0], L"silent"));
    assert_true(any_wrong(&screen, 0));
    trivet_cli_top_release(&source.top);
}

/* A call that is refused before its rows are read counts no row: it is told all the same. */
static void test_calls_that_fail_whole(void **state)
{
    (void)state;
    struct source source = {.epoch = EPOCH};
    for (uint64_t i = 0; i < 2; i++) {
        struct totals totals;
        Trivet__V1__Event event = TRIVET__V1__EVENT__INIT;
        fill_totals(&totals, "refused", 1, 100 * i, 60 * i);
        totals.failed_rows.count = 0;
        event.body_case = TRIVET__V1__EVENT__BODY_PREDICTION_TOTALS;
        event.prediction_totals = &totals.message;
        send(&source, &event, 2 * (double)i);
        send_totals(&source, "busy", 1000 * i, 0, 2 * (double)i);
        tick(&source, 2 * (double)i + 0.01);
    }
    const struct trivet_cli_top_rates *rates = rates_of(&source, "refused");
    assert_float_equal(rates->calls_failed_per_s, 30, 1e-9);
    assert_float_equal(rates->calls_per_s, 80, 1e-9);
    assert_true(rates->errors_per_s <= 0);
    assert_float_equal(rates_of(&source, "busy")->calls_failed_per_s, 0, 1e-9);
    trivet_cli_top_sort(&source.top, TRIVET_CLI_TOP_BY_ERRORS, false);
    assert_string_equal(source.top.versions[0].model, "refused");
    struct screen screen;
    struct trivet_cli_top_view view = {.server = "s", .key = TRIVET_CLI_TOP_BY_ERRORS};
    draw(&screen, &source.top, &view, 24, 80);
    assert_line(&screen, 3, L"MODEL:VERSION    CALLS/S FAIL/S  ROWS/S *ERR/S     P50");
    assert_line(&screen, 4, L"refused:1           80.0   30.0     500      0 ");
    assert_true(any_wrong(&screen, 4) && screen.wrong[4][30] && !screen.wrong[4][45]);
    assert_false(any_wrong(&screen, 5));
    trivet_cli_top_release(&source.top);
}

/* A name is cut only where there is no room for it. */
static void test_a_long_name(void **state)
{
    (void)state;
    static const wchar_t name[] =
        L"a-model-with-the-longest-name-that-a-server-takes-0123456789-abc";
    struct source source = {.epoch = EPOCH};
    struct screen screen;
    struct trivet_cli_top_view view = {.server = "s"};
    char bytes[80];
    assert_int_equal(wcstombs(bytes, name, sizeof(bytes)), 64);
    send_totals(&source, bytes, 1, 0, 0);
    draw(&screen, &source.top, &view, 24, 200);
    assert_line(&screen, 4, name);
    assert_line(&screen, 3, L"MODEL:VERSION                                                     ");
    assert_non_null(wcsstr(screen.cells[3], L"ERRORS"));
    draw(&screen, &source.top, &view, 24, 80);
    assert_line(&screen, 4, L"a-model-with-th\x2026:1 ");
    trivet_cli_top_release(&source.top);
    /* Short ones leave the columns where they are. */
    send_totals(&source, "house", 1, 0, 0);
    draw(&screen, &source.top, &view, 24, 200);
    assert_line(&screen, 3, L"MODEL:VERSION   *CALLS/S");
    trivet_cli_top_release(&source.top);
}

static void test_orders(void **state)
{
    (void)state;
    struct source source = {.epoch = EPOCH};
    fill_three(&source);
    const char *first[TRIVET_CLI_TOP_KEYS] = {"recommendation-for-newcomers",
                                              "recommendation-for-newcomers", "flaky", "", "flaky"};
    for (int key = 0; key < TRIVET_CLI_TOP_KEYS; key++) {
        trivet_cli_top_sort(&source.top, (enum trivet_cli_top_key)key, false);
        assert_true(first[key][0] == '\0' || strcmp(source.top.versions[0].model, first[key]) == 0);
    }
    trivet_cli_top_sort(&source.top, TRIVET_CLI_TOP_BY_P99, false);
    assert_string_equal(source.top.versions[2].model, "quiet");
    trivet_cli_top_release(&source.top);
}

/* Every size: nothing beyond the edges (put asserts it), nothing drawn over. */
static void test_any_size(void **state)
{
    (void)state;
    struct source source = {.epoch = EPOCH};
    struct screen screen;
    struct trivet_cli_top_view view = {.server = "tcp://127.0.0.1:7600", .interval_s = 2};
    for (int rows = 1; rows < 10; rows++) {
        for (int cols = 1; cols < COLS_MAX; cols++) {
            draw(&screen, &source.top, &view, rows, cols);
        }
    }
    fill_three(&source);
    for (int rows = 1; rows < 10; rows++) {
        for (int cols = 1; cols < COLS_MAX; cols++) {
            draw(&screen, &source.top, &view, rows, cols);
        }
    }
    trivet_cli_top_release(&source.top);
}

static void test_scrolling(void **state)
{
    (void)state;
    struct source source = {.epoch = EPOCH};
    struct screen screen;
    struct trivet_cli_top_view view = {.server = "", .key = TRIVET_CLI_TOP_BY_NAME};
    for (int i = 0; i < 30; i++) {
        char name[16];
        snprintf(name, sizeof(name), "m%02d", i);
        send_totals(&source, name, 1, 0, 0);
    }
    view.first = 5;
    draw(&screen, &source.top, &view, 24, 100);
    assert_line(&screen, 4, L"m05:1 ");
    assert_non_null(wcsstr(screen.cells[23], L"6\x2013"
                                             L"24 of 30"));
    view.first = 1000;
    draw(&screen, &source.top, &view, 24, 100);
    assert_int_equal(view.first, 11);
    assert_line(&screen, 22, L"m29:1 ");
    trivet_cli_top_release(&source.top);
}

static void test_json(void **state)
{
    (void)state;
    struct source source = {.epoch = EPOCH};
    struct trivet_buffer out = {0};
    fill_three(&source);
    assert_int_equal(trivet_cli_top_json(&source.top, &out, NULL), TRIVET_OK);
    json_t *root = json_loadb((const char *)out.data, out.n_bytes, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(root);
    json_t *version = json_array_get(json_object_get(root, "versions"), 0);
    assert_string_equal(json_string_value(json_object_get(version, "model")), "quiet");
    assert_int_equal(json_integer_value(json_object_get(version, "calls")), 7);
    assert_true(json_is_null(json_object_get(version, "p50_us")));
    version = json_array_get(json_object_get(root, "versions"), 1);
    assert_float_equal(json_number_value(json_object_get(version, "errors_per_s")), 5, 1e-9);
    assert_float_equal(json_number_value(json_object_get(version, "calls_failed_per_s")), 5, 1e-9);
    assert_int_equal(json_integer_value(json_object_get(version, "calls_failed")), 10);
    json_t *server = json_object_get(root, "server");
    assert_float_equal(json_number_value(json_object_get(server, "cpu_percent")), 12.5, 1e-9);
    assert_int_equal(json_integer_value(json_object_get(server, "queue_rows")), 3);
    assert_int_equal(json_integer_value(json_object_get(server, "connections_max")), 100);
    assert_int_equal(json_integer_value(json_object_get(server, "models_loaded")), 7);
    assert_int_equal(json_integer_value(json_object_get(server, "jobs_running")), 1);
    json_decref(root);
    trivet_buffer_release(&out);
    trivet_cli_top_release(&source.top);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rates),
        cmocka_unit_test(test_calls_that_fail_whole),
        cmocka_unit_test(test_a_lost_event_costs_nothing),
        cmocka_unit_test(test_server),
        cmocka_unit_test(test_a_new_epoch_forgets),
        cmocka_unit_test(test_stats_come_first),
        cmocka_unit_test(test_a_bucket_that_is_none),
        cmocka_unit_test(test_formats),
        cmocka_unit_test(test_screen),
        cmocka_unit_test(test_screen_that_is_wide),
        cmocka_unit_test(test_a_long_name),
        cmocka_unit_test(test_orders),
        cmocka_unit_test(test_any_size),
        cmocka_unit_test(test_scrolling),
        cmocka_unit_test(test_json),
    };
    if (setlocale(LC_CTYPE, "C.UTF-8") == NULL) {
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
