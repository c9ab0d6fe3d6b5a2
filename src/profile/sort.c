#include "profile/sort.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define DIGIT_BITS   11
#define N_DIGITS     6
#define N_BUCKETS    (1u << DIGIT_BITS)
#define SIGN_BIT     (UINT64_C(1) << 63)
#define INSERT_BELOW 64

static void insertion_sort(double *values, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        double value = values[i];
        size_t j = i;
        while (j > 0 && values[j - 1] > value) {
            values[j] = values[j - 1];
            j--;
        }
        values[j] = value;
    }
}

/* A key whose unsigned order is the order of the doubles: all bits of a negative number flipped,
 * the sign alone of a positive one. */
static uint64_t key_of(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof(bits));
    return bits ^ ((bits & SIGN_BIT) != 0 ? UINT64_MAX : SIGN_BIT);
}

static size_t digit_of(double value, unsigned pass)
{
    return (size_t)(key_of(value) >> (pass * DIGIT_BITS)) & (N_BUCKETS - 1);
}

/* One pass by one digit; false when all values have the same, and nothing was moved. */
static bool distribute(const double *from, double *to, size_t count, unsigned pass)
{
    size_t starts[N_BUCKETS] = {0};
    for (size_t i = 0; i < count; i++) {
        starts[digit_of(from[i], pass)]++;
    }
    if (starts[digit_of(from[0], pass)] == count) {
        return false;
    }
    size_t start = 0;
    for (size_t bucket = 0; bucket < N_BUCKETS; bucket++) {
        size_t n_values = starts[bucket];
        starts[bucket] = start;
        start += n_values;
    }
    for (size_t i = 0; i < count; i++) {
        to[starts[digit_of(from[i], pass)]++] = from[i];
    }
    return true;
}

void trivet_profile_sort(double *values, double *scratch, size_t count)
{
    if (count < INSERT_BELOW) {
        insertion_sort(values, count);
        return;
    }
    double *from = values;
    double *to = scratch;
    for (unsigned pass = 0; pass < N_DIGITS; pass++) {
        if (distribute(from, to, count, pass)) {
            double *swap = from;
            from = to;
            to = swap;
        }
    }
    if (from != values) {
        memcpy(values, from, count * sizeof(*values));
    }
}
