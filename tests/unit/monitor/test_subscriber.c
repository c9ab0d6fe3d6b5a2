/* The subscriber against a PUB socket of nng that speaks the contract. */
#include "base/clock.h"
#include "messages.h"
#include "monitor/subscriber.h"
#include "wire/codec.h"

#include <nng/nng.h>
#include <nng/protocol/pubsub0/pub.h>
#include <nng/protocol/reqrep0/rep.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define TRIES_MAX 12000 /* of 5 ms */

static char folder[64];
static char events_url[128];

static int begin(void **state)
{
    (void)state;
    (void)snprintf(folder, sizeof(folder), "/tmp/trivet-sub-XXXXXX");
    if (mkdtemp(folder) == NULL) {
        return -1;
    }
    (void)snprintf(events_url, sizeof(events_url), "ipc://%s/events", folder);
    return 0;
}

static int end(void **state)
{
    (void)state;
    (void)unlink(events_url + 6);
    return rmdir(folder);
}

/* Subscribers that the publisher has taken in. */
static atomic_int n_pipes;

static void count_pipe(nng_pipe pipe, nng_pipe_ev event, void *arg)
{
    (void)pipe;
    (void)event;
    (void)arg;
    atomic_fetch_add(&n_pipes, 1);
}

static nng_socket publish_here(void)
{
    nng_socket pub;
    (void)unlink(events_url + 6);
    atomic_store(&n_pipes, 0);
    assert_int_equal(nng_pub0_open(&pub), 0);
    assert_int_equal(nng_pipe_notify(pub, NNG_PIPE_EV_ADD_POST, count_pipe, NULL), 0);
    assert_int_equal(nng_socket_set_int(pub, NNG_OPT_SENDBUF, 1024), 0);
    assert_int_equal(nng_listen(pub, events_url, NULL, 0), 0);
    return pub;
}

static void publish_bytes(nng_socket pub, const void *data, size_t n_bytes)
{
    nng_msg *msg = NULL;
    assert_int_equal(nng_msg_alloc(&msg, n_bytes), 0);
    if (n_bytes > 0) {
        memcpy(nng_msg_body(msg), data, n_bytes);
    }
    assert_int_equal(nng_sendmsg(pub, msg, 0), 0);
}

static void publish(nng_socket pub, uint64_t epoch, uint64_t sequence, uint64_t ok)
{
    static const char topic[] = "prediction.m.";
    struct totals_message totals;
    struct trivet_error err;
    struct trivet_buffer frame = {0};
    totals_fill(&totals, "m", 1, ok, 0, 100);
    Trivet__V1__Event event = TRIVET__V1__EVENT__INIT;
    event.publisher_epoch = epoch;
    event.sequence = sequence;
    event.unix_us = trivet_clock_unix_us();
    event.body_case = TRIVET__V1__EVENT__BODY_PREDICTION_TOTALS;
    event.prediction_totals = &totals.message;
    assert_int_equal(trivet_buffer_append(&frame, topic, sizeof(topic), &err), TRIVET_OK);
    assert_int_equal(trivet_codec_pack(&event.base, &frame, &err), TRIVET_OK);
    publish_bytes(pub, frame.data, frame.n_bytes);
    trivet_buffer_release(&frame);
}

static uint64_t received(struct trivet_monitor *monitor)
{
    pthread_mutex_lock(&monitor->lock);
    uint64_t n = monitor->sources[0].sequence.events + monitor->sources[0].malformed;
    pthread_mutex_unlock(&monitor->lock);
    return n;
}

static bool subscribed(struct trivet_monitor *monitor)
{
    return atomic_load(&monitor->sources[0].pipe) != 0;
}

/* Both sides of the connection. */
static bool connected(struct trivet_monitor *monitor)
{
    return subscribed(monitor) && atomic_load(&n_pipes) > 0;
}

static void await_subscribed(struct trivet_monitor *monitor, bool wanted)
{
    for (int tries = 0; tries < TRIES_MAX; tries++) {
        if (wanted ? connected(monitor) : !subscribed(monitor)) {
            return;
        }
        (void)usleep(5000);
    }
    fail_msg("%s", wanted ? "not connected" : "still subscribed");
}

static void await_received(struct trivet_monitor *monitor, uint64_t n)
{
    for (int tries = 0; tries < TRIES_MAX && received(monitor) < n; tries++) {
        (void)usleep(5000);
    }
    assert_int_equal(received(monitor), n);
}

static struct trivet_monitor *watch_here(void)
{
    const char *servers[] = {"tcp://127.0.0.1:1"};
    const char *events[] = {events_url};
    struct trivet_monitor *monitor =
        trivet_monitor_create(servers, events, 1, trivet_clock_unix_us());
    assert_non_null(monitor);
    return monitor;
}

