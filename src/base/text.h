/* Text helpers: bounded, independent of the locale. */
#ifndef TRIVET_BASE_TEXT_H
#define TRIVET_BASE_TEXT_H

#include "base/compiler.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Longest text of trivet_text_double, with its NUL. */
#define TRIVET_DOUBLE_TEXT_BYTES 32

/* Copy with NUL; false when it did not fit (then a copy is there, cut between two characters). */
bool trivet_text_copy(char *to, size_t to_bytes, const char *from);
/* snprintf; false when it did not fit (then a text cut between two characters is there). */
bool trivet_text_format(char *to, size_t to_bytes, const char *format, ...) TRIVET_PRINTF(3, 4);

/* The whole of text[0..n_bytes) as a number, surrounding blanks allowed: decimal or scientific;
 * "inf"/"nan" and hex are refused. False when it is not one, or overflows. */
bool trivet_text_parse_double(const char *text, size_t n_bytes, double *out);
/* An infinity, which the function above refuses: "inf" or "infinity" in any case of letters, with
 * or without a sign, or a decimal number that overflows. */
bool trivet_text_is_infinite(const char *text, size_t n_bytes);
bool trivet_text_parse_int64(const char *text, int64_t *out);
bool trivet_text_parse_uint64(const char *text, uint64_t *out);

/* Shortest decimal that reads back as the same double ("0.1", "1e-09"); "nan", "inf", "-inf".
 * Returns its length. */
size_t trivet_text_double(double value, char text[TRIVET_DOUBLE_TEXT_BYTES]);

bool trivet_text_is_utf8(const char *text, size_t n_bytes);
/* Bytes of the well-formed character at the start of text[0..n_bytes): 1 to 4, no overlong forms,
 * surrogates or numbers over U+10FFFF; 0 when it is not one, or is cut. */
size_t trivet_text_utf8_character(const char *text, size_t n_bytes);
/* Take an incomplete character off the end of a text that was cut. */
void trivet_text_trim_utf8(char *text);
/* A name that can stand in a topic, a URL and a file name: [A-Za-z0-9][A-Za-z0-9_-]*, at most
 * `bytes_max` bytes. */
bool trivet_text_is_name(const char *text, size_t bytes_max);

#endif
