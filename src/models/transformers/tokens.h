/* The words of a text. */
#ifndef TRIVET_MODELS_TRANSFORMERS_TOKENS_H
#define TRIVET_MODELS_TRANSFORMERS_TOKENS_H

#include "base/arena.h"
#include "base/buffer.h"

#include <trivet/error.h>

#include <stdbool.h>
#include <stddef.h>

#define TRIVET_NGRAM_MAX 3

/* Zero-initialised is empty; used again for one text after the other. */
struct trivet_tokens {
    struct trivet_buffer terms;  /* each with its NUL */
    struct trivet_buffer starts; /* size_t: where the words start among the terms */
    size_t n_terms;
};

/* Words of the text in lower case: runs of two or more characters of which
 * trivet_unicode_is_word says so, which is scikit-learn's \b\w\w+\b in all scripts; then, up to
 * `ngram_max`, every two and three words that follow each other, joined by a blank. Bytes that are
 * not UTF-8 part words. RESOURCE_EXHAUSTED. */
enum trivet_status trivet_tokens_of(struct trivet_tokens *tokens, const char *text,
                                    size_t ngram_max, struct trivet_error *err) TRIVET_MUST_USE;
/* The first term; the one after `term` begins behind its NUL. */
const char *trivet_tokens_first(const struct trivet_tokens *tokens);
const char *trivet_tokens_next(const char *term);
void trivet_tokens_release(struct trivet_tokens *tokens);

/* The weights of one text, most of which are 0. Lives in an arena. */
struct trivet_bag {
    double *weights; /* of every place; 0 where not touched */
    bool *seen;      /* of every place */
    size_t *touched; /* places */
    size_t n_touched;
};

/* With `n_places`, empty. NULL when the arena is spent. */
struct trivet_bag *trivet_bag_create(struct trivet_arena *arena, size_t n_places) TRIVET_MUST_USE;
void trivet_bag_add(struct trivet_bag *bag, size_t place, double weight);
/* Weights, to length 1 where they are not all 0, to values[place * n_rows]; then it is empty. */
void trivet_bag_empty_to(struct trivet_bag *bag, double *values, size_t n_rows);

#endif
