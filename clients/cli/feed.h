/* The server's events, as `events` and `top` follow them. */
#ifndef TRIVET_CLI_FEED_H
#define TRIVET_CLI_FEED_H

#include "clients/cli/cli.h"
#include "trivet/v1/events.pb-c.h"

#include <stdint.h>

/* No event for so long: the server sends one a second. */
#define TRIVET_CLI_SILENCE_NS  (3 * TRIVET_NS_PER_S)
#define TRIVET_CLI_TOPIC_BYTES 256

/* The last event of the publisher. Zero-initialised is none yet. */
struct trivet_cli_place {
    uint64_t epoch;
    uint64_t sequence;
};
struct trivet_cli_step {
    bool new_epoch; /* another start of the server than the event before */
    uint64_t lost;  /* events missing before this one; of a new epoch, those since its start */
};
/* An event came. Says what is missing; nothing is before the first one. */
struct trivet_cli_step trivet_cli_place_take(struct trivet_cli_place *place,
                                             const Trivet__V1__Event *event);

/* Subscribes to all events, at `url`, or where the server says that it publishes (NULL). Topics
 * would be filtered in this process anyway, and only who sees all events can count lost ones.
 * Threads made here leave SIGINT, SIGTERM and SIGWINCH to the command. */
enum trivet_status trivet_cli_feed_open(struct trivet_cli *cli, const char *url,
                                        struct trivet_subscriber **out,
                                        struct trivet_error *err) TRIVET_MUST_USE;

#endif
