/* The pipe from the trainer child to the server: length (u32, little-endian), then a packed
 * TrainerMessage. */
#ifndef TRIVET_TRAINING_CHANNEL_H
#define TRIVET_TRAINING_CHANNEL_H

#include "base/buffer.h"
#include "base/compiler.h"
#include "training/losses.h"
#include "trivet/v1/trainer.pb-c.h"

#include <trivet/error.h>

#include <stdbool.h>
#include <stdint.h>

#define TRIVET_CHANNEL_PREFIX_BYTES      4
#define TRIVET_CHANNEL_MESSAGE_BYTES_MAX (512u << 20)

/* The child's end. One thread. */
struct trivet_channel {
    int fd;
    int64_t last_progress_ns;
    struct trivet_losses losses; /* since the progress that was sent last */
};

/* Takes note of the next point of a loss curve, which goes with the next progress that is sent: all
 * of them, or evenly thinned. A few nanoseconds. */
void trivet_channel_loss(struct trivet_channel *channel, uint64_t iteration, double loss);
/* Sends progress, at most 20 a second: what comes sooner is dropped unless `force`. UNAVAILABLE:
 * the server is gone. */
enum trivet_status trivet_channel_progress(struct trivet_channel *channel, const char *phase,
                                           double fraction, const char *detail, bool force,
                                           struct trivet_error *err) TRIVET_MUST_USE;
/* Sends the result. A small one (an error) allocates nothing, so that "out of memory" can be told.
 */
enum trivet_status trivet_channel_result(struct trivet_channel *channel,
                                         Trivet__V1__TrainerResult *result,
                                         struct trivet_error *err) TRIVET_MUST_USE;

/* Sends any message. RESOURCE_EXHAUSTED: larger than TRIVET_CHANNEL_MESSAGE_BYTES_MAX, or no
 * memory. */
enum trivet_status trivet_channel_send(struct trivet_channel *channel,
                                       const Trivet__V1__TrainerMessage *message,
                                       struct trivet_error *err) TRIVET_MUST_USE;

/* The server's end: the next message into `message` (emptied first), memory growing with what has
 * arrived, not with what is claimed. *end = true when the pipe ended before a message was
 * whole. DATA_LOSS: too long; RESOURCE_EXHAUSTED: no memory. Blocks. */
enum trivet_status trivet_channel_read(int fd, struct trivet_buffer *message, bool *end,
                                       struct trivet_error *err) TRIVET_MUST_USE;

#endif
