/* How often which class was predicted as which: a bounded table of sums. Within src/events. */
#ifndef TRIVET_EVENTS_CLASS_PAIRS_H
#define TRIVET_EVENTS_CLASS_PAIRS_H

#include <stddef.h>
#include <stdint.h>

struct trivet_class_pair {
    uint64_t hash;
    char *truth; /* owned, followed by `predicted` */
    char *predicted;
    double weight;
};

/* Zero-initialised is empty; release when done. */
struct trivet_class_pairs {
    struct trivet_class_pair *pairs;
    size_t n_pairs;
    size_t capacity;
    uint32_t *slots; /* open addressing: index + 1, 0 = free */
    size_t n_slots;
    size_t packed_bytes; /* of their messages */
    double other_right;  /* pairs that have no place */
    double other_wrong;
};

void trivet_class_pairs_release(struct trivet_class_pairs *table);
/* A pair that is new beyond `pairs_max`, or over `bytes_max` packed, has no place, and never gets
 * one: nothing leaves the table, so what is taken back is taken from where it was added. */
void trivet_class_pairs_add(struct trivet_class_pairs *table, const char *truth,
                            const char *predicted, double weight, size_t pairs_max,
                            size_t bytes_max);

#endif
