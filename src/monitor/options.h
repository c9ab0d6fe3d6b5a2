/* Options of trivet-monitor: command line and configuration file. */
#ifndef TRIVET_MONITOR_OPTIONS_H
#define TRIVET_MONITOR_OPTIONS_H

#include "base/compiler.h"
#include "monitor/registry.h"

#include <trivet/error.h>

#include <stdbool.h>
#include <stddef.h>

/* An address of a server or of events, with its NUL. */
#define TRIVET_MONITOR_URL_BYTES 320

/* A list of texts, owned. */
struct trivet_monitor_list {
    char *items[TRIVET_MONITOR_SOURCES_MAX];
    size_t n;
};

struct trivet_monitor_options {
    struct trivet_monitor_list servers;
    struct trivet_monitor_list events;
    struct trivet_monitor_list hosts;
    char *http;
    char *history;
    char *policy;  /* NULL = nothing is automatic */
    char *rules;   /* NULL = those built in */
    char *webhook; /* NULL = none */
    bool print_rules;
    struct trivet_drift_options drift;
    bool log_json;
};

/* From argv, over the file that --config names, over the defaults. Prints help, version and usage
 * errors and ends the program for them, as argp does (usage errors: exit 2). */
enum trivet_status trivet_monitor_options_parse(int argc, char **argv,
                                                struct trivet_monitor_options *out,
                                                struct trivet_error *err) TRIVET_MUST_USE;
/* The keys of the file: server, events, allow_host (may repeat), http, history, policy, rules,
 * webhook, drift_window, drift_rows, drift_level, log_format, in the section [monitor].
 * INVALID_ARGUMENT names file and line. */
enum trivet_status trivet_monitor_options_read(const char *path,
                                               struct trivet_monitor_options *options,
                                               struct trivet_error *err) TRIVET_MUST_USE;
/* Fill what was not set, and check: one events URL per server. */
enum trivet_status trivet_monitor_options_finish(struct trivet_monitor_options *options,
                                                 struct trivet_error *err) TRIVET_MUST_USE;
void trivet_monitor_options_release(struct trivet_monitor_options *options);

#endif
