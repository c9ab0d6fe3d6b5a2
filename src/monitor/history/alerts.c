#include "monitor/history/alerts.h"

#include "base/log.h"
#include "base/text.h"
#include "monitor/alerts/message.h"
#include "monitor/history/internal.h"

#include <string.h>

/* By number of the result column or, plus one, of the parameter. */
enum column {
    ID,
    RULE,
    KIND,
    STATE,
    MODEL,
    VERSION,
    SOURCE,
    SINCE,
    STARTED,
    FIRED,
    RESOLVED,
    VALUE,
    THRESHOLD,
    DETAIL
};

#define COLUMNS                                                                                    \
    "id, rule, kind, state, model, version, source, since_us, started_us, fired_us, resolved_us,"  \
    " value, threshold, detail"

static void read_text(sqlite3_stmt *row, int column, char *to, size_t to_bytes)
{
    const char *text = (const char *)sqlite3_column_text(row, column);
    (void)trivet_text_copy(to, to_bytes, text != NULL ? text : "");
}

/* False for a kind or state that this version does not have. */
static bool read_alert(sqlite3_stmt *row, struct trivet_alert *out)
{
    char kind[32];
    char state[32];
    size_t k = 0;
    size_t s = 0;
    read_text(row, KIND, kind, sizeof(kind));
    read_text(row, STATE, state, sizeof(state));
    while (k < TRIVET_ALERT_KIND_COUNT &&
           strcmp(trivet_alert_kind_name((enum trivet_alert_kind)k), kind) != 0) {
        k++;
    }
    while (s < TRIVET_ALERT_STATE_COUNT &&
           strcmp(trivet_alert_state_name((enum trivet_alert_state)s), state) != 0) {
        s++;
    }
    if (k == TRIVET_ALERT_KIND_COUNT || s == TRIVET_ALERT_STATE_COUNT) {
        return false;
    }
    *out = (struct trivet_alert){
        .id = (uint64_t)sqlite3_column_int64(row, ID),
        .kind = (enum trivet_alert_kind)k,
        .state = (enum trivet_alert_state)s,
        .version = (uint64_t)sqlite3_column_int64(row, VERSION),
        .since_us = sqlite3_column_int64(row, SINCE),
        .started_us = sqlite3_column_int64(row, STARTED),
        .fired_us = sqlite3_column_int64(row, FIRED),
        .resolved_us = sqlite3_column_int64(row, RESOLVED),
        .value = sqlite3_column_double(row, VALUE),
        .threshold = sqlite3_column_double(row, THRESHOLD),
    };
    read_text(row, RULE, out->rule, sizeof(out->rule));
    read_text(row, MODEL, out->model, sizeof(out->model));
    read_text(row, SOURCE, out->source, sizeof(out->source));
    read_text(row, DETAIL, out->detail, sizeof(out->detail));
    return true;
}

enum trivet_status trivet_history_load_alerts(
    struct trivet_history *history,
    void (*take)(void *context, const struct trivet_alert *alert, int64_t now_us), void *context,
    int64_t now_us, struct trivet_error *err)
{
    sqlite3_stmt *rows = NULL;
    struct trivet_alert alert;
    int step = SQLITE_ROW;
    pthread_mutex_lock(&history->lock);
    enum trivet_status status = trivet_history_prepare(
        history, "SELECT " COLUMNS " FROM alert ORDER BY resolved_us, id", &rows, err);
    while (status == TRIVET_OK && (step = sqlite3_step(rows)) == SQLITE_ROW) {
        if (read_alert(rows, &alert)) {
            take(context, &alert, now_us);
        }
    }
    if (status == TRIVET_OK && step != SQLITE_DONE) {
        status = trivet_history_error(history, "reading the history", err);
    }
    sqlite3_finalize(rows);
    pthread_mutex_unlock(&history->lock);
    return status;
}

static enum trivet_status run(struct trivet_history *history, sqlite3_stmt *statement,
                              struct trivet_error *err)
{
    int step = sqlite3_step(statement);
    if (step != SQLITE_DONE && step != SQLITE_ROW) {
        return trivet_history_error(history, "writing alerts", err);
    }
    (void)sqlite3_reset(statement);
    return TRIVET_OK;
}

static void bind_text(sqlite3_stmt *statement, int column, const char *text)
{
    (void)sqlite3_bind_text(statement, column + 1, text, -1, SQLITE_STATIC);
}

