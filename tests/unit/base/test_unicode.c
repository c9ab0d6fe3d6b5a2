#include "base/unicode.h"

#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
/* after its prerequisites */
#include <cmocka.h>

/* re.match(r"\w", chr(c)) */
static void words(void **state)
{
    (void)state;
    static const uint32_t in[] = {'a',   'Z',    '0',    '9',     '_',    0xAA,
                                  0xB2,  0xBC,   0xE9,   0x3A9,   0x416,  0x5D0,
                                  0x663, 0x4E2D, 0xAC00, 0x1D400, 0x2070, 0x10400};
    static const uint32_t out[] = {' ',    '-',    '@',    '[',    '`',     '{',      0x7F,
                                   0x80,   0xA0,   0xD7,   0xF7,   0x301,   0x2014,   0x20AC,
                                   0x3002, 0xFF01, 0xD800, 0xE000, 0x1F600, 0x10FFFF, 0x110000};
    for (size_t k = 0; k < sizeof in / sizeof in[0]; k++) {
        if (!trivet_unicode_is_word(in[k])) {
            fail_msg("U+%04X", (unsigned)in[k]);
        }
    }
    for (size_t k = 0; k < sizeof out / sizeof out[0]; k++) {
        if (trivet_unicode_is_word(out[k])) {
            fail_msg("U+%04X", (unsigned)out[k]);
        }
    }
    /* sum(bool(re.match(r"\w", chr(c))) for c in range(0x110000)) */
    size_t n = 0;
    for (uint32_t c = 0; c < 0x110000; c++) {
        n += trivet_unicode_is_word(c) ? 1 : 0;
    }
    assert_int_equal(n, 133548);
}

/* ord(chr(c).lower()), where that is one character */
static void cases(void **state)
{
    (void)state;
    static const uint32_t pairs[][2] = {
        {'A', 'a'},       {'Z', 'z'},          {'[', '['},     {0xC9, 0xE9},    {0xD7, 0xD7},
        {0x100, 0x101},   {0x101, 0x101},      {0x130, 'i'},   {0x178, 0xFF},   {0x391, 0x3B1},
        {0x3A3, 0x3C3},   {0x410, 0x430},      {0x1E9E, 0xDF}, {0x2126, 0x3C9}, {0x10400, 0x10428},
        {0x4E2D, 0x4E2D}, {0x10FFFF, 0x10FFFF}};
    uint64_t sum = 0;
    for (size_t k = 0; k < sizeof pairs / sizeof pairs[0]; k++) {
        assert_int_equal(trivet_unicode_lower(pairs[k][0]), pairs[k][1]);
    }
    /* sum(c ^ ord(chr(c).lower()) for c in range(0x110000) if c != 0x130) */
    for (uint32_t c = 0; c < 0x110000; c++) {
        sum += c != 0x130 ? c ^ trivet_unicode_lower(c) : 0;
    }
    assert_int_equal(sum, 5303467);
}

static void bytes(void **state)
{
    (void)state;
    static const uint32_t characters[] = {0x1,    0x7F,   0x80,    0x7FF,   0x800,
                                          0xD7FF, 0xFFFF, 0x10000, 0x10FFFF};
    for (size_t k = 0; k < sizeof characters / sizeof characters[0]; k++) {
        char text[5] = "";
        size_t n_bytes = trivet_unicode_encode(characters[k], text);
        assert_int_equal(trivet_text_utf8_character(text, n_bytes), n_bytes);
        assert_int_equal(trivet_unicode_decode(text, n_bytes), characters[k]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words),
        cmocka_unit_test(cases),
        cmocka_unit_test(bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
