#include "base/text.h"

#include <errno.h>
#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* No number that anyone writes is longer; what is, is refused. */
#define NUMBER_BYTES_MAX 511

bool trivet_text_copy(char *to, size_t to_bytes, const char *from)
{
    size_t n_bytes = strlen(from);
    if (to_bytes == 0) {
        return false;
    }
    bool fits = n_bytes < to_bytes;
    if (!fits) {
        n_bytes = to_bytes - 1;
    }
    memcpy(to, from, n_bytes);
    to[n_bytes] = '\0';
    if (!fits) {
        trivet_text_trim_utf8(to);
    }
    return fits;
}

bool trivet_text_format(char *to, size_t to_bytes, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int length = vsnprintf(to, to_bytes, format, args);
    va_end(args);
    bool fits = length >= 0 && (size_t)length < to_bytes;
    if (!fits && length >= 0 && to_bytes > 0) {
        trivet_text_trim_utf8(to);
    }
    return fits;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* A decimal number as it is read: sign, up to 19 digits, and a power of ten. */
struct decimal {
    bool negative;
    bool exact; /* every digit is in `digits` */
    uint64_t digits;
    int exponent;
    size_t n_digits; /* all that were read, leading zeros too */
};

/* Digits at text[*at], after the point when `fraction`. */
static void scan_digits(const char *text, size_t n_bytes, size_t *at, bool fraction,
                        struct decimal *number)
{
    for (; *at < n_bytes && is_digit(text[*at]); (*at)++) {
        number->n_digits++;
        if (number->digits >= (UINT64_MAX - 9) / 10) {
            number->exact = false;
            continue;
        }
        number->digits = number->digits * 10 + (uint64_t)(text[*at] - '0');
        number->exponent -= fraction;
    }
}

/* "e", sign, digits. False when there are no digits. A huge exponent stays huge. */
static bool scan_exponent(const char *text, size_t n_bytes, size_t *at, struct decimal *number)
{
    (*at)++;
    bool negative = *at < n_bytes && text[*at] == '-';
    if (*at < n_bytes && (text[*at] == '-' || text[*at] == '+')) {
        (*at)++;
    }
    size_t first = *at;
    int exponent = 0;
    for (; *at < n_bytes && is_digit(text[*at]); (*at)++) {
        if (exponent < 100000) {
            exponent = exponent * 10 + (text[*at] - '0');
        }
    }
    number->exponent += negative ? -exponent : exponent;
    return *at > first;
}

/* True when the whole text is one decimal number. */
static bool scan_decimal(const char *text, size_t n_bytes, struct decimal *number)
{
    size_t at = 0;
    *number = (struct decimal){.exact = true};
    if (at < n_bytes && (text[at] == '-' || text[at] == '+')) {
        number->negative = text[at++] == '-';
    }
    scan_digits(text, n_bytes, &at, false, number);
    if (at < n_bytes && text[at] == '.') {
        at++;
        scan_digits(text, n_bytes, &at, true, number);
    }
    if (number->n_digits == 0) {
        return false;
    }
    if (at < n_bytes && (text[at] == 'e' || text[at] == 'E') &&
        !scan_exponent(text, n_bytes, &at, number)) {
        return false;
    }
    return at == n_bytes;
}

/* Clinger's fast path (1990): when digits and power of ten are both exact doubles, one rounded
 * operation gives the nearest double. False when they are not. */
static bool fast_double(const struct decimal *number, double *out)
{
    static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                    1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                    1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    const int power_max = (int)TRIVET_ARRAY_COUNT(powers) - 1;
    if (!number->exact || number->digits > (UINT64_C(1) << DBL_MANT_DIG) ||
        number->exponent < -power_max || number->exponent > power_max) {
        return false;
    }
    double value = (double)number->digits;
    if (number->exponent < 0) {
        value /= powers[-number->exponent];
    } else {
        value *= powers[number->exponent];
    }
    *out = number->negative ? -value : value;
    return true;
}

/* Without blanks at the ends. */
static const char *trim(const char *text, size_t *n_bytes)
{
    while (*n_bytes > 0 && is_blank(text[0])) {
        text++;
        --*n_bytes;
    }
    while (*n_bytes > 0 && is_blank(text[*n_bytes - 1])) {
        --*n_bytes;
    }
    return text;
}

/* False when the text is no decimal number; one that overflows is infinite. */
static bool read_decimal(const char *text, size_t n_bytes, double *out)
{
    struct decimal number;
    text = trim(text, &n_bytes);
    if (n_bytes > NUMBER_BYTES_MAX || !scan_decimal(text, n_bytes, &number)) {
        return false;
    }
    if (fast_double(&number, out)) {
        return true;
    }
    /* strtod needs a NUL; the locale is always "C", as no program calls setlocale. */
    char copy[NUMBER_BYTES_MAX + 1];
    memcpy(copy, text, n_bytes);
    copy[n_bytes] = '\0';
    *out = strtod(copy, NULL);
    return true;
}

bool trivet_text_parse_double(const char *text, size_t n_bytes, double *out)
{
    double value;
    if (!read_decimal(text, n_bytes, &value) || !isfinite(value)) {
        return false;
    }
    *out = value;
    return true;
}

bool trivet_text_is_infinite(const char *text, size_t n_bytes)
{
    static const char *const words[] = {"inf", "infinity"};
    double value;
    if (read_decimal(text, n_bytes, &value)) {
        return isinf(value);
    }
    text = trim(text, &n_bytes);
    if (n_bytes > 0 && (text[0] == '-' || text[0] == '+')) {
        text++;
        n_bytes--;
    }
    for (size_t i = 0; i < TRIVET_ARRAY_COUNT(words); i++) {
        if (n_bytes == strlen(words[i]) && strncasecmp(text, words[i], n_bytes) == 0) {
            return true;
        }
    }
    return false;
}

/* strtol's family skips blanks and takes a sign where none should be. */
static bool is_integer(const char *text, bool sign_allowed)
{
    if (sign_allowed && *text == '-') {
        text++;
    }
    return *text != '\0' && text[strspn(text, "0123456789")] == '\0';
}

bool trivet_text_parse_int64(const char *text, int64_t *out)
{
    if (!is_integer(text, true)) {
        return false;
    }
    errno = 0;
    intmax_t value = strtoimax(text, NULL, 10);
    if (errno != 0) {
        return false;
    }
    *out = (int64_t)value;
    return true;
}

bool trivet_text_parse_uint64(const char *text, uint64_t *out)
{
    if (!is_integer(text, false)) {
        return false;
    }
    errno = 0;
    uintmax_t value = strtoumax(text, NULL, 10);
    if (errno != 0) {
        return false;
    }
    *out = (uint64_t)value;
    return true;
}

size_t trivet_text_double(double value, char text[TRIVET_DOUBLE_TEXT_BYTES])
{
    if (!isfinite(value)) {
        (void)trivet_text_copy(text, TRIVET_DOUBLE_TEXT_BYTES,
                               isnan(value) ? "nan" : (value > 0 ? "inf" : "-inf"));
        return strlen(text);
    }
    /* Any 15 digits survive in a normal double, and %g drops trailing zeros. A subnormal has fewer
     * digits than that. */
    int precision = fabs(value) < DBL_MIN ? 1 : DBL_DIG;
    for (; precision <= DBL_DECIMAL_DIG; precision++) {
        (void)trivet_text_format(text, TRIVET_DOUBLE_TEXT_BYTES, "%.*g", precision, value);
        if (strtod(text, NULL) == value) {
            break;
        }
    }
    return strlen(text);
}

size_t trivet_text_utf8_character(const char *text, size_t n_bytes)
{
    const unsigned char *s = (const unsigned char *)text;
    if (n_bytes == 0) {
        return 0;
    }
    if (s[0] < 0x80) {
        return 1;
    }
    size_t length = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
    if (s[0] < 0xc2 || s[0] > 0xf4 || n_bytes < length) {
        return 0;
    }
    for (size_t i = 1; i < length; i++) {
        if ((s[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    /* The second byte tells overlong forms, surrogates and numbers over U+10FFFF. */
    if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
        (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f)) {
        return 0;
    }
    return length;
}

bool trivet_text_is_utf8(const char *text, size_t n_bytes)
{
    for (size_t at = 0; at < n_bytes;) {
        size_t length = trivet_text_utf8_character(text + at, n_bytes - at);
        if (length == 0) {
            return false;
        }
        at += length;
    }
    return true;
}

void trivet_text_trim_utf8(char *text)
{
    size_t n_bytes = strlen(text);
    size_t lead = n_bytes;
    while (lead > 0 && n_bytes - lead < 3 && ((unsigned char)text[lead - 1] & 0xc0) == 0x80) {
        lead--;
    }
    if (lead > 0 && (unsigned char)text[lead - 1] >= 0xc0 &&
        trivet_text_utf8_character(text + lead - 1, n_bytes - lead + 1) == 0) {
        text[lead - 1] = '\0';
    }
}

bool trivet_text_is_name(const char *text, size_t bytes_max)
{
    size_t n_bytes = strlen(text);
    if (n_bytes == 0 || n_bytes > bytes_max || text[0] == '_' || text[0] == '-') {
        return false;
    }
    return strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-") ==
           n_bytes;
}
