/* The pipe between trainer and server. */
#include "fixture.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "training/channel.h"
#include "training/losses.h"
#include "wire/codec.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

static void read_one(int fd, struct trivet_buffer *message, bool expect_end)
{
    struct trivet_error err = {0};
    bool end = !expect_end;
    assert_int_equal(trivet_channel_read(fd, message, &end, &err), TRIVET_OK);
    assert_int_equal(end, expect_end);
}

/* Any time is too soon after that, on the slowest machine too. */
static int64_t long_from_now(void)
{
    return trivet_clock_monotonic_ns() + 3600 * TRIVET_NS_PER_S;
}

static void test_progress(void **state)
{
    (void)state;
    int fds[2];
    struct trivet_error err = {0};
    struct trivet_buffer message = {0};
    ProtobufCMessage *unpacked = NULL;
    assert_int_equal(pipe(fds), 0);
    struct trivet_channel channel = {.fd = fds[1], .last_progress_ns = long_from_now()};
    /* Too soon after the last one: dropped, unless forced. */
    assert_int_equal(trivet_channel_progress(&channel, "fit", 0.25, "dropped", false, &err),
                     TRIVET_OK);
    assert_int_equal(trivet_channel_progress(&channel, "fit", 0.5, "sent", true, &err), TRIVET_OK);
    close(fds[1]);
    read_one(fds[0], &message, false);
    struct trivet_arena *arena = trivet_arena_create(1 << 16, 4096);
    assert_non_null(arena);
    assert_int_equal(trivet_codec_unpack(&trivet__v1__trainer_message__descriptor, arena,
                                         message.data, message.n_bytes, &unpacked, &err),
                     TRIVET_OK);
    const Trivet__V1__TrainerMessage *body = (const Trivet__V1__TrainerMessage *)unpacked;
    assert_int_equal(body->body_case, TRIVET__V1__TRAINER_MESSAGE__BODY_PROGRESS);
    assert_string_equal(body->progress->phase, "fit");
    assert_string_equal(body->progress->detail, "sent");
    read_one(fds[0], &message, true);
    trivet_arena_free(arena);
    trivet_buffer_release(&message);
    close(fds[0]);
}

static const Trivet__V1__JobProgress *read_progress(int fd, struct trivet_arena *arena)
{
    struct trivet_buffer message = {0};
    struct trivet_error err = {0};
    ProtobufCMessage *unpacked = NULL;
    read_one(fd, &message, false);
    assert_int_equal(trivet_codec_unpack(&trivet__v1__trainer_message__descriptor, arena,
                                         message.data, message.n_bytes, &unpacked, &err),
                     TRIVET_OK);
    trivet_buffer_release(&message);
    return ((const Trivet__V1__TrainerMessage *)unpacked)->progress;
}

/* What was not told goes with the next progress that is sent, once; no amount of it is too much. */
static void test_loss(void **state)
{
    (void)state;
    int fds[2];
    struct trivet_error err = {0};
    struct trivet_buffer message = {0};
    char detail[128] = {0};
    memset(detail, 'x', sizeof detail - 1);
    assert_int_equal(pipe(fds), 0);
    struct trivet_channel channel = {.fd = fds[1], .last_progress_ns = long_from_now()};
    for (uint64_t i = 1; i <= 3; i++) {
        trivet_channel_loss(&channel, i, 1.0 / (double)i);
        assert_int_equal(trivet_channel_progress(&channel, "fit", 0.25, "", false, &err),
                         TRIVET_OK);
    }
    assert_int_equal(trivet_channel_progress(&channel, "fit", 0.5, "", true, &err), TRIVET_OK);
    for (uint64_t i = 4; i <= 100000; i++) {
        trivet_channel_loss(&channel, UINT64_MAX / 2 + i, 0.5);
    }
    trivet_alloc_fail_at(1);
    assert_int_equal(trivet_channel_progress(&channel, "fit", 0.6, detail, true, &err), TRIVET_OK);
    assert_int_equal(trivet_alloc_fail_at(0), 0);
    assert_int_equal(trivet_channel_progress(&channel, "evaluate", 0.9, "", true, &err), TRIVET_OK);
    close(fds[1]);
    struct trivet_arena *arena = trivet_arena_create(1 << 16, 4096);
    assert_non_null(arena);
    const Trivet__V1__JobProgress *first = read_progress(fds[0], arena);
    assert_int_equal(first->n_losses, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(first->losses[i]->iteration, i + 1);
        assert_true(first->losses[i]->loss == 1.0 / (double)(i + 1));
    }
    const Trivet__V1__JobProgress *second = read_progress(fds[0], arena);
    assert_in_range(second->n_losses, TRIVET_LOSSES_MAX / 2, TRIVET_LOSSES_MAX);
    assert_true(second->losses[0]->iteration == UINT64_MAX / 2 + 4);
    assert_true(second->losses[second->n_losses - 1]->iteration == UINT64_MAX / 2 + 100000);
    assert_int_equal(read_progress(fds[0], arena)->n_losses, 0);
    read_one(fds[0], &message, true);
    trivet_arena_free(arena);
    close(fds[0]);
}

