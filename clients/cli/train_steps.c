#include "clients/cli/train_steps.h"

#include "clients/cli/cli.h"
#include "clients/cli/estimators.h"
#include "clients/cli/train_transform.h"
#include "clients/cli/train_ways.h"

#include <stdio.h>
#include <string.h>

/* Of a step that is made here: strategy and fill_value. */
#define PARAMETERS_MAX 2

/* One pipeline under way. */
struct builder {
    const struct trivet_cli_recipe *recipe;
    const Trivet__V1__ListEstimatorsResponse *known;
    struct trivet_cli_plan *plan;
    struct trivet_arena *arena;
    Trivet__V1__PipelineSpec *spec;
    Trivet__V1__TransformerSpec **given; /* of --transform */
    size_t n_given;
};

enum trivet_status trivet_cli_no_memory(struct trivet_error *err)
{
    return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "out of memory for the pipeline");
}

/* --- --transform --------------------------------------------------------------------------- */

static enum trivet_status parse_given(struct builder *builder, struct trivet_error *err)
{
    const struct trivet_cli_list *list = &builder->recipe->transforms;
    enum trivet_status status = TRIVET_OK;
    for (size_t i = 0; status == TRIVET_OK && i < list->n_items; i++) {
        Trivet__V1__TransformerSpec **step = &builder->given[i];
        status = trivet_cli_parse_transform(list->items[i], builder->arena, step, err);
        if (status == TRIVET_OK &&
            trivet_cli_find_transformer(builder->known, (*step)->name) == NULL) {
            status = trivet_cli_no_transformer(builder->known, (*step)->name, err);
        }
        for (size_t j = 0; status == TRIVET_OK && j < (*step)->n_columns; j++) {
            const char *name = (*step)->columns[j];
            size_t column = trivet_schema_find(&builder->plan->file.schema, name);
            if (column == TRIVET_COLUMN_NOT_FOUND) {
                status =
                    trivet_cli_no_column(builder->recipe, builder->plan, "--transform", name, err);
            } else if (!trivet_cli_is_feature(builder->recipe, name)) {
                status = trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                          "--transform %.80s: '%.80s' is no feature", (*step)->name,
                                          name);
            }
        }
        builder->n_given += status == TRIVET_OK;
    }
    return status;
}

/* --- messages ------------------------------------------------------------------------------ */

Trivet__V1__Parameter *trivet_cli_parameter(struct trivet_arena *arena, const char *name,
                                            size_t name_bytes, const char *value,
                                            size_t value_bytes)
{
    Trivet__V1__Parameter *made = trivet_arena_alloc(arena, sizeof(*made));
    char *texts = trivet_arena_alloc(arena, name_bytes + value_bytes + 2);
    if (made == NULL || texts == NULL) {
        return NULL;
    }
    trivet__v1__parameter__init(made);
    memcpy(texts, name, name_bytes);
    texts[name_bytes] = '\0';
    made->name = texts;
    made->value = texts + name_bytes + 1;
    memcpy(made->value, value, value_bytes);
    made->value[value_bytes] = '\0';
    return made;
}

static enum trivet_status add_parameter(struct builder *builder, Trivet__V1__Parameter **list,
                                        size_t *n_list, const char *name, const char *value,
                                        size_t value_bytes, struct trivet_error *err)
{
    list[*n_list] = trivet_cli_parameter(builder->arena, name, strlen(name), value, value_bytes);
    if (list[*n_list] == NULL) {
        return trivet_cli_no_memory(err);
    }
    ++*n_list;
    return TRIVET_OK;
}

