/* What the monitor knows: sources (one server each) and, per model and version, exact totals and a
 * rolling window.
 *
 * DESIGN. Subscriber and poller threads bring messages in; the main thread ticks; the HTTP threads
 * and the history read. One lock guards everything; nobody does I/O under it. Exactness rests on
 * running totals: the newest total of (source, epoch, model, version) replaces the one before, and
 * when an epoch ends, or the version's life in it, its final total goes into a base, so that
 *     count = base of ended lives + running total of this life,
 * whatever was lost, repeated or late in between. */
#ifndef TRIVET_MONITOR_REGISTRY_H
#define TRIVET_MONITOR_REGISTRY_H

#include "base/compiler.h"
#include "monitor/counts.h"
#include "monitor/drift/series.h"
#include "monitor/jobs.h"
#include "monitor/live.h"
#include "monitor/refusals.h"
#include "monitor/resources.h"
#include "monitor/sequence.h"
#include "monitor/upkeep.h"
#include "monitor/window.h"
#include "trivet/v1/server.pb-c.h"

#include <trivet/error.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TRIVET_MONITOR_SOURCES_MAX 16
#define TRIVET_MONITOR_SERIES_MAX  1000
#define TRIVET_MONITOR_MODEL_BYTES 65
#define TRIVET_MONITOR_METHODS_MAX 64
#define TRIVET_MONITOR_WHY_BYTES   192
/* Memory of all windows. */
#define TRIVET_MONITOR_WINDOW_BYTES_MAX ((size_t)256 << 20)
/* No word of a source for this long, and what its next totals add is not known to have happened
 * just now: it counts in the totals and not in the windows. */
#define TRIVET_MONITOR_SILENCE_US 10000000

/* Calls of one RPC method by status, since the server's start. */
struct trivet_monitor_method {
    char name[96];
    uint64_t calls[TRIVET_STATUS_COUNT];
};

/* The newest ServerTotals of a source. */
struct trivet_monitor_resources {
    bool known;
    double cpu_seconds;
    uint64_t rss_bytes;
    uint64_t threads;
    uint64_t open_files;
    uint64_t queue_rows;
    uint64_t events_dropped;
    struct trivet_monitor_method methods[TRIVET_MONITOR_METHODS_MAX];
    size_t n_methods;
    uint64_t unknown_method[TRIVET_STATUS_COUNT];
};

struct trivet_monitor_source {
    const char *server_url; /* borrowed */
    const char *events_url; /* borrowed */
    struct trivet_sequence sequence;
    atomic_int pipe;                           /* nng's id of the event connection; 0 = none */
    bool server_up;                            /* the last call of Server.Stats was answered */
    char server_why[TRIVET_MONITOR_WHY_BYTES]; /* why it is down */
    uint64_t malformed;                        /* messages that could not be read */
    struct trivet_monitor_refusals refusals;   /* of Server.Stats, version by version */
    int64_t last_event_us;                     /* when one arrived; 0 = never */
    int64_t last_contact_us;                   /* event or Stats, in our time */
    int64_t clock_offset_us;                   /* ours - the publisher's, at the least delay seen */
    uint64_t clock_epoch;                      /* the epoch in which it was seen */
    int64_t lag_us;                            /* of the last event, over the least delay seen */
    /* Totals of versions not seen yet in this epoch began at zero under our eyes. */
    bool synchronised;
    uint32_t contact; /* grows when contact was lost and found again */
    struct trivet_monitor_resources resources;
    struct trivet_resource_ring history; /* of the last 15 minutes */
};

/* One source's share of a series. */
struct trivet_monitor_part {
    struct trivet_monitor_counts base;    /* of ended epochs, and lives of this one */
    struct trivet_monitor_counts current; /* of the source's epoch */
    bool live;                            /* current was brought by this source's contact … */
    uint32_t contact;                     /* … of this number */
    uint64_t zero_epoch; /* the epoch in which its totals began at zero under our eyes */
    bool deleted;        /* the source has it no more */
};

