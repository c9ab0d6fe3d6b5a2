/* Letters and cases of Unicode, independent of the locale. */
#ifndef TRIVET_BASE_UNICODE_H
#define TRIVET_BASE_UNICODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Letters, digits and other numbers of all scripts, and the underscore: what Python's \w is. */
bool trivet_unicode_is_word(uint32_t character);
/* Of one code point each: Σ is always σ, İ is i. */
uint32_t trivet_unicode_lower(uint32_t character);
/* The character of `n_bytes` (1 to 4) at `text`, as trivet_text_utf8_character found it. */
uint32_t trivet_unicode_decode(const char *text, size_t n_bytes);
/* Returns its bytes, 1 to 4. */
size_t trivet_unicode_encode(uint32_t character, char text[4]);

#endif
