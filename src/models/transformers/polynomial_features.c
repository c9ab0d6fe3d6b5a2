#include "models/transformers/polynomial_features.h"

#include "base/alloc.h"
#include "base/buffer.h"
#include "models/transformers/column.h"
#include "models/transformers/numeric.h"
#include "models/transformers/width.h"

#include <assert.h>
#include <string.h>

#define DEGREE_MAX 10
#define NO_PREFIX  UINT32_MAX

/* A product: a shorter one times one more column, whose index is not below those before. */
struct term {
    uint32_t prefix; /* a term; NO_PREFIX: the column alone */
    uint32_t first;  /* column */
    uint32_t last;   /* column */
};

struct polynomial_features {
    int64_t n_columns; /* first: trivet_width_save */
    bool bias;
    size_t n_terms;
    struct term *terms; /* owned: by degree, the columns themselves first */
};

static const struct trivet_param_spec polynomial_features_params[] = {
    {.name = "degree",
     .type = TRIVET_PARAM_INT,
     .default_text = "2",
     .min = 1,
     .max = DEGREE_MAX,
     .help = "columns in a product, at most"},
    {.name = "interaction_only",
     .type = TRIVET_PARAM_BOOL,
     .default_text = "false",
     .help = "no column twice in a product"},
    {.name = "include_bias",
     .type = TRIVET_PARAM_BOOL,
     .default_text = "false",
     .help = "a first column of ones; not needed where the estimator has an intercept"},
    {.name = NULL},
};

static void polynomial_features_release(void *state)
{
    struct polynomial_features *features = state;
    trivet_free(features->terms);
    memset(features, 0, sizeof *features);
}

/* Number of products of 1 to `degree` of `p` columns: C(p + k - 1, k), or C(p, k) without repeats.
 */
static double count_terms(size_t p, size_t degree, bool repeats)
{
    double total = 0.0;
    double count = 1.0;
    for (size_t k = 1; k <= degree; k++) {
        double more = repeats ? (double)(p + k - 1) : (double)p - (double)(k - 1);
        count *= (more > 0.0 ? more : 0.0) / (double)k;
        total += count;
    }
    return total;
}

static enum trivet_status make_terms(struct polynomial_features *features,
                                     const struct trivet_params *params, size_t n_columns,
                                     struct trivet_error *err)
{
    size_t degree = (size_t)trivet_params_int(params, "degree");
    bool repeats = !trivet_params_bool(params, "interaction_only");
    double count = count_terms(n_columns, degree, repeats);
    if (count + 1.0 > TRIVET_FEATURES_MAX) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "polynomial_features: degree %zu of %zu columns makes %.0f "
                                "columns, more than %d; lower the degree or name fewer columns",
                                degree, n_columns, count, TRIVET_FEATURES_MAX);
    }
    struct term *terms = trivet_alloc_array((size_t)(count + 0.5), sizeof *terms);
    if (terms == NULL) {
        return trivet_transformer_no_memory("polynomial_features", err);
    }
    size_t n = 0;
    for (size_t j = 0; j < n_columns; j++) {
        terms[n++] = (struct term){NO_PREFIX, (uint32_t)j, (uint32_t)j};
    }
    size_t level = 0;
    for (size_t k = 2; k <= degree; k++) {
        size_t level_end = n;
        for (size_t t = level; t < level_end; t++) {
            for (size_t j = terms[t].last + (repeats ? 0 : 1); j < n_columns; j++) {
                terms[n++] = (struct term){(uint32_t)t, terms[t].first, (uint32_t)j};
            }
        }
        level = level_end;
    }
    assert(n == (size_t)(count + 0.5));
    features->n_columns = (int64_t)n_columns;
    features->bias = trivet_params_bool(params, "include_bias");
    features->n_terms = n;
    features->terms = terms;
    return TRIVET_OK;
}

static enum trivet_status polynomial_features_fit(void *state, const struct trivet_params *params,
                                                  const struct trivet_transform_data *data,
                                                  const struct trivet_fit_context *context,
                                                  struct trivet_fit_report *report,
                                                  struct trivet_error *err)
{
    (void)context;
    (void)report;
    return make_terms(state, params, data->n_columns, err);
}

static size_t polynomial_features_n_outputs(const void *state)
{
    const struct polynomial_features *features = state;
    return features->n_terms + (features->bias ? 1 : 0);
}

/* NULL: the column of ones. */
static const struct term *term_of(const struct polynomial_features *features, size_t output)
{
    size_t n_before = features->bias ? 1 : 0;
    return output < n_before ? NULL : &features->terms[output - n_before];
}

static size_t polynomial_features_output_source(const void *state, size_t output)
{
    const struct term *term = term_of(state, output);
    return term != NULL ? term->first : 0;
}

