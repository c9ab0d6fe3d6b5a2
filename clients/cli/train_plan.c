#include "clients/cli/train_plan.h"

#include "base/buffer.h"
#include "clients/cli/cli.h"
#include "clients/cli/format.h"
#include "clients/cli/table.h"

#include <string.h>

#define COLUMNS_SHOWN_MAX 40
#define NAMES_SHOWN_MAX   20
#define STEPS_MAX         4

static bool is_default(const struct trivet_cli_recipe *recipe)
{
    return recipe->impute == NULL && recipe->scale == NULL && recipe->encode == NULL;
}

static const char *chosen(const char *given, const char *otherwise)
{
    return given != NULL ? given : otherwise;
}

/* "constant" also as "constant=VALUE". */
static bool is_constant(const char *impute)
{
    return strncmp(impute, "constant", 8) == 0 && (impute[8] == '\0' || impute[8] == '=');
}

static enum trivet_status check_steps(const struct trivet_cli_recipe *recipe,
                                      struct trivet_error *err)
{
    const char *impute = chosen(recipe->impute, "mean");
    const char *scale = chosen(recipe->scale, "standard");
    const char *encode = chosen(recipe->encode, "one_hot");
    if (strcmp(impute, "mean") != 0 && strcmp(impute, "median") != 0 &&
        strcmp(impute, "most_frequent") != 0 && strcmp(impute, "none") != 0 &&
        !is_constant(impute)) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "--impute %.40s: choose mean, median, most_frequent, "
                                "constant[=NUMBER] or none",
                                impute);
    }
    if (strcmp(scale, "standard") != 0 && strcmp(scale, "none") != 0) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "--scale %.40s: choose standard or none", scale);
    }
    if (strcmp(encode, "one_hot") != 0 && strcmp(encode, "none") != 0) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "--encode %.40s: choose one_hot or none", encode);
    }
    return TRIVET_OK;
}

static enum trivet_status no_column(const struct trivet_cli_recipe *recipe,
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

static enum trivet_status check_names(const struct trivet_cli_recipe *recipe,
                                      const struct trivet_cli_plan *plan, struct trivet_error *err)
{
    const struct trivet_schema *schema = &plan->file.schema;
    if (trivet_schema_find(schema, recipe->target) == TRIVET_COLUMN_NOT_FOUND) {
        return no_column(recipe, plan, "--target", recipe->target, err);
    }
    for (size_t i = 0; i < recipe->columns.n_items; i++) {
        const char *name = recipe->columns.items[i];
        if (trivet_schema_find(schema, name) == TRIVET_COLUMN_NOT_FOUND) {
            return no_column(recipe, plan, "--columns", name, err);
        }
        if (strcmp(name, recipe->target) == 0) {
            return trivet_error_set(
                err, TRIVET_INVALID_ARGUMENT,
                "--columns: '%.80s' is the target; a model must not see what it "
                "predicts",
                name);
        }
    }
    for (size_t i = 0; i < recipe->exclude.n_items; i++) {
        const char *name = recipe->exclude.items[i];
        if (trivet_schema_find(schema, name) == TRIVET_COLUMN_NOT_FOUND) {
            return no_column(recipe, plan, "--exclude", name, err);
        }
        if (strcmp(name, recipe->target) == 0) {
            return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                    "--exclude: '%.80s' is the target, which training needs", name);
        }
    }
    return TRIVET_OK;
}

static bool is_feature(const struct trivet_cli_recipe *recipe, const char *name)
{
    if (strcmp(name, recipe->target) == 0 || trivet_cli_list_has(&recipe->exclude, name)) {
        return false;
    }
    return recipe->columns.n_items == 0 || trivet_cli_list_has(&recipe->columns, name);
}

enum trivet_status trivet_cli_plan_make(const struct trivet_cli_recipe *recipe,
                                        struct trivet_cli_plan *out, struct trivet_error *err)
{
    enum trivet_status status = check_steps(recipe, err);
    if (status == TRIVET_OK) {
        status = trivet_csv_inspect(recipe->data, NULL, &out->file, err);
    }
    if (status == TRIVET_OK) {
        status = check_names(recipe, out, err);
    }
    const struct trivet_schema *schema = &out->file.schema;
    for (size_t i = 0; status == TRIVET_OK && i < schema->n_columns; i++) {
        const struct trivet_column_spec *column = &schema->columns[i];
        bool feature = is_feature(recipe, column->name);
        if (feature || strcmp(column->name, recipe->target) == 0) {
            status = trivet_schema_add(&out->sent, column->name, column->type, err);
        }
        out->n_numeric += feature && column->type == TRIVET_COLUMN_NUMERIC;
        out->n_categorical += feature && column->type == TRIVET_COLUMN_CATEGORICAL;
    }
    if (status == TRIVET_OK && out->n_numeric + out->n_categorical == 0) {
        status = trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                  "%.200s: no columns are left to learn from besides the target "
                                  "'%.80s'; exclude less",
                                  recipe->data, recipe->target);
    }
    return status;
}

