#include "serving/set_missing.h"

#include "base/alloc.h"
#include "base/text.h"

#include <string.h>

struct trivet_missing_alias {
    char model[TRIVET_STORE_NAME_BYTES];
    char alias[TRIVET_STORE_NAME_BYTES];
    struct trivet_missing_alias *next;
};

static bool is_it(const struct trivet_missing_alias *one, const char *model, const char *alias)
{
    return strcmp(one->model, model) == 0 && (alias == NULL || strcmp(one->alias, alias) == 0);
}

void trivet_set_missing_init(struct trivet_set_missing *missing)
{
    pthread_mutex_init(&missing->lock, NULL);
    missing->first = NULL;
}

void trivet_set_missing_release(struct trivet_set_missing *missing)
{
    while (missing->first != NULL) {
        struct trivet_missing_alias *one = missing->first;
        missing->first = one->next;
        trivet_free(one);
    }
    pthread_mutex_destroy(&missing->lock);
}

bool trivet_set_missing_add(struct trivet_set_missing *missing, const char *model,
                            const char *alias)
{
    struct trivet_missing_alias *one = trivet_calloc(1, sizeof(*one));
    if (one == NULL) {
        return false;
    }
    (void)trivet_text_copy(one->model, sizeof(one->model), model);
    (void)trivet_text_copy(one->alias, sizeof(one->alias), alias);
    pthread_mutex_lock(&missing->lock);
    struct trivet_missing_alias **link = &missing->first;
    while (*link != NULL && !is_it(*link, model, alias)) {
        link = &(*link)->next;
    }
    if (*link == NULL) {
        *link = one;
        one = NULL;
    }
    pthread_mutex_unlock(&missing->lock);
    trivet_free(one);
    return true;
}

void trivet_set_missing_remove(struct trivet_set_missing *missing, const char *model,
                               const char *alias)
{
    pthread_mutex_lock(&missing->lock);
    struct trivet_missing_alias **link = &missing->first;
    while (*link != NULL) {
        struct trivet_missing_alias *one = *link;
        if (is_it(one, model, alias)) {
            *link = one->next;
            trivet_free(one);
        } else {
            link = &one->next;
        }
    }
    pthread_mutex_unlock(&missing->lock);
}

bool trivet_set_missing_first(struct trivet_set_missing *missing,
                              char model[TRIVET_STORE_NAME_BYTES],
                              char alias[TRIVET_STORE_NAME_BYTES])
{
    pthread_mutex_lock(&missing->lock);
    const struct trivet_missing_alias *first = missing->first;
    if (first != NULL) {
        memcpy(model, first->model, sizeof(first->model));
        memcpy(alias, first->alias, sizeof(first->alias));
    }
    pthread_mutex_unlock(&missing->lock);
    return first != NULL;
}
