/* The pipe between trainer and server. */
#include "fixture.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "training/channel.h"
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

static void test_progress(void **state)
{
    (void)state;
    int fds[2];
    struct trivet_error err = {0};
    struct trivet_buffer message = {0};
    ProtobufCMessage *unpacked = NULL;
    assert_int_equal(pipe(fds), 0);
    struct trivet_channel channel = {.fd = fds[1], .last_progress_ns = trivet_clock_monotonic_ns()};
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
        cmocka_unit_test(test_progress),     cmocka_unit_test(test_small_result_without_memory),
        cmocka_unit_test(test_cut),          cmocka_unit_test(test_too_long),
        cmocka_unit_test(test_nobody_reads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
