/* The words of a column of text, counted. */
#ifndef TRIVET_MODELS_TRANSFORMERS_VOCABULARY_H
#define TRIVET_MODELS_TRANSFORMERS_VOCABULARY_H

#include "models/transformer.h"

struct trivet_term {
    const char *text; /* into the vocabulary */
    size_t n_rows;    /* rows that have it */
    size_t n_times;   /* in all rows */
};

struct trivet_vocabulary {
    struct trivet_term *terms; /* owned; ascending by bytes */
    size_t n_terms;
    char *texts; /* owned */
};

/* All terms of the training rows of `column` (models/transformers/tokens.h). INVALID_ARGUMENT: a
 * text is missing, or there is no word. Released by the caller. */
enum trivet_status trivet_vocabulary_count(struct trivet_vocabulary *vocabulary, const char *owner,
                                           const struct trivet_column *column, size_t n_rows,
                                           size_t ngram_max,
                                           struct trivet_error *err) TRIVET_MUST_USE;
/* Keeps the terms that at least `rows_min` and at most `rows_max` rows have, and of these the
 * `n_max` that come most often, of equals the first. */
void trivet_vocabulary_prune(struct trivet_vocabulary *vocabulary, double rows_min, double rows_max,
                             size_t n_max);
void trivet_vocabulary_release(struct trivet_vocabulary *vocabulary);

#endif
