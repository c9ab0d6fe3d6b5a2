#include "clients/cli/train_search.h"

#include "base/text.h"
#include "clients/cli/cli.h"
#include "clients/cli/estimators.h"
#include "clients/cli/train_steps.h"

#include <stdio.h>
#include <string.h>

#define TRIES_DEFAULT 20
#define TRIES_MAX     10000
#define NAME_BYTES    128
#define FOLDS_DEFAULT 5

/* One search under way. */
struct searching {
    const struct trivet_cli_plan *plan;
    const Trivet__V1__PipelineSpec *pipeline;
    const Trivet__V1__ListEstimatorsResponse *known;
    struct trivet_arena *arena;
    Trivet__V1__SearchSpec *spec;
};

static bool is_asked_for(const struct trivet_cli_search *search, const struct trivet_cli_plan *plan)
{
    return plan->info == NULL || search->method != NULL || search->grids.n_items > 0 ||
           search->ranges.n_items > 0;
}

static enum trivet_status check_unused(const struct trivet_cli_search *search,
                                       struct trivet_error *err)
{
    const char *option = search->tries > 0            ? "--tries"
                         : search->metric != NULL     ? "--metric"
                         : search->budget_seconds > 0 ? "--budget"
                         : search->keep_hopeless      ? "--keep-hopeless"
                                                      : NULL;
    return option == NULL ? TRIVET_OK
                          : trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                             "%s belongs to a search; give --grid or --range, or "
                                             "--estimator auto",
                                             option);
}

static enum trivet_status choose_method(const struct trivet_cli_search *search,
                                        const struct trivet_cli_plan *plan,
                                        Trivet__V1__SearchMethod *out, struct trivet_error *err)
{
    bool has_values = search->grids.n_items + search->ranges.n_items > 0;
    if (plan->info == NULL) {
        *out = TRIVET__V1__SEARCH_METHOD__SEARCH_METHOD_AUTO;
        return search->method == NULL && !has_values && search->tries == 0
                   ? TRIVET_OK
                   : trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                      "--estimator auto tries its own set of estimators; leave "
                                      "--search, --grid, --range and --tries out, or name an "
                                      "estimator");
    }
    bool grid = search->method == NULL ? search->ranges.n_items == 0 && search->tries == 0
                                       : strcmp(search->method, "grid") == 0;
    if (search->method != NULL && !grid && strcmp(search->method, "random") != 0) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "--search %.40s: choose grid or "
                                "random",
                                search->method);
    }
    if (!has_values) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "--search needs something to try: give --grid NAME=A,B,… or "
                                "--range NAME=LOW..HIGH");
    }
    if (grid && search->ranges.n_items > 0) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "--range is for --search random; a grid needs values: --grid "
                                "NAME=A,B,…");
    }
    if (grid && search->tries > 0) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "--tries is for --search random; a grid tries every combination");
    }
    *out = grid ? TRIVET__V1__SEARCH_METHOD__SEARCH_METHOD_GRID
                : TRIVET__V1__SEARCH_METHOD__SEARCH_METHOD_RANDOM;
    return TRIVET_OK;
}

static enum trivet_status check_metric(const struct trivet_cli_search *search,
                                       const struct searching *searching, struct trivet_error *err)
{
    char names[TRIVET_CLI_ALLOWED_BYTES] = "";
    size_t used = 0;
    const Trivet__V1__ListEstimatorsResponse *known = searching->known;
    for (size_t i = 0; i < known->n_metrics && used < sizeof(names); i++) {
        const Trivet__V1__MetricInfo *metric = known->metrics[i];
        if (metric->task != searching->plan->task) {
            continue;
        }
        if (search->metric != NULL && strcmp(metric->name, search->metric) == 0) {
            return TRIVET_OK;
        }
        int n = snprintf(names + used, sizeof(names) - used, "%s%s", used > 0 ? ", " : "",
                         metric->name);
        used += n > 0 ? (size_t)n : 0;
    }
    return search->metric == NULL || known->n_metrics == 0
               ? TRIVET_OK
               : trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                  "--metric %.80s: for %s choose one of: %s", search->metric,
                                  trivet_cli_task_name(searching->plan->task), names);
}

/* --- what is tried ------------------------------------------------------------------------- */

static bool has_step(const struct searching *searching, const char *name)
{
    const Trivet__V1__PipelineSpec *pipeline = searching->pipeline;
    for (size_t i = 0; i < pipeline->n_transformers; i++) {
        if (strcmp(pipeline->transformers[i]->name, name) == 0) {
            return true;
        }
    }
    /* The default's steps are the server's. */
    return pipeline->default_transformers;
}

