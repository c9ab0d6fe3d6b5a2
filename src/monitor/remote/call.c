#include "monitor/remote/call.h"

#include "base/text.h"
#include "monitor/remote/thin.h"
#include "trivet/v1/models.pb-c.h"
#include "trivet/v1/training.pb-c.h"
#include "wire/codec.h"
#include "wire/json.h"

#define CONNECT_TIMEOUT_MS 500
#define CALL_TIMEOUT_MS    1500
#define REPLY_BYTES_MAX    ((size_t)16 << 20)
#define NAME_BYTES         128
#define JOBS_MAX           200
#define MODELS_MAX         1000

/* One call and its answer, in the caller's arena. */
struct exchange {
    const char *method;
    const ProtobufCMessage *request;
    const ProtobufCMessageDescriptor *answer_type;
};

static enum trivet_status connect_source(struct trivet_remote_caller *caller, size_t source,
                                         struct trivet_error *err)
{
    const struct trivet_client_options options = {
        .url = caller->monitor->sources[source].server_url,
        .connect_timeout_ms = CONNECT_TIMEOUT_MS,
        .call_timeout_ms = CALL_TIMEOUT_MS,
        .reply_bytes_max = REPLY_BYTES_MAX,
    };
    return caller->clients[source] != NULL
               ? TRIVET_OK
               : trivet_client_open(&options, &caller->clients[source], err);
}

static enum trivet_status call(struct trivet_remote_caller *caller, size_t source,
                               const struct exchange *exchange, ProtobufCMessage **out,
                               struct trivet_error *err)
{
    struct trivet_buffer body = {0};
    struct trivet_reply reply = {0};
    enum trivet_status status = connect_source(caller, source, err);
    if (status == TRIVET_OK) {
        status = trivet_codec_pack(exchange->request, &body, err);
    }
    if (status == TRIVET_OK) {
        status = trivet_client_call(caller->clients[source], exchange->method, body.data,
                                    body.n_bytes, NULL, 0, &reply, err);
    }
    if (status == TRIVET_OK) {
        status = trivet_codec_unpack(exchange->answer_type, caller->arena, reply.body,
                                     reply.body_bytes, out, err);
        trivet_reply_release(&reply);
    } else if (status == TRIVET_UNAVAILABLE || status == TRIVET_DEADLINE_EXCEEDED) {
        trivet_client_close(caller->clients[source]);
        caller->clients[source] = NULL;
    }
    caller->calls++;
    caller->calls_failed += status != TRIVET_OK && status != TRIVET_NOT_FOUND;
    trivet_buffer_release(&body);
    return status;
}

/* The message's members, after a comma, into the object that `out` is in. */
static enum trivet_status append_members(const ProtobufCMessage *message, struct trivet_buffer *out,
                                         struct trivet_error *err)
{
    size_t at = out->n_bytes;
    enum trivet_status status = trivet_wire_json_message(message, out, err);
    if (status == TRIVET_OK) {
        out->data[at] = ','; /* in the place of its brackets; no message here is empty */
        out->n_bytes--;
    }
    return status;
}

/* A loss curve may have an entry for each of 100,000 epochs: as many as a chart can show go to the
 * pages, and "loss_iterations" of what they are. */
static enum trivet_status append_thinned(const uint64_t *iterations, size_t n,
                                         struct trivet_buffer *out, struct trivet_error *err)
{
    enum trivet_status status =
        n > 0 ? trivet_buffer_printf(out, err, ",\"loss_iterations\":[") : TRIVET_OK;
    for (size_t i = 0; i < n && status == TRIVET_OK; i++) {
        status = trivet_buffer_printf(out, err, "%llu%s", (unsigned long long)iterations[i],
                                      i + 1 < n ? "," : "]");
    }
    return status;
}

/* Thins the curve of the report; `iterations` has room for TRIVET_REMOTE_CURVE_MAX. 0: not needed.
 */
static size_t thin_report(Trivet__V1__TrainingReport *report, uint64_t *iterations)
{
    Trivet__V1__FitReport *fit = report != NULL ? report->fit : NULL;
    if (fit == NULL || fit->n_loss_curve <= TRIVET_REMOTE_CURVE_MAX) {
        return 0;
    }
    fit->n_loss_curve =
        trivet_remote_thin(fit->loss_curve, fit->n_loss_curve, TRIVET_REMOTE_CURVE_MAX, iterations);
    return fit->n_loss_curve;
}

