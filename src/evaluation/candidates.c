#include "evaluation/candidates.h"

#include "base/rng.h"
#include "base/text.h"
#include "evaluation/candidates_auto.h"
#include "models/pipeline.h"
#include "models/registry.h"

#include <math.h>
#include <string.h>

#define TRIES_DEFAULT 20
#define NAMES_BYTES   256

static enum trivet_status no_memory(struct trivet_error *err)
{
    return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                            "out of memory while a search is laid out; try fewer values");
}

/* --- where a value goes ----------------------------------------------------------------------- */

/* A parameter of the estimator, or of one transformer. */
struct place {
    size_t transformer; /* TRANSFORMER_NONE: the estimator */
    const char *name;   /* of the parameter, without the transformer's */
    enum trivet_param_type type;
};

#define TRANSFORMER_NONE ((size_t)-1)

static const struct trivet_param_spec *find_spec(const struct trivet_param_spec *specs,
                                                 const char *name)
{
    for (const struct trivet_param_spec *spec = specs; spec->name != NULL; spec++) {
        if (strcmp(spec->name, name) == 0) {
            return spec;
        }
    }
    return NULL;
}

static enum trivet_status refuse_place(const char *parameter, const char *owner,
                                       const struct trivet_param_spec *specs,
                                       struct trivet_error *err)
{
    char names[NAMES_BYTES] = "";
    for (const struct trivet_param_spec *spec = specs; spec->name != NULL; spec++) {
        size_t used = strlen(names);
        trivet_text_format(&names[used], sizeof names - used, "%s%s", used > 0 ? ", " : "",
                           spec->name);
    }
    trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                     "the search varies '%s', which %s does not have; it has: %s", parameter, owner,
                     names);
    trivet_error_add_violation(err, "search.ranges", "no parameter '%s'", parameter);
    return TRIVET_INVALID_ARGUMENT;
}

static enum trivet_status find_transformer(const Trivet__V1__PipelineSpec *base,
                                           const char *parameter, size_t name_bytes, size_t *out,
                                           struct trivet_error *err)
{
    char names[NAMES_BYTES] = "";
    for (size_t i = 0; i < base->n_transformers; i++) {
        const char *name = base->transformers[i]->name;
        if (strlen(name) == name_bytes && memcmp(name, parameter, name_bytes) == 0) {
            *out = i;
            return TRIVET_OK;
        }
        size_t used = strlen(names);
        trivet_text_format(&names[used], sizeof names - used, "%s%s", used > 0 ? ", " : "", name);
    }
    trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                     "the search varies '%s', but the pipeline names no such transformer; it "
                     "names: %s",
                     parameter, names[0] != '\0' ? names : "none");
    trivet_error_add_violation(err, "search.ranges", "no transformer for '%s'", parameter);
    return TRIVET_INVALID_ARGUMENT;
}

static enum trivet_status find_place(const Trivet__V1__PipelineSpec *base, const char *parameter,
                                     struct place *out, struct trivet_error *err)
{
    const char *dot = strchr(parameter, '.');
    const struct trivet_param_spec *specs = NULL;
    const char *owner = NULL;
    struct place place = {.transformer = TRANSFORMER_NONE, .name = parameter};
    enum trivet_status status = TRIVET_OK;
    if (dot == NULL) {
        const struct trivet_estimator_ops *ops = NULL;
        status = trivet_registry_estimator(base->estimator, &ops, err);
        specs = status == TRIVET_OK ? ops->params : NULL;
        owner = base->estimator;
    } else {
        const struct trivet_transformer_ops *ops = NULL;
        place.name = dot + 1;
        status =
            find_transformer(base, parameter, (size_t)(dot - parameter), &place.transformer, err);
        if (status == TRIVET_OK) {
            owner = base->transformers[place.transformer]->name;
            status = trivet_registry_transformer(owner, &ops, err);
        }
        specs = status == TRIVET_OK ? ops->params : NULL;
    }
    if (status != TRIVET_OK) {
        return status;
    }
    const struct trivet_param_spec *spec = find_spec(specs, place.name);
    if (spec == NULL) {
        return refuse_place(parameter, owner, specs, err);
    }
    place.type = spec->type;
    *out = place;
    return TRIVET_OK;
}

/* --- one candidate ---------------------------------------------------------------------------- */

