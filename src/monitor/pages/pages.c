/* Handlers run on the HTTP threads; they take the monitor's lock only to copy. */
#include "monitor/pages/pages.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "monitor/alerts/message.h"
#include "monitor/pages/assets.h"
#include "monitor/pages/drift_pages.h"
#include "monitor/pages/exposition.h"
#include "monitor/pages/health.h"
#include "monitor/pages/remote_pages.h"
#include "monitor/pages/reply.h"
#include "monitor/pages/report.h"
#include "monitor/pages/report_alerts.h"
#include "monitor/pages/report_quality.h"
#include "monitor/pages/report_server.h"
#include "telemetry/prometheus.h"

#include <string.h>

#define ROUTES_MAX     64
#define PATH_BYTES     32
#define SERIES_SECONDS 600
#define HISTORY_HOURS  24
#define US_PER_S       1000000

struct trivet_monitor_pages {
    struct trivet_monitor *monitor;
    struct trivet_history *history;
    struct trivet_monitor_remote *remote;
    struct trivet_loop_runner *loop; /* NULL = no policy */
    struct trivet_alert_watch *alerts;
    struct trivet_webhook *webhook; /* NULL = none */
    struct trivet_drift_pages drift;
    struct trivet_sse_hub *hub;
    struct trivet_httpd *server;
    struct trivet_httpd_route routes[ROUTES_MAX];
    char paths[ROUTES_MAX][PATH_BYTES]; /* of the dashboard's files */
    size_t n_routes;
};

static void show_overview(void *context, const struct trivet_httpd_request *request,
                          struct trivet_httpd_reply *reply)
{
    (void)request;
    struct trivet_monitor_pages *pages = context;
    struct trivet_error err;
    trivet_monitor_reply_status(reply,
                                trivet_report_overview(pages->monitor, pages->alerts,
                                                       trivet_clock_unix_us(), &reply->body, &err),
                                &err);
}

static void show_series(void *context, const struct trivet_httpd_request *request,
                        struct trivet_httpd_reply *reply)
{
    struct trivet_monitor_pages *pages = context;
    struct trivet_error err;
    int64_t seconds = 0;
    uint64_t version = 0;
    const char *model = request->params[0]; /* NULL on the path of all models */
    if (!trivet_monitor_query_number(request, "seconds", SERIES_SECONDS, &seconds, reply) ||
        (model != NULL && !trivet_monitor_path_version(request, &version, reply))) {
        return;
    }
    trivet_monitor_reply_status(reply,
                                trivet_report_series(pages->monitor, model, version, seconds,
                                                     trivet_clock_unix_us(), &reply->body, &err),
                                &err);
}

static void show_history(void *context, const struct trivet_httpd_request *request,
                         struct trivet_httpd_reply *reply)
{
    struct trivet_monitor_pages *pages = context;
    struct trivet_error err;
    int64_t hours = 0;
    uint64_t version = 0;
    if (!trivet_monitor_query_hours(request, HISTORY_HOURS, &hours, reply) ||
        !trivet_monitor_path_version(request, &version, reply)) {
        return;
    }
    struct trivet_history_point *points =
        trivet_alloc_array(TRIVET_HISTORY_POINTS_MAX, sizeof(*points));
    if (points == NULL) {
        trivet_httpd_reply_error(reply, 503, "out of memory");
        return;
    }
    int64_t now_s = trivet_clock_unix_us() / US_PER_S;
    size_t n_points = 0;
    enum trivet_status status =
        trivet_history_read(pages->history, request->params[0], version, now_s - hours * 3600,
                            now_s + 1, points, TRIVET_HISTORY_POINTS_MAX, &n_points, &err);
    if (status == TRIVET_OK) {
        status = trivet_report_history(request->params[0], version, points, n_points, &reply->body,
                                       &err);
    }
    trivet_free(points);
    trivet_monitor_reply_status(reply, status, &err);
}

static void show_alerts(void *context, const struct trivet_httpd_request *request,
                        struct trivet_httpd_reply *reply)
{
    (void)request;
    struct trivet_monitor_pages *pages = context;
    struct trivet_error err;
    trivet_monitor_reply_status(reply,
                                trivet_report_alerts(pages->alerts, pages->webhook,
                                                     trivet_clock_unix_us(), &reply->body, &err),
                                &err);
}

static void show_quality(void *context, const struct trivet_httpd_request *request,
                         struct trivet_httpd_reply *reply)
{
    struct trivet_monitor_pages *pages = context;
    struct trivet_error err;
    int64_t hours = 0;
    uint64_t version = 0;
    if (!trivet_monitor_query_hours(request, HISTORY_HOURS, &hours, reply) ||
        !trivet_monitor_path_version(request, &version, reply)) {
        return;
    }
    trivet_monitor_reply_status(reply,
                                trivet_report_quality(pages->monitor, pages->history,
                                                      request->params[0], version, hours,
                                                      trivet_clock_unix_us(), &reply->body, &err),
                                &err);
}

