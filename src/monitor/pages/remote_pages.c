#include "monitor/pages/remote_pages.h"

#include "base/text.h"
#include "monitor/pages/reply.h"

static void show(struct trivet_monitor_remote *remote, enum trivet_remote_question question,
                 const char *name, uint64_t version, struct trivet_httpd_reply *reply)
{
    struct trivet_error err;
    trivet_monitor_reply_status(
        reply, trivet_monitor_remote_get(remote, question, name, version, &reply->body, &err),
        &err);
}

void trivet_remote_show_jobs(void *context, const struct trivet_httpd_request *request,
                             struct trivet_httpd_reply *reply)
{
    (void)request;
    show(context, TRIVET_REMOTE_JOBS, "", 0, reply);
}

void trivet_remote_show_job(void *context, const struct trivet_httpd_request *request,
                            struct trivet_httpd_reply *reply)
{
    show(context, TRIVET_REMOTE_JOB, request->params[0], 0, reply);
}

void trivet_remote_show_models(void *context, const struct trivet_httpd_request *request,
                               struct trivet_httpd_reply *reply)
{
    (void)request;
    show(context, TRIVET_REMOTE_MODELS, "", 0, reply);
}

void trivet_remote_show_model(void *context, const struct trivet_httpd_request *request,
                              struct trivet_httpd_reply *reply)
{
    uint64_t version = 0;
    const char *text = request->params[1];
    if (text != NULL && (!trivet_text_parse_uint64(text, &version) || version == 0)) {
        trivet_httpd_reply_error(reply, 400, "the version in the path must be a number from 1");
        return;
    }
    show(context, text != NULL ? TRIVET_REMOTE_VERSION : TRIVET_REMOTE_MODEL, request->params[0],
         version, reply);
}
