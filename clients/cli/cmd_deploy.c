/* trivet deploy NAME VERSION [--alias A] [--require GATE]… [--require-better-than @ALIAS]
 * [--holdout DATASET|FILE] [--traffic PERCENT] [--shadow] [--no-split] */
#include "clients/cli/models.h"
#include "clients/cli/names.h"
#include "clients/cli/output.h"
#include "clients/cli/scored_data.h"
#include "clients/cli/traffic.h"
#include "trivet/v1/models.pb-c.h"

#include "base/text.h"

#include <string.h>

#define SCORING_TIMEOUT_MS 600000

/* -s is --server. */
enum { KEY_SHADOW = 0x100 };

struct deploy_options {
    struct trivet_cli *cli;
    const char *name;
    const char *version;
    const char *alias;
    const char *reason;
    const char *rival;
    const char *metric;
    const char *holdout;
    struct trivet_cli_list require;
    double percent; /* 0 = not given */
    bool shadow;
    bool no_split;
};

/* The calls of "production" are shared, instead of moving an alias. */
static bool is_split(const struct deploy_options *options)
{
    return options->percent > 0 || options->shadow || options->no_split;
}

static void check_options(const struct deploy_options *options, unsigned n_arguments,
                          const struct argp_state *state)
{
    bool gates = options->rival != NULL || options->require.n_items > 0;
    if (n_arguments < (options->no_split ? 1 : 2)) {
        argp_error(state, "name the model and the version");
    }
    if (options->metric != NULL && options->rival == NULL) {
        argp_error(state, "--metric goes with --require-better-than");
    }
    if (options->holdout != NULL && !gates) {
        argp_error(state, "--holdout goes with --require or --require-better-than");
    }
    if (is_split(options) && (gates || options->alias != NULL)) {
        argp_error(state, "--traffic, --shadow and --no-split are of the alias production, and go "
                          "without gates");
    }
    if (options->no_split && (n_arguments > 1 || options->percent > 0 || options->shadow)) {
        argp_error(state, "--no-split goes with the model's name alone");
    }
}

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct deploy_options *options = state->input;
    struct trivet_error err = {0};
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = options->cli;
        return 0;
    case 'a':
        options->alias = argument;
        return 0;
    case 'm':
        options->reason = argument;
        return 0;
    case 'b':
        options->rival = argument;
        return 0;
    case 'M':
        options->metric = argument;
        return 0;
    case 'H':
        options->holdout = argument;
        return 0;
    case 't':
        if (!trivet_cli_parse_percent(argument, &options->percent)) {
            argp_error(state, "--traffic %s: give a percentage, more than 0 and at most 100",
                       argument);
        }
        return 0;
    case KEY_SHADOW:
        options->shadow = true;
        return 0;
    case 'S':
        options->no_split = true;
        return 0;
    case 'r':
        if (trivet_cli_list_add(&options->require, argument, strlen(argument), &err) != TRIVET_OK) {
            argp_failure(state, TRIVET_CLI_FAILED, 0, "%s", err.message);
        }
        return 0;
    case ARGP_KEY_ARG:
        if (state->arg_num >= 2) {
            argp_error(state, "'%s' is too much", argument);
        }
        *(state->arg_num == 0 ? &options->name : &options->version) = argument;
        return 0;
    case ARGP_KEY_END:
        check_options(options, state->arg_num, state);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option deploy_argp_options[] = {
    {"alias", 'a', "ALIAS", 0, "the alias to set (else production)", 0},
    {"require", 'r', "GATE", 0,
     "only when the version's evaluation on held-out rows holds this, such as 'r2>=0.9'; may be "
     "repeated",
     0},
    /* argp tears an option of this width apart when its text is longer than some 130 bytes. */
    {"require-better-than", 'b', "@ALIAS|VERSION", 0,
     "only when it is better than this one on the same holdout: that of --holdout, or that of the "
     "same data with the same split",
     0},
    {"holdout", 'H', "DATASET|FILE", 0,
     "the gates look at how the versions score on these rows: a dataset's id, or a CSV file, which "
     "is sent for that and deleted again",
     0},
    {"metric", 'M', "NAME", 0, "what better is measured by (else r2, f1_macro or silhouette)", 0},
    {"traffic", 't', "PERCENT", 0,
     "the version answers this part of production's calls, the version of production the rest; "
     "shadows stay, another version's part ends",
     0},
    {"shadow", KEY_SHADOW, NULL, 0,
     "the version computes production's calls (of --traffic, a part of them) beside, to be "
     "compared, and answers none; a split and other shadows stay",
     0},
    {"no-split", 'S', NULL, 0, "production answers all calls again", 0},
    {"reason", 'm', "TEXT", 0, "why, for the record", 0},
    {0},
};

static const struct argp deploy_argp = {
    .options = deploy_argp_options,
    .parser = parse,
    .args_doc = "NAME VERSION\nNAME --no-split",
    .doc = "Let a version answer: point an alias at it. The version is loaded and warm before it "
           "takes a call.",
    .children = trivet_cli_shared_children,
};

/* The version that it must be better than, as `trivet_cli_resolve` takes it. What cannot be one is
 * the server's to refuse: then *out is the model's production. */
static void rival_of(const struct deploy_options *options, const struct trivet_cli_model *model,
                     struct trivet_cli_model *out)
{
    *out = *model;
    if (options->rival[0] == '@') {
        (void)trivet_text_copy(out->alias, sizeof(out->alias), options->rival + 1);
    } else {
        (void)trivet_text_parse_uint64(options->rival, &out->version);
    }
}

