/* Hashes: SHA-256 for integrity and identity of content, a 64-bit mix for sampling and tables. */
#ifndef TRIVET_BASE_HASH_H
#define TRIVET_BASE_HASH_H

#include "base/compiler.h"

#include <trivet/error.h>

#include <stddef.h>
#include <stdint.h>

#define TRIVET_SHA256_BYTES     32
#define TRIVET_SHA256_HEX_BYTES 65 /* with its NUL */

struct trivet_sha256;

/* Streaming SHA-256 (libcrypto). NULL when out of memory. */
struct trivet_sha256 *trivet_sha256_create(void);
void trivet_sha256_update(struct trivet_sha256 *sha, const void *data, size_t n_bytes);
/* The digest; the object can only be freed afterwards. */
void trivet_sha256_finish(struct trivet_sha256 *sha, uint8_t digest[TRIVET_SHA256_BYTES]);
void trivet_sha256_free(struct trivet_sha256 *sha);
/* One shot. */
enum trivet_status trivet_sha256_of(const void *data, size_t n_bytes,
                                    uint8_t digest[TRIVET_SHA256_BYTES],
                                    struct trivet_error *err) TRIVET_MUST_USE;
void trivet_sha256_hex(const uint8_t digest[TRIVET_SHA256_BYTES],
                       char hex[TRIVET_SHA256_HEX_BYTES]);

/* Finaliser of SplitMix64 (Steele, Lea, Flood 2014): a bijection that mixes all bits. */
static inline uint64_t trivet_hash_mix64(uint64_t x)
{
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}
/* For hash tables and sampling within one process, not for security. */
uint64_t trivet_hash_bytes(const void *data, size_t n_bytes);
/* SipHash-2-4 (Aumasson, Bernstein 2012): who does not know the key cannot choose the hash. */
#define TRIVET_HASH_KEY_BYTES 16
struct trivet_hash_key {
    uint64_t low;
    uint64_t high;
};
struct trivet_hash_key trivet_hash_key_of(const uint8_t bytes[TRIVET_HASH_KEY_BYTES]);
/* The same on every platform. */
uint64_t trivet_hash_keyed(const struct trivet_hash_key *key, const void *data, size_t n_bytes);
/* MurmurHash3_x86_32 (Appleby 2011), as scikit-learn hashes features with. */
uint32_t trivet_hash_murmur3(const void *data, size_t n_bytes, uint32_t seed);

#endif
