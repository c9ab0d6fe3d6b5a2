#include "monitor/options.h"

#include "base/alloc.h"
#include "base/text.h"
#include "monitor/ini_file.h"

#include <argp.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <trivet/client.h>

#define DEFAULT_HTTP    "127.0.0.1:7603"
#define DEFAULT_HISTORY "trivet-monitor.db"

enum option_key {
    KEY_HTTP = 256,
    KEY_HISTORY,
    KEY_POLICY,
    KEY_LOG_FORMAT,
    KEY_ALLOW_HOST,
    KEY_RULES,
    KEY_WEBHOOK,
    KEY_PRINT_RULES,
    KEY_DRIFT_WINDOW,
    KEY_DRIFT_ROWS,
    KEY_DRIFT_LEVEL
};

const char *argp_program_version = "trivet-monitor " TRIVET_VERSION;

static const struct argp_option argp_options[] = {
    {"config", 'c', "FILE", 0, "read options from FILE, section [monitor]", 0},
    {"server", 's', "URL", 0,
     "RPC address of a server to watch (default " TRIVET_DEFAULT_URL "); may repeat", 0},
    {"events", 'e', "URL", 0,
     "the events address of each --server, in their order (default " TRIVET_DEFAULT_EVENTS_URL
     "); may repeat",
     0},
    {"http", KEY_HTTP, "HOST:PORT", 0,
     "where the page is served (default " DEFAULT_HTTP "); port 0 picks one", 0},
    {"allow-host", KEY_ALLOW_HOST, "NAME", 0,
     "a name under which browsers may reach the page, beside the --http host and localhost; may "
     "repeat",
     0},
    {"history", KEY_HISTORY, "FILE", 0,
     "SQLite file that keeps totals and samples (default $XDG_STATE_HOME/trivet/" DEFAULT_HISTORY
     ", or ./" DEFAULT_HISTORY " when that variable is not set)",
     0},
    {"policy", KEY_POLICY, "FILE", 0,
     "what may happen to which model by itself: retraining, shadow, promotion, rollback; without "
     "it, "
     "nothing",
     0},
    {"rules", KEY_RULES, "FILE", 0,
     "alert rules: what FILE says over the rules built in, which --print-rules shows", 0},
    {"webhook", KEY_WEBHOOK, "URL", 0,
     "tell this http:// or https:// address of each alert that fires or ends, and each step of the "
     "loop, by a POST of JSON",
     0},
    {"print-rules", KEY_PRINT_RULES, NULL, 0, "print the rules in effect, as a file, and end", 0},
    {"drift-window", KEY_DRIFT_WINDOW, "SECONDS", 0,
     "least length of a window of served rows that is compared with the reference (default 60)", 0},
    {"drift-rows", KEY_DRIFT_ROWS, "N", 0,
     "least rows of such a window (default 500, at least that)", 0},
    {"drift-level", KEY_DRIFT_LEVEL, "P", 0,
     "probability that an undisturbed window of a version is found to have drifted (default 0.01)",
     0},
    {"log-format", KEY_LOG_FORMAT, "FORMAT", 0, "text (default) or json, on stderr", 0},
    {0},
};

static enum trivet_status set_text(char **to, const char *text, struct trivet_error *err)
{
    char *copy = trivet_strdup(text);
    if (copy == NULL) {
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "out of memory for the options");
    }
    trivet_free(*to);
    *to = copy;
    return TRIVET_OK;
}

static enum trivet_status append(struct trivet_monitor_list *list, const char *text,
                                 const char *what, struct trivet_error *err)
{
    if (list->n == TRIVET_MONITOR_SOURCES_MAX) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT, "%s may be given %d times", what,
                                TRIVET_MONITOR_SOURCES_MAX);
    }
    enum trivet_status status = set_text(&list->items[list->n], text, err);
    list->n += status == TRIVET_OK;
    return status;
}

