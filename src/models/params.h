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
    TRIVET_PARAM_INT_LIST, /* "100,50" */
    TRIVET_PARAM_TEXT,
};

#define TRIVET_PARAMS_MAX           32
#define TRIVET_PARAM_LIST_MAX       16
#define TRIVET_PARAM_TEXT_BYTES_MAX 63
/* Room for any value as text. */
#define TRIVET_PARAM_VALUE_BYTES 384

/* One row of a table; a table ends with name == NULL. */
struct trivet_param_spec {
    const char *name;
    enum trivet_param_type type;
    const char *default_text;
    double min; /* INT, REAL and items of INT_LIST: least and greatest, inclusive unless open */
    double max;
    bool min_open;
    bool max_open;
    const char *const *choices; /* ENUM: NULL-terminated */
    const char *const *words;   /* INT and REAL: words that may stand for a number; or NULL */
    /* "solver=sgd", "penalty=l1|elastic_net": what another parameter must be for this one to do
     * anything; NULL: it always does. */
    const char *needs;
    const char *help;
};

struct trivet_int_list {
    size_t n_items;
    int64_t items[TRIVET_PARAM_LIST_MAX];
};

struct trivet_param_value {
    const char *word; /* of the table; NULL: a number */
    union {
        bool boolean;
        int64_t integer;
        double real;
        size_t choice; /* index into choices */
        struct trivet_int_list list;
        char text[TRIVET_PARAM_TEXT_BYTES_MAX + 1];
    };
};

/* Values parallel to the table's rows. */
struct trivet_params {
    const struct trivet_param_spec *specs;
    size_t n_params;
    struct trivet_param_value values[TRIVET_PARAMS_MAX];
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
/* Borrowed from `params`. */
const struct trivet_int_list *trivet_params_int_list(const struct trivet_params *params,
                                                     const char *name);
const char *trivet_params_text(const struct trivet_params *params, const char *name);
/* The word given for an INT or REAL; NULL: a number is given. */
const char *trivet_params_word(const struct trivet_params *params, const char *name);
/* Whether parameter i does nothing beside the values of the others; `why` ← "solver=adam" and
 * `needs` of its row says what it takes. */
bool trivet_params_is_idle(const struct trivet_params *params, size_t i, char *why,
                           size_t why_bytes);
/* Value i as text, as it could be given; TRIVET_PARAM_VALUE_BYTES are always enough. */
void trivet_params_format(const struct trivet_params *params, size_t i, char *text,
                          size_t text_bytes);
/* "[0, inf)", with words "[0, inf) or scale, auto" */
void trivet_param_range_text(const struct trivet_param_spec *spec, char *text, size_t text_bytes);

#endif
