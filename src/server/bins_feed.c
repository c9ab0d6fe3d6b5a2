/* All of it runs on the publisher's ticker. A snapshot is copied once and sent in pieces, as the
 * byte rate allows: a wide version's goes out over several ticks. */
#include "server/bins_feed.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"

#include <math.h>
#include <string.h>

/* What is left of an event is for names and numbers. */
#define PIECE_CELLS_MAX ((TRIVET_EVENT_BYTES_MAX - 512) / sizeof(double))
#define PIECE_BYTES     256 /* beside its cells */
/* Fewer new rows can wait. */
#define ROWS_WORTH 50
#define SLOW       3 /* times as long */
#define REPEAT     6 /* times as long until an unchanged state is sent again */
#define BURST_S    2
/* At the end, when there is no other time to send it. */
#define LAST_BYTES_MAX ((size_t)4 << 20)

_Static_assert(TRIVET_OBSERVER_CELLS_MAX < PIECE_CELLS_MAX, "a column is never cut");

struct trivet_bins_feed {
    struct trivet_bins_feed_options options;
    uint64_t snapshot;
    double room_bytes;
    int64_t filled_ns;
    size_t next; /* observer to be looked at */
    /* The snapshot on its way; NULL = none. */
    struct trivet_observer *observer;
    struct trivet_observed observed;
    size_t column;
};

static bool is_due(const struct trivet_bins_feed *feed, struct trivet_observer *observer,
                   int64_t now_ns, bool last)
{
    const struct trivet_observer_sent *sent = trivet_observer_sent(observer);
    int64_t every_ns = feed->options.every_ns;
    uint64_t rows = trivet_observer_rows(observer);
    uint64_t n_new = rows - sent->rows;
    int64_t passed_ns = now_ns - sent->at_ns;
    if (rows == 0) {
        return false;
    }
    if (n_new > 0) {
        return last || sent->at_ns == 0 ||
               passed_ns >= (n_new < ROWS_WORTH ? SLOW * every_ns : every_ns);
    }
    return !last && !sent->repeated && passed_ns >= REPEAT * every_ns;
}

static void drop_current(struct trivet_bins_feed *feed)
{
    trivet_observed_release(&feed->observed);
    trivet_observer_unref(feed->observer);
    feed->observer = NULL;
}

/* The next version that is due, in turn; false when none is. */
static bool begin_snapshot(struct trivet_bins_feed *feed, int64_t now_ns, bool last)
{
    for (int wrapped = 0; wrapped < 2;) {
        struct trivet_observer *observer =
            trivet_observers_get(feed->options.observers, feed->next);
        if (observer == NULL) {
            feed->next = 0;
            wrapped++;
            continue;
        }
        feed->next++;
        if (!is_due(feed, observer, now_ns, last) ||
            !trivet_observer_copy(observer, &feed->observed)) {
            trivet_observer_unref(observer); /* out of memory: at another tick */
            continue;
        }
        struct trivet_observer_sent *sent = trivet_observer_sent(observer);
        sent->repeated = sent->rows == feed->observed.rows;
        sent->rows = feed->observed.rows;
        sent->at_ns = now_ns;
        feed->observer = observer;
        feed->column = 0;
        feed->snapshot++;
        return true;
    }
    return false;
}

/* Whole columns; as many as fit. */
static size_t send_piece(struct trivet_bins_feed *feed)
{
    const struct trivet_observed *observed = &feed->observed;
    char topic[TRIVET_TOPIC_BYTES_MAX + 1];
    char model[TRIVET_TOPIC_BYTES_MAX];
    size_t from = observed->first[feed->column];
    size_t end = feed->column + 1;
    while (end < observed->n_columns && observed->first[end + 1] - from <= PIECE_CELLS_MAX) {
        end++;
    }
    Trivet__V1__BinTotals body = TRIVET__V1__BIN_TOTALS__INIT;
    Trivet__V1__Event event = TRIVET__V1__EVENT__INIT;
    (void)trivet_text_copy(model, sizeof(model), trivet_observer_model(feed->observer));
    (void)trivet_text_format(topic, sizeof(topic), "prediction.%s.", model);
    body.model = model;
    body.version = trivet_observer_version(feed->observer);
    body.snapshot = feed->snapshot;
    body.first_column = (uint32_t)feed->column;
    body.columns = (uint32_t)observed->n_columns;
    body.cells = observed->cells + from;
    body.n_cells = observed->first[end] - from;
    body.weights = observed->weights;
    body.squares = observed->squares;
    body.confidence = observed->confidence;
    body.confidence_weights = observed->confidence_weights;
    body.unseen = observed->unseen;
    event.body_case = TRIVET__V1__EVENT__BODY_BIN_TOTALS;
    event.bin_totals = &body;
    trivet_publisher_send(feed->options.publisher, topic, &event);
    feed->column = end;
    return body.n_cells * sizeof(double) + PIECE_BYTES;
}

static void tick(void *ctx, bool last)
{
    struct trivet_bins_feed *feed = ctx;
    int64_t now_ns = trivet_clock_monotonic_ns();
    double rate = (double)feed->options.bytes_per_s_max;
    feed->room_bytes += rate * (double)(now_ns - feed->filled_ns) / TRIVET_NS_PER_S;
    feed->room_bytes = last ? (double)LAST_BYTES_MAX : fmin(feed->room_bytes, BURST_S * rate);
    feed->filled_ns = now_ns;
    while (feed->room_bytes > 0 && (feed->observer != NULL || begin_snapshot(feed, now_ns, last))) {
        feed->room_bytes -= (double)send_piece(feed);
        if (feed->column == feed->observed.n_columns) {
            drop_current(feed);
        }
    }
}

struct trivet_bins_feed *trivet_bins_feed_create(const struct trivet_bins_feed_options *options)
{
    struct trivet_bins_feed *feed = trivet_calloc(1, sizeof(*feed));
    if (feed != NULL) {
        feed->options = *options;
        feed->filled_ns = trivet_clock_monotonic_ns();
        trivet_publisher_add_tick(options->publisher, tick, feed);
    }
    return feed;
}

void trivet_bins_feed_free(struct trivet_bins_feed *feed)
{
    if (feed != NULL) {
        if (feed->observer != NULL) {
            drop_current(feed);
        }
        trivet_free(feed);
    }
}
