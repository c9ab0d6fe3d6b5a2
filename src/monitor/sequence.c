#include "monitor/sequence.h"

#include <string.h>

enum trivet_sequence_verdict trivet_sequence_epoch(struct trivet_sequence *sequence, uint64_t epoch)
{
    if (epoch == sequence->epoch) {
        return TRIVET_SEQUENCE_CURRENT;
    }
    for (size_t i = 0; i < sequence->n_ended; i++) {
        if (sequence->ended[i] == epoch) {
            return TRIVET_SEQUENCE_ENDED;
        }
    }
    if (sequence->epoch != 0) {
        size_t keep = sequence->n_ended < TRIVET_SEQUENCE_ENDED_MAX ? sequence->n_ended
                                                                    : TRIVET_SEQUENCE_ENDED_MAX - 1;
        memmove(sequence->ended + 1, sequence->ended, keep * sizeof(sequence->ended[0]));
        sequence->ended[0] = sequence->epoch;
        sequence->n_ended = keep + 1;
        sequence->restarts++;
    }
    sequence->epoch = epoch;
    sequence->last = 0;
    sequence->seen_mask = 0;
    return TRIVET_SEQUENCE_BEGINS;
}

bool trivet_sequence_fits(const struct trivet_sequence *sequence, uint64_t epoch, uint64_t number)
{
    uint64_t last = epoch == sequence->epoch ? sequence->last : 0;
    return number <= last || number - last <= TRIVET_SEQUENCE_AHEAD_MAX;
}

/* A number that is not above the highest: late, when it was counted as lost, else a duplicate. */
static bool take_late(struct trivet_sequence *sequence, uint64_t number)
{
    uint64_t back = sequence->last - number;
    uint64_t bit = back >= 1 && back <= TRIVET_SEQUENCE_LATE_MAX ? (uint64_t)1 << (back - 1) : 0;
    if (bit == 0 || (sequence->seen_mask & bit) != 0) {
        sequence->duplicates++;
        return false;
    }
    sequence->seen_mask |= bit;
    sequence->lost--;
    sequence->events++;
    return true;
}

bool trivet_sequence_event(struct trivet_sequence *sequence, uint64_t number)
{
    if (number <= sequence->last) {
        return take_late(sequence, number);
    }
    uint64_t ahead = number - sequence->last;
    if (!sequence->begun) {
        sequence->begun = true;
        sequence->seen_mask = UINT64_MAX;
    } else {
        sequence->lost += ahead - 1;
        sequence->seen_mask = ahead < TRIVET_SEQUENCE_LATE_MAX ? sequence->seen_mask << ahead : 0;
        if (ahead <= TRIVET_SEQUENCE_LATE_MAX && sequence->last > 0) {
            sequence->seen_mask |= (uint64_t)1 << (ahead - 1);
        }
    }
    sequence->last = number;
    sequence->events++;
    return true;
}