/* "alpha" is the estimator's, "pca.n_components" a transformer's. */
static enum trivet_status find_parameter(const struct searching *searching, const char *option,
                                         const char *name, const Trivet__V1__ParameterInfo **out,
                                         struct trivet_error *err)
{
    const char *dot = strchr(name, '.');
    char step[NAME_BYTES];
    if (dot == NULL) {
        return trivet_cli_find_parameter(searching->plan->info, option, name, out, err);
    }
    snprintf(step, sizeof(step), "%.*s", (int)(dot - name), name);
    const Trivet__V1__EstimatorInfo *info = trivet_cli_find_transformer(searching->known, step);
    if (info == NULL || !has_step(searching, step)) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "%s %.80s: the pipeline has no step '%s'; add it with --transform, "
                                "or name a parameter of %s",
                                option, name, step, searching->plan->info->name);
    }
    return trivet_cli_find_parameter(info, option, dot + 1, out, err);
}

/* "NAME=REST" in its parts; the name is copied to the arena. */
static enum trivet_status begin_range(struct searching *searching, const char *option,
                                      const char *item, const char **rest,
                                      Trivet__V1__SearchRange **out,
                                      const Trivet__V1__ParameterInfo **parameter,
                                      struct trivet_error *err)
{
    const char *equals = strchr(item, '=');
    if (equals == NULL || equals == item || equals[1] == '\0') {
        return trivet_error_set(
            err, TRIVET_INVALID_ARGUMENT, "%s '%.80s': write it as %s", option, item,
            strcmp(option, "--grid") == 0 ? "NAME=VALUE,VALUE,…" : "NAME=LOW..HIGH");
    }
    Trivet__V1__SearchRange *range = trivet_arena_alloc(searching->arena, sizeof(*range));
    char *name = trivet_arena_strdup(searching->arena, item);
    if (range == NULL || name == NULL) {
        return trivet_cli_no_memory(err);
    }
    name[equals - item] = '\0';
    trivet__v1__search_range__init(range);
    range->parameter = name;
    for (size_t i = 0; i < searching->spec->n_ranges; i++) {
        if (strcmp(searching->spec->ranges[i]->parameter, name) == 0) {
            return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                    "%s %.80s: it is searched already; give all values at once",
                                    option, name);
        }
    }
    enum trivet_status status = find_parameter(searching, option, name, parameter, err);
    if (status == TRIVET_OK) {
        *rest = equals + 1;
        *out = range;
        searching->spec->ranges[searching->spec->n_ranges++] = range;
    }
    return status;
}

/* Values that are lists themselves are separated by '|'. */
static enum trivet_status add_grid(struct searching *searching, const char *item,
                                   struct trivet_error *err)
{
    Trivet__V1__SearchRange *range = NULL;
    const Trivet__V1__ParameterInfo *parameter = NULL;
    const char *rest = NULL;
    enum trivet_status status =
        begin_range(searching, "--grid", item, &rest, &range, &parameter, err);
    if (status != TRIVET_OK) {
        return status;
    }
    const char *separator = strchr(rest, '|') != NULL ? "|" : ",";
    range->values =
        trivet_arena_alloc_array(searching->arena, strlen(rest) + 1, sizeof(*range->values));
    if (range->values == NULL) {
        return trivet_cli_no_memory(err);
    }
    while (status == TRIVET_OK && rest != NULL) {
        size_t n_bytes = strcspn(rest, separator);
        char *value = trivet_arena_strdup(searching->arena, rest);
        if (value == NULL) {
            return trivet_cli_no_memory(err);
        }
        value[n_bytes] = '\0';
        range->values[range->n_values++] = value;
        status = trivet_cli_check_value(parameter, "--grid", range->parameter, value, err);
        rest = rest[n_bytes] != '\0' ? rest + n_bytes + 1 : NULL;
    }
    return status;
}

static enum trivet_status add_range(struct searching *searching, const char *item,
                                    struct trivet_error *err)
{
    static const char log_word[] = ":log";
    Trivet__V1__SearchRange *range = NULL;
    const Trivet__V1__ParameterInfo *parameter = NULL;
    const char *rest = NULL;
    enum trivet_status status =
        begin_range(searching, "--range", item, &rest, &range, &parameter, err);
    if (status != TRIVET_OK) {
        return status;
    }
    const char *dots = strstr(rest, "..");
    const char *colon = strchr(rest, ':');
    const char *high = dots != NULL ? dots + 2 : rest;
    size_t high_bytes = colon != NULL && colon > high ? (size_t)(colon - high) : strlen(high);
    range->log_scale = colon != NULL;
    if (dots == NULL || (colon != NULL && strcmp(colon, log_word) != 0) ||
        !trivet_text_parse_double(rest, (size_t)(dots - rest), &range->low) ||
        !trivet_text_parse_double(high, high_bytes, &range->high) || range->low >= range->high) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "--range %.80s: write NAME=LOW..HIGH or NAME=LOW..HIGH:log, two "
                                "numbers, the lower first",
                                item);
    }
    if (range->log_scale && range->low <= 0) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "--range %.80s: on a logarithmic scale both ends are above 0",
                                item);
    }
    if (strcmp(parameter->type, "int") != 0 && strcmp(parameter->type, "real") != 0) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "--range %.80s: %s is no number; give its values with --grid", item,
                                range->parameter);
    }
    if (!trivet_cli_in_range(parameter, range->low) ||
        !trivet_cli_in_range(parameter, range->high)) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "--range %.80s: both ends of %s are in %s", item, range->parameter,
                                parameter->range);
    }
    return TRIVET_OK;
}