/* One model version. */
struct trivet_monitor_series {
    char model[TRIVET_MONITOR_MODEL_BYTES];
    uint64_t version;
    uint64_t serial; /* of this one; not given again */
    struct trivet_monitor_part *parts[TRIVET_MONITOR_SOURCES_MAX]; /* NULL = never seen there */
    struct trivet_window *window;                                  /* NULL = no traffic yet */
    struct trivet_monitor_drift *drift;                            /* NULL = no bins yet */
    struct trivet_monitor_live live;                               /* outcomes, shadows */
    int64_t last_change_us;
    int64_t active_us; /* the tick before its last news, whatever they were */
    bool returned[TRIVET_MONITOR_SOURCES_MAX]; /* was gone: totals from there began before */
    bool unsaved;                              /* changed since the history took it */
    bool drift_deleted;                        /* the history has to forget its drift */
};

struct trivet_monitor {
    pthread_mutex_t lock; /* everything below */
    struct trivet_monitor_source sources[TRIVET_MONITOR_SOURCES_MAX];
    size_t n_sources;
    struct trivet_monitor_series **series; /* by model, then version */
    size_t n_series;
    uint64_t next_serial;
    struct trivet_monitor_upkeep upkeep;
    uint64_t untracked; /* totals dropped because TRIVET_MONITOR_SERIES_MAX are tracked */
    uint64_t stale;     /* totals ignored because newer ones were there */
    struct trivet_window_budget budget;
    struct trivet_drift_budget drift_budget;
    struct trivet_drift_options drift_options;
    struct trivet_monitor_jobs jobs;
    struct trivet_live_all live;
    int64_t started_us;
    bool history_failing;
    char history_why[TRIVET_MONITOR_WHY_BYTES];
};

/* URLs are borrowed. NULL when out of memory. */
struct trivet_monitor *trivet_monitor_create(const char *const *server_urls,
                                             const char *const *events_urls, size_t n_sources,
                                             int64_t now_us);
void trivet_monitor_free(struct trivet_monitor *monitor);

/* Take one event in. INVALID_ARGUMENT (counted) for an event that cannot be; RESOURCE_EXHAUSTED
 * when out of memory or too many versions: later totals repair it. Any thread; takes the lock, as
 * all that follow here. */
enum trivet_status trivet_monitor_event(struct trivet_monitor *monitor, size_t source,
                                        const Trivet__V1__Event *event, int64_t now_us,
                                        struct trivet_error *err) TRIVET_MUST_USE;
/* Take the answer of Server.Stats in: repairs all totals. Those of a version that cannot be taken
 * are refused (counted, told once) and keep no others from their repair. INVALID_ARGUMENT (counted
 * as malformed) for an answer that names no epoch. */
enum trivet_status trivet_monitor_stats(struct trivet_monitor *monitor, size_t source,
                                        const Trivet__V1__StatsResponse *stats, int64_t now_us,
                                        struct trivet_error *err) TRIVET_MUST_USE;
/* The event connection `pipe` (not 0) came up or went down. Without the lock: never waits. */
void trivet_monitor_pipe_up(struct trivet_monitor *monitor, size_t source, int pipe);
void trivet_monitor_pipe_down(struct trivet_monitor *monitor, size_t source, int pipe);
/* Whether the server answered the last call, whatever it said. */
void trivet_monitor_set_server_up(struct trivet_monitor *monitor, size_t source);
void trivet_monitor_set_server_down(struct trivet_monitor *monitor, size_t source, const char *why);
void trivet_monitor_count_malformed(struct trivet_monitor *monitor, size_t source);

/* Under the lock, by the caller. */
struct trivet_monitor_series *trivet_monitor_find(const struct trivet_monitor *monitor,
                                                  const char *model, uint64_t version);
/* The series, made when missing; RESOURCE_EXHAUSTED at the maximum. */
enum trivet_status trivet_monitor_series_get(struct trivet_monitor *monitor, const char *model,
                                             uint64_t version, struct trivet_monitor_series **out,
                                             struct trivet_error *err) TRIVET_MUST_USE;
/* Out of the list already. */
void trivet_monitor_series_free(struct trivet_monitor *monitor,
                                struct trivet_monitor_series *series);
/* Whether totals of the source that are new to us began at zero under our eyes. */
bool trivet_monitor_from_zero(const struct trivet_monitor *monitor, size_t source,
                              const struct trivet_monitor_series *series);
enum trivet_status trivet_monitor_part_get(struct trivet_monitor_series *series, size_t source,
                                           struct trivet_monitor_part **out,
                                           struct trivet_error *err) TRIVET_MUST_USE;
/* Exact counts of a series over all sources and epochs. */
void trivet_monitor_series_sum(const struct trivet_monitor_series *series,
                               struct trivet_monitor_counts *out);

#endif