/* The columns of a product, ascending. */
static size_t factors_of(const struct polynomial_features *features, const struct term *term,
                         size_t factors[DEGREE_MAX])
{
    size_t reversed[DEGREE_MAX];
    size_t n = 0;
    for (; term != NULL; term = term->prefix == NO_PREFIX ? NULL : &features->terms[term->prefix]) {
        reversed[n++] = term->last;
    }
    for (size_t k = 0; k < n; k++) {
        factors[k] = reversed[n - 1 - k];
    }
    return n;
}

static char *polynomial_features_output_name(const void *state, size_t output,
                                             const char *const *input_names)
{
    const struct polynomial_features *features = state;
    const struct term *term = term_of(features, output);
    struct trivet_buffer name = {0};
    size_t factors[DEGREE_MAX];
    char *copy = NULL;
    if (term == NULL) {
        return trivet_strdup("1");
    }
    size_t n = factors_of(features, term, factors);
    enum trivet_status status = TRIVET_OK;
    for (size_t k = 0; status == TRIVET_OK && k < n;) {
        size_t power = 1;
        while (k + power < n && factors[k + power] == factors[k]) {
            power++;
        }
        status =
            trivet_buffer_printf(&name, NULL, "%s%s", k > 0 ? " " : "", input_names[factors[k]]);
        if (status == TRIVET_OK && power > 1) {
            status = trivet_buffer_printf(&name, NULL, "^%zu", power);
        }
        k += power;
    }
    if (status == TRIVET_OK) {
        copy = trivet_strndup((const char *)name.data, name.n_bytes);
    }
    trivet_buffer_release(&name);
    return copy;
}

static enum trivet_status
polynomial_features_transform(const void *state, const struct trivet_transform_input *input,
                              struct trivet_arena *arena, struct trivet_column *out,
                              struct trivet_row_status *rows, struct trivet_error *err)
{
    (void)rows;
    const struct polynomial_features *features = state;
    const size_t n_rows = input->n_rows;
    const size_t n_before = features->bias ? 1 : 0;
    const size_t n_made = features->n_terms - input->n_columns;
    struct trivet_column *terms = &out[n_before];
    double *values = NULL;
    enum trivet_status status = TRIVET_OK;
    memcpy(terms, input->columns, input->n_columns * sizeof *terms);
    status = trivet_numeric_make(arena, "polynomial_features", n_made, n_rows,
                                 &terms[input->n_columns], &values, err);
    for (size_t t = input->n_columns; status == TRIVET_OK && t < features->n_terms; t++) {
        const struct trivet_column *prefix = &terms[features->terms[t].prefix];
        const struct trivet_column *last = &terms[features->terms[t].last];
        for (size_t i = 0; i < n_rows; i++) {
            values[i] = trivet_column_number(prefix, i) * trivet_column_number(last, i);
        }
        values += n_rows;
    }
    if (status == TRIVET_OK && features->bias) {
        status = trivet_numeric_make(arena, "polynomial_features", 1, n_rows, out, &values, err);
        for (size_t i = 0; status == TRIVET_OK && i < n_rows; i++) {
            values[i] = 1.0;
        }
    }
    return status;
}

static enum trivet_status polynomial_features_load(void *state, const struct trivet_params *params,
                                                   const enum trivet_column_type *types,
                                                   size_t n_columns, const Trivet__V1__Step *step,
                                                   struct trivet_error *err)
{
    (void)types;
    enum trivet_status status = trivet_width_check(step, n_columns, err);
    if (status == TRIVET_OK) {
        status = make_terms(state, params, n_columns, err);
    }
    if (status == TRIVET_INVALID_ARGUMENT) {
        status = trivet_error_set(err, TRIVET_DATA_LOSS,
                                  "the saved state of '%s' is damaged: it makes too many columns",
                                  step->name);
    }
    return status;
}

static size_t polynomial_features_memory_bytes(const void *state)
{
    const struct polynomial_features *features = state;
    return sizeof *features + features->n_terms * sizeof(struct term);
}

const struct trivet_transformer_ops trivet_polynomial_features_ops = {
    .name = "polynomial_features",
    .summary = "products of columns: a, b, a^2, a b, b^2",
    .state_bytes = sizeof(struct polynomial_features),
    .params = polynomial_features_params,
    .accepts = trivet_numeric_accepts,
    .output_type = trivet_numeric_output_type,
    .fit = polynomial_features_fit,
    .n_outputs = polynomial_features_n_outputs,
    .output_source = polynomial_features_output_source,
    .output_name = polynomial_features_output_name,
    .transform = polynomial_features_transform,
    .save = trivet_width_save,
    .load = polynomial_features_load,
    .memory_bytes = polynomial_features_memory_bytes,
    .release = polynomial_features_release,
};
