/* A text as the weights of its words. */
#ifndef TRIVET_MODELS_TRANSFORMERS_TFIDF_H
#define TRIVET_MODELS_TRANSFORMERS_TFIDF_H

#include "models/transformer.h"

/* Words are two or more letters, digits or underscores in lower case
 * (models/transformers/tokens.h); with ngram_max also two or three in a row. A column for every
 * word of the training rows, "x:word", ascending by bytes: the count of the word in the text
 * (sublinear_tf: 1 + ln of it) times 1 + ln((1 + rows) / (1 + rows with the word)), and the weights
 * of a text have length 1 (scikit-learn's TfidfVectorizer with its defaults; of words as frequent
 * as each other max_features keeps the first). A text without a known word is all zeros; a missing
 * one is a fault of its row. Every column of text has words of its own. */
extern const struct trivet_transformer_ops trivet_tfidf_ops;

#endif
