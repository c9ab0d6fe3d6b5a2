/* Which predictions are sent as samples: by a hash of their id, at a rate that follows the load, so
 * that a version stays under its samples per second. May be used by: events. */
#ifndef TRIVET_EVENTS_SAMPLER_H
#define TRIVET_EVENTS_SAMPLER_H

#include "base/compiler.h"

#include <stdbool.h>
#include <stdint.h>

struct trivet_sampler;

/* Caps per version and second, of predictions and of failed rows; 0 = none are sent. NULL when out
 * of memory. */
struct trivet_sampler *trivet_sampler_create(uint32_t samples_per_s_max, uint32_t errors_per_s_max);
void trivet_sampler_free(struct trivet_sampler *sampler);

/* False when none of that kind is ever sent. */
bool trivet_sampler_is_on(const struct trivet_sampler *sampler, bool failed);
/* True when the prediction whose id hashes to `id_hash` is to be sent; then *weight is how many
 * predictions it stands for. Any thread. Of each second, the rate is cap / (offered in the second
 * before); the first second of a version takes all up to the cap. */
bool trivet_sampler_offer(struct trivet_sampler *sampler, const char *model, uint64_t version,
                          bool failed, uint64_t id_hash, int64_t now_ns, double *weight);
/* The same for `n_offered` predictions at once that did not fail, in two steps: begin says which
 * are chosen and how many of those may be sent; end, which were. Others may offer in between. */
struct trivet_sample_round {
    uint64_t threshold; /* ids whose hash is at most this are chosen */
    uint64_t room;      /* of the chosen, at most so many are sent */
    double weight;
};
struct trivet_sample_round trivet_sampler_begin(struct trivet_sampler *sampler, const char *model,
                                                uint64_t version, uint64_t n_offered,
                                                int64_t now_ns);
void trivet_sampler_end(struct trivet_sampler *sampler, const char *model, uint64_t version,
                        uint64_t n_chosen, uint64_t n_sent);
/* How many were chosen by their hash and held back by the cap: no weight stands for them. */
uint64_t trivet_sampler_suppressed(struct trivet_sampler *sampler);

#endif
