/* Handlers run on the threads of the HTTP server; what they read has locks of its own. */
#include "http/http.h"

#include "base/alloc.h"
#include "httpd/httpd.h"
#include "telemetry/prometheus.h"

#define N_ROUTES 3

struct trivet_http {
    struct trivet_metrics_source source;
    struct trivet_httpd_route routes[N_ROUTES];
    struct trivet_httpd *server;
};

static void show_metrics(void *context, const struct trivet_httpd_request *request,
                         struct trivet_httpd_reply *reply)
{
    (void)request;
    const struct trivet_http *http = context;
    struct trivet_error err;
    reply->content_type = TRIVET_PROMETHEUS_CONTENT_TYPE;
    if (trivet_metrics_write(&http->source, &reply->body, &err) != TRIVET_OK) {
        trivet_httpd_reply_error(reply, 503, "%s", err.message);
    }
}

static void reply_text(struct trivet_httpd_reply *reply, const char *text)
{
    if (trivet_buffer_printf(&reply->body, NULL, "%s\n", text) != TRIVET_OK) {
        trivet_httpd_reply_error(reply, 503, "out of memory");
    }
}

static void show_live(void *context, const struct trivet_httpd_request *request,
                      struct trivet_httpd_reply *reply)
{
    (void)context;
    (void)request;
    reply_text(reply, "{\"live\":true}");
}

static void show_ready(void *context, const struct trivet_httpd_request *request,
                       struct trivet_httpd_reply *reply)
{
    (void)request;
    const struct trivet_http *http = context;
    char reason[TRIVET_ERROR_MESSAGE_BYTES];
    if (!http->source.is_ready(http->source.ctx, reason, sizeof(reason))) {
        trivet_httpd_reply_error(reply, 503, "%s", reason);
        return;
    }
    reply_text(reply, "{\"ready\":true}");
}

enum trivet_status trivet_http_start(const struct trivet_http_options *options,
                                     struct trivet_http **out, struct trivet_error *err)
{
    struct trivet_http *http = trivet_calloc(1, sizeof(*http));
    if (http == NULL) {
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "out of memory for HTTP");
    }
    http->source = options->source;
    const struct {
        const char *path;
        trivet_httpd_handler handler;
    } paths[N_ROUTES] = {
        {"/metrics", show_metrics},
        {"/live", show_live},
        {"/ready", show_ready},
    };
    for (size_t i = 0; i < N_ROUTES; i++) {
        http->routes[i] = (struct trivet_httpd_route){
            .method = "GET", .path = paths[i].path, .handler = paths[i].handler, .context = http};
    }
    const struct trivet_httpd_options httpd = {
        .address = options->address,
        .routes = http->routes,
        .n_routes = N_ROUTES,
        .hosts = options->hosts,
        .n_hosts = options->n_hosts,
        .body_bytes_max = 1, /* nothing here takes a body */
        .later = true,
    };
    enum trivet_status status = trivet_httpd_start(&httpd, &http->server, err);
    if (status != TRIVET_OK) {
        trivet_free(http);
        return status;
    }
    *out = http;
    return TRIVET_OK;
}

const char *trivet_http_address(const struct trivet_http *http)
{
    return trivet_httpd_address(http->server);
}

void trivet_http_stop(struct trivet_http *http)
{
    if (http != NULL) {
        trivet_httpd_stop(http->server);
        trivet_free(http);
    }
}
