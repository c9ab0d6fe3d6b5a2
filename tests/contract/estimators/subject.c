#include "contract/estimators/subject.h"

#include "base/alloc.h"
#include "base/rng.h"
#include "base/text.h"
#include "models/registry.h"
#include "support/normal.h"
#include "wire/codec.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
/* after its prerequisites */
#include <cmocka.h>

#define MISSING_EVERY 17

static const char *const dictionary[3] = {"red", "green", "blue"};

static bool takes(const struct trivet_transformer_ops *ops, const char *parameter,
                  const char *value, enum trivet_column_type type)
{
    char name_copy[64];
    char value_copy[64];
    Trivet__V1__Parameter given = TRIVET__V1__PARAMETER__INIT;
    Trivet__V1__Parameter *list[1] = {&given};
    struct trivet_params params;
    trivet_text_copy(name_copy, sizeof name_copy, parameter != NULL ? parameter : "");
    trivet_text_copy(value_copy, sizeof value_copy, value != NULL ? value : "");
    given.name = name_copy;
    given.value = value_copy;
    assert_int_equal(
        trivet_params_parse(ops->params, ops->name, list, parameter != NULL ? 1 : 0, &params, NULL),
        TRIVET_OK);
    return ops->accepts(&params, type);
}

/* Values that no default and no choice has. */
static const struct {
    const char *transformer;
    const char *parameter;
    const char *value;
} variants[] = {
    {"drop_correlated", "threshold", "0.9"},
    {"hashing", "n_features", "5"},
    {"hashing", "ngram_max", "2"},
    {"imputer", "fill_text", "nothing"},
    {"lag", "lags", "3,1"},
    {"pca", "n_components", "0.9"},
    {"pca", "n_components", "1"},
    {"polynomial_features", "degree", "3"},
    {"quantile_binner", "n_bins", "3"},
    {"rolling_window", "shift", "0"},
    {"rolling_window", "window", "1"},
    {"select_k_best", "k", "0.7"},
    {"select_k_best", "k", "all"},
    {"tfidf", "max_features", "2"},
    {"tfidf", "ngram_max", "2"},
};

/* Texts are imputed where they may be missing, and encoded where the transformer leaves them as
 * text; numbers are imputed after a step that looks back. */
static void try_transformer(const struct trivet_transformer_ops *ops, const char *parameter,
                            const char *value, void (*body)(const struct subject *subject))
{
    static struct subject subject;
    memset(&subject, 0, sizeof subject);
    trivet_text_format(subject.name, sizeof subject.name, "%s(%s=%s)", ops->name,
                       parameter != NULL ? parameter : "", value != NULL ? value : "");
    subject.transformer = ops;
    subject.positive = value != NULL && (strcmp(value, "box_cox") == 0 ||
                                         strcmp(value, "log") == 0 || strcmp(value, "log1p") == 0);
    bool looks_back = ops->history_rows != NULL;
    subject.with_missing = looks_back || strcmp(ops->name, "imputer") == 0;
    fixture_spec_init(&subject.spec, "y", "linear_regression");
    if (subject.with_missing && !takes(ops, parameter, value, TRIVET_COLUMN_CATEGORICAL)) {
        fixture_spec_step(&subject.spec, "imputer", "strategy", "most_frequent", "k0");
        fixture_spec_step(&subject.spec, "imputer", "strategy", "constant", "k1");
    }
    fixture_spec_step(&subject.spec, ops->name, parameter, value, NULL);
    if (strcmp(ops->name, "hashing") == 0 &&
        (parameter == NULL || strcmp(parameter, "n_features") != 0)) {
        fixture_spec_step_parameter(&subject.spec, "n_features",
                                    "8"); /* few, so that it is quick */
    }
    if (looks_back) {
        fixture_spec_step(&subject.spec, "imputer", NULL, NULL, NULL);
    }
    if (!takes(ops, parameter, value, TRIVET_COLUMN_CATEGORICAL) ||
        ops->output_type(TRIVET_COLUMN_CATEGORICAL) == TRIVET_COLUMN_CATEGORICAL) {
        fixture_spec_step(&subject.spec, "one_hot_encoder", NULL, NULL, NULL);
    }
    body(&subject);
}

static void each_choice(const struct trivet_transformer_ops *ops,
                        void (*body)(const struct subject *subject))
{
    for (const struct trivet_param_spec *spec = ops->params; spec->name != NULL; spec++) {
        if (spec->type == TRIVET_PARAM_BOOL) {
            try_transformer(ops, spec->name, "false", body);
            try_transformer(ops, spec->name, "true", body);
        }
        for (size_t i = 0; spec->type == TRIVET_PARAM_ENUM && spec->choices[i] != NULL; i++) {
            try_transformer(ops, spec->name, spec->choices[i], body);
        }
    }
}

