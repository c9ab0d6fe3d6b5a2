/* Which events of one publisher arrived: its epoch and sequence numbers, and what is missing. */
#ifndef TRIVET_MONITOR_SEQUENCE_H
#define TRIVET_MONITOR_SEQUENCE_H

#include "base/compiler.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How far back an event may come late, and how many earlier epochs are remembered. */
#define TRIVET_SEQUENCE_LATE_MAX  64
#define TRIVET_SEQUENCE_ENDED_MAX 16
/* No publisher gets so far ahead: three years of 10,000 events a second. */
#define TRIVET_SEQUENCE_AHEAD_MAX ((uint64_t)1 << 40)

/* Zero-initialised is a publisher that was never seen. Under the owner's lock. */
struct trivet_sequence {
    uint64_t epoch;     /* 0 = none yet */
    uint64_t last;      /* highest number seen in this epoch; 0 = none yet */
    uint64_t seen_mask; /* bit k: number last - 1 - k was seen, or never counted as lost */
    bool begun;         /* losses are counted: an event was seen since the program started */
    uint64_t events;
    uint64_t lost;
    uint64_t duplicates;
    uint64_t restarts; /* new epochs after the first */
    uint64_t ended[TRIVET_SEQUENCE_ENDED_MAX];
    size_t n_ended;
};

enum trivet_sequence_verdict {
    TRIVET_SEQUENCE_CURRENT, /* of the current epoch */
    TRIVET_SEQUENCE_BEGINS,  /* of a new epoch, which is now the current one */
    TRIVET_SEQUENCE_ENDED,   /* of an epoch that has ended: ignore */
};

/* A message of `epoch` (not 0) came, not necessarily an event. */
enum trivet_sequence_verdict trivet_sequence_epoch(struct trivet_sequence *sequence,
                                                   uint64_t epoch) TRIVET_MUST_USE;
/* False for a number that no publisher can have come to: taking it would turn all that follow into
 * late ones. */
bool trivet_sequence_fits(const struct trivet_sequence *sequence, uint64_t epoch, uint64_t number);
/* Event `number` (from 1) of the current epoch came: counts what is missing before it. Events
 * before the first that a program sees are not counted, those of a publisher that restarts under
 * its eyes are. False for a duplicate. */
bool trivet_sequence_event(struct trivet_sequence *sequence, uint64_t number);

#endif