static enum trivet_status fill(struct searching *searching, const struct trivet_cli_search *search,
                               struct trivet_error *err)
{
    Trivet__V1__SearchSpec *spec = searching->spec;
    size_t n_ranges = search->grids.n_items + search->ranges.n_items;
    spec->ranges = trivet_arena_alloc_array(searching->arena, n_ranges + 1, sizeof(*spec->ranges));
    if (spec->ranges == NULL) {
        return trivet_cli_no_memory(err);
    }
    enum trivet_status status = TRIVET_OK;
    for (size_t i = 0; status == TRIVET_OK && i < search->grids.n_items; i++) {
        status = add_grid(searching, search->grids.items[i], err);
    }
    for (size_t i = 0; status == TRIVET_OK && i < search->ranges.n_items; i++) {
        status = add_range(searching, search->ranges.items[i], err);
    }
    if (spec->method == TRIVET__V1__SEARCH_METHOD__SEARCH_METHOD_RANDOM) {
        spec->tries = search->tries > 0 ? (uint32_t)search->tries : TRIES_DEFAULT;
    }
    spec->metric = trivet_cli_field(search->metric != NULL ? search->metric : "");
    spec->budget_seconds = search->budget_seconds;
    spec->keep_hopeless = search->keep_hopeless;
    return status;
}

enum trivet_status trivet_cli_plan_search(const struct trivet_cli_search *search,
                                          const struct trivet_cli_plan *plan,
                                          const Trivet__V1__PipelineSpec *pipeline,
                                          const Trivet__V1__ListEstimatorsResponse *known,
                                          uint64_t folds, struct trivet_arena *arena,
                                          Trivet__V1__SearchSpec **out, struct trivet_error *err)
{
    struct searching searching = {plan, pipeline, known, arena, NULL};
    *out = NULL;
    if (!is_asked_for(search, plan)) {
        return check_unused(search, err);
    }
    if (search->tries > TRIES_MAX) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT, "--tries: give 1 to %d", TRIES_MAX);
    }
    searching.spec = trivet_arena_alloc(arena, sizeof(*searching.spec));
    if (searching.spec == NULL) {
        return trivet_cli_no_memory(err);
    }
    trivet__v1__search_spec__init(searching.spec);
    searching.spec->folds = (uint32_t)folds;
    enum trivet_status status = choose_method(search, plan, &searching.spec->method, err);
    if (status == TRIVET_OK) {
        status = check_metric(search, &searching, err);
    }
    if (status == TRIVET_OK) {
        status = fill(&searching, search, err);
    }
    if (status == TRIVET_OK) {
        *out = searching.spec;
    }
    return status;
}

void trivet_cli_search_text(const Trivet__V1__SearchSpec *search, char *text, size_t text_bytes)
{
    char tries[NAME_BYTES] = "estimators that suit the task";
    double n_combinations = 1;
    for (size_t i = 0; i < search->n_ranges; i++) {
        n_combinations *= (double)search->ranges[i]->n_values;
    }
    if (search->method == TRIVET__V1__SEARCH_METHOD__SEARCH_METHOD_GRID) {
        snprintf(tries, sizeof(tries), "all %.0f combinations", n_combinations);
    } else if (search->method == TRIVET__V1__SEARCH_METHOD__SEARCH_METHOD_RANDOM) {
        snprintf(tries, sizeof(tries), "%u combinations by chance", search->tries);
    }
    unsigned folds = search->folds > 0 ? search->folds : FOLDS_DEFAULT;
    int n = snprintf(text, text_bytes, "%s%s%s, %u folds", tries,
                     search->metric[0] != '\0' ? " by " : "", search->metric, folds);
    if (n > 0 && (size_t)n < text_bytes && search->budget_seconds > 0) {
        snprintf(text + n, text_bytes - (size_t)n, ", at most %g s", search->budget_seconds);
    }
}