/* A step on all columns of `type` that are treated like `first`. */
static enum trivet_status add_step(struct builder *builder, enum trivet_cli_way_kind kind,
                                   size_t first, struct trivet_error *err)
{
    size_t n_columns = builder->plan->file.schema.n_columns;
    const char *way = *trivet_cli_way(builder->plan, kind, first);
    char name[TRIVET_CLI_STEP_NAME_BYTES];
    trivet_cli_way_step(kind, way, name);
    Trivet__V1__TransformerSpec *step = trivet_arena_alloc(builder->arena, sizeof(*step));
    char **columns = trivet_arena_alloc_array(builder->arena, n_columns, sizeof(*columns));
    Trivet__V1__Parameter **parameters =
        trivet_arena_alloc_array(builder->arena, PARAMETERS_MAX, sizeof(*parameters));
    char *name_copy = trivet_arena_strdup(builder->arena, name);
    if (step == NULL || columns == NULL || parameters == NULL || name_copy == NULL) {
        return trivet_cli_no_memory(err);
    }
    trivet__v1__transformer_spec__init(step);
    step->name = name_copy;
    step->columns = columns;
    step->parameters = parameters;
    for (size_t i = first; i < n_columns; i++) {
        const char *other = *trivet_cli_way(builder->plan, kind, i);
        if (other != NULL && strcmp(other, way) == 0 &&
            trivet_cli_sent_type(builder->plan, i) == trivet_cli_sent_type(builder->plan, first)) {
            columns[step->n_columns++] = builder->plan->file.schema.columns[i].name;
        }
    }
    builder->spec->transformers[builder->spec->n_transformers++] = step;
    if (kind != TRIVET_CLI_IMPUTE) {
        return TRIVET_OK;
    }
    size_t way_bytes = strcspn(way, ":");
    enum trivet_status status =
        add_parameter(builder, parameters, &step->n_parameters, "strategy", way, way_bytes, err);
    bool value = way[way_bytes] == ':' &&
                 trivet_cli_sent_type(builder->plan, first) == TRIVET_COLUMN_NUMERIC;
    return status == TRIVET_OK && value
               ? add_parameter(builder, parameters, &step->n_parameters, "fill_value",
                               way + way_bytes + 1, strlen(way + way_bytes + 1), err)
               : status;
}

/* A step for each way that columns of `type` are treated. */
static enum trivet_status add_steps(struct builder *builder, enum trivet_cli_way_kind kind,
                                    enum trivet_column_type type, struct trivet_error *err)
{
    enum trivet_status status = TRIVET_OK;
    for (size_t i = 0; status == TRIVET_OK && i < builder->plan->file.schema.n_columns; i++) {
        const char *way = *trivet_cli_way(builder->plan, kind, i);
        bool told = way == NULL || strcmp(way, TRIVET_CLI_NONE) == 0 ||
                    trivet_cli_sent_type(builder->plan, i) != type;
        for (size_t j = 0; !told && j < i; j++) {
            const char *before = *trivet_cli_way(builder->plan, kind, j);
            told = before != NULL && strcmp(before, way) == 0 &&
                   trivet_cli_sent_type(builder->plan, j) == type;
        }
        status = told ? TRIVET_OK : add_step(builder, kind, i, err);
    }
    return status;
}

/* These measure columns against each other, so they come after the scaling. */
static bool is_late(const char *name)
{
    return strcmp(name, "pca") == 0 || strcmp(name, "polynomial_features") == 0 ||
           strcmp(name, "normalizer") == 0;
}

static void add_given(struct builder *builder, bool late)
{
    for (size_t i = 0; i < builder->n_given; i++) {
        if (is_late(builder->given[i]->name) == late) {
            builder->spec->transformers[builder->spec->n_transformers++] = builder->given[i];
        }
    }
}

static enum trivet_status add_transformers(struct builder *builder, struct trivet_error *err)
{
    enum trivet_status status = add_steps(builder, TRIVET_CLI_IMPUTE, TRIVET_COLUMN_NUMERIC, err);
    if (status == TRIVET_OK) {
        status = add_steps(builder, TRIVET_CLI_IMPUTE, TRIVET_COLUMN_CATEGORICAL, err);
    }
    add_given(builder, false);
    if (status == TRIVET_OK) {
        status = add_steps(builder, TRIVET_CLI_SCALE, TRIVET_COLUMN_NUMERIC, err);
    }
    if (status == TRIVET_OK) {
        status = add_steps(builder, TRIVET_CLI_ENCODE, TRIVET_COLUMN_CATEGORICAL, err);
    }
    add_given(builder, true);
    return status;
}