void trivet_cli_plan_release(struct trivet_cli_plan *plan)
{
    trivet_csv_inference_release(&plan->file);
    trivet_schema_release(&plan->sent);
}

/* --- the pipeline --- */

/* Collects steps until memory is out. */
struct builder {
    const struct trivet_cli_recipe *recipe;
    const struct trivet_cli_plan *plan;
    struct trivet_arena *arena;
    Trivet__V1__PipelineSpec *spec;
    bool failed;
};

static Trivet__V1__Parameter *parameter(struct builder *builder, const char *name,
                                        const char *value)
{
    Trivet__V1__Parameter *made = trivet_arena_alloc(builder->arena, sizeof(*made));
    if (made == NULL) {
        builder->failed = true;
        return NULL;
    }
    trivet__v1__parameter__init(made);
    made->name = trivet_cli_field(name);
    made->value = trivet_cli_field(value);
    return made;
}

/* A step on all features of one type; returns it for parameters (room for two). */
static Trivet__V1__TransformerSpec *add_step(struct builder *builder, const char *name,
                                             enum trivet_column_type type, size_t n_columns)
{
    const struct trivet_schema *schema = &builder->plan->sent;
    Trivet__V1__TransformerSpec *step = trivet_arena_alloc(builder->arena, sizeof(*step));
    char **columns = trivet_arena_alloc_array(builder->arena, n_columns, sizeof(*columns));
    Trivet__V1__Parameter **parameters =
        trivet_arena_alloc_array(builder->arena, 2, sizeof(*parameters));
    if (step == NULL || columns == NULL || parameters == NULL) {
        builder->failed = true;
        return NULL;
    }
    trivet__v1__transformer_spec__init(step);
    step->name = trivet_cli_field(name);
    step->columns = columns;
    step->parameters = parameters;
    for (size_t i = 0; i < schema->n_columns; i++) {
        const struct trivet_column_spec *column = &schema->columns[i];
        if (column->type == type && strcmp(column->name, builder->recipe->target) != 0) {
            columns[step->n_columns++] = column->name;
        }
    }
    builder->spec->transformers[builder->spec->n_transformers++] = step;
    return step;
}

static void add_imputer(struct builder *builder, enum trivet_column_type type, size_t n_columns)
{
    const char *impute = chosen(builder->recipe->impute, "mean");
    const char *strategy = is_constant(impute) ? "constant" : impute;
    const char *equals = strchr(impute, '=');
    if (strcmp(impute, "none") == 0 || n_columns == 0) {
        return;
    }
    bool of_numbers = strcmp(strategy, "mean") == 0 || strcmp(strategy, "median") == 0;
    if (type == TRIVET_COLUMN_CATEGORICAL && of_numbers) {
        strategy = "most_frequent";
    }
    Trivet__V1__TransformerSpec *step = add_step(builder, "imputer", type, n_columns);
    if (step == NULL) {
        return;
    }
    step->parameters[step->n_parameters++] = parameter(builder, "strategy", strategy);
    if (equals != NULL && type == TRIVET_COLUMN_NUMERIC) {
        step->parameters[step->n_parameters++] = parameter(builder, "fill_value", equals + 1);
    }
}

static void add_transformers(struct builder *builder)
{
    const struct trivet_cli_plan *plan = builder->plan;
    add_imputer(builder, TRIVET_COLUMN_NUMERIC, plan->n_numeric);
    if (plan->n_numeric > 0 && strcmp(chosen(builder->recipe->scale, "standard"), "none") != 0) {
        add_step(builder, "standard_scaler", TRIVET_COLUMN_NUMERIC, plan->n_numeric);
    }
    add_imputer(builder, TRIVET_COLUMN_CATEGORICAL, plan->n_categorical);
    if (plan->n_categorical > 0 &&
        strcmp(chosen(builder->recipe->encode, "one_hot"), "none") != 0) {
        add_step(builder, "one_hot_encoder", TRIVET_COLUMN_CATEGORICAL, plan->n_categorical);
    }
}

