#include "serving/set_errors.h"

#include "base/alloc.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* How many names a message lists. */
#define LISTED_MAX    5
#define LIST_BYTES    300
#define ALIASES_FIRST 64
#define ALIASES_MAX   (1 << 20) /* more than a store can sensibly hold */

/* A list in a message: "a, b, c". */
struct list {
    char text[LIST_BYTES];
    size_t n_bytes;
    size_t n_items;
};

__attribute__((format(printf, 2, 3))) static void list_add(struct list *list, const char *format,
                                                           ...)
{
    if (list->n_items++ > 0 && list->n_bytes + 2 < sizeof(list->text)) {
        memcpy(list->text + list->n_bytes, ", ", 3);
        list->n_bytes += 2;
    }
    va_list arguments;
    va_start(arguments, format);
    size_t room = sizeof(list->text) - list->n_bytes;
    int n = vsnprintf(list->text + list->n_bytes, room, format, arguments);
    va_end(arguments);
    if (n > 0) {
        list->n_bytes += (size_t)n < room ? (size_t)n : room - 1;
    }
}

static enum trivet_status no_model(struct trivet_store *store, const char *model,
                                   struct trivet_error *err)
{
    char names[LISTED_MAX][TRIVET_STORE_NAME_BYTES];
    uint64_t counts[LISTED_MAX];
    size_t count = 0;
    enum trivet_status status =
        trivet_store_model_list(store, "", names, counts, LISTED_MAX, &count, err);
    if (status != TRIVET_OK) {
        return status;
    }
    struct list list = {0};
    for (size_t i = 0; i < count; i++) {
        list_add(&list, "'%s'", names[i]);
    }
    if (count == 0) {
        return trivet_error_set(err, TRIVET_NOT_FOUND,
                                "there is no model '%.64s', nor any other; train one first", model);
    }
    return trivet_error_set(err, TRIVET_NOT_FOUND, "there is no model '%.64s'; there %s %s%s",
                            model, count == 1 ? "is" : "are", list.text,
                            count == LISTED_MAX ? " and maybe more, see 'trivet models'" : "");
}

enum trivet_status trivet_set_no_version(struct trivet_store *store, const char *model,
                                         uint64_t version, struct trivet_error *err)
{
    struct trivet_store_version versions[LISTED_MAX];
    size_t count = 0;
    enum trivet_status status =
        trivet_store_version_list(store, model, versions, LISTED_MAX, &count, err);
    if (status == TRIVET_NOT_FOUND || (status == TRIVET_OK && count == 0)) {
        return no_model(store, model, err);
    }
    if (status != TRIVET_OK) {
        return status;
    }
    struct list list = {0};
    for (size_t i = 0; i < count; i++) {
        list_add(&list, "%" PRIu64, versions[i].version);
    }
    return trivet_error_set(err, TRIVET_NOT_FOUND,
                            "model '%.64s' has no version %" PRIu64
                            "; ask for one that it has (newest first: %s%s)",
                            model, version, list.text, count == LISTED_MAX ? " …" : "");
}

enum trivet_status trivet_set_aliases(struct trivet_store *store, const char *model,
                                      struct trivet_store_alias **out, size_t *count,
                                      struct trivet_error *err)
{
    struct trivet_store_alias *aliases = NULL;
    for (size_t room = ALIASES_FIRST; room <= ALIASES_MAX; room *= 2) {
        trivet_free(aliases);
        aliases = trivet_alloc_array(room, sizeof(*aliases));
        if (aliases == NULL) {
            return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                                    "out of memory while reading the aliases");
        }
        size_t n = 0;
        enum trivet_status status = trivet_store_alias_list(store, model, aliases, room, &n, err);
        if (status != TRIVET_OK) {
            trivet_free(aliases);
            return status;
        }
        if (n < room) { /* there are no more */
            *out = aliases;
            *count = n;
            return TRIVET_OK;
        }
    }
    trivet_free(aliases);
    return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                            "the store has more than %d aliases; remove some", ALIASES_MAX);
}

enum trivet_status trivet_set_stored_alias(struct trivet_store *store, const char *model,
                                           const char *alias, uint64_t *version,
                                           struct trivet_error *err)
{
    struct trivet_store_alias *aliases = NULL;
    size_t count = 0;
    bool found = false;
    struct list list = {0};
    enum trivet_status status = trivet_set_aliases(store, model, &aliases, &count, err);
    for (size_t i = 0; i < count; i++) {
        if (i < LISTED_MAX) {
            list_add(&list, "'%s'", aliases[i].name);
        }
        if (strcmp(aliases[i].name, alias) == 0) {
            *version = aliases[i].version;
            found = true;
        }
    }
    trivet_free(aliases);
    if (found || (status != TRIVET_OK && status != TRIVET_NOT_FOUND)) {
        return found ? TRIVET_OK : status;
    }
    if (count > 0) {
        return trivet_error_set(err, TRIVET_NOT_FOUND,
                                "model '%.64s' has no alias '%.64s', only %s; deploy a version to "
                                "it, or ask for a version by number",
                                model, alias, list.text);
    }
    struct trivet_store_version newest;
    status = trivet_store_version_list(store, model, &newest, 1, &count, err);
    if (status == TRIVET_NOT_FOUND || (status == TRIVET_OK && count == 0)) {
        return no_model(store, model, err);
    }
    if (status != TRIVET_OK) {
        return status;
    }
    return trivet_error_set(err, TRIVET_NOT_FOUND,
                            "model '%.64s' has no alias '%.64s': deploy a version to it (the "
                            "newest is %" PRIu64 "), or ask for a version by number",
                            model, alias, newest.version);
}

enum trivet_status trivet_set_not_loaded(struct trivet_store *store, const char *model,
                                         uint64_t version, const char *alias,
                                         struct trivet_error *err)
{
    enum trivet_status status;
    if (version == 0) {
        status = trivet_set_stored_alias(store, model, alias, &version, err);
    } else {
        struct trivet_store_version record;
        status = trivet_store_version_get(store, model, version, &record, NULL, NULL, err);
        if (status == TRIVET_NOT_FOUND) {
            status = trivet_set_no_version(store, model, version, err);
        }
    }
    if (status == TRIVET_OK) {
        status = trivet_error_set(err, TRIVET_UNAVAILABLE,
                                  "model '%.64s' version %" PRIu64 " is not in memory; try again "
                                  "once it is loaded",
                                  model, version);
    }
    return status;
}