/* Choices that go only with another. */
static const struct {
    const char *parameter;
    const char *value;
    const char *with;
    const char *with_value;
} companions[] = {
    {"solver", "coordinate_descent", "penalty", "l1"},
};

static void add_companions(struct subject *subject, const char *parameter, const char *value)
{
    for (size_t k = 0; k < TRIVET_ARRAY_COUNT(companions); k++) {
        if (strcmp(companions[k].parameter, parameter) == 0 &&
            strcmp(companions[k].value, value) == 0) {
            fixture_spec_parameter(&subject->spec, companions[k].with, companions[k].with_value);
        }
    }
}

static void try_task(const struct trivet_estimator_ops *ops, size_t n_classes,
                     const char *parameter, const char *value,
                     void (*body)(const struct subject *subject))
{
    static struct subject subject;
    memset(&subject, 0, sizeof subject);
    trivet_text_format(subject.name, sizeof subject.name, "%s(%s=%s) of %zu classes", ops->name,
                       parameter != NULL ? parameter : "", value != NULL ? value : "", n_classes);
    subject.n_classes = n_classes;
    subject.without_target = ops->task == TRIVET_TASK_CLUSTERING;
    fixture_spec_init(&subject.spec, subject.without_target ? "" : "y", ops->name);
    subject.takes_missing = ops->accepts_missing;
    if (parameter != NULL) {
        fixture_spec_parameter(&subject.spec, parameter, value);
        add_companions(&subject, parameter, value);
    }
    for (const struct trivet_param_spec *spec = ops->params; spec->name != NULL; spec++) {
        if (strcmp(spec->name, "n_estimators") == 0) {
            fixture_spec_parameter(&subject.spec, "n_estimators",
                                   "5"); /* few, so that it is quick */
        }
    }
    body(&subject);
}

static void try_estimator(const struct trivet_estimator_ops *ops, const char *parameter,
                          const char *value, void (*body)(const struct subject *subject))
{
    if (ops->task == TRIVET_TASK_CLASSIFICATION) {
        try_task(ops, 2, parameter, value, body);
        try_task(ops, 3, parameter, value, body);
    } else {
        try_task(ops, 0, parameter, value, body);
    }
}

void subject_each(void (*body)(const struct subject *subject))
{
    const struct trivet_estimator_ops *const *estimators = trivet_registry_estimators();
    const struct trivet_transformer_ops *const *transformers = trivet_registry_transformers();
    assert_non_null(estimators[0]);
    for (size_t i = 0; estimators[i] != NULL; i++) {
        try_estimator(estimators[i], NULL, NULL, body);
        const struct trivet_param_spec *spec = estimators[i]->params;
        for (; spec->name != NULL; spec++) {
            for (size_t k = 0; spec->type == TRIVET_PARAM_ENUM && spec->choices[k] != NULL; k++) {
                try_estimator(estimators[i], spec->name, spec->choices[k], body);
            }
        }
    }
    for (size_t i = 0; transformers[i] != NULL; i++) {
        try_transformer(transformers[i], NULL, NULL, body);
        each_choice(transformers[i], body);
        for (size_t k = 0; k < TRIVET_ARRAY_COUNT(variants); k++) {
            if (strcmp(variants[k].transformer, transformers[i]->name) == 0) {
                try_transformer(transformers[i], variants[k].parameter, variants[k].value, body);
            }
        }
    }
}

/* Numbers become 0 … n_classes - 1 by their rank. */
static void make_classes(double *y, size_t n_rows, size_t n_classes)
{
    double numbers[SUBJECT_ROWS_MAX];
    memcpy(numbers, y, n_rows * sizeof(double));
    for (size_t i = 0; i < n_rows; i++) {
        size_t rank = 0;
        for (size_t k = 0; k < n_rows; k++) {
            rank += numbers[k] < numbers[i] || (numbers[k] == numbers[i] && k < i) ? 1 : 0;
        }
        y[i] = (double)(rank * n_classes / n_rows);
    }
}

void subject_data_set_target(struct subject_data *data, size_t n_numbers)
{
    struct trivet_rng rng;
    trivet_rng_seed(&rng, 99);
    double *y = data->numbers[SUBJECT_COLS_MAX];
    for (size_t i = 0; i < data->n_rows; i++) {
        y[i] = 3.0 + 0.1 * normal_next(&rng);
        for (size_t j = 0; j < n_numbers; j++) {
            double value = data->numbers[j][i];
            y[i] += isnan(value) ? 0.0 : (double)(j + 1) * value;
        }
    }
    if (data->n_classes > 0) {
        make_classes(y, data->n_rows, data->n_classes);
    }
}

