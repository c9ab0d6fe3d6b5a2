/* Reads the frames of tests/contract/fixtures. */
#ifndef TRIVET_TESTS_GOLDEN_FILE_H
#define TRIVET_TESTS_GOLDEN_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GOLDEN_BYTES_MAX 1024

struct golden {
    uint8_t bytes[GOLDEN_BYTES_MAX];
    size_t n_bytes;
};

/* TRIVET_FIXTURES/`name`.hex: hex digits, and comment lines that begin with '#'. False when it is
 * not there, empty or too long. */
bool golden_read(const char *name, struct golden *golden);

#endif