static void show_shadow(void *context, const struct trivet_httpd_request *request,
                        struct trivet_httpd_reply *reply)
{
    struct trivet_monitor_pages *pages = context;
    struct trivet_error err;
    uint64_t version = 0;
    if (trivet_monitor_path_version(request, &version, reply)) {
        trivet_monitor_reply_status(
            reply,
            trivet_report_shadow(pages->monitor, request->params[0], version, &reply->body, &err),
            &err);
    }
}

static void show_server(void *context, const struct trivet_httpd_request *request,
                        struct trivet_httpd_reply *reply)
{
    (void)request;
    struct trivet_monitor_pages *pages = context;
    struct trivet_error err;
    trivet_monitor_reply_status(
        reply, trivet_report_server(pages->monitor, trivet_clock_unix_us(), &reply->body, &err),
        &err);
}

static void show_health(void *context, const struct trivet_httpd_request *request,
                        struct trivet_httpd_reply *reply)
{
    (void)request;
    struct trivet_monitor_pages *pages = context;
    struct trivet_error err;
    size_t up = 0;
    pthread_mutex_lock(&pages->monitor->lock);
    size_t n_sources = pages->monitor->n_sources;
    for (size_t i = 0; i < n_sources; i++) {
        up += pages->monitor->sources[i].server_up;
    }
    bool failing = pages->monitor->history_failing;
    pthread_mutex_unlock(&pages->monitor->lock);
    trivet_monitor_reply_status(
        reply,
        trivet_buffer_printf(&reply->body, &err,
                             "{\"status\":\"%s\",\"version\":\"%s\",\"sources\":%zu,"
                             "\"sources_up\":%zu,\"history\":%s}\n",
                             failing || up < n_sources ? "degraded" : "ok", TRIVET_VERSION,
                             n_sources, up, failing ? "false" : "true"),
        &err);
}

static void show_monitor(void *context, const struct trivet_httpd_request *request,
                         struct trivet_httpd_reply *reply)
{
    (void)request;
    struct trivet_monitor_pages *pages = context;
    const struct trivet_monitor_health health = {.monitor = pages->monitor,
                                                 .history = pages->history,
                                                 .remote = pages->remote,
                                                 .hub = pages->hub};
    struct trivet_error err;
    trivet_monitor_reply_status(
        reply, trivet_health_report(&health, trivet_clock_unix_us(), &reply->body, &err), &err);
}

static void show_loop(void *context, const struct trivet_httpd_request *request,
                      struct trivet_httpd_reply *reply)
{
    (void)request;
    struct trivet_monitor_pages *pages = context;
    struct trivet_error err;
    trivet_monitor_reply_status(reply, trivet_loop_runner_report(pages->loop, &reply->body, &err),
                                &err);
}

static void show_metrics(void *context, const struct trivet_httpd_request *request,
                         struct trivet_httpd_reply *reply)
{
    (void)request;
    struct trivet_monitor_pages *pages = context;
    struct trivet_error err;
    reply->content_type = TRIVET_PROMETHEUS_CONTENT_TYPE;
    const struct trivet_exposition_sources sources = {.monitor = pages->monitor,
                                                      .alerts = pages->alerts,
                                                      .webhook = pages->webhook,
                                                      .loop = pages->loop};
    trivet_monitor_reply_status(
        reply, trivet_exposition_write(&sources, trivet_clock_unix_us(), &reply->body, &err), &err);
}

static const char *content_type_of(const char *name)
{
    static const char *const types[][2] = {
        {".html", "text/html; charset=utf-8"},
        {".js", "text/javascript; charset=utf-8"},
        {".css", "text/css; charset=utf-8"},
        {".svg", "image/svg+xml"},
    };
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; i < TRIVET_ARRAY_COUNT(types); i++) {
        if (dot != NULL && strcmp(dot, types[i][0]) == 0) {
            return types[i][1];
        }
    }
    return "application/octet-stream";
}

static void add_route(struct trivet_monitor_pages *pages, const char *path,
                      trivet_httpd_handler handler, void *context)
{
    pages->routes[pages->n_routes++] = (struct trivet_httpd_route){
        .method = "GET", .path = path, .handler = handler, .context = context};
}