static void add_column(struct subject_data *data, const char *name, struct trivet_column column)
{
    size_t j = data->n_columns++;
    trivet_text_copy(data->names[j], sizeof data->names[j], name);
    data->columns[j] = column;
    data->columns[j].name = data->names[j];
}

static void add_texts(struct subject_data *data, bool with_missing, struct trivet_rng *rng)
{
    static const char *const names[2] = {"k0", "k1"};
    for (size_t c = 0; c < 2; c++) {
        for (size_t i = 0; i < data->n_rows; i++) {
            /* All three categories occur when there are rows enough. */
            data->codes[c][i] = i < 3 ? (uint32_t)i : (uint32_t)trivet_rng_below(rng, 3);
            if (with_missing && i % MISSING_EVERY == 5 + c) {
                data->codes[c][i] = TRIVET_CODE_NULL;
            }
        }
        add_column(data, names[c], fixture_codes(names[c], data->codes[c], dictionary, 3));
    }
}

struct subject_data *subject_data_make(const struct subject *subject, size_t n_rows,
                                       size_t n_numbers, uint64_t seed)
{
    struct subject_data *data = trivet_calloc(1, sizeof *data);
    struct trivet_rng rng;
    assert_non_null(data);
    assert_true(n_rows <= SUBJECT_ROWS_MAX && n_numbers <= SUBJECT_COLS_MAX);
    trivet_rng_seed(&rng, seed);
    data->n_rows = n_rows;
    data->n_classes = subject->n_classes;
    for (size_t j = 0; j < n_numbers; j++) {
        char name[8];
        for (size_t i = 0; i < n_rows; i++) {
            bool missing = subject->with_missing && i % MISSING_EVERY == 3 + j % 3;
            double value = normal_next(&rng);
            value = subject->positive ? exp(value) : value;
            data->numbers[j][i] = missing ? NAN : value;
        }
        trivet_text_format(name, sizeof name, "n%zu", j);
        add_column(data, name, fixture_numbers(name, data->numbers[j]));
    }
    if (subject->transformer != NULL) {
        add_texts(data, subject->with_missing, &rng);
    }
    if (!subject->without_target) {
        add_column(data, "y", fixture_numbers("y", data->numbers[SUBJECT_COLS_MAX]));
    }
    subject_data_set_target(data, n_numbers);
    data->table = (struct trivet_table){n_rows, data->n_columns, data->columns};
    return data;
}

enum trivet_status subject_fit(const struct subject *subject, const struct subject_data *data,
                               uint64_t seed, struct trivet_pipeline **out,
                               struct trivet_error *err)
{
    struct trivet_fit_report report = {0};
    struct trivet_fit_context context = {.seed = seed};
    struct trivet_pipeline *pipeline = fixture_create(&subject->spec, &data->table);
    enum trivet_status status =
        trivet_pipeline_fit(pipeline, &data->table, NULL, 0, &context, &report, err);
    trivet_fit_report_release(&report);
    *out = status == TRIVET_OK ? pipeline : NULL;
    if (status != TRIVET_OK) {
        trivet_pipeline_free(pipeline);
    }
    return status;
}

struct trivet_pipeline *subject_fit_or_fail(const struct subject *subject,
                                            const struct subject_data *data)
{
    struct trivet_pipeline *pipeline = NULL;
    struct trivet_error err = {0};
    if (subject_fit(subject, data, 7, &pipeline, &err) != TRIVET_OK) {
        fail_msg("%s: %s", subject->name, err.message);
    }
    return pipeline;
}

void subject_pack(const struct trivet_pipeline *pipeline, struct trivet_buffer *out)
{
    struct trivet_error err = {0};
    Trivet__V1__Pipeline *message = NULL;
    struct trivet_arena *arena = trivet_arena_create(1 << 22, 0);
    assert_non_null(arena);
    assert_int_equal(trivet_pipeline_save(pipeline, arena, &message, &err), TRIVET_OK);
    assert_int_equal(trivet_codec_pack(&message->base, out, &err), TRIVET_OK);
    trivet_arena_free(arena);
}

struct trivet_pipeline *subject_unpack(const struct trivet_buffer *packed,
                                       struct trivet_arena *arena)
{
    struct trivet_error err = {0};
    struct trivet_pipeline *pipeline = NULL;
    ProtobufCMessage *message = NULL;
    assert_int_equal(trivet_codec_unpack(&trivet__v1__pipeline__descriptor, arena, packed->data,
                                         packed->n_bytes, &message, &err),
                     TRIVET_OK);
    if (trivet_pipeline_load((const Trivet__V1__Pipeline *)message, &pipeline, &err) != TRIVET_OK) {
        fail_msg("%s", err.message);
    }
    return pipeline;
}
