/* What the server reads from a trainer child that may have gone wrong. */
#include "base/arena.h"
#include "fuzz/fuzz.h"
#include "training/channel.h"
#include "wire/codec.h"

#include <sys/mman.h>
#include <unistd.h>

#define BUDGET_BYTES ((size_t)1 << 20)

int trivet_fuzz_one(const uint8_t *data, size_t n_bytes)
{
    int fd = memfd_create("channel", MFD_CLOEXEC);
    FUZZ_REQUIRE(fd >= 0);
    FUZZ_REQUIRE(write(fd, data, n_bytes) == (ssize_t)n_bytes);
    FUZZ_REQUIRE(lseek(fd, 0, SEEK_SET) == 0);
    struct trivet_buffer message = {0};
    struct trivet_error err = {0};
    size_t read_bytes = 0;
    bool end = false;
    while (trivet_channel_read(fd, &message, &end, &err) == TRIVET_OK && !end) {
        read_bytes += TRIVET_CHANNEL_PREFIX_BYTES + message.n_bytes;
        FUZZ_REQUIRE(read_bytes <= n_bytes);
        FUZZ_REQUIRE(message.capacity_bytes <= 2 * n_bytes + (1u << 20)); /* not what is claimed */
        struct trivet_arena *arena = trivet_arena_create(BUDGET_BYTES, 0);
        ProtobufCMessage *unpacked;
        if (arena) {
            enum trivet_status status =
                trivet_codec_unpack(&trivet__v1__trainer_message__descriptor, arena, message.data,
                                    message.n_bytes, &unpacked, &err);
            FUZZ_REQUIRE(status == TRIVET_OK || status == err.status);
        }
        trivet_arena_free(arena);
    }
    trivet_buffer_release(&message);
    (void)close(fd);
    return 0;
}

static bool append_message(const Trivet__V1__TrainerMessage *message, struct trivet_buffer *out)
{
    size_t n_bytes = protobuf_c_message_get_packed_size(&message->base);
    uint8_t prefix[TRIVET_CHANNEL_PREFIX_BYTES] = {(uint8_t)n_bytes, (uint8_t)(n_bytes >> 8)};
    return trivet_buffer_append(out, prefix, sizeof(prefix), NULL) == TRIVET_OK &&
           trivet_codec_pack(&message->base, out, NULL) == TRIVET_OK;
}

bool trivet_fuzz_seed(size_t index, struct trivet_buffer *out)
{
    char phase[] = "fit";
    uint8_t bytes[300] = {'T', 'R', 'I', 'V', 'E', 'T'};
    Trivet__V1__JobProgress progress = TRIVET__V1__JOB_PROGRESS__INIT;
    Trivet__V1__LossPoint point = TRIVET__V1__LOSS_POINT__INIT;
    Trivet__V1__LossPoint *points[] = {&point, &point};
    Trivet__V1__TrainerResult result = TRIVET__V1__TRAINER_RESULT__INIT;
    Trivet__V1__TrainerMessage first = TRIVET__V1__TRAINER_MESSAGE__INIT;
    Trivet__V1__TrainerMessage last = TRIVET__V1__TRAINER_MESSAGE__INIT;
    progress.phase = phase;
    progress.fraction = 0.5;
    point.iteration = 300;
    point.loss = 0.25;
    progress.losses = points;
    progress.n_losses = 2;
    first.body_case = TRIVET__V1__TRAINER_MESSAGE__BODY_PROGRESS;
    first.progress = &progress;
    result.artefact = (ProtobufCBinaryData){.len = sizeof(bytes), .data = bytes};
    last.body_case = TRIVET__V1__TRAINER_MESSAGE__BODY_RESULT;
    last.result = &result;
    return index == 0 && append_message(&first, out) && append_message(&first, out) &&
           append_message(&last, out);
}