static void clear(struct trivet_monitor_list *list)
{
    for (size_t i = 0; i < list->n; i++) {
        trivet_free(list->items[i]);
        list->items[i] = NULL;
    }
    list->n = 0;
}

static enum trivet_status set_log_format(struct trivet_monitor_options *options, const char *text,
                                         struct trivet_error *err)
{
    bool json = strcmp(text, "json") == 0;
    if (!json && strcmp(text, "text") != 0) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "log format '%s' is not known; use text or json", text);
    }
    options->log_json = json;
    return TRIVET_OK;
}

enum { DRIFT_WINDOW_S_MAX = 86400, US_PER_S = 1000000 };

/* Members that are 0 were not set. */
static enum trivet_status set_drift(struct trivet_drift_options *drift, const char *name,
                                    const char *value, struct trivet_error *err)
{
    double number = 0;
    bool fine = trivet_text_parse_double(value, strlen(value), &number);
    if (strcmp(name, "drift_window") == 0) {
        fine = fine && number >= 1 && number <= DRIFT_WINDOW_S_MAX;
        drift->window_us = fine ? (int64_t)(number * US_PER_S) : 0;
    } else if (strcmp(name, "drift_rows") == 0) {
        fine = fine && number >= TRIVET_DRIFT_ROWS_MIN && number <= 1e12;
        drift->rows_min = number;
    } else {
        fine = fine && number > 0 && number < 1;
        drift->level = number;
    }
    if (!fine) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "%s '%s' is not usable: a window has 1 to %d seconds and %.0f rows "
                                "or more, a level is between 0 and 1",
                                name, value, DRIFT_WINDOW_S_MAX, TRIVET_DRIFT_ROWS_MIN);
    }
    return TRIVET_OK;
}

static void finish_drift(struct trivet_drift_options *drift)
{
    struct trivet_drift_options options = TRIVET_DRIFT_OPTIONS_DEFAULT;
    options.window_us = drift->window_us > 0 ? drift->window_us : options.window_us;
    options.rows_min = drift->rows_min > 0 ? drift->rows_min : options.rows_min;
    options.level = drift->level > 0 ? drift->level : options.level;
    *drift = options;
}

/* One option by its name in the file. */
static enum trivet_status set_option(struct trivet_monitor_options *options, const char *name,
                                     const char *value, struct trivet_error *err)
{
    if (strcmp(name, "server") == 0) {
        return append(&options->servers, value, "server", err);
    }
    if (strcmp(name, "events") == 0) {
        return append(&options->events, value, "events", err);
    }
    if (strcmp(name, "allow_host") == 0) {
        return append(&options->hosts, value, "allow_host", err);
    }
    if (strcmp(name, "http") == 0) {
        return set_text(&options->http, value, err);
    }
    if (strcmp(name, "history") == 0) {
        return set_text(&options->history, value, err);
    }
    if (strcmp(name, "policy") == 0) {
        return set_text(&options->policy, value, err);
    }
    if (strcmp(name, "rules") == 0) {
        return set_text(&options->rules, value, err);
    }
    if (strcmp(name, "webhook") == 0) {
        return set_text(&options->webhook, value, err);
    }
    if (strcmp(name, "drift_window") == 0 || strcmp(name, "drift_rows") == 0 ||
        strcmp(name, "drift_level") == 0) {
        return set_drift(&options->drift, name, value, err);
    }
    if (strcmp(name, "log_format") == 0) {
        return set_log_format(options, value, err);
    }
    return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                            "'%s' is not known; the keys are server, events, allow_host, http, "
                            "history, policy, rules, webhook, drift_window, drift_rows, "
                            "drift_level, log_format",
                            name);
}

static enum trivet_status take_value(void *context, const char *section, const char *name,
                                     const char *value, struct trivet_error *err)
{
    /* One file may serve several programs. */
    return strcmp(section, "monitor") == 0 ? set_option(context, name, value, err) : TRIVET_OK;
}

