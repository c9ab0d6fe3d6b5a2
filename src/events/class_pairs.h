/* How often which class was predicted as which: a bounded table of sums. Within src/events. */
#ifndef TRIVET_EVENTS_CLASS_PAIRS_H
#define TRIVET_EVENTS_CLASS_PAIRS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct trivet_class_pair {
    uint64_t hash;
    char *truth; /* owned, followed by `predicted` */
    char *predicted;
    double weight;
    bool is_foreign;
};

/* Zero-initialised is empty; release when done. */
struct trivet_class_pairs {
    struct trivet_class_pair *pairs;
    size_t n_pairs;
    size_t capacity;
    uint32_t *slots; /* open addressing: index + 1, 0 = free */
    size_t n_slots;
    size_t packed_bytes; /* of their messages */
    size_t n_foreign;    /* of the pairs */
    size_t foreign_bytes;
    double other_right; /* pairs that have no place */
    double other_wrong;
};

/* What a table may hold: how many pairs, and bytes of them packed; of these for foreign ones. */
struct trivet_class_room {
    size_t pairs_max;
    size_t bytes_max;
    size_t foreign_pairs_max;
    size_t foreign_bytes_max;
};

void trivet_class_pairs_release(struct trivet_class_pairs *table);
/* `is_foreign`: the truth is a class that the version does not have; there may be any number of
 * them. A pair that is new where the room is taken gets the place of those whose weight is 0,
 * unless it is foreign; else it is counted with the others. So the sums of the right and the wrong
 * ones stay exact whatever leaves the table. */
void trivet_class_pairs_add(struct trivet_class_pairs *table, const char *truth,
                            const char *predicted, bool is_foreign, double weight,
                            const struct trivet_class_room *room);

#endif
