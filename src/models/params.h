/* Parameters of estimators and transformers: one table each, read by fit, validation, CLI and docs.
 */
#ifndef TRIVET_MODELS_PARAMS_H
#define TRIVET_MODELS_PARAMS_H

#include "base/arena.h"
#include "base/compiler.h"
#include "trivet/v1/data.pb-c.h"

#include <trivet/error.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum trivet_param_type {
    TRIVET_PARAM_BOOL,
    TRIVET_PARAM_INT,
    TRIVET_PARAM_REAL,
    TRIVET_PARAM_ENUM,
};

#define TRIVET_PARAMS_MAX 32

/* One row of a table; a table ends with name == NULL. */
struct trivet_param_spec {
    const char *name;
    enum trivet_param_type type;
    const char *default_text;
    double min; /* INT and REAL: least and greatest value, inclusive unless open */
    double max;
    bool min_open;
    bool max_open;
    const char *const *choices; /* ENUM: NULL-terminated */
    const char *help;
};

union trivet_param_value {
    bool boolean;
    int64_t integer;
    double real;
    size_t choice; /* index into choices */
};

/* Values parallel to the table's rows. */
struct trivet_params {
    const struct trivet_param_spec *specs;
    size_t n_params;
    union trivet_param_value values[TRIVET_PARAMS_MAX];
};

/* Defaults, then the given name/value pairs. INVALID_ARGUMENT names the allowed names, values or
 * range (also as a violation on the parameter). `owner` names the estimator in messages. */
enum trivet_status trivet_params_parse(const struct trivet_param_spec *specs, const char *owner,
                                       Trivet__V1__Parameter *const *given, size_t n_given,
                                       struct trivet_params *out,
                                       struct trivet_error *err) TRIVET_MUST_USE;
/* By name; the name must be in the table (an assertion). */
bool trivet_params_bool(const struct trivet_params *params, const char *name);
int64_t trivet_params_int(const struct trivet_params *params, const char *name);
double trivet_params_real(const struct trivet_params *params, const char *name);
const char *trivet_params_choice(const struct trivet_params *params, const char *name);
/* Value i as text, as it could be given. */
void trivet_params_format(const struct trivet_params *params, size_t i, char *text,
                          size_t text_bytes);
/* "[0, inf)" */
void trivet_param_range_text(const struct trivet_param_spec *spec, char *text, size_t text_bytes);

#endif