/* `list` with `name` set to `value`, as a list of its own. */
static enum trivet_status with_parameter(Trivet__V1__Parameter **list, size_t n, const char *name,
                                         char *value, struct trivet_arena *arena,
                                         Trivet__V1__Parameter ***out, size_t *n_out,
                                         struct trivet_error *err)
{
    Trivet__V1__Parameter **copy =
        trivet_arena_alloc_array(arena, n + 1, sizeof(Trivet__V1__Parameter *));
    Trivet__V1__Parameter *made = trivet_arena_alloc(arena, sizeof *made);
    if (copy == NULL || made == NULL) {
        return no_memory(err);
    }
    trivet__v1__parameter__init(made);
    made->name = trivet_arena_strdup(arena, name);
    made->value = value;
    if (made->name == NULL) {
        return no_memory(err);
    }
    size_t place = 0;
    while (place < n && strcmp(list[place]->name, name) != 0) {
        place++;
    }
    for (size_t i = 0; i < n; i++) {
        copy[i] = list[i];
    }
    copy[place] = made;
    *out = copy;
    *n_out = place == n ? n + 1 : n;
    return TRIVET_OK;
}

/* A copy of transformer `index`, in a list of its own, with the parameter set. */
static enum trivet_status set_transformer(Trivet__V1__PipelineSpec *spec, size_t index,
                                          const char *name, char *value, struct trivet_arena *arena,
                                          struct trivet_error *err)
{
    Trivet__V1__TransformerSpec **list = trivet_arena_alloc_array(
        arena, spec->n_transformers, sizeof(Trivet__V1__TransformerSpec *));
    Trivet__V1__TransformerSpec *copy = trivet_arena_alloc(arena, sizeof *copy);
    if (list == NULL || copy == NULL) {
        return no_memory(err);
    }
    memcpy(list, spec->transformers, spec->n_transformers * sizeof(Trivet__V1__TransformerSpec *));
    *copy = *list[index];
    list[index] = copy;
    spec->transformers = list;
    return with_parameter(copy->parameters, copy->n_parameters, name, value, arena,
                          &copy->parameters, &copy->n_parameters, err);
}

static enum trivet_status set_value(struct trivet_candidate *candidate, const struct place *place,
                                    const char *full_name, char *value, struct trivet_arena *arena,
                                    struct trivet_error *err)
{
    Trivet__V1__PipelineSpec *spec = candidate->spec;
    enum trivet_status status =
        place->transformer == TRANSFORMER_NONE
            ? with_parameter(spec->parameters, spec->n_parameters, place->name, value, arena,
                             &spec->parameters, &spec->n_parameters, err)
            : set_transformer(spec, place->transformer, place->name, value, arena, err);
    if (status == TRIVET_OK) {
        status = with_parameter(candidate->parameters, candidate->n_parameters, full_name, value,
                                arena, &candidate->parameters, &candidate->n_parameters, err);
    }
    return status;
}

static enum trivet_status begin_candidate(const Trivet__V1__PipelineSpec *base,
                                          struct trivet_arena *arena, struct trivet_candidate *out,
                                          struct trivet_error *err)
{
    *out = (struct trivet_candidate){.spec = trivet_arena_alloc(arena, sizeof *out->spec)};
    if (out->spec == NULL) {
        return no_memory(err);
    }
    *out->spec = *base;
    return TRIVET_OK;
}

/* --- grid and random -------------------------------------------------------------------------- */

struct laying_out {
    const Trivet__V1__PipelineSpec *base;
    const Trivet__V1__SearchSpec *search;
    struct trivet_arena *arena;
    struct place *places; /* by range; the arena's */
};

static enum trivet_status check_range(const Trivet__V1__SearchRange *range, bool random,
                                      const struct place *place, struct trivet_error *err)
{
    const char *fault = NULL;
    if (range->n_values > 0) {
        return TRIVET_OK;
    }
    if (!random) {
        fault = "has no values; a grid needs some";
    } else if (place->type != TRIVET_PARAM_INT && place->type != TRIVET_PARAM_REAL) {
        fault = "is no number; give values to choose from";
    } else if (!(range->low <= range->high) || !isfinite(range->low) || !isfinite(range->high)) {
        fault = "has no range; give values, or a low and a high number";
    } else if (range->log_scale && range->low <= 0.0) {
        fault = "has a logarithmic range that does not begin above 0";
    }
    if (fault == NULL) {
        return TRIVET_OK;
    }
    trivet_error_set(err, TRIVET_INVALID_ARGUMENT, "the search's '%s' %s", range->parameter, fault);
    trivet_error_add_violation(err, "search.ranges", "'%s' %s", range->parameter, fault);
    return TRIVET_INVALID_ARGUMENT;
}

