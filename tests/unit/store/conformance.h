/* The parts of the conformance suite; each file is a table of tests over store.h alone. */
#ifndef TESTS_UNIT_STORE_CONFORMANCE_H
#define TESTS_UNIT_STORE_CONFORMANCE_H

#include "fixture.h"

struct conformance_part {
    const char *name;
    const struct CMUnitTest *tests;
    size_t n_tests;
};

extern const struct conformance_part conformance_txn;
extern const struct conformance_part conformance_datasets;
extern const struct conformance_part conformance_versions;
extern const struct conformance_part conformance_traffic;
extern const struct conformance_part conformance_retention;
extern const struct conformance_part conformance_audit;
extern const struct conformance_part conformance_jobs;
extern const struct conformance_part conformance_log;

#endif
