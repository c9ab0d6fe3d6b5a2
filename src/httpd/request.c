/* One request: checks, routing, body, reply. Runs on the server's threads. */
#include "httpd/internal.h"

#include "base/alloc.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

/* A body beyond its limit is read on and thrown away up to this many times the limit, so that the
 * client sees the 413; then the connection is cut. */
#define BODY_DISCARD_FACTOR 16

static const char json_type[] = "application/json; charset=utf-8";
static const char content_policy[] =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/* What is kept from the headers to the end of the body. */
struct request_state {
    const struct trivet_httpd_route *route;
    struct trivet_httpd_request request;
    char segments[TRIVET_HTTPD_PATH_BYTES_MAX]; /* what params point into */
    struct trivet_buffer body;
    size_t body_seen_bytes;
};

const char *trivet_httpd_query(const struct trivet_httpd_request *request, const char *name)
{
    return trivet_mhd.lookup_connection_value(request->connection, MHD_GET_ARGUMENT_KIND, name);
}

static enum trivet_status append_json_text(struct trivet_buffer *out, const char *text)
{
    enum trivet_status status = trivet_buffer_append(out, "\"", 1, NULL);
    for (const char *at = text; *at != '\0' && status == TRIVET_OK; at++) {
        unsigned char byte = (unsigned char)*at;
        if (byte < 0x20 || byte == '"' || byte == '\\' || byte >= 0x7f) {
            /* Bytes beyond ASCII come from a client and may be no UTF-8. */
            status = trivet_buffer_printf(out, NULL, "\\u%04x", byte);
        } else {
            status = trivet_buffer_append(out, at, 1, NULL);
        }
    }
    return status == TRIVET_OK ? trivet_buffer_append(out, "\"", 1, NULL) : status;
}

void trivet_httpd_reply_error(struct trivet_httpd_reply *reply, unsigned status, const char *format,
                              ...)
{
    char message[TRIVET_ERROR_MESSAGE_BYTES];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    reply->status = status;
    reply->content_type = json_type;
    trivet_buffer_release(&reply->body);
    if (trivet_buffer_append(&reply->body, "{\"error\":", 9, NULL) != TRIVET_OK ||
        append_json_text(&reply->body, message) != TRIVET_OK ||
        trivet_buffer_append(&reply->body, "}\n", 2, NULL) != TRIVET_OK) {
        trivet_buffer_release(&reply->body); /* the status alone */
    }
}

void trivet_httpd_add_headers(struct MHD_Response *response, const char *content_type)
{
    static const char *const headers[][2] = {
        {"X-Content-Type-Options", "nosniff"},
        {"Referrer-Policy", "no-referrer"},
        {"Content-Security-Policy", content_policy},
        {"X-Frame-Options", "DENY"},
        {"Cross-Origin-Resource-Policy", "same-origin"},
        {"Cross-Origin-Opener-Policy", "same-origin"},
        {"Cache-Control", "no-store"},
    };
    for (size_t i = 0; i < TRIVET_ARRAY_COUNT(headers); i++) {
        (void)trivet_mhd.add_response_header(response, headers[i][0], headers[i][1]);
    }
    (void)trivet_mhd.add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, content_type);
}

/* Takes the reply's body. `header` (may be NULL) is one more, with `value`. */
static enum MHD_Result send_reply(struct MHD_Connection *connection,
                                  struct trivet_httpd_reply *reply, const char *header,
                                  const char *value)
{
    struct MHD_Response *response = trivet_mhd.response_from_buffer_with_free(
        reply->body.n_bytes, reply->body.data, trivet_free);
    if (response == NULL) {
        trivet_buffer_release(&reply->body);
        return MHD_NO;
    }
    reply->body = (struct trivet_buffer){0};
    trivet_httpd_add_headers(response, reply->content_type);
    if (header != NULL) {
        (void)trivet_mhd.add_response_header(response, header, value);
    }
    enum MHD_Result result = trivet_mhd.queue_response(connection, reply->status, response);
    trivet_mhd.destroy_response(response);
    return result;
}