static enum trivet_status find_places(struct laying_out *laying_out, bool random,
                                      struct trivet_error *err)
{
    const Trivet__V1__SearchSpec *search = laying_out->search;
    laying_out->places =
        trivet_arena_alloc_array(laying_out->arena, search->n_ranges, sizeof *laying_out->places);
    if (laying_out->places == NULL) {
        return no_memory(err);
    }
    if (search->n_ranges == 0) {
        trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                         "the search varies no parameter; name one with its values");
        trivet_error_add_violation(err, "search.ranges", "is empty");
        return TRIVET_INVALID_ARGUMENT;
    }
    enum trivet_status status = TRIVET_OK;
    for (size_t r = 0; r < search->n_ranges && status == TRIVET_OK; r++) {
        const Trivet__V1__SearchRange *range = search->ranges[r];
        status = find_place(laying_out->base, range->parameter, &laying_out->places[r], err);
        if (status == TRIVET_OK) {
            status = check_range(range, random, &laying_out->places[r], err);
        }
        for (size_t k = 0; k < r && status == TRIVET_OK; k++) {
            if (strcmp(search->ranges[k]->parameter, range->parameter) == 0) {
                status = trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                          "the search varies '%s' twice; give it once",
                                          range->parameter);
            }
        }
    }
    return status;
}

static enum trivet_status refuse_count(const char *what, struct trivet_error *err)
{
    trivet_error_set(err, TRIVET_INVALID_ARGUMENT, "the search has more than %d combinations; %s",
                     TRIVET_CANDIDATES_MAX, what);
    trivet_error_add_violation(err, "search", "at most %d combinations", TRIVET_CANDIDATES_MAX);
    return TRIVET_INVALID_ARGUMENT;
}

static bool same_values(const struct trivet_candidate *a, const struct trivet_candidate *b)
{
    for (size_t i = 0; i < a->n_parameters; i++) {
        if (strcmp(a->parameters[i]->value, b->parameters[i]->value) != 0) {
            return false;
        }
    }
    return true;
}

/* Whether none of the candidates has the same values. */
static bool is_new(const struct trivet_candidates *candidates,
                   const struct trivet_candidate *candidate)
{
    for (size_t c = 0; c < candidates->n_candidates; c++) {
        if (same_values(candidate, &candidates->list[c])) {
            return false;
        }
    }
    return true;
}

static enum trivet_status make_grid(struct laying_out *laying_out, struct trivet_candidates *out,
                                    struct trivet_error *err)
{
    const Trivet__V1__SearchSpec *search = laying_out->search;
    size_t n = 1;
    for (size_t r = 0; r < search->n_ranges; r++) {
        n *= search->ranges[r]->n_values;
        if (n > TRIVET_CANDIDATES_MAX) {
            return refuse_count("give fewer values, or search at random", err);
        }
    }
    out->list = trivet_arena_alloc_array(laying_out->arena, n, sizeof *out->list);
    if (out->list == NULL) {
        return no_memory(err);
    }
    enum trivet_status status = TRIVET_OK;
    for (size_t c = 0; c < n && status == TRIVET_OK; c++) {
        size_t rest = c;
        struct trivet_candidate *candidate = &out->list[out->n_candidates];
        status = begin_candidate(laying_out->base, laying_out->arena, candidate, err);
        /* The last range changes fastest. */
        for (size_t r = search->n_ranges; r-- > 0 && status == TRIVET_OK;) {
            const Trivet__V1__SearchRange *range = search->ranges[r];
            status = set_value(candidate, &laying_out->places[r], range->parameter,
                               range->values[rest % range->n_values], laying_out->arena, err);
            rest /= range->n_values;
        }
        /* A value that is given twice is tried once. */
        out->n_candidates += status == TRIVET_OK && is_new(out, candidate) ? 1 : 0;
    }
    return status;
}

/* A number of the range as text, NULL when out of memory. */
static char *draw_number(const Trivet__V1__SearchRange *range, enum trivet_param_type type,
                         struct trivet_rng *rng, struct trivet_arena *arena)
{
    char text[TRIVET_DOUBLE_TEXT_BYTES];
    const double u = trivet_rng_uniform(rng);
    double value = range->log_scale
                       ? exp(log(range->low) + u * (log(range->high) - log(range->low)))
                       : range->low + u * (range->high - range->low);
    if (type == TRIVET_PARAM_INT) {
        trivet_text_format(text, sizeof text, "%.0f", round(value));
    } else {
        trivet_text_double(value, text);
    }
    return trivet_arena_strdup(arena, text);
}

