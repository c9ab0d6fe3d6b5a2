#include "server/options.h"

#include "base/text.h"

#include <argp.h>
#include <ini.h>
#include <string.h>
#include <unistd.h>

/* One row per option: the command line, the config file and the help all read this table. */
enum option_kind {
    OPTION_TEXT,
    OPTION_LISTEN,
    OPTION_REQUIRE_MODEL,
    OPTION_TEXT_OR_OFF,
    OPTION_HTTP_HOST,
    OPTION_TRANSPORT,
    OPTION_COUNT,
    OPTION_LOG_LEVEL,
    OPTION_LOG_FORMAT,
};

struct option_row {
    const char *name;
    enum option_kind kind;
    size_t offset; /* into struct trivet_options */
    uint64_t min;
    uint64_t max;
    const char *argument;
    const char *help;
};

#define AT(field) offsetof(struct trivet_options, field)

static const struct option_row table[] = {
    {"data-dir", OPTION_TEXT, AT(data_dir), 0, 0, "DIR",
     "where models, datasets and jobs are kept (made when missing)"},
    {"listen", OPTION_LISTEN, 0, 0, 0, "URL",
     "serve calls on tcp://HOST:PORT or ipc:///PATH; may be repeated (default "
     "tcp://127.0.0.1:7600)"},
    {"events", OPTION_TEXT_OR_OFF, AT(events), 0, 0, "URL",
     "publish events here, or 'off' (default tcp://127.0.0.1:7601)"},
    {"http", OPTION_TEXT_OR_OFF, AT(http), 0, 0, "HOST:PORT",
     "serve /metrics, /live and /ready here, or 'off' (default 127.0.0.1:7602); port 0 picks one"},
    {"allow-host", OPTION_HTTP_HOST, 0, 0, 0, "NAME",
     "a name under which --http may be asked, beside its host and localhost; may be repeated"},
    {"transport", OPTION_TRANSPORT, 0, 0, 0, "NAME",
     "what serves calls: sp, Trivet's own, or nng, for inproc:// and comparison (default sp)"},
    {"loops", OPTION_COUNT, AT(n_loops), 1, 64, "N",
     "threads that serve connections, and predict what is cheap (default: one per core)"},
    {"inline-us", OPTION_COUNT, AT(inline_us_max), 0, 1000000, "N",
     "most microseconds of prediction in one turn of a thread of --loops; what is dearer goes to "
     "the workers (default 200; 0: everything goes)"},
    {"workers", OPTION_COUNT, AT(n_workers), 1, 256, "N",
     "threads that compute predictions (default: one per core)"},
    {"batch-rows", OPTION_COUNT, AT(batch_rows_max), 1, 1u << 20, "N",
     "most rows predicted as one batch (default 1024)"},
    {"queue-rows", OPTION_COUNT, AT(queue_rows_max), 1, 1u << 30, "N",
     "most rows waiting for a worker (default 4000000)"},
    {"model-memory", OPTION_COUNT, AT(model_memory_bytes_max), 0, UINT64_MAX, "BYTES",
     "cap on loaded versions; the least recently used go first (default 0: none)"},
    {"trainer-memory", OPTION_COUNT, AT(trainer_memory_bytes_max), 0, UINT64_MAX, "BYTES",
     "cap on a training process (default 0: none)"},
    {"trainer-threads", OPTION_COUNT, AT(n_trainer_threads), 1, 256, "N",
     "threads of a training process whose job does not say (default 1)"},
    {"require-model", OPTION_REQUIRE_MODEL, 0, 0, 0, "NAME",
     "not ready until this model has a version in production; may be repeated"},
    {"bins-rows", OPTION_COUNT, AT(bins_rows_per_s_max), 0, 1000000, "N",
     "most rows of a version that are counted for drift per second; of more, a sample is (default "
     "2000; 0: none)"},
    {"bins-every", OPTION_COUNT, AT(bins_every_ms), 100, 3600000, "MS",
     "milliseconds between two publications of what was counted for drift (default 5000)"},
    {"log-level", OPTION_LOG_LEVEL, 0, 0, 0, "LEVEL", "debug, info, warn or error (default info)"},
    {"log-format", OPTION_LOG_FORMAT, 0, 0, 0, "FORMAT", "text or json (default text)"},
};

#define KEY_BASE    0x100
#define KEY_CONFIG  0x200
#define KEY_TRAINER 0x201

struct parse {
    struct trivet_options *options;
    bool listen_given; /* the first --listen of a source replaces what was there */
    bool require_given;
    struct trivet_error *err;
    enum trivet_status status;
};

static enum trivet_status wrong(struct trivet_error *err, const struct option_row *row,
                                const char *value)
{
    return trivet_error_set(err, TRIVET_INVALID_ARGUMENT, "%s: '%.100s' is not usable; it is: %s",
                            row->name, value, row->help);
}

