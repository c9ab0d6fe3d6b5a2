/* A fuzz target: one file that decodes bytes from outside. It links either with driver.c, a small
 * deterministic fuzzer without dependencies, or, in a build with TRIVET_LIBFUZZER, with clang's. */
#ifndef TRIVET_TESTS_FUZZ_H
#define TRIVET_TESTS_FUZZ_H

#include "base/buffer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Decode; whatever comes in and whichever allocation fails, come back with all memory released.
 * `data` is exactly n_bytes long. Returns 0. */
int trivet_fuzz_one(const uint8_t *data, size_t n_bytes);

/* Append valid input number `index`, from which others are made; false when there are no more.
 * Called before the first trivet_fuzz_one. */
bool trivet_fuzz_seed(size_t index, struct trivet_buffer *out);

/* For what a decoder promises about input that it took: says so and aborts. */
#define FUZZ_REQUIRE(condition) trivet_fuzz_require((condition), #condition, __FILE__, __LINE__)
void trivet_fuzz_require(bool holds, const char *condition, const char *file, int line);

#endif
