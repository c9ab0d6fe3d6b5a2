#include "clients/cli/train_options.h"

#include "base/text.h"

#include <string.h>

#define FOLDS_MIN   2
#define FOLDS_MAX   100
#define THREADS_MAX 1024
#define GROUPED     "grouped:"

enum {
    KEY_IMPUTE = 0x100,
    KEY_SCALE,
    KEY_ENCODE,
    KEY_TRANSFORM,
    KEY_COLUMNS,
    KEY_EXCLUDE,
    KEY_DUPLICATES,
    KEY_TASK,
    KEY_TEST_SIZE,
    KEY_SPLIT,
    KEY_SEED,
    KEY_FOLDS,
    KEY_CURVE,
    KEY_IMPORTANCE,
    KEY_SEARCH,
    KEY_GRID,
    KEY_RANGE,
    KEY_TRIES,
    KEY_METRIC,
    KEY_BUDGET,
    KEY_HOPELESS,
    KEY_THREADS,
    KEY_PLOT,
    KEY_NO_WAIT,
};

static const struct argp_option train_argp_options[] = {
    {"data", 'd', "FILE", 0, "CSV file with a header line", 1},
    {"target", 't', "COLUMN", 0, "what to predict; none for clustering", 1},
    {"columns", KEY_COLUMNS, "A,B", 0, "learn from these columns only", 1},
    {"exclude", KEY_EXCLUDE, "A,B", 0, "leave these columns out", 1},
    {"drop-duplicates", KEY_DUPLICATES, NULL, 0, "of equal rows keep the first", 1},

    {NULL, 0, NULL, 0, "What to fit:", 2},
    {"estimator", 'e', "NAME", 0,
     "see 'trivet estimators'; 'auto' tries some and keeps the best; else logistic_regression for "
     "a "
     "target of categories, linear_regression for numbers",
     2},
    {"task", KEY_TASK, "TASK", 0,
     "regression, classification (a target of numbers too: each is a class) or clustering", 2},
    {"param", 'p', "NAME=VALUE", 0, "a parameter of the estimator; may be repeated", 2},

    {NULL, 0, NULL, 0,
     "How columns are prepared; HOW for all columns that it fits, or COLUMNS=HOW, where COLUMNS "
     "are "
     "names, 'numeric' or 'categorical'; may be repeated:",
     3},
    {"impute", KEY_IMPUTE, "[COLUMNS=]HOW", 0,
     "missing values: mean, median, most_frequent, constant, constant:NUMBER, none (default: mean; "
     "of categories most_frequent; none for numbers when the estimator takes missing values)",
     3},
    {"scale", KEY_SCALE, "[COLUMNS=]HOW", 0,
     "numbers: standard, min_max, robust, max_abs, none (default: standard; none when the "
     "estimator takes "
     "missing values)",
     3},
    {"encode", KEY_ENCODE, "[COLUMNS=]HOW", 0,
     "categories: one_hot (default), ordinal, none; a numeric column named here is taken as "
     "categories",
     3},
    {"transform", KEY_TRANSFORM, "STEP", 0,
     "one more step, as 'pca(n_components=5)' or 'tfidf(ngram_max=2): title'; comes before the "
     "scaling; pca, polynomial_features and normalizer after it; may be repeated",
     3},

    {NULL, 0, NULL, 0, "How it is judged:", 4},
    {"test-size", KEY_TEST_SIZE, "FRACTION", 0, "rows held out for the test (default 0.2)", 4},
    {"cross-validate", KEY_FOLDS, "K", 0, "also K folds of the rows that train", 4},
    {"split", KEY_SPLIT, "HOW", 0,
     "shuffled, stratified (default for classes), time (rows are in its order), grouped:COLUMN "
     "(rows with the same value stay together)",
     4},
    {"learning-curve", KEY_CURVE, NULL, 0, "also scores for growing parts of the rows", 4},
    {"importance", KEY_IMPORTANCE, NULL, 0, "also how much each column matters", 4},
    {"plot", KEY_PLOT, "FILE", 0, "draw loss and learning curve as .png or .svg", 4},

    {NULL, 0, NULL, 0, "Search for parameters; the best are fitted on all rows that train:", 5},
    {"grid", KEY_GRID, "NAME=A,B", 0,
     "try these values of a parameter, of a step as 'pca.n_components=2,5'; values that are lists "
     "are separated by '|'; may be repeated",
     5},
    {"range", KEY_RANGE, "NAME=LOW..HIGH[:log]", 0,
     "try values between, by chance; may be repeated", 5},
    {"search", KEY_SEARCH, "METHOD", 0, "grid (all combinations) or random", 5},
    {"tries", KEY_TRIES, "N", 0, "combinations of a random search (default 20)", 5},
    {"metric", KEY_METRIC, "NAME", 0, "what is best (else r2, f1_macro or silhouette)", 5},
    {"budget", KEY_BUDGET, "SECONDS", 0, "begin nothing new after so long (auto: 60)", 5},
    {"keep-hopeless", KEY_HOPELESS, NULL, 0, "finish combinations that are far behind, too", 5},

    {NULL, 0, NULL, 0, "How it runs:", 6},
    {"seed", KEY_SEED, "N", 0, "of splits and fits (default 0)", 6},
    {"threads", KEY_THREADS, "N", 0, "threads of the fit (else as the server is set)", 6},
    {"no-wait", KEY_NO_WAIT, NULL, 0, "only start the job and print its id", 6},
    {0},
};

