/* The dashboard's files, turned into bytes by the build (assets.cmake). */
#ifndef TRIVET_MONITOR_ASSETS_H
#define TRIVET_MONITOR_ASSETS_H

#include <stddef.h>

struct trivet_asset {
    const char *name; /* "index.html" */
    const unsigned char *data;
    size_t n_bytes;
};

extern const struct trivet_asset trivet_assets[];
extern const size_t trivet_assets_count;

#endif