static void bind_alert(sqlite3_stmt *write, const struct trivet_alert *alert)
{
    (void)sqlite3_bind_int64(write, ID + 1, (int64_t)alert->id);
    bind_text(write, RULE, alert->rule);
    bind_text(write, KIND, trivet_alert_kind_name(alert->kind));
    bind_text(write, STATE, trivet_alert_state_name(alert->state));
    bind_text(write, MODEL, alert->model);
    (void)sqlite3_bind_int64(write, VERSION + 1, (int64_t)alert->version);
    bind_text(write, SOURCE, alert->source);
    (void)sqlite3_bind_int64(write, SINCE + 1, alert->since_us);
    (void)sqlite3_bind_int64(write, STARTED + 1, alert->started_us);
    (void)sqlite3_bind_int64(write, FIRED + 1, alert->fired_us);
    (void)sqlite3_bind_int64(write, RESOLVED + 1, alert->resolved_us);
    (void)sqlite3_bind_double(write, VALUE + 1, alert->value);
    (void)sqlite3_bind_double(write, THRESHOLD + 1, alert->threshold);
    bind_text(write, DETAIL, alert->detail);
}

/* One that cannot be put into words is left out: it must not hold up others. */
static enum trivet_status queue_message(struct trivet_history *history, sqlite3_stmt *write,
                                        const struct trivet_alert *alert, struct trivet_error *err)
{
    struct trivet_buffer body = {0};
    enum trivet_status status = trivet_alert_message(alert, &body, err);
    if (status == TRIVET_INVALID_ARGUMENT) {
        trivet_log(TRIVET_LOG_ERROR, "alert_not_told", "id=%llu rule=%s message=%s",
                   (unsigned long long)alert->id, alert->rule, err->message);
        status = TRIVET_OK;
    } else if (status == TRIVET_OK) {
        (void)sqlite3_bind_text(write, 1, (const char *)body.data, (int)body.n_bytes,
                                SQLITE_STATIC);
        status = run(history, write, err);
    }
    trivet_buffer_release(&body);
    return status;
}

