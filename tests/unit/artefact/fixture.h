/* A small fitted pipeline and its artefact. */
#ifndef TRIVET_TESTS_ARTEFACT_FIXTURE_H
#define TRIVET_TESTS_ARTEFACT_FIXTURE_H

#include "artefact/artefact.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct fixture {
    struct trivet_arena *arena;
    struct trivet_pipeline *pipeline;
    struct trivet_fit_report fit;
    Trivet__V1__Artefact message; /* whole; its parts may be changed */
};

/* y = 2 a - 3 b + 1, exactly. */
void fixture_init(struct fixture *fixture);
void fixture_release(struct fixture *fixture);
/* The message encoded; release the buffer. */
void fixture_encode(const struct fixture *fixture, struct trivet_buffer *out);

#endif
