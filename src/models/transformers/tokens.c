#include "models/transformers/tokens.h"

#include "base/text.h"
#include "base/unicode.h"

#include <math.h>
#include <string.h>

/* Ends the word that began at `start`; one of a single character is taken back. */
static enum trivet_status end_word(struct trivet_tokens *tokens, size_t start, size_t n_characters,
                                   struct trivet_error *err)
{
    if (n_characters < 2) {
        tokens->terms.n_bytes = start;
        return TRIVET_OK;
    }
    enum trivet_status status = trivet_buffer_append(&tokens->terms, "", 1, err);
    if (status == TRIVET_OK) {
        status = trivet_buffer_append(&tokens->starts, &start, sizeof start, err);
    }
    tokens->n_terms += status == TRIVET_OK ? 1 : 0;
    return status;
}

static enum trivet_status find_words(struct trivet_tokens *tokens, const char *text,
                                     struct trivet_error *err)
{
    enum trivet_status status = TRIVET_OK;
    size_t left = strlen(text);
    size_t start = 0;
    size_t n_characters = 0;
    while (status == TRIVET_OK && left > 0) {
        size_t n_bytes = trivet_text_utf8_character(text, left);
        uint32_t character = n_bytes > 0 ? trivet_unicode_decode(text, n_bytes) : 0;
        if (trivet_unicode_is_word(character)) {
            char lower[4];
            size_t n_lower = trivet_unicode_encode(trivet_unicode_lower(character), lower);
            status = trivet_buffer_append(&tokens->terms, lower, n_lower, err);
            n_characters++;
        } else {
            status = end_word(tokens, start, n_characters, err);
            start = tokens->terms.n_bytes;
            n_characters = 0;
        }
        n_bytes = n_bytes > 0 ? n_bytes : 1;
        text += n_bytes;
        left -= n_bytes;
    }
    return status == TRIVET_OK ? end_word(tokens, start, n_characters, err) : status;
}

/* Start of word k. */
static size_t start_of(const struct trivet_tokens *tokens, size_t k)
{
    size_t start;
    memcpy(&start, &tokens->starts.data[k * sizeof start], sizeof start);
    return start;
}

/* Words [k, k + n), joined. They are next to each other, each with its NUL, which becomes a blank.
 */
static enum trivet_status join(struct trivet_tokens *tokens, size_t k, size_t n, size_t words_end,
                               struct trivet_error *err)
{
    size_t n_words = tokens->starts.n_bytes / sizeof(size_t);
    size_t start = start_of(tokens, k);
    size_t end = k + n < n_words ? start_of(tokens, k + n) : words_end;
    size_t to = tokens->terms.n_bytes;
    enum trivet_status status = trivet_buffer_reserve(&tokens->terms, end - start, err);
    if (status != TRIVET_OK) {
        return status;
    }
    memcpy(&tokens->terms.data[to], &tokens->terms.data[start], end - start);
    for (size_t i = to; i + 1 < to + (end - start); i++) {
        tokens->terms.data[i] = tokens->terms.data[i] == '\0' ? ' ' : tokens->terms.data[i];
    }
    tokens->terms.n_bytes += end - start;
    tokens->n_terms++;
    return TRIVET_OK;
}

enum trivet_status trivet_tokens_of(struct trivet_tokens *tokens, const char *text,
                                    size_t ngram_max, struct trivet_error *err)
{
    tokens->terms.n_bytes = 0;
    tokens->starts.n_bytes = 0;
    tokens->n_terms = 0;
    enum trivet_status status = find_words(tokens, text, err);
    size_t n_words = tokens->n_terms;
    size_t words_end = tokens->terms.n_bytes;
    for (size_t n = 2; n <= ngram_max; n++) {
        for (size_t k = 0; status == TRIVET_OK && k + n <= n_words; k++) {
            status = join(tokens, k, n, words_end, err);
        }
    }
    return status;
}

const char *trivet_tokens_first(const struct trivet_tokens *tokens)
{
    return tokens->n_terms > 0 ? (const char *)tokens->terms.data : NULL;
}

const char *trivet_tokens_next(const char *term)
{
    return term + strlen(term) + 1;
}

void trivet_tokens_release(struct trivet_tokens *tokens)
{
    trivet_buffer_release(&tokens->terms);
    trivet_buffer_release(&tokens->starts);
    tokens->n_terms = 0;
}

struct trivet_bag *trivet_bag_create(struct trivet_arena *arena, size_t n_places)
{
    struct trivet_bag *bag = trivet_arena_alloc(arena, sizeof *bag);
    double *weights = trivet_arena_alloc_array(arena, n_places, sizeof(double));
    bool *seen = trivet_arena_alloc_array(arena, n_places, sizeof(bool));
    size_t *touched = trivet_arena_alloc_array(arena, n_places, sizeof(size_t));
    if (bag == NULL || weights == NULL || seen == NULL || touched == NULL) {
        return NULL;
    }
    memset(weights, 0, n_places * sizeof(double));
    memset(seen, 0, n_places * sizeof(bool));
    *bag = (struct trivet_bag){.weights = weights, .seen = seen, .touched = touched};
    return bag;
}

void trivet_bag_add(struct trivet_bag *bag, size_t place, double weight)
{
    if (!bag->seen[place]) {
        bag->seen[place] = true;
        bag->touched[bag->n_touched++] = place;
    }
    bag->weights[place] += weight;
}

void trivet_bag_empty_to(struct trivet_bag *bag, double *values, size_t n_rows)
{
    double squares = 0.0;
    for (size_t k = 0; k < bag->n_touched; k++) {
        double weight = bag->weights[bag->touched[k]];
        squares += weight * weight;
    }
    double length = squares > 0.0 ? sqrt(squares) : 1.0;
    for (size_t k = 0; k < bag->n_touched; k++) {
        size_t place = bag->touched[k];
        values[place * n_rows] = bag->weights[place] / length;
        bag->weights[place] = 0.0;
        bag->seen[place] = false;
    }
    bag->n_touched = 0;
}
