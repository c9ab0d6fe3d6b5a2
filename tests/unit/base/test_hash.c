#include "base/alloc.h"
#include "base/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

/* FIPS 180-4 examples. */
static const char empty_hex[] = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
static const char abc_hex[] = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
static const char million_a_hex[] =
    "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0";

static void digests_are_the_standards(void **state)
{
    (void)state;
    uint8_t digest[TRIVET_SHA256_BYTES];
    char hex[TRIVET_SHA256_HEX_BYTES];
    assert_int_equal(trivet_sha256_of(NULL, 0, digest, NULL), TRIVET_OK);
    trivet_sha256_hex(digest, hex);
    assert_string_equal(hex, empty_hex);
    assert_int_equal(trivet_sha256_of("abc", 3, digest, NULL), TRIVET_OK);
    trivet_sha256_hex(digest, hex);
    assert_string_equal(hex, abc_hex);
}

static void a_stream_equals_one_shot(void **state)
{
    (void)state;
    struct trivet_sha256 *sha = trivet_sha256_create();
    char piece[1000];
    memset(piece, 'a', sizeof(piece));
    for (int i = 0; i < 1000; i++) {
        trivet_sha256_update(sha, piece, sizeof(piece));
    }
    uint8_t digest[TRIVET_SHA256_BYTES];
    char hex[TRIVET_SHA256_HEX_BYTES];
    trivet_sha256_finish(sha, digest);
    trivet_sha256_free(sha);
    trivet_sha256_hex(digest, hex);
    assert_string_equal(hex, million_a_hex);
    trivet_sha256_free(NULL);
}

static void no_memory_is_a_status(void **state)
{
    (void)state;
    uint8_t digest[TRIVET_SHA256_BYTES];
    struct trivet_error err;
    trivet_alloc_fail_at(1);
    assert_int_equal(trivet_sha256_of("abc", 3, digest, &err), TRIVET_RESOURCE_EXHAUSTED);
    trivet_alloc_fail_at(0);
}

static void mixing_is_stable_and_spreads(void **state)
{
    (void)state;
    /* First outputs of SplitMix64 seeded with 0 and with 1234567. */
    assert_true(trivet_hash_mix64(UINT64_C(0x9e3779b97f4a7c15)) == UINT64_C(0xe220a8397b1dcdaf));
    assert_true(trivet_hash_mix64(1234567 + UINT64_C(0x9e3779b97f4a7c15)) ==
                UINT64_C(6457827717110365317));
    uint64_t a = trivet_hash_bytes("id/1", 4);
    uint64_t b = trivet_hash_bytes("id/2", 4);
    assert_true(a != b);
    assert_true(a == trivet_hash_bytes("id/1", 4));
    unsigned low = 0;
    for (unsigned i = 0; i < 10000; i++) {
        low += trivet_hash_bytes(&i, sizeof(i)) < UINT64_MAX / 10;
    }
    assert_in_range(low, 880, 1120); /* 4 standard deviations about 1,000 */
}

/* The vectors of the reference implementation: key 00 … 0f, data 00, 01, … */
static void keyed_hashes_are_the_standards(void **state)
{
    (void)state;
    uint8_t key_bytes[TRIVET_HASH_KEY_BYTES];
    uint8_t data[64];
    for (unsigned i = 0; i < sizeof(key_bytes); i++) {
        key_bytes[i] = (uint8_t)i;
    }
    for (unsigned i = 0; i < sizeof(data); i++) {
        data[i] = (uint8_t)i;
    }
    const struct trivet_hash_key key = trivet_hash_key_of(key_bytes);
    const struct trivet_hash_key other = {.low = key.low, .high = key.high + 1};
    assert_true(trivet_hash_keyed(&key, data, 0) == UINT64_C(0x726fdb47dd0e0e31));
    assert_true(trivet_hash_keyed(&key, data, 1) == UINT64_C(0x74f839c593dc67fd));
    assert_true(trivet_hash_keyed(&key, data, 8) == UINT64_C(0x93f5f5799a932462));
    assert_true(trivet_hash_keyed(&key, data, 15) == UINT64_C(0xa129ca6149be45e5));
    assert_true(trivet_hash_keyed(&key, data, 63) == UINT64_C(0x958a324ceb064572));
    assert_true(trivet_hash_keyed(&other, data, 8) != trivet_hash_keyed(&key, data, 8));
}

/* sklearn.utils.murmurhash3_32(text, seed, positive=True) */
static void murmur3_is_scikit_learns(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint32_t seed_0;
        uint32_t seed_7;
    } cases[] = {
        {"", 0, 415870660},
        {"a", 1009084850, 3990715943},
        {"ab", 2613040991, 4264175359},
        {"abc", 3017643002, 940791465},
        {"abcd", 1139631978, 1425861819},
        {"hello, world", 345750399, 2702207619},
        {"Größe", 3815716910, 1439471312},
    };
    for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        size_t n_bytes = strlen(cases[k].text);
        assert_int_equal(trivet_hash_murmur3(cases[k].text, n_bytes, 0), cases[k].seed_0);
        assert_int_equal(trivet_hash_murmur3(cases[k].text, n_bytes, 7), cases[k].seed_7);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(digests_are_the_standards),
        cmocka_unit_test(a_stream_equals_one_shot),
        cmocka_unit_test(no_memory_is_a_status),
        cmocka_unit_test(mixing_is_stable_and_spreads),
        cmocka_unit_test(murmur3_is_scikit_learns),
        cmocka_unit_test(keyed_hashes_are_the_standards),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
