#include "monitor/history/internal.h"

#include "base/text.h"

static enum trivet_status forget_in(struct trivet_history *history, const char *table,
                                    const char *model, uint64_t version, struct trivet_error *err)
{
    char sql[96];
    sqlite3_stmt *write = NULL;
    (void)trivet_text_format(sql, sizeof(sql), "DELETE FROM %s WHERE model = ? AND version = ?",
                             table);
    enum trivet_status status = trivet_history_prepare(history, sql, &write, err);
    if (status == TRIVET_OK) {
        (void)sqlite3_bind_text(write, 1, model, -1, SQLITE_STATIC);
        (void)sqlite3_bind_int64(write, 2, (int64_t)version);
        if (sqlite3_step(write) != SQLITE_DONE) {
            status = trivet_history_error(history, "writing the history", err);
        }
    }
    sqlite3_finalize(write);
    return status;
}

enum trivet_status trivet_history_forget(struct trivet_history *history, const char *model,
                                         uint64_t version, struct trivet_error *err)
{
    static const char *const tables[] = {"total",         "outcome", "outcome_sum",  "quality_slot",
                                         "quality_point", "drift",   "drift_window", "sample"};
    enum trivet_status status = TRIVET_OK;
    for (size_t i = 0; i < TRIVET_ARRAY_COUNT(tables) && status == TRIVET_OK; i++) {
        status = forget_in(history, tables[i], model, version, err);
    }
    return status;
}