/* The server's default says the same in one word. */
static bool is_default(const struct builder *builder)
{
    const struct trivet_cli_recipe *recipe = builder->recipe;
    bool raw = builder->plan->info != NULL && builder->plan->info->accepts_missing;
    return recipe->impute.n_items + recipe->scale.n_items + recipe->encode.n_items +
                   recipe->transforms.n_items ==
               0 &&
           !raw;
}

/* The group of a split is a feature only when it is named as one. */
static enum trivet_status name_columns(struct builder *builder, struct trivet_error *err)
{
    const struct trivet_cli_recipe *recipe = builder->recipe;
    const struct trivet_schema *sent = &builder->plan->sent;
    if (recipe->group == NULL || !trivet_cli_is_feature(recipe, recipe->group)) {
        return TRIVET_OK;
    }
    builder->spec->columns =
        trivet_arena_alloc_array(builder->arena, sent->n_columns, sizeof(char *));
    if (builder->spec->columns == NULL) {
        return trivet_cli_no_memory(err);
    }
    for (size_t i = 0; i < sent->n_columns; i++) {
        if (trivet_cli_is_feature(recipe, sent->columns[i].name)) {
            builder->spec->columns[builder->spec->n_columns++] = sent->columns[i].name;
        }
    }
    return TRIVET_OK;
}

static enum trivet_status fill_spec(struct builder *builder, struct trivet_error *err)
{
    const struct trivet_cli_recipe *recipe = builder->recipe;
    Trivet__V1__PipelineSpec *spec = builder->spec;
    enum trivet_status status = TRIVET_OK;
    spec->target = trivet_cli_field(recipe->target != NULL ? recipe->target : "");
    bool chosen_there = builder->plan->info == NULL;
    spec->estimator = trivet_cli_field(chosen_there ? "" : builder->plan->estimator);
    spec->drop_duplicates = recipe->drop_duplicates;
    for (size_t i = 0; status == TRIVET_OK && i < recipe->params.keys.n_items; i++) {
        const char *value = recipe->params.values.items[i];
        status = add_parameter(builder, spec->parameters, &spec->n_parameters,
                               recipe->params.keys.items[i], value, strlen(value), err);
    }
    return status == TRIVET_OK ? name_columns(builder, err) : status;
}

enum trivet_status trivet_cli_plan_pipeline(const struct trivet_cli_recipe *recipe,
                                            const Trivet__V1__ListEstimatorsResponse *known,
                                            struct trivet_cli_plan *plan,
                                            struct trivet_arena *arena,
                                            Trivet__V1__PipelineSpec **out,
                                            struct trivet_error *err)
{
    size_t n_given = recipe->transforms.n_items;
    /* Every column may have a way of its own. */
    size_t n_steps_max = (size_t)TRIVET_CLI_WAY_KINDS * plan->file.schema.n_columns + n_given;
    size_t n_params = recipe->params.keys.n_items;
    struct builder builder = {.recipe = recipe, .known = known, .plan = plan, .arena = arena};
    builder.spec = trivet_arena_alloc(arena, sizeof(*builder.spec));
    builder.given = trivet_arena_alloc_array(arena, n_given + 1, sizeof(*builder.given));
    Trivet__V1__TransformerSpec **steps =
        trivet_arena_alloc_array(arena, n_steps_max, sizeof(*steps));
    Trivet__V1__Parameter **params = trivet_arena_alloc_array(arena, n_params + 1, sizeof(*params));
    if (builder.spec == NULL || builder.given == NULL || steps == NULL || params == NULL) {
        return trivet_cli_no_memory(err);
    }
    trivet__v1__pipeline_spec__init(builder.spec);
    builder.spec->transformers = steps;
    builder.spec->parameters = params;
    builder.spec->default_transformers = is_default(&builder);
    enum trivet_status status = fill_spec(&builder, err);
    if (status == TRIVET_OK) {
        status = parse_given(&builder, err);
    }
    if (status == TRIVET_OK) {
        status = trivet_cli_treat(recipe, known, builder.given, n_given, plan, err);
    }
    if (status == TRIVET_OK && !builder.spec->default_transformers) {
        status = add_transformers(&builder, err);
    }
    if (status == TRIVET_OK) {
        *out = builder.spec;
    }
    return status;
}
