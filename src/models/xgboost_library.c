#include "models/xgboost_library.h"

#include "base/text.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#define LIBRARY_NAME "libxgboost.so.0"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
/* Guarded by `lock` until loaded; then only read. */
static struct trivet_xgboost functions;
static bool loaded;

static const struct {
    const char *name;
    size_t offset; /* in struct trivet_xgboost */
} symbols[] = {
    {"XGBGetLastError", offsetof(struct trivet_xgboost, last_error)},
    {"XGDMatrixCreateFromDense", offsetof(struct trivet_xgboost, matrix_create)},
    {"XGDMatrixSetFloatInfo", offsetof(struct trivet_xgboost, matrix_set_floats)},
    {"XGDMatrixFree", offsetof(struct trivet_xgboost, matrix_free)},
    {"XGBoosterCreate", offsetof(struct trivet_xgboost, booster_create)},
    {"XGBoosterSetParam", offsetof(struct trivet_xgboost, booster_set)},
    {"XGBoosterUpdateOneIter", offsetof(struct trivet_xgboost, booster_update)},
    {"XGBoosterEvalOneIter", offsetof(struct trivet_xgboost, booster_evaluate)},
    {"XGBoosterSaveModelToBuffer", offsetof(struct trivet_xgboost, booster_save)},
    {"XGBoosterPredictFromDMatrix", offsetof(struct trivet_xgboost, booster_predict)},
    {"XGBoosterFree", offsetof(struct trivet_xgboost, booster_free)},
};

static enum trivet_status load(struct trivet_error *err)
{
    void *library = dlopen(LIBRARY_NAME, RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) {
        return trivet_error_set(err, TRIVET_UNAVAILABLE,
                                "training trees needs XGBoost, which cannot be loaded (%s): "
                                "install its library (Debian: libxgboost0)",
                                dlerror());
    }
    for (size_t i = 0; i < TRIVET_ARRAY_COUNT(symbols); i++) {
        void *symbol = dlsym(library, symbols[i].name);
        if (symbol == NULL) {
            dlclose(library);
            return trivet_error_set(err, TRIVET_UNAVAILABLE,
                                    "training trees needs XGBoost 1.7 or later; %s has no %s",
                                    LIBRARY_NAME, symbols[i].name);
        }
        memcpy((char *)&functions + symbols[i].offset, &symbol, sizeof symbol);
    }
    loaded = true;
    return TRIVET_OK;
}

enum trivet_status trivet_xgboost_get(const struct trivet_xgboost **out, struct trivet_error *err)
{
    pthread_mutex_lock(&lock);
    enum trivet_status status = loaded ? TRIVET_OK : load(err);
    pthread_mutex_unlock(&lock);
    if (status == TRIVET_OK) {
        *out = &functions;
    }
    return status;
}

void trivet_xgboost_error_text(const struct trivet_xgboost *library, char *text, size_t text_bytes)
{
    /* "[08:10:20] ./src/file.cc:177: what is wrong", and a stack trace in further lines */
    const char *at = library->last_error();
    const char *end = strchr(at, '\n');
    const char *place = strstr(at, ".cc:");
    const char *after = place != NULL ? strstr(place, ": ") : NULL;
    at = after != NULL && (end == NULL || after < end) ? after + 2 : at;
    size_t n = end != NULL ? (size_t)(end - at) : strlen(at);
    trivet_text_format(text, text_bytes, "%.*s", (int)n, at);
}
