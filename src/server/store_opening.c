#include "server/store_opening.h"

static void *run(void *arg)
{
    struct trivet_store_opening *opening = arg;
    opening->status =
        trivet_store_open(opening->data_dir, TRIVET_STORE_OWNER, &opening->store, &opening->err);
    return NULL;
}

void trivet_store_opening_begin(struct trivet_store_opening *opening, const char *data_dir)
{
    *opening = (struct trivet_store_opening){.data_dir = data_dir};
    opening->has_thread = pthread_create(&opening->thread, NULL, run, opening) == 0;
    if (!opening->has_thread) {
        (void)run(opening);
    }
}

enum trivet_status trivet_store_opening_end(struct trivet_store_opening *opening,
                                            struct trivet_store **out, struct trivet_error *err)
{
    if (opening->has_thread) {
        (void)pthread_join(opening->thread, NULL);
    }
    if (opening->status == TRIVET_OK) {
        *out = opening->store;
    } else {
        *err = opening->err;
    }
    return opening->status;
}
