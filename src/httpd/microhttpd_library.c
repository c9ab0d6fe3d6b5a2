#include "httpd/microhttpd_library.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#define LIBRARY_NAME "libmicrohttpd.so.12"

struct trivet_microhttpd trivet_mhd;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static bool loaded; /* lock */

#define SYMBOL(function, field)                                                                    \
    {                                                                                              \
        function, offsetof(struct trivet_microhttpd, field)                                        \
    }

static const struct {
    const char *name;
    size_t offset;
} symbols[] = {
    SYMBOL("MHD_start_daemon", start_daemon),
    SYMBOL("MHD_stop_daemon", stop_daemon),
    SYMBOL("MHD_lookup_connection_value", lookup_connection_value),
    SYMBOL("MHD_get_connection_info", get_connection_info),
    SYMBOL("MHD_suspend_connection", suspend_connection),
    SYMBOL("MHD_resume_connection", resume_connection),
    SYMBOL("MHD_create_response_from_buffer", response_from_buffer),
    SYMBOL("MHD_create_response_from_buffer_with_free_callback", response_from_buffer_with_free),
    SYMBOL("MHD_create_response_from_fd64", response_from_fd),
    SYMBOL("MHD_create_response_from_callback", response_from_callback),
    SYMBOL("MHD_add_response_header", add_response_header),
    SYMBOL("MHD_queue_response", queue_response),
    SYMBOL("MHD_destroy_response", destroy_response),
};

static enum trivet_status load(struct trivet_error *err)
{
    void *library = dlopen(LIBRARY_NAME, RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) {
        return trivet_error_set(err, TRIVET_UNAVAILABLE,
                                "HTTP needs libmicrohttpd, which cannot be loaded (%s): install "
                                "its library (Debian: libmicrohttpd12)",
                                dlerror());
    }
    for (size_t i = 0; i < TRIVET_ARRAY_COUNT(symbols); i++) {
        void *symbol = dlsym(library, symbols[i].name);
        if (symbol == NULL) {
            dlclose(library);
            return trivet_error_set(err, TRIVET_UNAVAILABLE,
                                    "HTTP needs libmicrohttpd 0.9.75 or later; %s has no %s",
                                    LIBRARY_NAME, symbols[i].name);
        }
        memcpy((char *)&trivet_mhd + symbols[i].offset, &symbol, sizeof symbol);
    }
    loaded = true;
    return TRIVET_OK;
}

enum trivet_status trivet_microhttpd_load(struct trivet_error *err)
{
    pthread_mutex_lock(&lock);
    enum trivet_status status = loaded ? TRIVET_OK : load(err);
    pthread_mutex_unlock(&lock);
    return status;
}