static enum trivet_status set_count(struct trivet_options *options, const struct option_row *row,
                                    const char *value, struct trivet_error *err)
{
    uint64_t number;
    if (!trivet_text_parse_uint64(value, &number) || number < row->min || number > row->max) {
        return wrong(err, row, value);
    }
    char *field = (char *)options + row->offset;
    if (row->offset == AT(n_workers)) {
        options->n_workers = (unsigned)number;
    } else {
        memcpy(field, &number, sizeof(number));
    }
    return TRIVET_OK;
}

static enum trivet_status set_listen(struct parse *parse, const struct option_row *row,
                                     const char *value)
{
    struct trivet_options *options = parse->options;
    if (!parse->listen_given) {
        options->n_listen = 0;
        parse->listen_given = true;
    }
    if (options->n_listen == TRIVET_LISTEN_MAX) {
        return trivet_error_set(parse->err, TRIVET_INVALID_ARGUMENT, "listen: more than %d",
                                TRIVET_LISTEN_MAX);
    }
    if (!trivet_text_copy(options->listen[options->n_listen], TRIVET_OPTION_BYTES_MAX, value)) {
        return wrong(parse->err, row, value);
    }
    options->n_listen++;
    return TRIVET_OK;
}

static enum trivet_status add_required(struct parse *parse, const struct option_row *row,
                                       const char *value)
{
    struct trivet_options *options = parse->options;
    if (!parse->require_given) {
        options->n_require_models = 0;
        parse->require_given = true;
    }
    if (!trivet_text_is_name(value, TRIVET_STORE_NAME_BYTES - 1)) {
        return wrong(parse->err, row, value);
    }
    if (options->n_require_models == TRIVET_REQUIRED_MODELS_MAX) {
        return trivet_error_set(parse->err, TRIVET_INVALID_ARGUMENT, "require-model: more than %d",
                                TRIVET_REQUIRED_MODELS_MAX);
    }
    (void)trivet_text_copy(options->require_models[options->n_require_models++],
                           TRIVET_STORE_NAME_BYTES, value);
    return TRIVET_OK;
}

static enum trivet_status set_option(struct parse *parse, const struct option_row *row,
                                     const char *value)
{
    struct trivet_options *options = parse->options;
    bool fits = true;
    switch (row->kind) {
    case OPTION_TEXT:
        fits = trivet_text_copy((char *)options + row->offset, TRIVET_OPTION_BYTES_MAX, value);
        break;
    case OPTION_LISTEN:
        return set_listen(parse, row, value);
    case OPTION_REQUIRE_MODEL:
        return add_required(parse, row, value);
    case OPTION_TEXT_OR_OFF:
        fits = trivet_text_copy((char *)options + row->offset, TRIVET_OPTION_BYTES_MAX,
                                strcmp(value, "off") == 0 ? "" : value);
        break;
    case OPTION_HTTP_HOST:
        fits = options->n_http_hosts < TRIVET_HTTP_HOSTS_MAX &&
               trivet_text_copy(options->http_hosts[options->n_http_hosts++],
                                TRIVET_OPTION_BYTES_MAX, value);
        break;
    case OPTION_TRANSPORT:
        fits = strcmp(value, "sp") == 0 || strcmp(value, "nng") == 0;
        options->transport = strcmp(value, "nng") == 0 ? TRIVET_TRANSPORT_NNG : TRIVET_TRANSPORT_SP;
        break;
    case OPTION_COUNT:
        return set_count(options, row, value, parse->err);
    case OPTION_LOG_LEVEL:
        fits = trivet_log_level_parse(value, &options->log_level);
        break;
    case OPTION_LOG_FORMAT:
        options->log_json = strcmp(value, "json") == 0;
        fits = options->log_json || strcmp(value, "text") == 0;
        break;
    }
    return fits ? TRIVET_OK : wrong(parse->err, row, value);
}

/* --- config file: [trivetd] name = value ----------------------------------------------------- */

static int on_config_value(void *user, const char *section, const char *name, const char *value)
{
    struct parse *parse = user;
    if (section[0] != '\0' && strcmp(section, "trivetd") != 0) {
        return 1; /* another program's section of a shared file */
    }
    for (size_t i = 0; i < TRIVET_ARRAY_COUNT(table); i++) {
        if (strcmp(table[i].name, name) == 0) {
            parse->status = set_option(parse, &table[i], value);
            return parse->status == TRIVET_OK;
        }
    }
    parse->status = trivet_error_set(parse->err, TRIVET_INVALID_ARGUMENT,
                                     "no option '%.80s'; see trivetd --help", name);
    return 0;
}

