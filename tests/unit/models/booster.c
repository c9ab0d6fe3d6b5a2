#include "booster.h"

#include "base/alloc.h"
#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
/* after its prerequisites */
#include <cmocka.h>

static DMatrixHandle matrix_of(const struct booster *booster, const double *x, size_t n_rows)
{
    char place[160];
    DMatrixHandle matrix = NULL;
    snprintf(place, sizeof place,
             "{\"data\": [%zu, true], \"shape\": [%zu, %zu], \"typestr\": \"<f8\", \"version\": 3}",
             (size_t)(uintptr_t)x, n_rows, booster->n_cols);
    assert_int_equal(
        booster->library->matrix_create(place, "{\"missing\": NaN, \"nthread\": 1}", &matrix), 0);
    return matrix;
}

void booster_train(struct booster *booster, const char *settings, size_t n_rounds, const double *x,
                   size_t n_rows, size_t n_cols, const double *y)
{
    char text[512];
    char *rest = NULL;
    float *labels = trivet_alloc_array(n_rows, sizeof *labels);
    assert_non_null(labels);
    *booster = (struct booster){.n_cols = n_cols};
    assert_int_equal(trivet_xgboost_get(&booster->library, NULL), TRIVET_OK);
    DMatrixHandle matrix = matrix_of(booster, x, n_rows);
    for (size_t i = 0; i < n_rows; i++) {
        labels[i] = (float)y[i];
    }
    assert_int_equal(booster->library->matrix_set_floats(matrix, "label", labels, n_rows), 0);
    assert_int_equal(booster->library->booster_create(&matrix, 1, &booster->handle), 0);
    snprintf(text, sizeof text, "verbosity=0 nthread=1 seed=7 %s", settings);
    for (char *word = strtok_r(text, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest)) {
        char *value = strchr(word, '=');
        assert_non_null(value);
        *value = '\0';
        assert_int_equal(booster->library->booster_set(booster->handle, word, value + 1), 0);
    }
    for (size_t i = 0; i < n_rounds; i++) {
        if (booster->library->booster_update(booster->handle, (int)i, matrix) != 0) {
            fail_msg("%s", booster->library->last_error());
        }
    }
    booster->library->matrix_free(matrix);
    trivet_free(labels);
}

const float *booster_predict(const struct booster *booster, enum booster_output output,
                             const double *x, size_t n_rows, size_t n_values)
{
    char config[160];
    const bst_ulong *shape = NULL;
    const float *values = NULL;
    bst_ulong n_dims = 0;
    size_t n = 1;
    DMatrixHandle matrix = matrix_of(booster, x, n_rows);
    snprintf(config, sizeof config,
             "{\"type\": %d, \"training\": false, \"iteration_begin\": 0, \"iteration_end\": 0, "
             "\"strict_shape\": true}",
             (int)output);
    if (booster->library->booster_predict(booster->handle, matrix, config, &shape, &n_dims,
                                          &values) != 0) {
        fail_msg("%s", booster->library->last_error());
    }
    for (size_t i = 0; i < n_dims; i++) {
        n *= shape[i];
    }
    assert_int_equal(n, n_values);
    booster->library->matrix_free(matrix);
    return values;
}

void booster_free(struct booster *booster)
{
    booster->library->booster_free(booster->handle);
}