/* Bytes of a child that has gone wrong: refused, or a point that is none. */
static void test_points_of_nonsense(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t n_bytes;
    } cases[] = {
        {"\x0a\x02\x22\x00", 4},                                          /* empty */
        {"\x0a\x03\x22\x05\x08", 5},                                      /* cut */
        {"\x0a\x02\x20\x07", 4},                                          /* a number */
        {"\x0a\x04\x22\x02\x10\x01", 6},                                  /* loss: a number */
        {"\x0a\x0d\x22\x0b\x08\x07\x11\0\0\0\0\0\0\xf8\x7f", 15},         /* NaN */
        {"\x0a\x0d\x22\x0b\x08\x00\x11\0\0\0\0\0\0\xe0\x3f", 15},         /* at none */
        {"\x0a\x0e\x22\x0c\x08\x80\x80\x11\0\0\0\0\0\0\xe0\x3f", 16},     /* no end */
        {"\x0a\x0d\x22\x0b\x08\x07\x11\0\0\0\0\0\0\xf0\xff", 15},         /* -infinity */
        {"\x0a\xff\xff\xff\xff\x0f\x22\xff\xff\xff\xff\x0f\x08\x07", 14}, /* very long */
    };
    struct trivet_arena *arena = trivet_arena_create(1 << 16, 4096);
    assert_non_null(arena);
    for (size_t c = 0; c < TRIVET_ARRAY_COUNT(cases); c++) {
        ProtobufCMessage *unpacked = NULL;
        struct trivet_error err = {0};
        struct trivet_losses losses = {0};
        const enum trivet_status status =
            trivet_codec_unpack(&trivet__v1__trainer_message__descriptor, arena, cases[c].bytes,
                                cases[c].n_bytes, &unpacked, &err);
        if (status != TRIVET_OK) {
            assert_int_equal(status, TRIVET_INVALID_ARGUMENT);
            continue;
        }
        const Trivet__V1__JobProgress *told =
            ((const Trivet__V1__TrainerMessage *)unpacked)->progress;
        for (size_t i = 0; i < told->n_losses; i++) {
            trivet_losses_take(&losses, told->losses[i]->iteration, told->losses[i]->loss);
        }
        assert_int_equal(losses.n, 0);
    }
    trivet_arena_free(arena);
}

static void test_small_result_without_memory(void **state)
{
    (void)state;
    int fds[2];
    struct trivet_error err = {0};
    struct trivet_buffer message = {0};
    char text[] = "out of memory";
    assert_int_equal(pipe(fds), 0);
    struct trivet_channel channel = {.fd = fds[1]};
    Trivet__V1__TrainerResult result = TRIVET__V1__TRAINER_RESULT__INIT;
    result.status = TRIVET_RESOURCE_EXHAUSTED;
    result.message = text;
    trivet_alloc_fail_at(1);
    assert_int_equal(trivet_channel_result(&channel, &result, &err), TRIVET_OK);
    assert_int_equal(trivet_alloc_fail_at(0), 0);
    uint8_t large[8192] = {0};
    result.artefact.data = large;
    result.artefact.len = sizeof large;
    trivet_alloc_fail_at(1);
    assert_int_equal(trivet_channel_result(&channel, &result, &err), TRIVET_RESOURCE_EXHAUSTED);
    trivet_alloc_fail_at(0);
    assert_int_equal(trivet_channel_result(&channel, &result, &err), TRIVET_OK);
    close(fds[1]);
    read_one(fds[0], &message, false);
    read_one(fds[0], &message, false);
    assert_true(message.n_bytes > sizeof large);
    read_one(fds[0], &message, true);
    trivet_buffer_release(&message);
    close(fds[0]);
}

/* Every cut is an end; a claim beyond the limit is refused before memory is taken for it. */
static void test_cut(void **state)
{
    (void)state;
    const char whole[] = "\x05\0\0\0hello";
    for (size_t n = 0; n < sizeof whole; n++) {
        int fds[2];
        struct trivet_buffer message = {0};
        assert_int_equal(pipe(fds), 0);
        assert_int_equal(write(fds[1], whole, n), n);
        close(fds[1]);
        read_one(fds[0], &message, n < sizeof whole - 1);
        trivet_buffer_release(&message);
        close(fds[0]);
    }
}

static void test_too_long(void **state)
{
    (void)state;
    int fds[2];
    bool end = false;
    struct trivet_error err = {0};
    struct trivet_buffer message = {0};
    const uint8_t claim[] = {0x01, 0x00, 0x00, 0x20}; /* 512 MiB + 1 */
    assert_int_equal(pipe(fds), 0);
    assert_int_equal(write(fds[1], claim, sizeof claim), sizeof claim);
    close(fds[1]);
    assert_int_equal(trivet_channel_read(fds[0], &message, &end, &err), TRIVET_DATA_LOSS);
    assert_int_equal(message.capacity_bytes, 0);
    close(fds[0]);
}

static void test_nobody_reads(void **state)
{
    (void)state;
    int fds[2];
    struct trivet_error err = {0};
    signal(SIGPIPE, SIG_IGN);
    assert_int_equal(pipe(fds), 0);
    close(fds[0]);
    struct trivet_channel channel = {.fd = fds[1]};
    assert_int_equal(trivet_channel_progress(&channel, "fit", 0, "", true, &err),
                     TRIVET_UNAVAILABLE);
    close(fds[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_progress),
        cmocka_unit_test(test_small_result_without_memory),
        cmocka_unit_test(test_cut),
        cmocka_unit_test(test_too_long),
        cmocka_unit_test(test_nobody_reads),
        cmocka_unit_test(test_loss),
        cmocka_unit_test(test_points_of_nonsense),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