static enum trivet_status draw(struct laying_out *laying_out, struct trivet_rng *rng,
                               struct trivet_candidate *out, struct trivet_error *err)
{
    const Trivet__V1__SearchSpec *search = laying_out->search;
    enum trivet_status status = begin_candidate(laying_out->base, laying_out->arena, out, err);
    for (size_t r = 0; r < search->n_ranges && status == TRIVET_OK; r++) {
        const Trivet__V1__SearchRange *range = search->ranges[r];
        char *value = range->n_values > 0
                          ? range->values[trivet_rng_below(rng, range->n_values)]
                          : draw_number(range, laying_out->places[r].type, rng, laying_out->arena);
        status = value == NULL ? no_memory(err)
                               : set_value(out, &laying_out->places[r], range->parameter, value,
                                           laying_out->arena, err);
    }
    return status;
}

/* A combination that was drawn before is drawn again, a few times. */
static enum trivet_status make_random(struct laying_out *laying_out, uint64_t seed,
                                      struct trivet_candidates *out, struct trivet_error *err)
{
    struct trivet_rng rng;
    const size_t n_tries =
        laying_out->search->tries > 0 ? laying_out->search->tries : (size_t)TRIES_DEFAULT;
    if (n_tries > TRIVET_CANDIDATES_MAX) {
        return refuse_count("try fewer", err);
    }
    out->list = trivet_arena_alloc_array(laying_out->arena, n_tries, sizeof *out->list);
    if (out->list == NULL) {
        return no_memory(err);
    }
    trivet_rng_seed(&rng, seed);
    enum trivet_status status = TRIVET_OK;
    for (size_t draws = 0;
         out->n_candidates < n_tries && draws < 10 * n_tries && status == TRIVET_OK; draws++) {
        struct trivet_candidate *candidate = &out->list[out->n_candidates];
        status = draw(laying_out, &rng, candidate, err);
        out->n_candidates += status == TRIVET_OK && is_new(out, candidate) ? 1 : 0;
    }
    return status;
}

/* --- all methods ------------------------------------------------------------------------------ */

/* Everything that a fit would refuse before it begins. */
static enum trivet_status check_all(const struct trivet_candidates *candidates,
                                    const struct trivet_schema *schema, struct trivet_error *err)
{
    enum trivet_status status = TRIVET_OK;
    for (size_t c = 0; c < candidates->n_candidates && status == TRIVET_OK; c++) {
        struct trivet_pipeline *pipeline = NULL;
        status = trivet_pipeline_create(candidates->list[c].spec, schema, &pipeline, err);
        trivet_pipeline_free(pipeline);
    }
    return status;
}

enum trivet_status trivet_candidates_make(const Trivet__V1__PipelineSpec *base,
                                          const Trivet__V1__SearchSpec *search,
                                          const struct trivet_schema *schema, size_t n_rows,
                                          uint64_t seed, struct trivet_arena *arena,
                                          struct trivet_candidates *out, struct trivet_error *err)
{
    struct laying_out laying_out = {.base = base, .search = search, .arena = arena};
    struct trivet_candidates candidates = {0};
    const bool random = search->method == TRIVET__V1__SEARCH_METHOD__SEARCH_METHOD_RANDOM;
    enum trivet_status status = TRIVET_OK;
    switch (search->method) {
    case TRIVET__V1__SEARCH_METHOD__SEARCH_METHOD_GRID:
    case TRIVET__V1__SEARCH_METHOD__SEARCH_METHOD_RANDOM:
        status = find_places(&laying_out, random, err);
        if (status == TRIVET_OK) {
            status = random ? make_random(&laying_out, seed, &candidates, err)
                            : make_grid(&laying_out, &candidates, err);
        }
        break;
    case TRIVET__V1__SEARCH_METHOD__SEARCH_METHOD_AUTO:
        status = trivet_candidates_auto(base, schema, n_rows, arena, &candidates, err);
        break;
    default:
        trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                         "the search has no method; use grid, random or auto");
        trivet_error_add_violation(err, "search.method", "is not known");
        status = TRIVET_INVALID_ARGUMENT;
    }
    if (status == TRIVET_OK) {
        status = check_all(&candidates, schema, err);
    }
    if (status == TRIVET_OK) {
        *out = candidates;
    }
    return status;
}
