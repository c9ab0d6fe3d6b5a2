/* One suite, every backend. */
#include "conformance.h"

#include "base/compiler.h"

int main(void)
{
    const struct conformance_part *const parts[] = {
        &conformance_txn,       &conformance_datasets, &conformance_versions, &conformance_traffic,
        &conformance_retention, &conformance_audit,    &conformance_jobs,     &conformance_log};
    int n_failed = 0;
    for (size_t b = 0; b < fixture_n_backends; b++) {
        fixture_use(fixture_backends[b]);
        print_message("backend %s\n", fixture_backends[b]->name);
        for (size_t p = 0; p < TRIVET_ARRAY_COUNT(parts); p++)
            n_failed += _cmocka_run_group_tests(parts[p]->name, parts[p]->tests, parts[p]->n_tests,
                                                NULL, NULL);
    }
    return n_failed == 0 ? 0 : 1;
}