enum trivet_status trivet_monitor_options_read(const char *path,
                                               struct trivet_monitor_options *options,
                                               struct trivet_error *err)
{
    struct trivet_monitor_options read = {0};
    enum trivet_status status = trivet_ini_file_read(path, take_value, &read, err);
    if (status != TRIVET_OK) {
        trivet_monitor_options_release(&read);
        return status;
    }
    trivet_monitor_options_release(options);
    *options = read;
    return TRIVET_OK;
}

/* $XDG_STATE_HOME/trivet/trivet-monitor.db, its folder made; or a file here. */
static enum trivet_status default_history(struct trivet_monitor_options *options,
                                          struct trivet_error *err)
{
    const char *state_home = getenv("XDG_STATE_HOME");
    char path[PATH_MAX];
    if (state_home == NULL || state_home[0] != '/') {
        return set_text(&options->history, DEFAULT_HISTORY, err);
    }
    if (!trivet_text_format(path, sizeof(path), "%s/trivet", state_home)) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT, "XDG_STATE_HOME is too long");
    }
    (void)mkdir(state_home, 0700);
    if (mkdir(path, 0700) != 0 && errno != EEXIST) {
        return trivet_error_set(err, TRIVET_UNAVAILABLE, "cannot make %s: %s", path,
                                strerror(errno));
    }
    if (!trivet_text_format(path, sizeof(path), "%s/trivet/%s", state_home, DEFAULT_HISTORY)) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT, "XDG_STATE_HOME is too long");
    }
    return set_text(&options->history, path, err);
}

/* The same twice would count everything twice. */
static enum trivet_status check_addresses(const struct trivet_monitor_list *list, const char *what,
                                          struct trivet_error *err)
{
    for (size_t i = 0; i < list->n; i++) {
        if (strlen(list->items[i]) >= TRIVET_MONITOR_URL_BYTES) {
            return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                    "a --%s address has at most %d bytes, this one %zu", what,
                                    TRIVET_MONITOR_URL_BYTES - 1, strlen(list->items[i]));
        }
        for (size_t k = 0; k < i; k++) {
            if (strcmp(list->items[i], list->items[k]) == 0) {
                return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                        "--%s %s is given twice: all of it would count twice", what,
                                        list->items[i]);
            }
        }
    }
    return TRIVET_OK;
}

enum trivet_status trivet_monitor_options_finish(struct trivet_monitor_options *options,
                                                 struct trivet_error *err)
{
    enum trivet_status status = TRIVET_OK;
    finish_drift(&options->drift);
    if (options->servers.n == 0 && options->events.n == 0) {
        status = append(&options->servers, TRIVET_DEFAULT_URL, "server", err);
        if (status == TRIVET_OK) {
            status = append(&options->events, TRIVET_DEFAULT_EVENTS_URL, "events", err);
        }
    }
    if (status == TRIVET_OK) {
        status = check_addresses(&options->servers, "server", err);
    }
    if (status == TRIVET_OK) {
        status = check_addresses(&options->events, "events", err);
    }
    if (status == TRIVET_OK && options->servers.n != options->events.n) {
        status = trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                  "%zu servers and %zu events addresses: give one --events per "
                                  "--server, in the same order",
                                  options->servers.n, options->events.n);
    }
    if (status == TRIVET_OK && options->http == NULL) {
        status = set_text(&options->http, DEFAULT_HTTP, err);
    }
    if (status == TRIVET_OK && options->history == NULL) {
        status = default_history(options, err);
    }
    return status;
}

/* What argp hands round. Lists of the command line replace those of the file as a whole. */
struct command_line {
    struct trivet_monitor_options *options;
    bool servers_begun;
    bool events_begun;
    bool hosts_begun;
    struct trivet_error err;
};

static enum trivet_status append_first_clears(struct trivet_monitor_list *list, bool *begun,
                                              const char *text, const char *what,
                                              struct trivet_error *err)
{
    if (!*begun) {
        clear(list);
        *begun = true;
    }
    return append(list, text, what, err);
}

