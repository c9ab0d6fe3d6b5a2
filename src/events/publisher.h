/* The event publisher: an nng PUB socket, an epoch, a sequence number, and a ticker that sends
 * running totals of every version that changed, ten times a second, those of all versions every 5
 * s, and the server's every second. */
#ifndef TRIVET_EVENTS_PUBLISHER_H
#define TRIVET_EVENTS_PUBLISHER_H

#include "base/compiler.h"
#include "base/hash.h"
#include "events/quality.h"
#include "events/sampler.h"
#include "events/totals.h"
#include "trivet/v1/events.pb-c.h"

#include <trivet/error.h>

#include <stdbool.h>
#include <stdint.h>

#define TRIVET_EVENT_BYTES_MAX (16u << 10)
#define TRIVET_TOPIC_BYTES_MAX 96

struct trivet_publisher;

struct trivet_publisher_options {
    const char *url; /* tcp://, ipc:// or inproc://; NULL = no socket, events are counted only */
    struct trivet_totals *totals;   /* borrowed */
    struct trivet_quality *quality; /* borrowed; NULL = none */
    uint32_t samples_per_s_max;     /* PredictionSample events, per version */
    uint32_t errors_per_s_max;
};

/* Listens and starts the ticker. INVALID_ARGUMENT: not an address for events. UNAVAILABLE when the
 * address cannot be had. ipc:// is taken under an flock beside the socket, in a folder that only
 * its owner may write to (made 0700 when missing), see base/endpoint.h: FAILED_PRECONDITION. */
enum trivet_status trivet_publisher_open(const struct trivet_publisher_options *options,
                                         struct trivet_publisher **out,
                                         struct trivet_error *err) TRIVET_MUST_USE;
/* Sends the last totals and SERVER_PHASE_DRAINING, gives subscribers a moment, closes. */
void trivet_publisher_close(struct trivet_publisher *publisher);

uint64_t trivet_publisher_epoch(const struct trivet_publisher *publisher);
/* Of the last event. */
uint64_t trivet_publisher_sequence(struct trivet_publisher *publisher);
/* The address bound, with the real port where the URL had 0; NULL without a socket. */
const char *trivet_publisher_url(const struct trivet_publisher *publisher);

/* `tick` is called on the ticker's thread after each round of totals, and once more with `last`
 * when the publisher closes: it sends what else there is to be sent from time to time. At most
 * TRIVET_PUBLISHER_TICKS_MAX of them, for the life of the publisher. Any thread. */
#define TRIVET_PUBLISHER_TICKS_MAX 8
void trivet_publisher_add_tick(struct trivet_publisher *publisher,
                               void (*tick)(void *ctx, bool last), void *ctx);
/* Send one event: fills epoch, sequence and time into `event`; `topic` without the NUL, ends in a
 * dot. Any thread; never blocks. An event over TRIVET_EVENT_BYTES_MAX is dropped and counted. */
void trivet_publisher_send(struct trivet_publisher *publisher, const char *topic,
                           Trivet__V1__Event *event);
/* Offer one prediction as a sample: sent when the hash of its id falls under the sampling rate and
 * the cap allows, else only counted. */
void trivet_publisher_sample(struct trivet_publisher *publisher, const char *model,
                             uint64_t version, const char *prediction_id, uint32_t row,
                             enum trivet_status status, double value, uint64_t total_us);
/* Many predictions of one version that did not fail: begin, then _sample_hash and _sample_chosen
 * for each row, then end. One thread from begin to end. */
struct trivet_publisher_round {
    struct trivet_sample_round limits;
    uint64_t n_chosen;
    uint64_t n_sent;
};
struct trivet_publisher_round trivet_publisher_begin_samples(struct trivet_publisher *publisher,
                                                             const char *model, uint64_t version,
                                                             uint64_t n_rows, int64_t now_ns);
/* Of row `row` of a prediction; `id_hash` is a hash of the prediction's id. */
static inline uint64_t trivet_publisher_row_hash(uint64_t id_hash, uint32_t row)
{
    return trivet_hash_mix64(id_hash + row);
}
/* A row with a hash within the round's threshold: sends it where there is room. */
void trivet_publisher_send_chosen(struct trivet_publisher *publisher,
                                  struct trivet_publisher_round *round, const char *model,
                                  uint64_t version, const char *prediction_id, uint32_t row,
                                  double value, uint64_t total_us);
void trivet_publisher_end_samples(struct trivet_publisher *publisher,
                                  const struct trivet_publisher_round *round, const char *model,
                                  uint64_t version);
/* Samples that their hash chose and a cap held back, so far. */
uint64_t trivet_publisher_suppressed(struct trivet_publisher *publisher);
/* A change of a model, and who made it why; texts are borrowed, NULL is "". */
struct trivet_model_change {
    const char *model;
    uint64_t version; /* 0 = the model */
    Trivet__V1__ModelChange change;
    const char *alias;
    const char *identity;
    const char *peer;
    const char *reason;
    Trivet__V1__TrafficShare **traffic;
    size_t n_traffic;
};
/* On "model.<name>.". Any thread. */
void trivet_publisher_model_change(struct trivet_publisher *publisher,
                                   const struct trivet_model_change *change);
/* One that nobody gave a reason for; `alias` is "" when none is concerned. Any thread. */
void trivet_publisher_model(struct trivet_publisher *publisher, const char *model, uint64_t version,
                            Trivet__V1__ModelChange change, const char *alias);
/* Send the phase the server is in, with its totals; the totals of every second repeat it. STARTED
 * until the first call. */
void trivet_publisher_phase(struct trivet_publisher *publisher, Trivet__V1__ServerPhase phase);

#endif