static error_t parse_split(const char *argument, struct argp_state *state)
{
    static const struct {
        const char *name;
        Trivet__V1__SplitKind kind;
    } kinds[] = {{"shuffled", TRIVET__V1__SPLIT_KIND__SPLIT_KIND_SHUFFLED},
                 {"stratified", TRIVET__V1__SPLIT_KIND__SPLIT_KIND_STRATIFIED},
                 {"time", TRIVET__V1__SPLIT_KIND__SPLIT_KIND_TIME}};
    struct trivet_cli_train_options *options = state->input;
    size_t grouped_bytes = sizeof(GROUPED) - 1;
    if (strncmp(argument, GROUPED, grouped_bytes) == 0 && argument[grouped_bytes] != '\0') {
        options->split = TRIVET__V1__SPLIT_KIND__SPLIT_KIND_GROUPED;
        options->recipe.group = argument + grouped_bytes;
        return 0;
    }
    for (size_t i = 0; i < TRIVET_ARRAY_COUNT(kinds); i++) {
        if (strcmp(argument, kinds[i].name) == 0) {
            options->split = kinds[i].kind;
            options->recipe.group = NULL;
            return 0;
        }
    }
    argp_error(state, "--split %s: choose shuffled, stratified, time or grouped:COLUMN", argument);
    return EINVAL;
}

static void parse_count(const char *option, const char *argument, uint64_t least, uint64_t most,
                        uint64_t *out, struct argp_state *state)
{
    if (!trivet_text_parse_uint64(argument, out) || *out < least || *out > most) {
        argp_error(state, "%s %s: give a whole number from %llu to %llu", option, argument,
                   (unsigned long long)least, (unsigned long long)most);
    }
}

