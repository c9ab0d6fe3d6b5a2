#include "base/hash.h"

#include "base/alloc.h"
#include "base/log.h"

#include <endian.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

struct trivet_sha256 {
    EVP_MD_CTX *context;
};

/* A digest that is wrong without a word would corrupt what it protects. libcrypto fails here only
 * when it is itself broken. */
static void require(int one)
{
    if (one != 1) {
        trivet_log(TRIVET_LOG_ERROR, "sha256_failed", "message=libcrypto cannot compute SHA-256");
        abort();
    }
}

struct trivet_sha256 *trivet_sha256_create(void)
{
    struct trivet_sha256 *sha = trivet_calloc(1, sizeof(*sha));
    if (!sha) {
        return NULL;
    }
    sha->context = EVP_MD_CTX_new();
    if (!sha->context || EVP_DigestInit_ex(sha->context, EVP_sha256(), NULL) != 1) {
        trivet_sha256_free(sha);
        return NULL;
    }
    return sha;
}

void trivet_sha256_update(struct trivet_sha256 *sha, const void *data, size_t n_bytes)
{
    require(EVP_DigestUpdate(sha->context, data, n_bytes));
}

void trivet_sha256_finish(struct trivet_sha256 *sha, uint8_t digest[TRIVET_SHA256_BYTES])
{
    require(EVP_DigestFinal_ex(sha->context, digest, NULL));
}

void trivet_sha256_free(struct trivet_sha256 *sha)
{
    if (sha) {
        EVP_MD_CTX_free(sha->context);
        trivet_free(sha);
    }
}

enum trivet_status trivet_sha256_of(const void *data, size_t n_bytes,
                                    uint8_t digest[TRIVET_SHA256_BYTES], struct trivet_error *err)
{
    struct trivet_sha256 *sha = trivet_sha256_create();
    if (!sha) {
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                                "out of memory for the SHA-256 of %zu bytes", n_bytes);
    }
    trivet_sha256_update(sha, data, n_bytes);
    trivet_sha256_finish(sha, digest);
    trivet_sha256_free(sha);
    return TRIVET_OK;
}

void trivet_sha256_hex(const uint8_t digest[TRIVET_SHA256_BYTES], char hex[TRIVET_SHA256_HEX_BYTES])
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < TRIVET_SHA256_BYTES; i++) {
        hex[2 * i] = digits[digest[i] >> 4];
        hex[2 * i + 1] = digits[digest[i] & 15];
    }
    hex[TRIVET_SHA256_HEX_BYTES - 1] = '\0';
}

/* Words of the native order: a hash never leaves its process. */
uint64_t trivet_hash_bytes(const void *data, size_t n_bytes)
{
    const uint8_t *bytes = data;
    uint64_t hash = UINT64_C(0xcbf29ce484222325) ^ n_bytes;
    uint64_t word;
    size_t i = 0;
    for (; i + sizeof(word) <= n_bytes; i += sizeof(word)) {
        memcpy(&word, bytes + i, sizeof(word));
        hash = trivet_hash_mix64(hash ^ word);
    }
    word = 0;
    memcpy(&word, bytes + i, n_bytes - i);
    return trivet_hash_mix64(hash ^ word);
}

static uint64_t little_endian(const uint8_t *bytes, size_t n_bytes)
{
    uint64_t word = 0;
    memcpy(&word, bytes, n_bytes);
    return le64toh(word);
}

struct trivet_hash_key trivet_hash_key_of(const uint8_t bytes[TRIVET_HASH_KEY_BYTES])
{
    return (struct trivet_hash_key){.low = little_endian(bytes, 8),
                                    .high = little_endian(bytes + 8, 8)};
}

static uint64_t rotate_left_64(uint64_t x, unsigned n_bits)
{
    return x << n_bits | x >> (64 - n_bits);
}

static void sip_rounds(uint64_t v[4], int n_rounds)
{
    for (int i = 0; i < n_rounds; i++) {
        v[0] += v[1];
        v[2] += v[3];
        v[1] = rotate_left_64(v[1], 13) ^ v[0];
        v[3] = rotate_left_64(v[3], 16) ^ v[2];
        v[0] = rotate_left_64(v[0], 32) + v[3];
        v[2] += v[1];
        v[1] = rotate_left_64(v[1], 17) ^ v[2];
        v[3] = rotate_left_64(v[3], 21) ^ v[0];
        v[2] = rotate_left_64(v[2], 32);
    }
}

static void sip_word(uint64_t v[4], uint64_t word)
{
    v[3] ^= word;
    sip_rounds(v, 2);
    v[0] ^= word;
}

uint64_t trivet_hash_keyed(const struct trivet_hash_key *key, const void *data, size_t n_bytes)
{
    const uint8_t *bytes = data;
    size_t whole = n_bytes - n_bytes % 8;
    uint64_t v[4] = {
        key->low ^ UINT64_C(0x736f6d6570736575), key->high ^ UINT64_C(0x646f72616e646f6d),
        key->low ^ UINT64_C(0x6c7967656e657261), key->high ^ UINT64_C(0x7465646279746573)};
    for (size_t i = 0; i < whole; i += 8) {
        sip_word(v, little_endian(bytes + i, 8));
    }
    uint64_t last = (uint64_t)n_bytes << 56;
    if (n_bytes > whole) {
        last |= little_endian(bytes + whole, n_bytes - whole);
    }
    sip_word(v, last);
    v[2] ^= 0xff;
    sip_rounds(v, 4);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

static uint32_t rotate_left(uint32_t x, unsigned n_bits)
{
    return x << n_bits | x >> (32 - n_bits);
}

static uint32_t murmur3_mix(uint32_t block)
{
    return rotate_left(block * 0xCC9E2D51U, 15) * 0x1B873593U;
}

uint32_t trivet_hash_murmur3(const void *data, size_t n_bytes, uint32_t seed)
{
    const uint8_t *bytes = data;
    uint32_t hash = seed;
    uint32_t tail = 0;
    size_t whole = n_bytes - n_bytes % 4;
    for (size_t i = 0; i < whole; i += 4) {
        uint32_t block = (uint32_t)bytes[i] | (uint32_t)bytes[i + 1] << 8 |
                         (uint32_t)bytes[i + 2] << 16 | (uint32_t)bytes[i + 3] << 24;
        hash = rotate_left(hash ^ murmur3_mix(block), 13) * 5 + 0xE6546B64U;
    }
    for (size_t i = n_bytes; i > whole; i--) {
        tail = tail << 8 | bytes[i - 1];
    }
    hash ^= murmur3_mix(tail);
    hash ^= (uint32_t)n_bytes;
    hash = (hash ^ hash >> 16) * 0x85EBCA6BU;
    hash = (hash ^ hash >> 13) * 0xC2B2AE35U;
    return hash ^ hash >> 16;
}
