/* Text ↔ code, codes counted from 0 in the order of first sight: internal to src/data. */
#ifndef TRIVET_DATA_DICTIONARY_H
#define TRIVET_DATA_DICTIONARY_H

#include "base/compiler.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct trivet_dictionary_block;

/* Zero-initialised is empty; release when done. Texts are copied and have no NUL inside. */
struct trivet_dictionary {
    char **texts;     /* (n_texts), owned by the blocks */
    uint64_t *hashes; /* (n_texts) */
    uint32_t n_texts;
    uint32_t capacity;
    uint32_t *slots; /* open addressing: code + 1, 0 = free */
    size_t n_slots;  /* a power of two, or 0 */
    struct trivet_dictionary_block *blocks;
    size_t text_bytes; /* of all texts with their NULs */
};

/* Where a dictionary stood, to go back to. */
struct trivet_dictionary_mark {
    uint32_t n_texts;
    size_t text_bytes;
    struct trivet_dictionary_block *block;
    size_t block_used;
};

void trivet_dictionary_release(struct trivet_dictionary *dictionary);
/* Forget all texts; memory is kept for the next ones, up to one block. */
void trivet_dictionary_clear(struct trivet_dictionary *dictionary);
/* The text's code, added if it is new. False: out of memory or of codes; nothing has changed. */
bool trivet_dictionary_intern(struct trivet_dictionary *dictionary, const char *text,
                              size_t n_bytes, uint32_t *code) TRIVET_MUST_USE;
struct trivet_dictionary_mark trivet_dictionary_mark(const struct trivet_dictionary *dictionary);
/* Drop what was added since the mark. */
void trivet_dictionary_rollback(struct trivet_dictionary *dictionary,
                                struct trivet_dictionary_mark mark);
/* Sort the texts by bytes; new_code[old code] is written for all (caller's, n_texts). No text can
 * be interned afterwards. False: out of memory, nothing has changed. */
bool trivet_dictionary_sort(struct trivet_dictionary *dictionary,
                            uint32_t *new_code) TRIVET_MUST_USE;

#endif