static void test_events_and_reconnect(void **state)
{
    (void)state;
    struct trivet_error err;
    struct trivet_monitor *monitor = watch_here();
    struct trivet_monitor_subscriber *subscriber = NULL;
    /* The publisher is not there yet. */
    assert_int_equal(trivet_monitor_subscriber_start(monitor, 0, &subscriber, &err), TRIVET_OK);
    assert_false(subscribed(monitor));
    nng_socket pub = publish_here();
    await_subscribed(monitor, true);
    publish(pub, 7, 1, 10);
    publish(pub, 7, 2, 20);
    publish(pub, 7, 5, 30);
    await_received(monitor, 3);
    assert_int_equal(predictions_of(monitor, "m", 1), 30);
    assert_int_equal(monitor->sources[0].sequence.lost, 2);
    /* It restarts: another epoch. */
    assert_int_equal(nng_close(pub), 0);
    await_subscribed(monitor, false);
    pub = publish_here();
    await_subscribed(monitor, true);
    publish(pub, 8, 1, 4);
    await_received(monitor, 4);
    assert_int_equal(predictions_of(monitor, "m", 1), 34);
    trivet_monitor_subscriber_stop(subscriber);
    assert_int_equal(nng_close(pub), 0);
    trivet_monitor_free(monitor);
}

static void test_garbage(void **state)
{
    (void)state;
    struct trivet_error err;
    struct trivet_monitor *monitor = watch_here();
    struct trivet_monitor_subscriber *subscriber = NULL;
    static char long_topic[1000];
    nng_socket pub = publish_here();
    assert_int_equal(trivet_monitor_subscriber_start(monitor, 0, &subscriber, &err), TRIVET_OK);
    await_subscribed(monitor, true);
    memset(long_topic, 'x', sizeof(long_topic));
    publish_bytes(pub, "", 0);
    publish_bytes(pub, "topic", 5);
    publish_bytes(pub, "topic\0\xff\xff\xff", 9);
    publish_bytes(pub, "topic\0", 6); /* an empty Event: no epoch */
    publish_bytes(pub, long_topic, sizeof(long_topic));
    await_received(monitor, 5);
    publish(pub, 7, 1, 10);
    await_received(monitor, 6);
    assert_int_equal(monitor->sources[0].malformed, 5);
    assert_int_equal(predictions_of(monitor, "m", 1), 10);
    trivet_monitor_subscriber_stop(subscriber);
    assert_int_equal(nng_close(pub), 0);
    trivet_monitor_free(monitor);
}

/* Something else than a publisher listens there: never subscribed, and well when one comes. */
static void test_wrong_protocol(void **state)
{
    (void)state;
    struct trivet_error err;
    struct trivet_monitor *monitor = watch_here();
    struct trivet_monitor_subscriber *subscriber = NULL;
    nng_socket rep;
    assert_int_equal(nng_rep0_open(&rep), 0);
    assert_int_equal(nng_listen(rep, events_url, NULL, 0), 0);
    assert_int_equal(trivet_monitor_subscriber_start(monitor, 0, &subscriber, &err), TRIVET_OK);
    for (int i = 0; i < 40; i++) {
        (void)usleep(10000);
        assert_false(subscribed(monitor));
    }
    assert_int_equal(nng_close(rep), 0);
    nng_socket pub = publish_here();
    await_subscribed(monitor, true);
    publish(pub, 7, 1, 10);
    await_received(monitor, 1);
    assert_int_equal(nng_close(pub), 0);
    await_subscribed(monitor, false);
    trivet_monitor_subscriber_stop(subscriber);
    trivet_monitor_free(monitor);
}

static void test_bad_url(void **state)
{
    (void)state;
    const char *servers[] = {"tcp://127.0.0.1:1"};
    const char *events[] = {"nonsense"};
    struct trivet_error err;
    struct trivet_monitor_subscriber *subscriber = NULL;
    struct trivet_monitor *monitor = trivet_monitor_create(servers, events, 1, T0_US);
    assert_int_equal(trivet_monitor_subscriber_start(monitor, 0, &subscriber, &err),
                     TRIVET_INVALID_ARGUMENT);
    assert_non_null(strstr(err.message, "'nonsense'"));
    assert_null(subscriber);
    trivet_monitor_free(monitor);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_events_and_reconnect, begin, end),
        cmocka_unit_test_setup_teardown(test_garbage, begin, end),
        cmocka_unit_test_setup_teardown(test_wrong_protocol, begin, end),
        cmocka_unit_test_setup_teardown(test_bad_url, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