/* The columns that both versions need, typed as they need them. */
static enum trivet_status holdout_columns(const struct deploy_options *options,
                                          const struct trivet_cli_model *model, uint64_t version,
                                          struct trivet_schema *out, struct trivet_error *err)
{
    struct trivet_cli_model name = *model;
    Trivet__V1__Version *described = NULL;
    name.version = version;
    enum trivet_status status = trivet_cli_resolve(options->cli, &name, &described, err);
    if (status == TRIVET_OK) {
        status = trivet_cli_scored_columns(described, described->target, out, err);
    }
    if (status == TRIVET_OK && options->rival != NULL) {
        rival_of(options, model, &name);
        status = trivet_cli_resolve(options->cli, &name, &described, err);
        if (status == TRIVET_OK) {
            status = trivet_cli_scored_columns(described, described->target, out, err);
        }
    }
    return status;
}

static bool is_dataset_id(const char *text)
{
    return strncmp(text, "ds-", 3) == 0 && strspn(text + 3, "0123456789abcdef") == 16 &&
           text[3 + 16] == '\0';
}

/* The id of the rows that the gates look at; *sent when they are of a file and ours to delete. */
static enum trivet_status send_holdout(const struct deploy_options *options,
                                       const struct trivet_cli_model *model, uint64_t version,
                                       const char **id, bool *sent, struct trivet_error *err)
{
    struct trivet_schema columns = {0};
    Trivet__V1__Dataset *dataset = NULL;
    if (options->holdout == NULL || is_dataset_id(options->holdout)) {
        *id = options->holdout == NULL ? "" : options->holdout;
        return TRIVET_OK;
    }
    enum trivet_status status = holdout_columns(options, model, version, &columns, err);
    if (status == TRIVET_OK) {
        status = trivet_cli_upload_scored(options->cli, options->holdout, &columns, &dataset, err);
    }
    if (status == TRIVET_OK) {
        *id = dataset->id;
        *sent = true;
    }
    trivet_schema_release(&columns);
    return status;
}

static enum trivet_status promote(const struct deploy_options *options,
                                  struct trivet_cli_model *model, uint64_t version,
                                  const char *alias, ProtobufCMessage **reply,
                                  struct trivet_error *err)
{
    struct trivet_cli *cli = options->cli;
    const char *holdout = "";
    bool sent = false;
    enum trivet_status status = send_holdout(options, model, version, &holdout, &sent, err);
    if (status != TRIVET_OK) {
        return status;
    }
    Trivet__V1__PromoteRequest request = TRIVET__V1__PROMOTE_REQUEST__INIT;
    request.model = model->name;
    request.version = version;
    request.alias = trivet_cli_field(alias);
    request.n_require = options->require.n_items;
    request.require = options->require.items;
    request.require_better_than = trivet_cli_field(options->rival != NULL ? options->rival : "");
    request.better_metric = trivet_cli_field(options->metric != NULL ? options->metric : "");
    request.reason = trivet_cli_field(options->reason != NULL ? options->reason : "");
    request.holdout_dataset_id = trivet_cli_field(holdout);
    status = trivet_cli_call(cli, "trivet.v1.Models/Promote", &request.base,
                             &trivet__v1__model__descriptor,
                             holdout[0] != '\0' ? SCORING_TIMEOUT_MS : 0, cli->arena, reply, err);
    if (sent) {
        trivet_cli_drop_scored(cli, holdout);
    }
    return status;
}

static int split(const struct deploy_options *options, const struct trivet_cli_model *model,
                 uint64_t version)
{
    struct trivet_error err = {0};
    ProtobufCMessage *reply = NULL;
    const struct trivet_cli_split split = {
        .model = model->name,
        .version = version,
        .percent = options->percent > 0 ? options->percent : 100,
        .shadow = options->shadow,
        .reason = options->reason,
    };
    if (trivet_cli_set_split(options->cli, &split, &reply, &err) != TRIVET_OK) {
        return trivet_cli_fail(&err);
    }
    return options->cli->json
               ? trivet_cli_print_json(reply)
               : trivet_cli_print_split(options->cli, (const Trivet__V1__Model *)reply);
}

static int deploy(const struct deploy_options *options)
{
    struct trivet_cli *cli = options->cli;
    struct trivet_cli_model model = {0};
    struct trivet_error err = {0};
    uint64_t version = 0;
    if (trivet_cli_parse_name(options->name, &model, &err) != TRIVET_OK) {
        return trivet_cli_usage("%s", err.message);
    }
    if (options->no_split) {
        return split(options, &model, 0);
    }
    if (!trivet_text_parse_uint64(options->version, &version) || version == 0) {
        return trivet_cli_usage("'%s' is not a version; versions are 1, 2, …; see 'trivet models "
                                "%s'",
                                options->version, model.name);
    }
    if (is_split(options)) {
        return split(options, &model, version);
    }
    const char *alias = options->alias != NULL ? options->alias : "production";
    ProtobufCMessage *reply = NULL;
    if (promote(options, &model, version, alias, &reply, &err) != TRIVET_OK) {
        return trivet_cli_fail(&err);
    }
    return cli->json ? trivet_cli_print_json(reply)
                     : trivet_cli_print_alias(cli, model.name, alias, version);
}

static int run(struct trivet_cli *cli, int argc, char **argv)
{
    struct deploy_options options = {.cli = cli};
    argp_parse(&deploy_argp, argc, argv, 0, NULL, &options);
    int code = deploy(&options);
    trivet_cli_list_release(&options.require);
    return code;
}

const struct trivet_cli_command trivet_cli_deploy = {
    .name = "deploy",
    .summary = "let a version answer, if it is good enough",
    .run = run,
};
