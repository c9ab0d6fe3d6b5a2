/* What `trivet train` shows before it begins. */
#include "clients/cli/estimators.h"
#include "clients/cli/format.h"
#include "clients/cli/table.h"
#include "clients/cli/train_plan.h"
#include "clients/cli/train_search.h"
#include "clients/cli/train_ways.h"

#include <string.h>

#define COLUMNS_SHOWN_MAX 40
#define WAYS_SHOWN_MAX    20
#define TEXT_BYTES        512
#define IDENTIFIERS_MIN   20 /* fewer may differ by chance */

static bool is_text(const struct trivet_cli_plan *plan, size_t column)
{
    return trivet_cli_sent_type(plan, column) == TRIVET_COLUMN_CATEGORICAL;
}

static void use_cell(struct trivet_cli_table *table, const struct trivet_cli_recipe *recipe,
                     const struct trivet_cli_plan *plan, size_t column)
{
    const struct trivet_column_spec *spec = &plan->file.schema.columns[column];
    const char *use = "left out";
    if (recipe->target != NULL && strcmp(spec->name, recipe->target) == 0) {
        use = "target";
    } else if (trivet_cli_is_feature(recipe, spec->name)) {
        use = "feature";
    } else if (recipe->group != NULL && strcmp(spec->name, recipe->group) == 0) {
        use = "group";
    }
    size_t sent = trivet_schema_find(&plan->sent, spec->name);
    bool as_text = sent != TRIVET_COLUMN_NOT_FOUND && plan->sent.columns[sent].type != spec->type;
    trivet_cli_table_text(table, "%s%s", use, as_text ? ", each number a category" : "");
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
        use_cell(table, recipe, plan, i);
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

/* A name or an identifier teaches nothing: no other row has it. */
static void print_identifiers(const struct trivet_cli_plan *plan, FILE *out)
{
    for (size_t i = 0; i < plan->file.schema.n_columns; i++) {
        const struct trivet_csv_column_counts *counts = &plan->file.columns[i];
        const char *name = plan->file.schema.columns[i].name;
        const char *encode = plan->treatments[i].encode;
        if (encode != NULL && strcmp(encode, "one_hot") == 0 && counts->texts_differ &&
            counts->n_numbers == 0 && counts->n_texts >= IDENTIFIERS_MIN) {
            fprintf(out,
                    "note: '%s' looks like an identifier, %s different: one_hot makes a column of "
                    "each that says nothing of new rows; leave it out with --exclude %s\n",
                    name,
                    counts->n_texts <= TRIVET_CSV_DISTINCT_MAX ? "all its values are"
                                                               : "its first values are all",
                    name);
        }
    }
}

/* --- how columns are prepared -------------------------------------------------------------- */

static bool is_treated(const struct trivet_cli_plan *plan, size_t column)
{
    return plan->treatments[column].impute != NULL;
}

static bool same_way(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool are_alike(const struct trivet_cli_plan *plan, size_t a, size_t b)
{
    const struct trivet_cli_treatment *x = &plan->treatments[a];
    const struct trivet_cli_treatment *y = &plan->treatments[b];
    return is_text(plan, a) == is_text(plan, b) && same_way(x->impute, y->impute) &&
           same_way(x->scale, y->scale) && same_way(x->encode, y->encode);
}

static void print_way(const char *who, const struct trivet_cli_treatment *treatment, bool text,
                      FILE *out)
{
    bool nothing = strcmp(treatment->impute, TRIVET_CLI_NONE) == 0 &&
                   strcmp(text ? treatment->encode : treatment->scale, TRIVET_CLI_NONE) == 0;
    fprintf(out, "%s: ", who);
    if (nothing) {
        fputs("as they are\n", out);
    } else {
        fprintf(out, "impute %s, %s %s\n", treatment->impute, text ? "encode" : "scale",
                text ? treatment->encode : treatment->scale);
    }
}

/* A line for each way in which columns of a type are treated: the type's name when there is but
 * one, else the columns'. */
static void print_ways(const struct trivet_cli_plan *plan, bool text, FILE *out)
{
    size_t n_columns = plan->file.schema.n_columns;
    size_t n_shown = 0;
    for (size_t i = 0; i < n_columns; i++) {
        char who[TEXT_BYTES] = "";
        size_t used = 0;
        bool told = !is_treated(plan, i) || is_text(plan, i) != text;
        for (size_t j = 0; !told && j < i; j++) {
            told = is_treated(plan, j) && are_alike(plan, i, j);
        }
        if (told || ++n_shown > WAYS_SHOWN_MAX) {
            continue;
        }
        size_t n_alike = 0;
        for (size_t j = i; j < n_columns; j++) {
            if (is_treated(plan, j) && are_alike(plan, i, j)) {
                n_alike++;
                int n = used < sizeof(who)
                            ? snprintf(who + used, sizeof(who) - used, "%s%s", used > 0 ? ", " : "",
                                       plan->file.schema.columns[j].name)
                            : 0;
                used += n > 0 ? (size_t)n : 0;
            }
        }
        bool all = n_alike == (text ? plan->n_categorical : plan->n_numeric);
        print_way(all ? (text ? "categorical" : "numeric") : who, &plan->treatments[i], text, out);
    }
    if (n_shown > WAYS_SHOWN_MAX) {
        fprintf(out, "and %zu ways more\n", n_shown - WAYS_SHOWN_MAX);
    }
}

/* Steps of --transform, told apart from those above by what they are. */
static void print_given(const struct trivet_cli_recipe *recipe, FILE *out)
{
    for (size_t i = 0; i < recipe->transforms.n_items; i++) {
        fprintf(out, "transform: %s\n", recipe->transforms.items[i]);
    }
}

static void print_search(const Trivet__V1__SearchSpec *search, FILE *out)
{
    char text[TEXT_BYTES];
    trivet_cli_search_text(search, text, sizeof(text));
    fprintf(out, "search: %s\n", text);
    for (size_t i = 0; i < search->n_ranges; i++) {
        const Trivet__V1__SearchRange *range = search->ranges[i];
        fprintf(out, "  %s: ", range->parameter);
        for (size_t j = 0; j < range->n_values; j++) {
            fprintf(out, "%s%s", j > 0 ? " | " : "", range->values[j]);
        }
        if (range->n_values == 0) {
            fprintf(out, "%g to %g%s", range->low, range->high,
                    range->log_scale ? ", logarithmic" : "");
        }
        fputc('\n', out);
    }
}

void trivet_cli_plan_print(const struct trivet_cli_recipe *recipe,
                           const struct trivet_cli_plan *plan, const Trivet__V1__SearchSpec *search,
                           FILE *out)
{
    char rows[TRIVET_CLI_TEXT_BYTES];
    trivet_cli_format_count(plan->file.n_rows, rows);
    fprintf(out, "%s: %s rows\n\n", recipe->data, rows);
    print_columns(recipe, plan, out);
    fputc('\n', out);
    print_doubts(plan, out);
    print_identifiers(plan, out);
    print_ways(plan, false, out);
    print_ways(plan, true, out);
    print_given(recipe, out);
    fprintf(out, "estimator: %s", plan->estimator);
    for (size_t i = 0; i < recipe->params.keys.n_items; i++) {
        fprintf(out, "%s%s=%s", i == 0 ? " with " : ", ", recipe->params.keys.items[i],
                recipe->params.values.items[i]);
    }
    if (plan->info == NULL || plan->task == TRIVET__V1__TASK__TASK_CLUSTERING) {
        fprintf(out, ", for %s", trivet_cli_task_name(plan->task));
    } else if (recipe->estimator == NULL) {
        fprintf(out, ", for a target of %s",
                plan->task == TRIVET__V1__TASK__TASK_CLASSIFICATION ? "classes" : "numbers");
    }
    fputc('\n', out);
    if (search != NULL) {
        print_search(search, out);
    }
    fputc('\n', out);
}
