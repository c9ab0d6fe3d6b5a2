#include "clients/cli/report_parts.h"

#include "clients/cli/output.h"

#include <stdio.h>
#include <string.h>

#define TRIALS_SHOWN 15
#define TEXT_BYTES   512

static const char *state_name(const Trivet__V1__Trial *trial)
{
    switch (trial->state) {
    case TRIVET__V1__TRIAL_STATE__TRIAL_STATE_FINISHED:
        return "";
    case TRIVET__V1__TRIAL_STATE__TRIAL_STATE_STOPPED:
        return "stopped, hopeless";
    case TRIVET__V1__TRIAL_STATE__TRIAL_STATE_FAILED:
        return "failed";
    case TRIVET__V1__TRIAL_STATE__TRIAL_STATE_SKIPPED:
        return "skipped, time was up";
    default:
        return "unknown";
    }
}

static void parameters_cell(struct trivet_cli_table *table, const Trivet__V1__Trial *trial)
{
    char text[TEXT_BYTES] = "";
    size_t used = 0;
    for (size_t i = 0; i < trial->n_parameters && used < sizeof(text); i++) {
        int n = snprintf(text + used, sizeof(text) - used, "%s%s=%s", i > 0 ? ", " : "",
                         trial->parameters[i]->name, trial->parameters[i]->value);
        used += n > 0 ? (size_t)n : 0;
    }
    trivet_cli_table_text(table, "%s", text);
}

static void trial_row(struct trivet_cli_table *table, const Trivet__V1__SearchReport *search,
                      size_t place, bool with_estimator)
{
    const Trivet__V1__Trial *trial = search->trials[place];
    bool scored = trial->n_scores > 0;
    if (scored) {
        trivet_cli_table_count(table, place + 1);
    } else {
        trivet_cli_table_empty(table);
    }
    trivet_cli_table_text(table, "%s", with_estimator ? trial->estimator : "");
    parameters_cell(table, trial);
    if (scored) {
        trivet_cli_spread_cell(table, search->metric, trial->mean, trial->deviation);
        if (trivet_cli_is_score(search->metric)) {
            trivet_cli_table_score(table, trial->train_mean);
        } else {
            trivet_cli_table_number(table, trial->train_mean);
        }
        trivet_cli_table_seconds(table, trial->seconds);
    } else {
        trivet_cli_table_empty(table);
        trivet_cli_table_empty(table);
        trivet_cli_table_empty(table);
    }
    bool tell = trial->state == TRIVET__V1__TRIAL_STATE__TRIAL_STATE_FAILED;
    trivet_cli_table_text(table, "%s%s%s", state_name(trial),
                          tell && trial->error_message[0] != '\0' ? ": " : "",
                          tell ? trial->error_message : "");
}

static bool all_finished(const Trivet__V1__SearchReport *search)
{
    for (size_t i = 0; i < search->n_trials; i++) {
        if (search->trials[i]->state != TRIVET__V1__TRIAL_STATE__TRIAL_STATE_FINISHED) {
            return false;
        }
    }
    return true;
}

int trivet_cli_print_search(struct trivet_cli *cli, const Trivet__V1__SearchReport *search)
{
    struct trivet_cli_column columns[] = {{"", true, false},           {"estimator", false, true},
                                          {"parameters", false, true}, {"score", true, false},
                                          {"train", true, false},      {"took", true, false},
                                          {"state", false, true}};
    if (search == NULL || search->n_trials == 0) {
        return TRIVET_CLI_DONE;
    }
    size_t n_shown = search->n_trials < TRIALS_SHOWN ? search->n_trials : TRIALS_SHOWN;
    bool with_estimator = false;
    for (size_t i = 1; i < search->n_trials; i++) {
        with_estimator |= strcmp(search->trials[i]->estimator, search->trials[0]->estimator) != 0;
    }
    columns[3].name = search->metric;
    struct trivet_cli_table *table = trivet_cli_open_table(cli, columns, 7);
    for (size_t i = 0; table != NULL && i < n_shown; i++) {
        trial_row(table, search, i, with_estimator);
    }
    trivet_cli_heading(cli, "Search: %zu tried, %u folds, best first%s", search->n_trials,
                       search->folds,
                       all_finished(search) ? "" : "; what did not finish comes after what did");
    int code = trivet_cli_print_table(cli, table);
    trivet_cli_more(search->n_trials, n_shown);
    if (search->reason[0] != '\0') {
        trivet_cli_print_fact(cli, "Chosen", "%s", search->reason);
    }
    return code;
}

int trivet_cli_print_learning_curve(struct trivet_cli *cli, const Trivet__V1__LearningCurve *curve)
{
    static const struct trivet_cli_column columns[] = {
        {"rows", true, false}, {"train", true, false}, {"validation", true, false}};
    if (curve == NULL || curve->n_points == 0) {
        return TRIVET_CLI_DONE;
    }
    struct trivet_cli_table *table = trivet_cli_open_table(cli, columns, 3);
    for (size_t i = 0; table != NULL && i < curve->n_points; i++) {
        const Trivet__V1__LearningPoint *point = curve->points[i];
        trivet_cli_table_count(table, point->rows_train);
        trivet_cli_spread_cell(table, curve->metric, point->train_mean, point->train_deviation);
        trivet_cli_spread_cell(table, curve->metric, point->validation_mean,
                               point->validation_deviation);
    }
    trivet_cli_heading(cli, "Learning curve, %s", curve->metric);
    return trivet_cli_print_table(cli, table);
}