__attribute__((format(printf, 3, 4))) static enum MHD_Result
refuse(struct MHD_Connection *connection, unsigned status, const char *format, ...)
{
    char message[TRIVET_ERROR_MESSAGE_BYTES];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    struct trivet_httpd_reply reply = {0};
    trivet_httpd_reply_error(&reply, status, "%s", message);
    /* One that is sent away keeps no place that another could have. */
    bool closes = status == MHD_HTTP_SERVICE_UNAVAILABLE;
    return send_reply(connection, &reply, closes ? MHD_HTTP_HEADER_CONNECTION : NULL, "close");
}

/* Host name of "name:port" or "[v6]:port", without brackets; false when it does not fit. */
static bool host_name(const char *host, char *out, size_t out_bytes)
{
    size_t from = 0;
    size_t to = strcspn(host, ":");
    if (host[0] == '[') {
        from = 1;
        to = strcspn(host, "]");
    }
    return to >= from && trivet_text_format(out, out_bytes, "%.*s", (int)(to - from), host + from);
}

/* Against DNS rebinding: a page of another site that resolved its name to this address still says
 * its own name in Host. The port does not matter for that, and differs behind a forwarder. */
static bool host_allowed(const struct trivet_httpd *server, const char *host)
{
    static const char *const local[] = {"localhost", "127.0.0.1", "::1"};
    char name[TRIVET_HTTPD_HOST_BYTES];
    if (!host_name(host, name, sizeof(name))) {
        return false;
    }
    if (strcasecmp(name, server->host) == 0) {
        return true;
    }
    for (size_t i = 0; i < TRIVET_ARRAY_COUNT(local); i++) {
        if (strcasecmp(name, local[i]) == 0) {
            return true;
        }
    }
    for (size_t i = 0; i < server->options.n_hosts; i++) {
        char allowed[TRIVET_HTTPD_HOST_BYTES];
        if (host_name(server->options.hosts[i], allowed, sizeof(allowed)) &&
            strcasecmp(name, allowed) == 0) {
            return true;
        }
    }
    return false;
}

/* Same scheme-less authority as Host. */
static bool origin_allowed(const char *origin, const char *host)
{
    const char *authority = strstr(origin, "://");
    return authority != NULL && strcasecmp(authority + 3, host) == 0;
}

/* True when `path` fits the pattern; the text of each "{}" goes to params. */
static bool route_matches(const char *pattern, const char *path, struct request_state *state)
{
    size_t used = 0;
    size_t n_params = 0;
    while (*pattern != '\0' && *path != '\0') {
        if (strncmp(pattern, "{}", 2) == 0) {
            size_t length = strcspn(path, "/");
            if (length == 0 || n_params == TRIVET_HTTPD_PARAMS_MAX ||
                used + length + 1 > sizeof(state->segments)) {
                return false;
            }
            char *copy = state->segments + used;
            memcpy(copy, path, length);
            copy[length] = '\0';
            state->request.params[n_params++] = copy;
            used += length + 1;
            pattern += 2;
            path += length;
        } else if (*pattern == *path) {
            pattern++;
            path++;
        } else {
            return false;
        }
    }
    return *pattern == '\0' && *path == '\0';
}

static bool method_matches(const char *route_method, const char *method)
{
    return strcmp(route_method, method) == 0 ||
           (strcmp(route_method, "GET") == 0 && strcmp(method, "HEAD") == 0);
}

/* The route of a request, or NULL with `allow` naming the methods of its path ("" = no such path).
 */
