#include "monitor/history/internal.h"

enum trivet_status trivet_history_facts(struct trivet_history *history,
                                        struct trivet_history_facts *out, struct trivet_error *err)
{
    static const char sql[] =
        "SELECT (SELECT page_count FROM pragma_page_count) * (SELECT page_size FROM "
        "pragma_page_size), (SELECT count(*) FROM sample),"
        " coalesce((SELECT unix_s FROM sample ORDER BY id LIMIT 1), 0)";
    sqlite3_stmt *row = NULL;
    pthread_mutex_lock(&history->lock);
    enum trivet_status status = trivet_history_prepare(history, sql, &row, err);
    if (status == TRIVET_OK && sqlite3_step(row) != SQLITE_ROW) {
        status = trivet_history_error(history, "reading the history", err);
    }
    if (status == TRIVET_OK) {
        out->file_bytes = (uint64_t)sqlite3_column_int64(row, 0);
        out->samples = (uint64_t)sqlite3_column_int64(row, 1);
        out->oldest_unix_s = sqlite3_column_int64(row, 2);
    }
    sqlite3_finalize(row);
    pthread_mutex_unlock(&history->lock);
    return status;
}