static enum trivet_status read_config(struct parse *parse, const char *path)
{
    int line = ini_parse(path, on_config_value, parse);
    if (line == -1) {
        return trivet_error_set(parse->err, TRIVET_INVALID_ARGUMENT,
                                "cannot read the config file '%s'", path);
    }
    if (line != 0 && parse->status == TRIVET_OK) {
        return trivet_error_set(parse->err, TRIVET_INVALID_ARGUMENT,
                                "%s:%d: not 'name = value', or the line is too long", path, line);
    }
    if (parse->status != TRIVET_OK) {
        trivet_error_prefix(parse->err, "%s:%d: ", path, line);
    }
    return parse->status;
}

/* --- command line ---------------------------------------------------------------------------- */

/* Two passes: the config file first, wherever --config stands. */
struct arguments {
    struct parse parse;
    const char *config;
    bool config_pass;
};

static error_t on_argument(int key, char *value, struct argp_state *state)
{
    struct arguments *arguments = state->input;
    if (key == KEY_CONFIG) {
        arguments->config = value;
        return 0;
    }
    if (key == KEY_TRAINER) {
        arguments->parse.options->trainer = true;
        return 0;
    }
    if (key == ARGP_KEY_ARG) {
        argp_error(state, "unexpected argument '%s'", value);
        return EINVAL;
    }
    if (key < KEY_BASE || key >= KEY_BASE + (int)TRIVET_ARRAY_COUNT(table)) {
        return ARGP_ERR_UNKNOWN;
    }
    if (!arguments->config_pass && arguments->parse.status == TRIVET_OK) {
        arguments->parse.status = set_option(&arguments->parse, &table[key - KEY_BASE], value);
    }
    return 0;
}

static void set_defaults(struct trivet_options *options)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    struct trivet_options defaults = {
        .listen = {"tcp://127.0.0.1:7600"},
        .n_listen = 1,
        .transport = TRIVET_TRANSPORT_SP,
        .events = "tcp://127.0.0.1:7601",
        .http = "127.0.0.1:7602",
        .n_loops = cores < 1    ? 1
                   : cores > 64 ? 64
                                : (uint64_t)cores,
        .inline_us_max = 200,
        .n_workers = cores < 1     ? 1
                     : cores > 256 ? 256
                                   : (unsigned)cores,
        .batch_rows_max = 1024,
        .queue_rows_max = 4000000,
        .n_trainer_threads = 1,
        .bins_rows_per_s_max = 2000,
        .bins_every_ms = 5000,
        .log_level = TRIVET_LOG_INFO,
    };
    *options = defaults;
}

enum trivet_status trivet_options_parse(int argc, char **argv, struct trivet_options *out,
                                        struct trivet_error *err)
{
    struct argp_option rows[TRIVET_ARRAY_COUNT(table) + 3] = {0};
    for (size_t i = 0; i < TRIVET_ARRAY_COUNT(table); i++) {
        rows[i].name = table[i].name;
        rows[i].key = KEY_BASE + (int)i;
        rows[i].arg = table[i].argument;
        rows[i].doc = table[i].help;
    }
    rows[TRIVET_ARRAY_COUNT(table)].name = "config";
    rows[TRIVET_ARRAY_COUNT(table)].key = KEY_CONFIG;
    rows[TRIVET_ARRAY_COUNT(table)].arg = "FILE";
    rows[TRIVET_ARRAY_COUNT(table)].doc =
        "read options from FILE: lines 'name = value' with the names above";
    rows[TRIVET_ARRAY_COUNT(table) + 1].name = "trainer";
    rows[TRIVET_ARRAY_COUNT(table) + 1].key = KEY_TRAINER;
    rows[TRIVET_ARRAY_COUNT(table) + 1].flags = OPTION_HIDDEN;
    const struct argp parser = {
        .options = rows,
        .parser = on_argument,
        .doc = "trivetd: trains, evaluates, deploys and serves models.\v"
               "Prints a line beginning 'ready' when it serves; drains and ends on SIGTERM.",
    };
    struct arguments arguments = {.parse = {.options = out, .err = err}, .config_pass = true};
    set_defaults(out);
    argp_err_exit_status = 2;
    argp_parse(&parser, argc, argv, 0, NULL, &arguments);
    if (arguments.config != NULL) {
        enum trivet_status status = read_config(&arguments.parse, arguments.config);
        if (status != TRIVET_OK) {
            return status;
        }
    }
    arguments.config_pass = false;
    arguments.parse.listen_given = false;
    arguments.parse.require_given = false;
    argp_parse(&parser, argc, argv, ARGP_SILENT, NULL, &arguments);
    if (arguments.parse.status == TRIVET_OK && !out->trainer && out->data_dir[0] == '\0') {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "say where the data is to be kept: --data-dir DIR");
    }
    return arguments.parse.status;
}
