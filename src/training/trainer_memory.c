/* The memory limit of the child.
 *
 * OpenBLAS takes a work buffer of 128 MiB of address space at its first product, and when it cannot
 * have it, it asks again for ever. So a small model is fitted before the limit is set: after that
 * the buffer is there and is used again by every product of this thread. The limit is on top of
 * what the process has then, so that it does not depend on the size of libraries. */
#include "training/trainer_internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define WARM_UP_ROWS 8

static enum trivet_status fit_warm_up(const struct trivet_schema *schema,
                                      const struct trivet_table *table, struct trivet_error *err)
{
    char target[] = "y";
    char estimator[] = "linear_regression";
    Trivet__V1__PipelineSpec spec = TRIVET__V1__PIPELINE_SPEC__INIT;
    spec.target = target;
    spec.estimator = estimator;
    struct trivet_pipeline *pipeline = NULL;
    struct trivet_fit_report report = {0};
    const struct trivet_fit_context context = {0};
    enum trivet_status status = trivet_pipeline_create(&spec, schema, &pipeline, err);
    if (status == TRIVET_OK) {
        status = trivet_pipeline_fit(pipeline, table, NULL, table->n_rows, &context, &report, err);
    }
    trivet_fit_report_release(&report);
    trivet_pipeline_free(pipeline);
    return status;
}

static enum trivet_status warm_up(struct trivet_error *err)
{
    static const double x[WARM_UP_ROWS] = {1, 2, 3, 4, 5, 6, 7, 8};
    static const double z[WARM_UP_ROWS] = {1, 4, 9, 16, 25, 36, 49, 64};
    static const double y[WARM_UP_ROWS] = {1, 3, 2, 5, 4, 7, 6, 8};
    const struct trivet_column columns[] = {
        {.name = "x", .type = TRIVET_COLUMN_NUMERIC, .stride = 1, .numbers = x},
        {.name = "z", .type = TRIVET_COLUMN_NUMERIC, .stride = 1, .numbers = z},
        {.name = "y", .type = TRIVET_COLUMN_NUMERIC, .stride = 1, .numbers = y},
    };
    const struct trivet_table table = {
        .n_rows = WARM_UP_ROWS, .n_columns = TRIVET_ARRAY_COUNT(columns), .columns = columns};
    struct trivet_schema schema = {0};
    enum trivet_status status = TRIVET_OK;
    for (size_t i = 0; i < table.n_columns && status == TRIVET_OK; i++) {
        status = trivet_schema_add(&schema, columns[i].name, columns[i].type, err);
    }
    if (status == TRIVET_OK) {
        status = fit_warm_up(&schema, &table, err);
    }
    trivet_schema_release(&schema);
    return status;
}

/* Address space of this process; 0 when it cannot be told. */
static uint64_t address_space_bytes(void)
{
    unsigned long long n_pages = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (file == NULL) {
        return 0;
    }
    const int n_read = fscanf(file, "%llu", &n_pages);
    fclose(file);
    return n_read == 1 ? n_pages * (uint64_t)sysconf(_SC_PAGESIZE) : 0;
}

enum trivet_status trivet_trainer_limit_memory(uint64_t bytes, struct trivet_error *err)
{
    if (bytes == 0) {
        return TRIVET_OK;
    }
    const enum trivet_status status = warm_up(err);
    if (status != TRIVET_OK) {
        return status;
    }
    const uint64_t taken_bytes = address_space_bytes();
    const rlim_t most = bytes > UINT64_MAX - taken_bytes ? RLIM_INFINITY : taken_bytes + bytes;
    const struct rlimit limit = {.rlim_cur = most, .rlim_max = most};
    if (setrlimit(RLIMIT_AS, &limit) != 0) {
        return trivet_error_set(err, TRIVET_INTERNAL,
                                "the trainer cannot limit its memory to %llu bytes: %s",
                                (unsigned long long)bytes, strerror(errno));
    }
    return TRIVET_OK;
}