static enum trivet_status ask_jobs(struct trivet_remote_caller *caller, size_t source,
                                   const char *name, struct trivet_buffer *out,
                                   struct trivet_error *err)
{
    Trivet__V1__ListJobsRequest list = TRIVET__V1__LIST_JOBS_REQUEST__INIT;
    Trivet__V1__GetJobRequest one = TRIVET__V1__GET_JOB_REQUEST__INIT;
    char id[NAME_BYTES];
    list.limit = JOBS_MAX;
    one.job_id = id;
    (void)trivet_text_copy(id, sizeof(id), name != NULL ? name : "");
    const struct exchange exchanges[] = {
        {"trivet.v1.Training/ListJobs", &list.base, &trivet__v1__list_jobs_response__descriptor},
        {"trivet.v1.Training/GetJob", &one.base, &trivet__v1__job__descriptor},
    };
    ProtobufCMessage *answer = NULL;
    uint64_t iterations[TRIVET_REMOTE_CURVE_MAX];
    size_t n_thinned = 0;
    enum trivet_status status = call(caller, source, &exchanges[name != NULL], &answer, err);
    if (status == TRIVET_OK && name != NULL) {
        n_thinned = thin_report(((Trivet__V1__Job *)answer)->report, iterations);
    }
    status = status == TRIVET_OK ? append_members(answer, out, err) : status;
    return status == TRIVET_OK ? append_thinned(iterations, n_thinned, out, err) : status;
}

static enum trivet_status ask_models(struct trivet_remote_caller *caller, size_t source,
                                     struct trivet_buffer *out, struct trivet_error *err)
{
    Trivet__V1__ListModelsRequest request = TRIVET__V1__LIST_MODELS_REQUEST__INIT;
    request.limit = MODELS_MAX;
    const struct exchange exchange = {"trivet.v1.Models/List", &request.base,
                                      &trivet__v1__list_models_response__descriptor};
    ProtobufCMessage *answer = NULL;
    enum trivet_status status = call(caller, source, &exchange, &answer, err);
    return status == TRIVET_OK ? append_members(answer, out, err) : status;
}

/* With `version` 0 all versions in short, and the audit log. */
static enum trivet_status ask_model(struct trivet_remote_caller *caller, size_t source,
                                    const char *name, uint64_t version, struct trivet_buffer *out,
                                    struct trivet_error *err)
{
    char model[NAME_BYTES];
    (void)trivet_text_copy(model, sizeof(model), name);
    Trivet__V1__DescribeModelRequest describe = TRIVET__V1__DESCRIBE_MODEL_REQUEST__INIT;
    Trivet__V1__HistoryRequest history = TRIVET__V1__HISTORY_REQUEST__INIT;
    describe.model = model;
    describe.version = version;
    history.model = model;
    const struct exchange exchanges[] = {
        {"trivet.v1.Models/Describe", &describe.base, &trivet__v1__model__descriptor},
        {"trivet.v1.Models/History", &history.base, &trivet__v1__history_response__descriptor},
    };
    uint64_t iterations[TRIVET_REMOTE_CURVE_MAX];
    size_t n_thinned = 0;
    ProtobufCMessage *answer = NULL;
    enum trivet_status status = call(caller, source, &exchanges[0], &answer, err);
    if (status == TRIVET_OK) {
        Trivet__V1__Model *found = (Trivet__V1__Model *)answer;
        for (size_t i = 0; i < found->n_versions; i++) {
            found->versions[i]->profile = NULL; /* large, and the drift's to tell */
        }
        if (version != 0 && found->n_versions == 1) {
            n_thinned = thin_report(found->versions[0]->report, iterations);
        }
        status = append_members(answer, out, err);
    }
    status = status == TRIVET_OK ? append_thinned(iterations, n_thinned, out, err) : status;
    if (status == TRIVET_OK && version == 0) {
        status = call(caller, source, &exchanges[1], &answer, err);
        status = status == TRIVET_OK ? append_members(answer, out, err) : status;
    }
    return status;
}

static enum trivet_status ask_source(struct trivet_remote_caller *caller, size_t source,
                                     enum trivet_remote_question question, const char *name,
                                     uint64_t version, struct trivet_buffer *out,
                                     struct trivet_error *err)
{
    enum trivet_status status = TRIVET_INTERNAL;
    trivet_arena_reset(caller->arena);
    switch (question) {
    case TRIVET_REMOTE_JOBS:
        status = ask_jobs(caller, source, NULL, out, err);
        break;
    case TRIVET_REMOTE_JOB:
        status = ask_jobs(caller, source, name, out, err);
        break;
    case TRIVET_REMOTE_MODELS:
        status = ask_models(caller, source, out, err);
        break;
    case TRIVET_REMOTE_MODEL:
    case TRIVET_REMOTE_VERSION:
        status = ask_model(caller, source, name, version, out, err);
        break;
    }
    trivet_arena_reset(caller->arena);
    return status;
}