static error_t parse_numbers(int key, const char *argument, struct argp_state *state)
{
    struct trivet_cli_train_options *options = state->input;
    switch (key) {
    case KEY_TEST_SIZE:
        if (!trivet_text_parse_double(argument, strlen(argument), &options->test_size) ||
            options->test_size < 0 || options->test_size >= 1) {
            argp_error(state, "--test-size %s: give a fraction from 0 up to, not with, 1",
                       argument);
        }
        return 0;
    case KEY_BUDGET:
        if (!trivet_text_parse_double(argument, strlen(argument),
                                      &options->search.budget_seconds) ||
            options->search.budget_seconds <= 0) {
            argp_error(state, "--budget %s: give seconds, more than 0", argument);
        }
        return 0;
    case KEY_SEED:
        if (!trivet_text_parse_uint64(argument, &options->seed)) {
            argp_error(state, "--seed %s: give a whole number from 0", argument);
        }
        return 0;
    case KEY_FOLDS:
        if (!trivet_text_parse_uint64(argument, &options->folds) ||
            (options->folds != 0 && options->folds < FOLDS_MIN) || options->folds > FOLDS_MAX) {
            argp_error(state, "--cross-validate %s: give %d to %d, or 0 for none", argument,
                       FOLDS_MIN, FOLDS_MAX);
        }
        return 0;
    case KEY_TRIES:
        parse_count("--tries", argument, 1, UINT32_MAX, &options->search.tries, state);
        return 0;
    case KEY_THREADS:
        parse_count("--threads", argument, 1, THREADS_MAX, &options->threads, state);
        return 0;
    case KEY_SPLIT:
        return parse_split(argument, state);
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* The list that an option adds one item to, or NULL. */
static struct trivet_cli_list *list_of(struct trivet_cli_train_options *options, int key)
{
    switch (key) {
    case KEY_IMPUTE:
        return &options->recipe.impute;
    case KEY_SCALE:
        return &options->recipe.scale;
    case KEY_ENCODE:
        return &options->recipe.encode;
    case KEY_TRANSFORM:
        return &options->recipe.transforms;
    case KEY_GRID:
        return &options->search.grids;
    case KEY_RANGE:
        return &options->search.ranges;
    default:
        return NULL;
    }
}

static error_t parse_lists(int key, const char *argument, struct argp_state *state)
{
    struct trivet_cli_train_options *options = state->input;
    struct trivet_cli_recipe *recipe = &options->recipe;
    struct trivet_cli_list *list = list_of(options, key);
    struct trivet_error err = {0};
    enum trivet_status status = TRIVET_OK;
    if (list != NULL) {
        status = trivet_cli_list_add(list, argument, strlen(argument), &err);
    } else if (key == 'p') {
        status = trivet_cli_pairs_parse(&recipe->params, argument, &err);
    } else if (key == KEY_COLUMNS) {
        status = trivet_cli_list_parse(&recipe->columns, argument, &err);
    } else if (key == KEY_EXCLUDE) {
        status = trivet_cli_list_parse(&recipe->exclude, argument, &err);
    } else {
        return parse_numbers(key, argument, state);
    }
    if (status != TRIVET_OK) {
        argp_error(state, "%s", err.message);
    }
    return 0;
}

static error_t parse_words(int key, const char *argument, struct argp_state *state)
{
    struct trivet_cli_train_options *options = state->input;
    struct trivet_cli_recipe *recipe = &options->recipe;
    switch (key) {
    case 'd':
        recipe->data = argument;
        return 0;
    case 't':
        recipe->target = argument;
        return 0;
    case 'e':
        recipe->estimator = argument;
        return 0;
    case KEY_TASK:
        recipe->task = argument;
        return 0;
    case KEY_SEARCH:
        options->search.method = argument;
        return 0;
    case KEY_METRIC:
        options->search.metric = argument;
        return 0;
    case KEY_PLOT:
        options->plot = argument;
        return 0;
    default:
        return parse_lists(key, argument, state);
    }
}

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct trivet_cli_train_options *options = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = options->cli;
        return 0;
    case KEY_DUPLICATES:
        options->recipe.drop_duplicates = true;
        return 0;
    case KEY_CURVE:
        options->learning_curve = true;
        return 0;
    case KEY_IMPORTANCE:
        options->importance = true;
        return 0;
    case KEY_HOPELESS:
        options->search.keep_hopeless = true;
        return 0;
    case KEY_NO_WAIT:
        options->no_wait = true;
        return 0;
    case ARGP_KEY_ARG:
        if (options->name != NULL) {
            argp_error(state, "one model at a time; '%s' is too much", argument);
        }
        options->name = argument;
        return 0;
    case ARGP_KEY_END:
        if (options->name == NULL || options->recipe.data == NULL) {
            argp_error(state, "name the model, --data FILE and --target COLUMN");
        }
        if (options->no_wait && options->plot != NULL) {
            argp_error(state, "--plot draws what training found; leave --no-wait out");
        }
        return 0;
    default:
        return parse_words(key, argument, state);
    }
}

static const struct argp train_argp = {
    .options = train_argp_options,
    .parser = parse,
    .args_doc = "NAME",
    .doc = "Train a model on a CSV file: upload it, fit, evaluate, and make a new version. The "
           "version answers calls once it is deployed.",
    .children = trivet_cli_shared_children,
};

void trivet_cli_train_parse(struct trivet_cli_train_options *options, int argc, char **argv)
{
    argp_parse(&train_argp, argc, argv, 0, NULL, options);
}

void trivet_cli_train_options_release(struct trivet_cli_train_options *options)
{
    trivet_cli_pairs_release(&options->recipe.params);
    trivet_cli_list_release(&options->recipe.columns);
    trivet_cli_list_release(&options->recipe.exclude);
    trivet_cli_list_release(&options->recipe.impute);
    trivet_cli_list_release(&options->recipe.scale);
    trivet_cli_list_release(&options->recipe.encode);
    trivet_cli_list_release(&options->recipe.transforms);
    trivet_cli_list_release(&options->search.grids);
    trivet_cli_list_release(&options->search.ranges);
}