static error_t take_option(int key, char *arg, struct argp_state *state)
{
    struct command_line *line = state->input;
    struct trivet_monitor_options *options = line->options;
    enum trivet_status status = TRIVET_OK;
    switch (key) {
    case 'c':
        break; /* read before everything else */
    case 's':
        status = append_first_clears(&options->servers, &line->servers_begun, arg, "--server",
                                     &line->err);
        break;
    case 'e':
        status =
            append_first_clears(&options->events, &line->events_begun, arg, "--events", &line->err);
        break;
    case KEY_ALLOW_HOST:
        status = append_first_clears(&options->hosts, &line->hosts_begun, arg, "--allow-host",
                                     &line->err);
        break;
    case KEY_HTTP:
        status = set_text(&options->http, arg, &line->err);
        break;
    case KEY_HISTORY:
        status = set_text(&options->history, arg, &line->err);
        break;
    case KEY_POLICY:
        status = set_text(&options->policy, arg, &line->err);
        break;
    case KEY_RULES:
        status = set_text(&options->rules, arg, &line->err);
        break;
    case KEY_WEBHOOK:
        status = set_text(&options->webhook, arg, &line->err);
        break;
    case KEY_PRINT_RULES:
        options->print_rules = true;
        break;
    case KEY_DRIFT_WINDOW:
        status = set_drift(&options->drift, "drift_window", arg, &line->err);
        break;
    case KEY_DRIFT_ROWS:
        status = set_drift(&options->drift, "drift_rows", arg, &line->err);
        break;
    case KEY_DRIFT_LEVEL:
        status = set_drift(&options->drift, "drift_level", arg, &line->err);
        break;
    case KEY_LOG_FORMAT:
        status = set_log_format(options, arg, &line->err);
        break;
    case ARGP_KEY_ARG:
        argp_error(state, "'%s': no argument is expected", arg);
        break;
    default:
        return ARGP_ERR_UNKNOWN;
    }
    if (status != TRIVET_OK) {
        argp_error(state, "%s", line->err.message);
    }
    return 0;
}

/* The value of --config, so that the file is read before the options that win over it. */
static error_t find_config(int key, char *arg, struct argp_state *state)
{
    if (key == 'c') {
        *(const char **)state->input = arg;
    }
    return 0;
}

static const char doc[] =
    "Watches trivetd: rates, errors, latency and exact counts per model and version, as a page, as "
    "JSON under /api/v1/ and for Prometheus under /metrics; tells of what is wrong by alerts.";

enum trivet_status trivet_monitor_options_parse(int argc, char **argv,
                                                struct trivet_monitor_options *out,
                                                struct trivet_error *err)
{
    const char *config = NULL;
    struct trivet_monitor_options options = {0};
    struct command_line line = {.options = &options};
    const struct argp first = {.options = argp_options, .parser = find_config, .doc = doc};
    const struct argp second = {.options = argp_options, .parser = take_option, .doc = doc};
    argp_err_exit_status = 2;
    enum trivet_status status = TRIVET_OK;
    (void)argp_parse(&first, argc, argv, 0, NULL, &config);
    if (config != NULL) {
        status = trivet_monitor_options_read(config, &options, err);
    }
    if (status == TRIVET_OK) {
        (void)argp_parse(&second, argc, argv, 0, NULL, &line);
        status = trivet_monitor_options_finish(&options, err);
    }
    if (status != TRIVET_OK) {
        trivet_monitor_options_release(&options);
        return status;
    }
    *out = options;
    return TRIVET_OK;
}

void trivet_monitor_options_release(struct trivet_monitor_options *options)
{
    clear(&options->servers);
    clear(&options->events);
    clear(&options->hosts);
    trivet_free(options->http);
    trivet_free(options->history);
    trivet_free(options->policy);
    trivet_free(options->rules);
    trivet_free(options->webhook);
    *options = (struct trivet_monitor_options){0};
}
