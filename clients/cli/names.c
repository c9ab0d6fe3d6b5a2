#include "clients/cli/names.h"

#include "base/alloc.h"
#include "base/text.h"

#include <stdio.h>
#include <string.h>

#define PORT_MAX       65535
#define NAME_BYTES_MAX ((size_t)TRIVET_CLI_NAME_BYTES - 1)

static enum trivet_status copy_name(const char *text, size_t n_bytes, const char *what, char *out,
                                    struct trivet_error *err)
{
    char name[TRIVET_CLI_NAME_BYTES] = {0};
    if (n_bytes <= NAME_BYTES_MAX) {
        memcpy(name, text, n_bytes);
    }
    if (!trivet_text_is_name(name, NAME_BYTES_MAX)) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "'%.*s' is not a name of %s; use letters, digits, '-' and '_', at "
                                "most %zu, and begin with a letter or digit",
                                (int)(n_bytes < 80 ? n_bytes : 80), text, what, NAME_BYTES_MAX);
    }
    memcpy(out, name, sizeof(name));
    return TRIVET_OK;
}

enum trivet_status trivet_cli_parse_model(const char *text, struct trivet_cli_model *out,
                                          struct trivet_error *err)
{
    struct trivet_cli_model model = {0};
    size_t name_bytes = strcspn(text, ":@");
    const char *rest = text + name_bytes;
    enum trivet_status status = copy_name(text, name_bytes, "a model", model.name, err);
    if (status != TRIVET_OK) {
        return status;
    }
    if (rest[0] == '@') {
        status = copy_name(rest + 1, strlen(rest + 1), "an alias", model.alias, err);
    } else if (rest[0] == ':' &&
               (!trivet_text_parse_uint64(rest + 1, &model.version) || model.version == 0)) {
        status =
            trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                             "'%.40s' in '%.80s' is not a version; versions are 1, 2, …, and an "
                             "alias is written %s@ALIAS",
                             rest + 1, text, model.name);
    }
    if (status == TRIVET_OK) {
        *out = model;
    }
    return status;
}

enum trivet_status trivet_cli_parse_name(const char *text, struct trivet_cli_model *out,
                                         struct trivet_error *err)
{
    struct trivet_cli_model model = {0};
    enum trivet_status status = copy_name(text, strlen(text), "a model", model.name, err);
    if (status == TRIVET_OK) {
        *out = model;
    }
    return status;
}

void trivet_cli_list_release(struct trivet_cli_list *list)
{
    for (size_t i = 0; i < list->n_items; i++) {
        trivet_free(list->items[i]);
    }
    trivet_free(list->items);
    *list = (struct trivet_cli_list){0};
}

enum trivet_status trivet_cli_list_add(struct trivet_cli_list *list, const char *text,
                                       size_t n_bytes, struct trivet_error *err)
{
    char **items = trivet_realloc_array(list->items, list->n_items + 1, sizeof(*items));
    if (items != NULL) {
        list->items = items;
        items[list->n_items] = trivet_strndup(text, n_bytes);
    }
    if (items == NULL || items[list->n_items] == NULL) {
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "out of memory");
    }
    list->n_items++;
    return TRIVET_OK;
}

bool trivet_cli_list_has(const struct trivet_cli_list *list, const char *text)
{
    for (size_t i = 0; i < list->n_items; i++) {
        if (strcmp(list->items[i], text) == 0) {
            return true;
        }
    }
    return false;
}

static enum trivet_status add_name(struct trivet_cli_list *list, const char *text, size_t n_bytes,
                                   struct trivet_error *err)
{
    while (n_bytes > 0 && text[0] == ' ') {
        text++;
        n_bytes--;
    }
    while (n_bytes > 0 && text[n_bytes - 1] == ' ') {
        n_bytes--;
    }
    if (n_bytes == 0) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "an empty name in a list; write names separated by single commas");
    }
    enum trivet_status status = trivet_cli_list_add(list, text, n_bytes, err);
    if (status != TRIVET_OK) {
        return status;
    }
    struct trivet_cli_list before = {.n_items = list->n_items - 1, .items = list->items};
    if (trivet_cli_list_has(&before, list->items[before.n_items])) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT, "'%s' stands twice in a list",
                                list->items[before.n_items]);
    }
    return TRIVET_OK;
}

enum trivet_status trivet_cli_list_parse(struct trivet_cli_list *list, const char *text,
                                         struct trivet_error *err)
{
    enum trivet_status status = TRIVET_OK;
    const char *rest = text;
    while (status == TRIVET_OK && rest != NULL) {
        size_t n_bytes = strcspn(rest, ",");
        status = add_name(list, rest, n_bytes, err);
        rest = rest[n_bytes] == ',' ? rest + n_bytes + 1 : NULL;
    }
    return status;
}

void trivet_cli_pairs_release(struct trivet_cli_pairs *pairs)
{
    trivet_cli_list_release(&pairs->keys);
    trivet_cli_list_release(&pairs->values);
}

enum trivet_status trivet_cli_pairs_parse(struct trivet_cli_pairs *pairs, const char *text,
                                          struct trivet_error *err)
{
    const char *equals = strchr(text, '=');
    if (equals == NULL || equals == text) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "'%.80s' is not a parameter; write it as name=value", text);
    }
    size_t key_bytes = (size_t)(equals - text);
    enum trivet_status status = trivet_cli_list_add(&pairs->keys, text, key_bytes, err);
    if (status == TRIVET_OK) {
        status = trivet_cli_list_add(&pairs->values, equals + 1, strlen(equals + 1), err);
    }
    return status;
}

void trivet_cli_file_title(const char *path, char *out, size_t out_bytes)
{
    const char *slash = strrchr(path, '/');
    const char *title = slash != NULL ? slash + 1 : path;
    size_t n_bytes = strlen(title);
    if (n_bytes > 4 && strcmp(title + n_bytes - 4, ".csv") == 0) {
        n_bytes -= 4;
    }
    snprintf(out, out_bytes, "%.*s", (int)n_bytes, title);
}

enum trivet_status trivet_cli_check_url(const char *url, struct trivet_error *err)
{
    static const char scheme[] = "tcp://";
    uint64_t port = 0;
    if (strncmp(url, scheme, sizeof(scheme) - 1) != 0) {
        return TRIVET_OK;
    }
    const char *colon = strrchr(url + sizeof(scheme) - 1, ':');
    if (colon == NULL || !trivet_text_parse_uint64(colon + 1, &port) || port == 0 ||
        port > PORT_MAX) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "the address '%.160s' is wrong: it needs a port from 1 to %d; "
                                "write tcp://HOST:PORT or ipc://PATH",
                                url, PORT_MAX);
    }
    return TRIVET_OK;
}
