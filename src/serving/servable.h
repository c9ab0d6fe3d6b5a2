/* A servable: one immutable loaded version, reference counted. */
#ifndef TRIVET_SERVING_SERVABLE_H
#define TRIVET_SERVING_SERVABLE_H

#include "artefact/artefact.h"
#include "base/compiler.h"
#include "data/table.h"
#include "linalg/matrix.h"
#include "models/pipeline_plan.h"
#include "serving/cost.h"

#include <trivet/error.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct trivet_servable;

/* Loads and warms up; one reference for the caller. Off the data path. */
enum trivet_status trivet_servable_create(const char *model, uint64_t version, const void *artefact,
                                          size_t n_bytes, struct trivet_servable **out,
                                          struct trivet_error *err) TRIVET_MUST_USE;
struct trivet_servable *trivet_servable_ref(struct trivet_servable *servable);
void trivet_servable_unref(struct trivet_servable *servable); /* NULL is fine */
/* Whether the caller's reference is the only one left. */
bool trivet_servable_is_last(const struct trivet_servable *servable);

const char *trivet_servable_model(const struct trivet_servable *servable);
uint64_t trivet_servable_version(const struct trivet_servable *servable);
const struct trivet_artefact *trivet_servable_artefact(const struct trivet_servable *servable);
const struct trivet_pipeline *trivet_servable_pipeline(const struct trivet_servable *servable);
/* The fast way for rows of numbers; NULL when the pipeline has none. */
const struct trivet_plan *trivet_servable_plan(const struct trivet_servable *servable);
size_t trivet_servable_memory_bytes(const struct trivet_servable *servable);
/* When it was last looked up or predicted with, on the monotonic clock. Any thread. */
void trivet_servable_touch(struct trivet_servable *servable, int64_t now_ns);
int64_t trivet_servable_touched_ns(const struct trivet_servable *servable);
/* The estimate from the warm-up on, and what a measured batch of workers makes of it. Any thread;
 * of two at once one may be lost. */
struct trivet_cost trivet_servable_cost(const struct trivet_servable *servable);
void trivet_servable_learn(struct trivet_servable *servable, size_t n_rows, double took_ns);
/* A pointer-sized slot for who serves (the events' totals of this version), set once before it is
 * published in a set. `release` (or NULL) gets it when the last reference to the servable is given
 * back, on that thread. */
void trivet_servable_set_user(struct trivet_servable *servable, void *user,
                              void (*release)(void *user));
void *trivet_servable_user(const struct trivet_servable *servable);
/* Who counts what it serves (serving/observer.h); takes the reference. Set once likewise; NULL =
 * nobody. */
struct trivet_observer;
void trivet_servable_set_observer(struct trivet_servable *servable,
                                  struct trivet_observer *observer);
struct trivet_observer *trivet_servable_observer(const struct trivet_servable *servable);

#endif