/* Why nothing is asked of a source now; "" when it is up. */
static enum trivet_status source_down(struct trivet_monitor *monitor, size_t source,
                                      struct trivet_error *err)
{
    enum trivet_status status = TRIVET_OK;
    pthread_mutex_lock(&monitor->lock);
    const struct trivet_monitor_source *at = &monitor->sources[source];
    if (!at->server_up) {
        status = trivet_error_set(err, TRIVET_UNAVAILABLE, "%s",
                                  at->server_why[0] != '\0' ? at->server_why : "not asked yet");
    }
    pthread_mutex_unlock(&monitor->lock);
    return status;
}

/* The beginning of a source's object, up to its message. */
static enum trivet_status append_head(const char *separator, const char *url, const char *why,
                                      struct trivet_buffer *out, struct trivet_error *err)
{
    enum trivet_status status = trivet_buffer_printf(out, err, "%s{\"server\":", separator);
    status = status == TRIVET_OK ? trivet_wire_json_text(url, out, err) : status;
    status = status == TRIVET_OK ? trivet_buffer_printf(out, err, ",\"unavailable\":") : status;
    return status == TRIVET_OK ? trivet_wire_json_text(why, out, err) : status;
}

/* Append one source's object. NOT_FOUND and UNAVAILABLE leave `out` as it was. */
static enum trivet_status append_source(struct trivet_remote_caller *caller, size_t source,
                                        enum trivet_remote_question question, const char *name,
                                        uint64_t version, const char *separator,
                                        struct trivet_buffer *out, struct trivet_error *err)
{
    size_t at = out->n_bytes;
    const char *url = caller->monitor->sources[source].server_url;
    enum trivet_status status = source_down(caller->monitor, source, err);
    if (status == TRIVET_OK) {
        status = append_head(separator, url, "", out, err);
    }
    if (status == TRIVET_OK) {
        status = ask_source(caller, source, question, name, version, out, err);
    }
    if (status != TRIVET_OK) {
        out->n_bytes = at;
        bool is_list = question == TRIVET_REMOTE_JOBS || question == TRIVET_REMOTE_MODELS;
        if (!is_list || append_head(separator, url, err->message, out, NULL) != TRIVET_OK) {
            out->n_bytes = at;
            return status;
        }
    }
    return trivet_buffer_append(out, "}", 1, err);
}

enum trivet_status trivet_remote_ask(struct trivet_remote_caller *caller,
                                     enum trivet_remote_question question, const char *name,
                                     uint64_t version, struct trivet_buffer *out,
                                     struct trivet_error *err)
{
    size_t n_answers = 0;
    struct trivet_error last = {0};
    enum trivet_status worst = TRIVET_NOT_FOUND;
    enum trivet_status status = trivet_buffer_printf(
        out, err, "{\"fetched_unix_us\":%lld,\"servers\":[", (long long)trivet_clock_unix_us());
    size_t n_sources = caller->monitor->n_sources;
    for (size_t i = 0; i < n_sources && status == TRIVET_OK && !caller->stopping; i++) {
        struct trivet_error one;
        enum trivet_status asked =
            append_source(caller, i, question, name, version, n_answers > 0 ? "," : "", out, &one);
        n_answers += asked == TRIVET_OK;
        if (asked != TRIVET_OK && worst == TRIVET_NOT_FOUND) {
            worst = asked; /* one that cannot be asked may know */
            last = one;
        }
    }
    if (status != TRIVET_OK) {
        return status;
    }
    if (n_answers == 0) {
        return trivet_error_set(err, worst == TRIVET_NOT_FOUND ? worst : TRIVET_UNAVAILABLE, "%s",
                                last.message);
    }
    return trivet_buffer_append(out, "]}\n", 3, err);
}

void trivet_remote_caller_release(struct trivet_remote_caller *caller)
{
    for (size_t i = 0; i < TRIVET_MONITOR_SOURCES_MAX; i++) {
        trivet_client_close(caller->clients[i]);
    }
    trivet_arena_free(caller->arena);
}
