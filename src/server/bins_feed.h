/* Publishes what observers count (serving/observer.h) as BinTotals, from the publisher's ticker: a
 * version some seconds after it changed, and each state once more later, for who missed it. */
#ifndef TRIVET_SERVER_BINS_FEED_H
#define TRIVET_SERVER_BINS_FEED_H

#include "base/compiler.h"
#include "events/publisher.h"
#include "serving/observer.h"

#include <stddef.h>
#include <stdint.h>

struct trivet_bins_feed;

struct trivet_bins_feed_options {
    struct trivet_observers *observers; /* both borrowed; outlive the publisher's ticker */
    struct trivet_publisher *publisher;
    int64_t every_ns;       /* between two snapshots of a version */
    size_t bytes_per_s_max; /* of all versions: with more to say, they take turns */
};

/* Adds itself to the publisher's ticks. NULL when out of memory. */
struct trivet_bins_feed *trivet_bins_feed_create(const struct trivet_bins_feed_options *options);
/* After the publisher was closed. */
void trivet_bins_feed_free(struct trivet_bins_feed *feed);

#endif
