#include "clients/cli/train_transform.h"

#include "clients/cli/cli.h"
#include "clients/cli/train_steps.h"

#include <string.h>

#define PARAMETERS_MAX 32

/* A piece of the text. */
struct piece {
    const char *text;
    size_t n_bytes;
};

static struct piece trimmed(const char *text, size_t n_bytes)
{
    while (n_bytes > 0 && text[0] == ' ') {
        text++;
        n_bytes--;
    }
    while (n_bytes > 0 && text[n_bytes - 1] == ' ') {
        n_bytes--;
    }
    return (struct piece){text, n_bytes};
}

static char *copy(struct trivet_arena *arena, struct piece piece)
{
    char *text = trivet_arena_alloc(arena, piece.n_bytes + 1);
    if (text != NULL) {
        memcpy(text, piece.text, piece.n_bytes);
        text[piece.n_bytes] = '\0';
    }
    return text;
}

static enum trivet_status bad(const char *text, const char *what, struct trivet_error *err)
{
    return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                            "--transform '%.120s': %s; write it as "
                            "'NAME(PARAMETER=VALUE, …): COLUMN, …', parameters and columns only "
                            "where needed",
                            text, what);
}

/* Bytes of "KEY=VALUE" at the start: up to the comma after which another "KEY=" comes, for a value
 * may be a list. */
static size_t pair_bytes(const char *text, size_t n_bytes)
{
    size_t end = 0;
    while (end < n_bytes) {
        const char *comma = memchr(text + end, ',', n_bytes - end);
        if (comma == NULL) {
            return n_bytes;
        }
        end = (size_t)(comma - text);
        const char *next = comma + 1;
        size_t left = n_bytes - end - 1;
        const char *stop = memchr(next, ',', left);
        size_t next_bytes = stop != NULL ? (size_t)(stop - next) : left;
        if (memchr(next, '=', next_bytes) != NULL) {
            return end;
        }
        end++;
    }
    return n_bytes;
}

static enum trivet_status parse_parameters(const char *whole, const char *text, size_t n_bytes,
                                           struct trivet_arena *arena,
                                           Trivet__V1__TransformerSpec *step,
                                           struct trivet_error *err)
{
    step->parameters = trivet_arena_alloc_array(arena, PARAMETERS_MAX, sizeof(*step->parameters));
    if (step->parameters == NULL) {
        return trivet_cli_no_memory(err);
    }
    while (trimmed(text, n_bytes).n_bytes > 0) {
        size_t taken = pair_bytes(text, n_bytes);
        const char *equals = memchr(text, '=', taken);
        struct piece key = trimmed(text, equals != NULL ? (size_t)(equals - text) : 0);
        if (key.n_bytes == 0) {
            return bad(whole, "a parameter has no name or no value", err);
        }
        if (step->n_parameters == PARAMETERS_MAX) {
            return bad(whole, "too many parameters", err);
        }
        struct piece value = trimmed(equals + 1, taken - (size_t)(equals + 1 - text));
        Trivet__V1__Parameter *parameter =
            trivet_cli_parameter(arena, key.text, key.n_bytes, value.text, value.n_bytes);
        if (parameter == NULL) {
            return trivet_cli_no_memory(err);
        }
        step->parameters[step->n_parameters++] = parameter;
        taken += taken < n_bytes; /* the comma */
        text += taken;
        n_bytes -= taken;
    }
    return TRIVET_OK;
}

static enum trivet_status parse_columns(const char *whole, const char *text,
                                        struct trivet_arena *arena,
                                        Trivet__V1__TransformerSpec *step, struct trivet_error *err)
{
    struct trivet_cli_list names = {0};
    enum trivet_status status = trivet_cli_list_parse(&names, text, err);
    if (status != TRIVET_OK) {
        trivet_error_prefix(err, "--transform '%.120s': ", whole);
    } else {
        step->columns = trivet_arena_alloc_array(arena, names.n_items, sizeof(*step->columns));
        status = step->columns == NULL ? trivet_cli_no_memory(err) : TRIVET_OK;
    }
    for (size_t i = 0; status == TRIVET_OK && i < names.n_items; i++) {
        step->columns[i] = trivet_arena_strdup(arena, names.items[i]);
        status = step->columns[i] == NULL ? trivet_cli_no_memory(err) : TRIVET_OK;
        step->n_columns++;
    }
    trivet_cli_list_release(&names);
    return status;
}

enum trivet_status trivet_cli_parse_transform(const char *text, struct trivet_arena *arena,
                                              Trivet__V1__TransformerSpec **out,
                                              struct trivet_error *err)
{
    Trivet__V1__TransformerSpec *step = trivet_arena_alloc(arena, sizeof(*step));
    size_t name_bytes = strcspn(text, "(:");
    struct piece name = trimmed(text, name_bytes);
    const char *rest = text + name_bytes;
    enum trivet_status status = TRIVET_OK;
    if (step == NULL) {
        return trivet_cli_no_memory(err);
    }
    trivet__v1__transformer_spec__init(step);
    step->name = copy(arena, name);
    if (step->name == NULL) {
        return trivet_cli_no_memory(err);
    }
    if (name.n_bytes == 0) {
        return bad(text, "it names no transformer", err);
    }
    if (rest[0] == '(') {
        const char *close = strchr(rest, ')');
        if (close == NULL) {
            return bad(text, "a ')' is missing", err);
        }
        status = parse_parameters(text, rest + 1, (size_t)(close - rest - 1), arena, step, err);
        rest = close + 1;
        rest += strspn(rest, " ");
    }
    if (status == TRIVET_OK && rest[0] != ':' && rest[0] != '\0') {
        return bad(text, "a ':' is missing before the columns", err);
    }
    if (status == TRIVET_OK && rest[0] == ':') {
        status = parse_columns(text, rest + 1, arena, step, err);
    }
    if (status == TRIVET_OK) {
        *out = step;
    }
    return status;
}