static void fill_routes(struct trivet_monitor_pages *pages)
{
    struct trivet_monitor_remote *remote = pages->remote;
    add_route(pages, "/api/v1/overview", show_overview, pages);
    add_route(pages, "/api/v1/series", show_series, pages);
    add_route(pages, "/api/v1/models/{}/versions/{}/series", show_series, pages);
    add_route(pages, "/api/v1/models/{}/versions/{}/history", show_history, pages);
    add_route(pages, "/api/v1/models/{}/versions/{}/quality", show_quality, pages);
    add_route(pages, "/api/v1/models/{}/versions/{}/shadow", show_shadow, pages);
    add_route(pages, "/api/v1/server", show_server, pages);
    add_route(pages, "/api/v1/alerts", show_alerts, pages);
    pages->drift = (struct trivet_drift_pages){pages->monitor, pages->history};
    add_route(pages, "/api/v1/models/{}/versions/{}/drift", trivet_drift_show, &pages->drift);
    add_route(pages, "/api/v1/health", show_health, pages);
    add_route(pages, "/api/v1/monitor", show_monitor, pages);
    add_route(pages, "/api/v1/loop", show_loop, pages);
    add_route(pages, "/metrics", show_metrics, pages);
    add_route(pages, "/api/v1/jobs", trivet_remote_show_jobs, remote);
    add_route(pages, "/api/v1/jobs/{}", trivet_remote_show_job, remote);
    add_route(pages, "/api/v1/models", trivet_remote_show_models, remote);
    add_route(pages, "/api/v1/models/{}", trivet_remote_show_model, remote);
    add_route(pages, "/api/v1/models/{}/versions/{}", trivet_remote_show_model, remote);
    pages->routes[pages->n_routes++] = (struct trivet_httpd_route){
        .method = "GET", .path = "/api/v1/events", .stream = pages->hub};
    pages->routes[pages->n_routes++] =
        (struct trivet_httpd_route){.method = "GET",
                                    .path = "/chart.js",
                                    .file = TRIVET_CHART_JS,
                                    .content_type = content_type_of(".js")};
    for (size_t i = 0; i < trivet_assets_count && pages->n_routes < ROUTES_MAX; i++) {
        const struct trivet_asset *asset = &trivet_assets[i];
        char *path = pages->paths[pages->n_routes];
        bool is_index = strcmp(asset->name, "index.html") == 0;
        if (trivet_text_format(path, PATH_BYTES, "/%s", is_index ? "" : asset->name)) {
            pages->routes[pages->n_routes++] =
                (struct trivet_httpd_route){.method = "GET",
                                            .path = path,
                                            .data = asset->data,
                                            .data_bytes = asset->n_bytes,
                                            .content_type = content_type_of(asset->name)};
        }
    }
}

enum trivet_status trivet_monitor_pages_start(const struct trivet_monitor_pages_options *options,
                                              struct trivet_monitor_pages **out,
                                              struct trivet_error *err)
{
    struct trivet_monitor_pages *pages = trivet_calloc(1, sizeof(*pages));
    if (pages != NULL) {
        pages->hub = trivet_sse_create(NULL);
    }
    if (pages == NULL || pages->hub == NULL) {
        trivet_free(pages);
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "out of memory for the pages");
    }
    pages->monitor = options->monitor;
    pages->history = options->history;
    pages->alerts = options->alerts;
    pages->webhook = options->webhook;
    pages->loop = options->loop;
    enum trivet_status status = trivet_monitor_remote_start(options->monitor, &pages->remote, err);
    if (status != TRIVET_OK) {
        trivet_sse_free(pages->hub);
        trivet_free(pages);
        return status;
    }
    fill_routes(pages);
    const struct trivet_httpd_options served = {
        .address = options->address,
        .routes = pages->routes,
        .n_routes = pages->n_routes,
        .hosts = options->hosts,
        .n_hosts = options->n_hosts,
        .body_bytes_max = 1, /* nothing here takes a body */
    };
    status = trivet_httpd_start(&served, &pages->server, err);
    if (status != TRIVET_OK) {
        trivet_monitor_remote_stop(pages->remote);
        trivet_sse_free(pages->hub);
        trivet_free(pages);
        return status;
    }
    *out = pages;
    return TRIVET_OK;
}

const char *trivet_monitor_pages_address(const struct trivet_monitor_pages *pages)
{
    return trivet_httpd_address(pages->server);
}

void trivet_monitor_pages_tell(struct trivet_monitor_pages *pages, const char *kind,
                               const char *json, size_t n_bytes)
{
    trivet_sse_broadcast(pages->hub, kind, json, n_bytes);
}

void trivet_monitor_pages_tick(struct trivet_monitor_pages *pages, int64_t now_us)
{
    struct trivet_buffer overview = {0};
    struct trivet_error err;
    if (trivet_sse_clients(pages->hub) > 0) {
        if (trivet_report_overview(pages->monitor, pages->alerts, now_us, &overview, &err) ==
            TRIVET_OK) {
            trivet_sse_broadcast(pages->hub, "overview", (const char *)overview.data,
                                 overview.n_bytes);
        } else {
            trivet_log(TRIVET_LOG_WARN, "overview_skipped", "message=%s", err.message);
        }
        trivet_buffer_release(&overview);
    }
    trivet_sse_tick(pages->hub);
}

void trivet_monitor_pages_alert(struct trivet_monitor_pages *pages,
                                const struct trivet_alert *alert)
{
    struct trivet_buffer text = {0};
    struct trivet_error err;
    if (trivet_alert_message(alert, &text, &err) == TRIVET_OK) {
        trivet_sse_broadcast(pages->hub, "alert", (const char *)text.data, text.n_bytes);
    } else {
        trivet_log(TRIVET_LOG_WARN, "alert_skipped", "message=%s", err.message);
    }
    trivet_buffer_release(&text);
}

void trivet_monitor_pages_stop(struct trivet_monitor_pages *pages)
{
    if (pages == NULL) {
        return;
    }
    trivet_httpd_stop(pages->server);
    trivet_monitor_remote_stop(pages->remote);
    trivet_sse_free(pages->hub);
    trivet_free(pages);
}
