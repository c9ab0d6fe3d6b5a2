#include "clients/cli/train_plan.h"

#include "base/alloc.h"
#include "base/buffer.h"
#include "base/text.h"
#include "clients/cli/cli.h"
#include "clients/cli/estimators.h"

#include <stdio.h>
#include <string.h>

#define NAMES_SHOWN_MAX 20

enum trivet_status trivet_cli_no_column(const struct trivet_cli_recipe *recipe,
                                        const struct trivet_cli_plan *plan, const char *option,
                                        const char *name, struct trivet_error *err)
{
    struct trivet_buffer names = {0};
    const struct trivet_schema *schema = &plan->file.schema;
    enum trivet_status status = TRIVET_OK;
    for (size_t i = 0; status == TRIVET_OK && i < schema->n_columns && i < NAMES_SHOWN_MAX; i++) {
        status =
            trivet_buffer_printf(&names, err, "%s%s", i > 0 ? ", " : "", schema->columns[i].name);
    }
    if (status == TRIVET_OK) {
        status = trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                  "%s '%.80s': %.160s has no such column; it has %.200s%s", option,
                                  name, recipe->data, (const char *)names.data,
                                  schema->n_columns > NAMES_SHOWN_MAX ? ", …" : "");
    }
    trivet_buffer_release(&names);
    return status;
}

static bool is_target(const struct trivet_cli_recipe *recipe, const char *name)
{
    return recipe->target != NULL && strcmp(name, recipe->target) == 0;
}

static bool is_group(const struct trivet_cli_recipe *recipe, const char *name)
{
    return recipe->group != NULL && strcmp(name, recipe->group) == 0;
}

bool trivet_cli_is_feature(const struct trivet_cli_recipe *recipe, const char *name)
{
    if (is_target(recipe, name) || trivet_cli_list_has(&recipe->exclude, name)) {
        return false;
    }
    return recipe->columns.n_items == 0 ? !is_group(recipe, name)
                                        : trivet_cli_list_has(&recipe->columns, name);
}

static enum trivet_status check_list(const struct trivet_cli_recipe *recipe,
                                     const struct trivet_cli_plan *plan, const char *option,
                                     const struct trivet_cli_list *list, const char *why_no_target,
                                     struct trivet_error *err)
{
    for (size_t i = 0; i < list->n_items; i++) {
        const char *name = list->items[i];
        if (trivet_schema_find(&plan->file.schema, name) == TRIVET_COLUMN_NOT_FOUND) {
            return trivet_cli_no_column(recipe, plan, option, name, err);
        }
        if (is_target(recipe, name)) {
            return trivet_error_set(err, TRIVET_INVALID_ARGUMENT, "%s: '%.80s' is the target%s",
                                    option, name, why_no_target);
        }
    }
    return TRIVET_OK;
}

static enum trivet_status check_names(const struct trivet_cli_recipe *recipe,
                                      const struct trivet_cli_plan *plan, struct trivet_error *err)
{
    const struct trivet_schema *schema = &plan->file.schema;
    if (recipe->target != NULL &&
        trivet_schema_find(schema, recipe->target) == TRIVET_COLUMN_NOT_FOUND) {
        return trivet_cli_no_column(recipe, plan, "--target", recipe->target, err);
    }
    if (recipe->group != NULL &&
        trivet_schema_find(schema, recipe->group) == TRIVET_COLUMN_NOT_FOUND) {
        return trivet_cli_no_column(recipe, plan, "--split grouped", recipe->group, err);
    }
    if (recipe->group != NULL && is_target(recipe, recipe->group)) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "--split grouped:%.80s: that is the target; group by another "
                                "column",
                                recipe->group);
    }
    enum trivet_status status = check_list(recipe, plan, "--columns", &recipe->columns,
                                           "; a model must not see what it predicts", err);
    return status != TRIVET_OK ? status
                               : check_list(recipe, plan, "--exclude", &recipe->exclude,
                                            ", which training needs", err);
}

enum trivet_status trivet_cli_plan_make(const struct trivet_cli_recipe *recipe,
                                        struct trivet_cli_plan *out, struct trivet_error *err)
{
    enum trivet_status status = trivet_csv_inspect(recipe->data, NULL, &out->file, err);
    if (status == TRIVET_OK) {
        status = check_names(recipe, out, err);
    }
    const struct trivet_schema *schema = &out->file.schema;
    out->treatments = trivet_calloc(schema->n_columns + 1, sizeof(*out->treatments));
    if (status == TRIVET_OK && out->treatments == NULL) {
        status = trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "out of memory for the plan");
    }
    for (size_t i = 0; status == TRIVET_OK && i < schema->n_columns; i++) {
        const struct trivet_column_spec *column = &schema->columns[i];
        bool feature = trivet_cli_is_feature(recipe, column->name);
        if (feature || is_target(recipe, column->name) || is_group(recipe, column->name)) {
            status = trivet_csv_check_finite(recipe->data, &out->file, i, err);
            if (status == TRIVET_OK) {
                status = trivet_schema_add(&out->sent, column->name, column->type, err);
            }
        }
        out->n_numeric += feature && column->type == TRIVET_COLUMN_NUMERIC;
        out->n_categorical += feature && column->type == TRIVET_COLUMN_CATEGORICAL;
    }
    if (status == TRIVET_OK && out->n_numeric + out->n_categorical == 0) {
        status = trivet_error_set(
            err, TRIVET_INVALID_ARGUMENT,
            "%.200s: no columns are left to learn from%s%.80s%s; exclude less", recipe->data,
            recipe->target != NULL ? " besides the target '" : "",
            recipe->target != NULL ? recipe->target : "", recipe->target != NULL ? "'" : "");
    }
    return status;
}