static enum trivet_status write_alerts(struct trivet_history *history,
                                       const struct trivet_alert *alerts, size_t n_alerts,
                                       size_t first_told, struct trivet_error *err)
{
    sqlite3_stmt *write = NULL;
    sqlite3_stmt *remove = NULL;
    sqlite3_stmt *queue = NULL;
    enum trivet_status status =
        trivet_history_prepare(history,
                               "INSERT OR REPLACE INTO alert(" COLUMNS
                               ") VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                               &write, err);
    if (status == TRIVET_OK) {
        status = trivet_history_prepare(history, "DELETE FROM alert WHERE id = ?", &remove, err);
    }
    if (status == TRIVET_OK) {
        status =
            trivet_history_prepare(history, "INSERT INTO webhook(body) VALUES(?)", &queue, err);
    }
    for (size_t i = 0; i < n_alerts && status == TRIVET_OK; i++) {
        if (alerts[i].state == TRIVET_ALERT_INACTIVE) {
            (void)sqlite3_bind_int64(remove, 1, (int64_t)alerts[i].id);
            status = run(history, remove, err);
            continue;
        }
        bind_alert(write, &alerts[i]);
        status = run(history, write, err);
        if (status == TRIVET_OK && i >= first_told && alerts[i].state != TRIVET_ALERT_PENDING) {
            status = queue_message(history, queue, &alerts[i], err);
        }
    }
    sqlite3_finalize(write);
    sqlite3_finalize(remove);
    sqlite3_finalize(queue);
    return status;
}

static enum trivet_status trim(struct trivet_history *history, struct trivet_error *err)
{
    char sql[240];
    (void)trivet_text_format(
        sql, sizeof(sql),
        "DELETE FROM alert WHERE state = 'resolved' AND id NOT IN (SELECT id FROM alert WHERE"
        " state = 'resolved' ORDER BY resolved_us DESC, id DESC LIMIT %d)",
        TRIVET_ALERTS_RESOLVED_MAX);
    enum trivet_status status = trivet_history_exec(history, sql, err);
    if (status == TRIVET_OK) {
        (void)trivet_text_format(
            sql, sizeof(sql), "DELETE FROM webhook WHERE id <= (SELECT max(id) FROM webhook) - %d",
            TRIVET_WEBHOOK_QUEUE_MAX);
        status = trivet_history_exec(history, sql, err);
    }
    if (status == TRIVET_OK) {
        history->webhook_dropped += (uint64_t)sqlite3_changes(history->db);
    }
    return status;
}

enum trivet_status trivet_history_save_alerts(struct trivet_history *history,
                                              const struct trivet_alert *alerts, size_t n_alerts,
                                              size_t first_told, struct trivet_error *err)
{
    pthread_mutex_lock(&history->lock);
    enum trivet_status status = trivet_history_exec(history, "BEGIN IMMEDIATE", err);
    if (status == TRIVET_OK) {
        status = write_alerts(history, alerts, n_alerts, first_told, err);
        if (status == TRIVET_OK) {
            status = trim(history, err);
        }
        if (status == TRIVET_OK) {
            status = trivet_history_exec(history, "COMMIT", err);
        }
        if (status != TRIVET_OK && sqlite3_get_autocommit(history->db) == 0) {
            (void)sqlite3_exec(history->db, "ROLLBACK", NULL, NULL, NULL);
        }
    }
    pthread_mutex_unlock(&history->lock);
    return status;
}

enum trivet_status trivet_history_webhook_add(struct trivet_history *history, const void *body,
                                              size_t n_bytes, struct trivet_error *err)
{
    sqlite3_stmt *write = NULL;
    pthread_mutex_lock(&history->lock);
    enum trivet_status status =
        trivet_history_prepare(history, "INSERT INTO webhook(body) VALUES(?)", &write, err);
    if (status == TRIVET_OK) {
        (void)sqlite3_bind_text(write, 1, body, (int)n_bytes, SQLITE_STATIC);
        status = run(history, write, err);
    }
    sqlite3_finalize(write);
    if (status == TRIVET_OK) {
        status = trim(history, err);
    }
    pthread_mutex_unlock(&history->lock);
    return status;
}

enum trivet_status trivet_history_webhook_next(struct trivet_history *history, int64_t after,
                                               int64_t *id, struct trivet_buffer *body,
                                               struct trivet_error *err)
{
    sqlite3_stmt *row = NULL;
    int step = SQLITE_DONE;
    *id = 0;
    pthread_mutex_lock(&history->lock);
    enum trivet_status status = trivet_history_prepare(
        history, "SELECT id, body FROM webhook WHERE id > ? ORDER BY id LIMIT 1", &row, err);
    if (status == TRIVET_OK) {
        (void)sqlite3_bind_int64(row, 1, after);
        step = sqlite3_step(row);
        if (step == SQLITE_ROW) {
            const void *text = sqlite3_column_blob(row, 1);
            status = trivet_buffer_append(body, text, (size_t)sqlite3_column_bytes(row, 1), err);
            *id = status == TRIVET_OK ? sqlite3_column_int64(row, 0) : 0;
        } else if (step != SQLITE_DONE) {
            status = trivet_history_error(history, "reading the webhook's queue", err);
        }
    }
    sqlite3_finalize(row);
    pthread_mutex_unlock(&history->lock);
    return status;
}

enum trivet_status trivet_history_webhook_done(struct trivet_history *history, int64_t id,
                                               struct trivet_error *err)
{
    sqlite3_stmt *write = NULL;
    pthread_mutex_lock(&history->lock);
    enum trivet_status status =
        trivet_history_prepare(history, "DELETE FROM webhook WHERE id <= ?", &write, err);
    if (status == TRIVET_OK) {
        (void)sqlite3_bind_int64(write, 1, id);
        status = run(history, write, err);
    }
    sqlite3_finalize(write);
    pthread_mutex_unlock(&history->lock);
    return status;
}

enum trivet_status trivet_history_webhook_count(struct trivet_history *history, int64_t after,
                                                uint64_t *n, uint64_t *dropped,
                                                struct trivet_error *err)
{
    sqlite3_stmt *row = NULL;
    pthread_mutex_lock(&history->lock);
    enum trivet_status status =
        trivet_history_prepare(history, "SELECT count(*) FROM webhook WHERE id > ?", &row, err);
    *dropped = history->webhook_dropped;
    if (status == TRIVET_OK) {
        (void)sqlite3_bind_int64(row, 1, after);
        if (sqlite3_step(row) == SQLITE_ROW) {
            *n = (uint64_t)sqlite3_column_int64(row, 0);
        } else {
            status = trivet_history_error(history, "reading the webhook's queue", err);
        }
    }
    sqlite3_finalize(row);
    pthread_mutex_unlock(&history->lock);
    return status;
}
