/* Handlers of the routes whose answers come from the servers; `context` is the remote. */
#ifndef TRIVET_MONITOR_REMOTE_PAGES_H
#define TRIVET_MONITOR_REMOTE_PAGES_H

#include "monitor/remote/remote.h"

void trivet_remote_show_jobs(void *context, const struct trivet_httpd_request *request,
                             struct trivet_httpd_reply *reply);
/* The job in the path. */
void trivet_remote_show_job(void *context, const struct trivet_httpd_request *request,
                            struct trivet_httpd_reply *reply);
void trivet_remote_show_models(void *context, const struct trivet_httpd_request *request,
                               struct trivet_httpd_reply *reply);
/* The model in the path; and its version where there is one. */
void trivet_remote_show_model(void *context, const struct trivet_httpd_request *request,
                              struct trivet_httpd_reply *reply);

#endif