void trivet_cli_plan_release(struct trivet_cli_plan *plan)
{
    trivet_csv_inference_release(&plan->file);
    trivet_schema_release(&plan->sent);
    trivet_free(plan->treatments);
    plan->treatments = NULL;
}

/* --- the estimator -----------------------------------------------------------------------------
 */

static bool is_auto(const char *estimator)
{
    return estimator != NULL && strcmp(estimator, TRIVET_CLI_AUTO) == 0;
}

/* What is fitted when nobody says: the plainest of its task. */
static const char *default_estimator(Trivet__V1__Task task)
{
    switch (task) {
    case TRIVET__V1__TASK__TASK_CLASSIFICATION:
        return "logistic_regression";
    case TRIVET__V1__TASK__TASK_CLUSTERING:
        return "kmeans";
    default:
        return "linear_regression";
    }
}

static enum trivet_status task_of_recipe(const struct trivet_cli_recipe *recipe,
                                         const struct trivet_cli_plan *plan, Trivet__V1__Task *out,
                                         struct trivet_error *err)
{
    static const struct {
        const char *name;
        Trivet__V1__Task task;
    } tasks[] = {{"regression", TRIVET__V1__TASK__TASK_REGRESSION},
                 {"classification", TRIVET__V1__TASK__TASK_CLASSIFICATION},
                 {"clustering", TRIVET__V1__TASK__TASK_CLUSTERING}};
    for (size_t i = 0; recipe->task != NULL && i < TRIVET_ARRAY_COUNT(tasks); i++) {
        if (strcmp(recipe->task, tasks[i].name) == 0) {
            *out = tasks[i].task;
            return TRIVET_OK;
        }
    }
    if (recipe->task != NULL) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "--task %.40s: choose regression, classification or clustering",
                                recipe->task);
    }
    if (recipe->target == NULL) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "name what to predict with --target COLUMN; to find groups without "
                                "one, give --task clustering");
    }
    size_t target = trivet_schema_find(&plan->file.schema, recipe->target);
    *out = plan->file.schema.columns[target].type == TRIVET_COLUMN_NUMERIC
               ? TRIVET__V1__TASK__TASK_REGRESSION
               : TRIVET__V1__TASK__TASK_CLASSIFICATION;
    return TRIVET_OK;
}

static enum trivet_status check_task(const struct trivet_cli_recipe *recipe,
                                     const struct trivet_cli_plan *plan, struct trivet_error *err)
{
    const char *name = plan->estimator;
    Trivet__V1__Task asked = plan->task;
    if (recipe->task != NULL && task_of_recipe(recipe, plan, &asked, err) != TRIVET_OK) {
        return TRIVET_INVALID_ARGUMENT;
    }
    if (asked != plan->task) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "--task %s: %s is for %s; choose another estimator, 'trivet "
                                "estimators' lists them",
                                recipe->task, name, trivet_cli_task_name(plan->task));
    }
    if (plan->task == TRIVET__V1__TASK__TASK_CLUSTERING && recipe->target != NULL) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "--target %.80s: %s groups rows without a target; give --exclude "
                                "%.80s instead, or leave both out to group by that column too",
                                recipe->target, name, recipe->target);
    }
    if (plan->task != TRIVET__V1__TASK__TASK_CLUSTERING && recipe->target == NULL) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "%s learns what to predict: name it with --target COLUMN", name);
    }
    return TRIVET_OK;
}

/* Classes are texts, whatever they look like: "0" and "1" too. */
static void set_target_type(const struct trivet_cli_recipe *recipe, struct trivet_cli_plan *plan)
{
    if (plan->task == TRIVET__V1__TASK__TASK_CLASSIFICATION) {
        size_t target = trivet_schema_find(&plan->sent, recipe->target);
        plan->sent.columns[target].type = TRIVET_COLUMN_CATEGORICAL;
    }
}

enum trivet_status trivet_cli_plan_choose(const struct trivet_cli_recipe *recipe,
                                          const Trivet__V1__ListEstimatorsResponse *known,
                                          struct trivet_cli_plan *plan, struct trivet_error *err)
{
    enum trivet_status status = TRIVET_OK;
    plan->estimator = recipe->estimator;
    if (recipe->estimator == NULL || is_auto(recipe->estimator)) {
        status = task_of_recipe(recipe, plan, &plan->task, err);
        if (status == TRIVET_OK) {
            status = trivet_cli_check_target(recipe, plan, err);
        }
    }
    if (status == TRIVET_OK && recipe->estimator == NULL) {
        plan->estimator = default_estimator(plan->task);
    }
    if (status == TRIVET_OK && !is_auto(plan->estimator)) {
        status = trivet_cli_find_estimator(known, plan->estimator, &plan->info, err);
    }
    if (status == TRIVET_OK && plan->info != NULL) {
        plan->task = plan->info->task;
    }
    if (status == TRIVET_OK) {
        status = check_task(recipe, plan, err);
    }
    if (status == TRIVET_OK) {
        status = trivet_cli_check_target(recipe, plan, err);
    }
    if (status == TRIVET_OK) {
        set_target_type(recipe, plan);
    }
    return status;
}
