/* Which versions the monitor goes on to know, and what a clock that is set back does to them.
 *
 * A version whose deletion was heard goes after a while; and so that new ones always find room, of
 * too many the one goes that nothing was heard of for the longest time. Servers tell the totals of
 * both as long as they run: what is gone is remembered by its sum, so that only news bring it back.
 * It then begins with what its server tells; the history forgets it when it goes. So it is with
 * models whose outcomes joined to nothing: anybody may make names of models. Under the
 * monitor's lock but for the tick, which is the one thread that lets series go: it may keep
 * pointers to them from one call to the next. */
#ifndef TRIVET_MONITOR_UPKEEP_H
#define TRIVET_MONITOR_UPKEEP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Places that are free for new versions as long as others have been idle for so long. */
#define TRIVET_MONITOR_ROOM    32
#define TRIVET_MONITOR_IDLE_US 60000000
/* How long after its deletion a version can still be looked at. */
#define TRIVET_MONITOR_DELETED_US 600000000
#define TRIVET_MONITOR_GONE_MAX   4096
/* Versions that the history is still to forget; beyond, the oldest stay there. */
#define TRIVET_MONITOR_FORGOTTEN_MAX 1024
/* A clock that goes back by more was set. */
#define TRIVET_MONITOR_CLOCK_BACK_US 5000000

struct trivet_monitor;
struct trivet_monitor_series;
struct trivet_monitor_counts;

/* What a source last said of a version, or a model, that is gone. */
struct trivet_monitor_gone {
    uint64_t key; /* 0 = none */
    uint64_t sum; /* of calls and rows, or of outcomes */
    size_t source;
};

struct trivet_monitor_forgotten {
    char model[65];
    uint64_t version; /* 0 = outcomes that joined to nothing */
};

/* Zero-initialised is none. */
struct trivet_monitor_upkeep {
    struct trivet_monitor_gone gone[TRIVET_MONITOR_GONE_MAX];                /* ring */
    uint64_t n_gone;                                                         /* ever */
    struct trivet_monitor_forgotten forgotten[TRIVET_MONITOR_FORGOTTEN_MAX]; /* oldest first */
    size_t n_forgotten;
    int64_t ticked_us; /* 0 = not yet */
};

/* The version is gone, and the source says nothing new of it; `counts` NULL: whatever it says. */
bool trivet_monitor_is_gone(const struct trivet_monitor *monitor, size_t source, const char *model,
                            uint64_t version, const struct trivet_monitor_counts *counts);
/* Likewise of a model's outcomes that joined to nothing. */
struct trivet_unjoined_counts;
bool trivet_monitor_is_unjoined_gone(const struct trivet_monitor *monitor, size_t source,
                                     const char *model,
                                     const struct trivet_unjoined_counts *counts);
/* A series was made: marks the sources whose totals of it did not begin at zero. */
void trivet_monitor_returned(const struct trivet_monitor *monitor,
                             struct trivet_monitor_series *series);
/* The source's totals begin at zero. */
void trivet_monitor_gone_forget(struct trivet_monitor *monitor, size_t source);
/* The source has deleted the version (0: all of the model), or has one of that number (again). */
void trivet_monitor_set_deleted(struct trivet_monitor *monitor, size_t source, const char *model,
                                uint64_t version, bool deleted);
/* Whether the version is known or may be. */
bool trivet_monitor_has_room(const struct trivet_monitor *monitor, const char *model,
                             uint64_t version);
/* Once a second: releases what has left the windows, and versions. The main thread; takes the lock.
 */
void trivet_monitor_tick(struct trivet_monitor *monitor, int64_t now_us);

#endif
