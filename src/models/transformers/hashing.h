/* A text as counts of the hashes of its words. */
#ifndef TRIVET_MODELS_TRANSFORMERS_HASHING_H
#define TRIVET_MODELS_TRANSFORMERS_HASHING_H

#include "models/transformer.h"

/* Words as those of tfidf. Word w counts in column |h| mod n_features, "x#12", where h is its
 * signed MurmurHash3 with seed 0, as 1 or, where h is negative, as -1; then to length 1
 * (scikit-learn's HashingVectorizer). Nothing is learned: any word counts, and words may share a
 * column. A missing text is a fault of its row. */
extern const struct trivet_transformer_ops trivet_hashing_ops;

#endif
