/* Which rows are kept together or in proportion when rows are split: made once for a table, asked
 * for every split of its rows. */
#ifndef TRIVET_EVALUATION_SPLITTER_H
#define TRIVET_EVALUATION_SPLITTER_H

#include "base/compiler.h"
#include "data/split.h"
#include "data/table.h"
#include "models/estimator.h"

#include <trivet/error.h>

#include <stddef.h>
#include <stdint.h>

struct trivet_splitter {
    enum trivet_split_kind kind;
    uint32_t *keys; /* owned, of every row of the table: its class or group; NULL: not needed */
    size_t n_keys;
};

/* `kind` as in training.proto, 0 = by the task. STRATIFIED takes classes of the column `target`,
 * GROUPED groups of the column `group`; keys are there for rows `rows[0..n_rows)`.
 * INVALID_ARGUMENT: no such column, no group in a row, STRATIFIED without classes. */
enum trivet_status trivet_splitter_init(Trivet__V1__SplitKind kind, enum trivet_task task,
                                        const struct trivet_table *table, const char *target,
                                        const char *group, const size_t *rows, size_t n_rows,
                                        struct trivet_splitter *out,
                                        struct trivet_error *err) TRIVET_MUST_USE;
void trivet_splitter_release(struct trivet_splitter *splitter);
/* The plan for rows `rows[0..n_rows)` of the table; `keys` (n_rows) is the caller's room. */
struct trivet_split_plan trivet_splitter_plan(const struct trivet_splitter *splitter,
                                              const size_t *rows, size_t n_rows, uint64_t seed,
                                              uint32_t *keys);

#endif
