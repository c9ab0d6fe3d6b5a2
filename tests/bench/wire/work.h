/* What the load generator sends and what it must get: requests that were packed beforehand, and the
 * check of every answer against the model, computed here. Errors of set-up end the program. */
#ifndef TESTS_BENCH_WORK_H
#define TESTS_BENCH_WORK_H

#include "base/compiler.h"
#include "sp/protocol.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WORK_MODELS_MAX 4
#define WORK_SLOTS_MAX  ((size_t)1 << 20)

/* A linear or logistic model as its training report tells it. */
struct work_model {
    uint64_t version;
    size_t n_features;
    bool logistic;
    double intercept;
    double *coefficients;
};

struct work_options {
    const char *model; /* its name on the server */
    const char *files[WORK_MODELS_MAX];
    size_t n_files;
    size_t n_rows;      /* of a request */
    bool ipc;           /* framing */
    bool echo;          /* the reply is the request's beginning */
    bool bare;          /* no SP: requests and replies of known sizes, one after the other */
    size_t reply_bytes; /* of an echo: the whole message on the wire */
    size_t n_slots;
};

/* A slot is one request that may be in flight, with bytes of its own. */
struct work {
    struct work_options options;
    struct work_model models[WORK_MODELS_MAX];
    size_t n_models;
    enum trivet_sp_framing framing;
    size_t prefix_bytes;
    size_t request_bytes; /* on the wire, prefix included; the same for all */
    size_t n_variants;
    double *expected;  /* (n_models, n_variants, n_rows) */
    uint8_t *requests; /* (n_slots, request_bytes) */
    uint32_t *ids;     /* (n_slots) of the request last sent */
};

enum work_verdict {
    WORK_RIGHT,
    WORK_WRONG,  /* answered OK with another value, or not as a reply is made */
    WORK_FAILED, /* answered with an error */
};

_Noreturn void die(const char *format, ...) TRIVET_PRINTF(1, 2);

void work_init(struct work *work, const struct work_options *options);
void work_release(struct work *work);

/* The bytes of a slot, under an id that it has not had lately. */
const uint8_t *work_stamp(struct work *work, size_t slot);
/* Which slot a reply answers; false when it answers none that was sent. `payload` after the
 * prefix. */
bool work_slot_of(const struct work *work, const uint8_t *payload, size_t n_bytes, size_t *slot);
/* `why` (of 128 bytes) gets what is not right. */
enum work_verdict work_check(const struct work *work, size_t slot, const uint8_t *payload,
                             size_t n_bytes, char *why);

#endif
