#include "training/channel.h"

#include "base/alloc.h"
#include "base/clock.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define PROGRESS_INTERVAL_NS (50 * TRIVET_NS_PER_MS)
#define SMALL_MESSAGE_BYTES  4096
#define READ_STEP_BYTES      ((size_t)1 << 20)

static enum trivet_status write_all(int fd, const uint8_t *data, size_t n_bytes,
                                    struct trivet_error *err)
{
    while (n_bytes > 0) {
        const ssize_t n = write(fd, data, n_bytes);
        if (n > 0) {
            data += n;
            n_bytes -= (size_t)n;
        } else if (n < 0 && errno != EINTR) {
            return trivet_error_set(err, TRIVET_UNAVAILABLE,
                                    "the server no longer reads from its trainer: %s",
                                    strerror(errno));
        }
    }
    return TRIVET_OK;
}

enum trivet_status trivet_channel_send(struct trivet_channel *channel,
                                       const Trivet__V1__TrainerMessage *message,
                                       struct trivet_error *err)
{
    const size_t n_bytes = trivet__v1__trainer_message__get_packed_size(message);
    if (n_bytes > TRIVET_CHANNEL_MESSAGE_BYTES_MAX) {
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                                "the result takes %zu bytes, more than the limit of %u; use fewer "
                                "features or a smaller model",
                                n_bytes, TRIVET_CHANNEL_MESSAGE_BYTES_MAX);
    }
    uint8_t small[SMALL_MESSAGE_BYTES];
    uint8_t *large = NULL;
    uint8_t *data = small;
    if (n_bytes > sizeof small - TRIVET_CHANNEL_PREFIX_BYTES) {
        large = trivet_malloc(n_bytes + TRIVET_CHANNEL_PREFIX_BYTES);
        if (large == NULL) {
            return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                                    "out of memory while a result of %zu bytes is sent", n_bytes);
        }
        data = large;
    }
    for (size_t i = 0; i < TRIVET_CHANNEL_PREFIX_BYTES; i++) {
        data[i] = (uint8_t)(n_bytes >> (8 * i));
    }
    trivet__v1__trainer_message__pack(message, data + TRIVET_CHANNEL_PREFIX_BYTES);
    const enum trivet_status status =
        write_all(channel->fd, data, n_bytes + TRIVET_CHANNEL_PREFIX_BYTES, err);
    trivet_free(large);
    return status;
}

void trivet_channel_loss(struct trivet_channel *channel, uint64_t iteration, double loss)
{
    trivet_losses_take(&channel->losses, iteration, loss);
}

enum trivet_status trivet_channel_progress(struct trivet_channel *channel, const char *phase,
                                           double fraction, const char *detail, bool force,
                                           struct trivet_error *err)
{
    const int64_t now_ns = trivet_clock_monotonic_ns();
    if (!force && now_ns - channel->last_progress_ns < PROGRESS_INTERVAL_NS) {
        return TRIVET_OK;
    }
    channel->last_progress_ns = now_ns;
    Trivet__V1__JobProgress progress = TRIVET__V1__JOB_PROGRESS__INIT;
    /* protobuf-c has no const texts; packing only reads them. */
    union {
        const char *in;
        char *out;
    } text = {.in = phase};
    progress.phase = text.out;
    text.in = detail;
    progress.detail = text.out;
    progress.fraction = fraction;
    Trivet__V1__LossPoint points[TRIVET_LOSSES_MAX];
    Trivet__V1__LossPoint *losses[TRIVET_LOSSES_MAX];
    trivet_losses_points(&channel->losses, points, losses);
    progress.losses = losses;
    progress.n_losses = channel->losses.n;
    channel->losses.n = 0;
    Trivet__V1__TrainerMessage message = TRIVET__V1__TRAINER_MESSAGE__INIT;
    message.body_case = TRIVET__V1__TRAINER_MESSAGE__BODY_PROGRESS;
    message.progress = &progress;
    return trivet_channel_send(channel, &message, err);
}

enum trivet_status trivet_channel_result(struct trivet_channel *channel,
                                         Trivet__V1__TrainerResult *result,
                                         struct trivet_error *err)
{
    Trivet__V1__TrainerMessage message = TRIVET__V1__TRAINER_MESSAGE__INIT;
    message.body_case = TRIVET__V1__TRAINER_MESSAGE__BODY_RESULT;
    message.result = result;
    return trivet_channel_send(channel, &message, err);
}

/* Up to n_bytes; fewer only at the end of the pipe. */
static enum trivet_status read_some(int fd, uint8_t *data, size_t n_bytes, size_t *n_read,
                                    struct trivet_error *err)
{
    size_t total = 0;
    while (total < n_bytes) {
        const ssize_t n = read(fd, data + total, n_bytes - total);
        if (n == 0) {
            break;
        }
        if (n > 0) {
            total += (size_t)n;
        } else if (errno != EINTR) {
            return trivet_error_set(err, TRIVET_INTERNAL, "cannot read from the trainer: %s",
                                    strerror(errno));
        }
    }
    *n_read = total;
    return TRIVET_OK;
}

static enum trivet_status read_body(int fd, size_t n_bytes, struct trivet_buffer *message,
                                    bool *end, struct trivet_error *err)
{
    while (message->n_bytes < n_bytes) {
        const size_t rest = n_bytes - message->n_bytes;
        const size_t step = rest < READ_STEP_BYTES ? rest : READ_STEP_BYTES;
        enum trivet_status status = trivet_buffer_reserve(message, step, err);
        if (status != TRIVET_OK) {
            return status;
        }
        size_t n_read = 0;
        status = read_some(fd, message->data + message->n_bytes, step, &n_read, err);
        if (status != TRIVET_OK) {
            return status;
        }
        message->n_bytes += n_read;
        if (n_read < step) {
            *end = true;
            return TRIVET_OK;
        }
    }
    return TRIVET_OK;
}

enum trivet_status trivet_channel_read(int fd, struct trivet_buffer *message, bool *end,
                                       struct trivet_error *err)
{
    uint8_t prefix[TRIVET_CHANNEL_PREFIX_BYTES];
    size_t n_read = 0;
    const enum trivet_status status = read_some(fd, prefix, sizeof prefix, &n_read, err);
    if (status != TRIVET_OK) {
        return status;
    }
    message->n_bytes = 0;
    *end = n_read < sizeof prefix;
    if (*end) {
        return TRIVET_OK;
    }
    size_t n_bytes = 0;
    for (size_t i = 0; i < sizeof prefix; i++) {
        n_bytes |= (size_t)prefix[i] << (8 * i);
    }
    if (n_bytes > TRIVET_CHANNEL_MESSAGE_BYTES_MAX) {
        return trivet_error_set(err, TRIVET_DATA_LOSS,
                                "the trainer announced a message of %zu bytes, more than the limit "
                                "of %u",
                                n_bytes, TRIVET_CHANNEL_MESSAGE_BYTES_MAX);
    }
    return read_body(fd, n_bytes, message, end, err);
}