static const struct trivet_httpd_route *find_route(const struct trivet_httpd *server,
                                                   const char *method, const char *path,
                                                   struct request_state *state, char *allow,
                                                   size_t allow_bytes)
{
    allow[0] = '\0';
    for (size_t i = 0; i < server->options.n_routes; i++) {
        const struct trivet_httpd_route *route = &server->options.routes[i];
        if (!route_matches(route->path, path, state)) {
            continue;
        }
        if (method_matches(route->method, method)) {
            return route;
        }
        size_t used = strlen(allow);
        (void)trivet_text_format(allow + used, allow_bytes - used, "%s%s%s", used > 0 ? ", " : "",
                                 route->method, strcmp(route->method, "GET") == 0 ? ", HEAD" : "");
    }
    return NULL;
}

/* Size the client claims, 0 when it claims none. MHD has checked that it is a number. */
static uint64_t claimed_bytes(struct MHD_Connection *connection)
{
    const char *text = trivet_mhd.lookup_connection_value(connection, MHD_HEADER_KIND,
                                                          MHD_HTTP_HEADER_CONTENT_LENGTH);
    uint64_t bytes = 0;
    if (text != NULL && !trivet_text_parse_uint64(text, &bytes)) {
        return UINT64_MAX;
    }
    return bytes;
}

/* Everything that can be refused before the body: a stop, Host, Origin, path, method, size. */
static enum MHD_Result begin(struct trivet_httpd *server, struct MHD_Connection *connection,
                             const char *url, const char *method, struct request_state *state)
{
    const char *host =
        trivet_mhd.lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_HOST);
    const char *origin =
        trivet_mhd.lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_ORIGIN);
    if (atomic_load(&server->stopping)) {
        return refuse(connection, MHD_HTTP_SERVICE_UNAVAILABLE, "the server is being stopped");
    }
    if (host == NULL) {
        return refuse(connection, MHD_HTTP_BAD_REQUEST, "the request has no Host header");
    }
    if (!host_allowed(server, host)) {
        return refuse(connection, MHD_HTTP_FORBIDDEN,
                      "host '%s' is not allowed here; use the address the server listens on, or "
                      "allow this name in its options",
                      host);
    }
    if (origin != NULL && !origin_allowed(origin, host)) {
        return refuse(connection, MHD_HTTP_FORBIDDEN,
                      "origin '%s' is not allowed: only this server's own pages may call it",
                      origin);
    }
    char allow[64];
    state->route = find_route(server, method, url, state, allow, sizeof(allow));
    if (state->route == NULL && allow[0] == '\0') {
        return refuse(connection, MHD_HTTP_NOT_FOUND, "there is nothing at '%s'", url);
    }
    if (state->route == NULL) {
        struct trivet_httpd_reply reply = {0};
        trivet_httpd_reply_error(&reply, MHD_HTTP_METHOD_NOT_ALLOWED, "%s is not allowed here: %s",
                                 method, allow);
        return send_reply(connection, &reply, MHD_HTTP_HEADER_ALLOW, allow);
    }
    if (claimed_bytes(connection) > server->options.body_bytes_max) {
        return refuse(connection, MHD_HTTP_CONTENT_TOO_LARGE, "the body is over %zu bytes",
                      server->options.body_bytes_max);
    }
    return MHD_YES;
}

static enum MHD_Result serve_file(struct MHD_Connection *connection,
                                  const struct trivet_httpd_route *route)
{
    struct stat info;
    int fd = open(route->file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
        int cause = fd < 0 ? errno : EINVAL;
        if (fd >= 0) {
            (void)close(fd);
        }
        return refuse(connection, MHD_HTTP_NOT_FOUND, "cannot read '%s': %s", route->file,
                      strerror(cause));
    }
    struct MHD_Response *response = trivet_mhd.response_from_fd((uint64_t)info.st_size, fd);
    if (response == NULL) {
        (void)close(fd);
        return MHD_NO;
    }
    trivet_httpd_add_headers(response, route->content_type);
    enum MHD_Result result = trivet_mhd.queue_response(connection, MHD_HTTP_OK, response);
    trivet_mhd.destroy_response(response);
    return result;
}