enum trivet_status trivet_cli_plan_pipeline(const struct trivet_cli_recipe *recipe,
                                            const struct trivet_cli_plan *plan,
                                            struct trivet_arena *arena,
                                            Trivet__V1__PipelineSpec **out,
                                            struct trivet_error *err)
{
    size_t n_params = recipe->params.keys.n_items;
    Trivet__V1__PipelineSpec *spec = trivet_arena_alloc(arena, sizeof(*spec));
    Trivet__V1__TransformerSpec **steps =
        trivet_arena_alloc_array(arena, STEPS_MAX, sizeof(*steps));
    Trivet__V1__Parameter **params = trivet_arena_alloc_array(arena, n_params + 1, sizeof(*params));
    struct builder builder = {.recipe = recipe, .plan = plan, .arena = arena, .spec = spec};
    builder.failed = spec == NULL || steps == NULL || params == NULL;
    if (!builder.failed) {
        trivet__v1__pipeline_spec__init(spec);
        spec->target = trivet_cli_field(recipe->target);
        spec->estimator = trivet_cli_field(recipe->estimator);
        spec->transformers = steps;
        spec->parameters = params;
        spec->default_transformers = is_default(recipe);
        for (size_t i = 0; i < n_params; i++) {
            params[i] =
                parameter(&builder, recipe->params.keys.items[i], recipe->params.values.items[i]);
            spec->n_parameters++;
        }
    }
    if (!builder.failed && !is_default(recipe)) {
        add_transformers(&builder);
    }
    if (builder.failed) {
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "out of memory for the pipeline");
    }
    *out = spec;
    return TRIVET_OK;
}

/* --- what is shown before --- */

static void use_cell(struct trivet_cli_table *table, const struct trivet_cli_recipe *recipe,
                     const char *name)
{
    const char *use = strcmp(name, recipe->target) == 0 ? "target"
                      : is_feature(recipe, name)        ? "feature"
                                                        : "left out";
    trivet_cli_table_text(table, "%s", use);
}

static void print_columns(const struct trivet_cli_recipe *recipe,
                          const struct trivet_cli_plan *plan, FILE *out)
{
    static const struct trivet_cli_column columns[] = {{"column", false, false},
                                                       {"type", false, false},
                                                       {"missing", true, false},
                                                       {"use", false, false}};
    const struct trivet_schema *schema = &plan->file.schema;
    struct trivet_cli_table *table = trivet_cli_table_create(columns, 4, false);
    struct trivet_buffer text = {0};
    for (size_t i = 0; table != NULL && i < schema->n_columns && i < COLUMNS_SHOWN_MAX; i++) {
        trivet_cli_table_text(table, "%s", schema->columns[i].name);
        trivet_cli_table_text(table, "%s", trivet_column_type_name(schema->columns[i].type));
        trivet_cli_table_count(table, plan->file.columns[i].n_missing);
        use_cell(table, recipe, schema->columns[i].name);
    }
    if (table != NULL && trivet_cli_table_render(table, 0, false, &text, NULL) == TRIVET_OK) {
        fwrite(text.data, 1, text.n_bytes, out);
    }
    if (schema->n_columns > COLUMNS_SHOWN_MAX) {
        size_t n_more = schema->n_columns - COLUMNS_SHOWN_MAX;
        fprintf(out, "and %zu column%s more\n", n_more, n_more == 1 ? "" : "s");
    }
    trivet_buffer_release(&text);
    trivet_cli_table_free(table);
}

/* A column of numbers with a few texts in it is more often a mistake in the file. */
static void print_doubts(const struct trivet_cli_plan *plan, FILE *out)
{
    for (size_t i = 0; i < plan->file.schema.n_columns; i++) {
        const struct trivet_csv_column_counts *counts = &plan->file.columns[i];
        if (counts->n_texts > 0 && counts->n_texts * 10 <= counts->n_numbers) {
            fprintf(out,
                    "note: '%s' is taken as categorical because of %llu %s, "
                    "the first in line %llu\n",
                    plan->file.schema.columns[i].name, (unsigned long long)counts->n_texts,
                    counts->n_texts == 1 ? "value that is not a number"
                                         : "values that are not numbers",
                    (unsigned long long)counts->first_text_line);
        }
    }
}

void trivet_cli_plan_print(const struct trivet_cli_recipe *recipe,
                           const struct trivet_cli_plan *plan, FILE *out)
{
    char rows[TRIVET_CLI_TEXT_BYTES];
    const char *impute = chosen(recipe->impute, "mean");
    bool of_numbers = strcmp(impute, "mean") == 0 || strcmp(impute, "median") == 0;
    trivet_cli_format_count(plan->file.n_rows, rows);
    fprintf(out, "%s: %s rows\n\n", recipe->data, rows);
    print_columns(recipe, plan, out);
    fputc('\n', out);
    print_doubts(plan, out);
    if (plan->n_numeric > 0) {
        fprintf(out, "numeric: impute %s, scale %s\n", impute, chosen(recipe->scale, "standard"));
    }
    if (plan->n_categorical > 0) {
        fprintf(out, "categorical: impute %s, encode %s\n", of_numbers ? "most_frequent" : impute,
                chosen(recipe->encode, "one_hot"));
    }
    fprintf(out, "estimator: %s", recipe->estimator);
    for (size_t i = 0; i < recipe->params.keys.n_items; i++) {
        fprintf(out, "%s%s=%s", i == 0 ? " with " : ", ", recipe->params.keys.items[i],
                recipe->params.values.items[i]);
    }
    fputs("\n\n", out);
}
