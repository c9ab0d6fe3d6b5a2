/* Changes to an input: to its bytes, or to its fields when it is a protobuf message. */
#ifndef TRIVET_TESTS_FUZZ_MUTATE_H
#define TRIVET_TESTS_FUZZ_MUTATE_H

#include "base/buffer.h"
#include "base/rng.h"

#include <stdbool.h>

/* One random change of the bytes from `start` on: flip, overwrite, insert, remove, repeat, cut. */
void trivet_mutate_bytes(struct trivet_rng *rng, struct trivet_buffer *data, size_t start);
/* One random change of a field at any depth of the message that begins at `start`; the lengths
 * round it are kept right, so that the change gets past the parser. False, and nothing changed,
 * when those bytes are not a message. */
bool trivet_mutate_message(struct trivet_rng *rng, struct trivet_buffer *data, size_t start);

#endif