static enum MHD_Result serve_data(struct MHD_Connection *connection, const void *data,
                                  size_t n_bytes, const char *content_type)
{
    /* The cast drops const for a persistent buffer, which libmicrohttpd only reads. */
    struct MHD_Response *response =
        trivet_mhd.response_from_buffer(n_bytes, (void *)(uintptr_t)data, MHD_RESPMEM_PERSISTENT);
    if (response == NULL) {
        return MHD_NO;
    }
    trivet_httpd_add_headers(response, content_type);
    enum MHD_Result result = trivet_mhd.queue_response(connection, MHD_HTTP_OK, response);
    trivet_mhd.destroy_response(response);
    return result;
}

static enum MHD_Result serve_stream(struct MHD_Connection *connection,
                                    const struct request_state *state)
{
    int full = 0;
    if (strcmp(state->request.method, "HEAD") == 0) {
        return serve_data(connection, "", 0, "text/event-stream; charset=utf-8");
    }
    enum MHD_Result result = trivet_sse_attach(state->route->stream, connection, &full);
    if (full) {
        return refuse(connection, MHD_HTTP_SERVICE_UNAVAILABLE,
                      "too many event streams are open; close one, or try again later");
    }
    return result;
}

static enum MHD_Result serve(struct MHD_Connection *connection, struct request_state *state)
{
    const struct trivet_httpd_route *route = state->route;
    if (route->stream != NULL) {
        return serve_stream(connection, state);
    }
    if (route->file != NULL) {
        return serve_file(connection, route);
    }
    if (route->data != NULL) {
        return serve_data(connection, route->data, route->data_bytes, route->content_type);
    }
    state->request.body = state->body.data;
    state->request.body_bytes = state->body.n_bytes;
    struct trivet_httpd_reply reply = {.status = MHD_HTTP_OK, .content_type = json_type};
    route->handler(route->context, &state->request, &reply);
    return send_reply(connection, &reply, NULL, NULL);
}

/* A piece of the body. False cuts the connection. */
static bool take_body(struct request_state *state, const char *data, size_t n_bytes,
                      size_t bytes_max)
{
    state->body_seen_bytes += n_bytes;
    if (state->body_seen_bytes > bytes_max) {
        trivet_buffer_release(&state->body);
        return state->body_seen_bytes / BODY_DISCARD_FACTOR <= bytes_max;
    }
    return trivet_buffer_append(&state->body, data, n_bytes, NULL) == TRIVET_OK;
}

enum MHD_Result trivet_httpd_access(void *cls, struct MHD_Connection *connection, const char *url,
                                    const char *method, const char *version,
                                    const char *upload_data, size_t *upload_data_size,
                                    void **state_slot)
{
    (void)version;
    struct trivet_httpd *server = cls;
    struct request_state *state = *state_slot;
    if (state == NULL) {
        state = trivet_calloc(1, sizeof(*state));
        if (state == NULL) {
            return MHD_NO;
        }
        state->request =
            (struct trivet_httpd_request){.method = method, .path = url, .connection = connection};
        *state_slot = state;
        atomic_fetch_add(&server->in_flight, 1);
        return begin(server, connection, url, method, state);
    }
    size_t bytes_max = server->options.body_bytes_max;
    if (*upload_data_size > 0) {
        bool taken = take_body(state, upload_data, *upload_data_size, bytes_max);
        *upload_data_size = 0;
        return taken ? MHD_YES : MHD_NO;
    }
    if (state->body_seen_bytes > bytes_max) {
        return refuse(connection, MHD_HTTP_CONTENT_TOO_LARGE, "the body is over %zu bytes",
                      bytes_max);
    }
    return serve(connection, state);
}

void trivet_httpd_completed(void *cls, struct MHD_Connection *connection, void **state_slot,
                            enum MHD_RequestTerminationCode why)
{
    (void)connection;
    (void)why;
    struct trivet_httpd *server = cls;
    struct request_state *state = *state_slot;
    if (state == NULL) {
        return;
    }
    trivet_buffer_release(&state->body);
    trivet_free(state);
    *state_slot = NULL;
    atomic_fetch_sub(&server->in_flight, 1);
}
