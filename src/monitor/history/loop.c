#include "monitor/history/loop.h"

#include "base/text.h"
#include "monitor/history/internal.h"
#include "monitor/loop/state.h"

#include <string.h>

enum trivet_status trivet_history_loop_load(struct trivet_history *history, const char *model,
                                            struct trivet_loop_state *out, struct trivet_error *err)
{
    sqlite3_stmt *row = NULL;
    pthread_mutex_lock(&history->lock);
    enum trivet_status status =
        trivet_history_prepare(history, "SELECT state FROM loop_state WHERE model = ?", &row, err);
    if (status == TRIVET_OK) {
        (void)sqlite3_bind_text(row, 1, model, -1, SQLITE_STATIC);
        int step = sqlite3_step(row);
        const char *text = step == SQLITE_ROW ? (const char *)sqlite3_column_text(row, 0) : NULL;
        if (text != NULL) {
            status = trivet_loop_state_read(text, out, err);
        } else if (step == SQLITE_DONE) {
            status = trivet_error_set(err, TRIVET_NOT_FOUND, "%s has no loop yet", model);
        } else {
            status = trivet_history_error(history, "reading the history", err);
        }
    }
    sqlite3_finalize(row);
    pthread_mutex_unlock(&history->lock);
    return status;
}

static enum trivet_status run(struct trivet_history *history, sqlite3_stmt *statement,
                              struct trivet_error *err)
{
    return sqlite3_step(statement) == SQLITE_DONE
               ? TRIVET_OK
               : trivet_history_error(history, "writing the history", err);
}

static enum trivet_status write_state(struct trivet_history *history, const char *model,
                                      const struct trivet_buffer *text, struct trivet_error *err)
{
    sqlite3_stmt *write = NULL;
    enum trivet_status status = trivet_history_prepare(
        history, "INSERT OR REPLACE INTO loop_state(model, state) VALUES(?, ?)", &write, err);
    if (status == TRIVET_OK) {
        (void)sqlite3_bind_text(write, 1, model, -1, SQLITE_STATIC);
        (void)sqlite3_bind_text64(write, 2, (const char *)text->data, text->n_bytes, SQLITE_STATIC,
                                  SQLITE_UTF8);
        status = run(history, write, err);
    }
    sqlite3_finalize(write);
    return status;
}

static enum trivet_status write_event(struct trivet_history *history, const char *model,
                                      const struct trivet_loop_event *event, int64_t now_us,
                                      struct trivet_error *err)
{
    sqlite3_stmt *write = NULL;
    sqlite3_stmt *trim = NULL;
    enum trivet_status status = trivet_history_prepare(
        history,
        "INSERT INTO loop_step(unix_us, model, round, step, outcome, version, text)"
        " VALUES(?, ?, ?, ?, ?, ?, ?)",
        &write, err);
    if (status == TRIVET_OK) {
        (void)sqlite3_bind_int64(write, 1, now_us);
        (void)sqlite3_bind_text(write, 2, model, -1, SQLITE_STATIC);
        (void)sqlite3_bind_int64(write, 3, (int64_t)event->round);
        (void)sqlite3_bind_text(write, 4, trivet_loop_step_name(event->step), -1, SQLITE_STATIC);
        (void)sqlite3_bind_text(write, 5, trivet_loop_outcome_name(event->outcome), -1,
                                SQLITE_STATIC);
        (void)sqlite3_bind_int64(write, 6, (int64_t)event->version);
        (void)sqlite3_bind_text(write, 7, event->text, -1, SQLITE_STATIC);
        status = run(history, write, err);
    }
    if (status == TRIVET_OK) {
        status = trivet_history_prepare(
            history, "DELETE FROM loop_step WHERE id <= (SELECT max(id) FROM loop_step) - ?", &trim,
            err);
    }
    if (status == TRIVET_OK) {
        (void)sqlite3_bind_int64(trim, 1, TRIVET_LOOP_STEPS_MAX);
        status = run(history, trim, err);
    }
    sqlite3_finalize(write);
    sqlite3_finalize(trim);
    return status;
}

enum trivet_status trivet_history_loop_save(struct trivet_history *history, const char *model,
                                            const struct trivet_loop_state *state,
                                            const struct trivet_loop_event *event, int64_t now_us,
                                            struct trivet_error *err)
{
    struct trivet_buffer text = {0};
    enum trivet_status status = trivet_loop_state_write(state, &text, err);
    pthread_mutex_lock(&history->lock);
    if (status == TRIVET_OK) {
        /* NORMAL would keep the order, and may lose the last of it with the power. */
        status = trivet_history_exec(history, "PRAGMA synchronous=FULL; BEGIN IMMEDIATE", err);
    }
    if (status == TRIVET_OK) {
        status = write_state(history, model, &text, err);
    }
    if (status == TRIVET_OK && event->happened) {
        status = write_event(history, model, event, now_us, err);
    }
    if (status == TRIVET_OK) {
        status = trivet_history_exec(history, "COMMIT", err);
    }
    if (status != TRIVET_OK && sqlite3_get_autocommit(history->db) == 0) {
        (void)sqlite3_exec(history->db, "ROLLBACK", NULL, NULL, NULL);
    }
    (void)sqlite3_exec(history->db, "PRAGMA synchronous=NORMAL", NULL, NULL, NULL);
    pthread_mutex_unlock(&history->lock);
    trivet_buffer_release(&text);
    return status;
}

static enum trivet_status read_step(sqlite3_stmt *row, void *item, struct trivet_error *err)
{
    (void)err;
    struct trivet_history_loop_step *out = item;
    const char *text = (const char *)sqlite3_column_text(row, 5);
    *out = (struct trivet_history_loop_step){
        .unix_us = sqlite3_column_int64(row, 0),
        .event = {.happened = true,
                  .round = (uint64_t)sqlite3_column_int64(row, 1),
                  .version = (uint64_t)sqlite3_column_int64(row, 4)}};
    /* Names of a later version than this are shown as unknown. */
    (void)trivet_loop_step_parse((const char *)sqlite3_column_text(row, 2), &out->event.step);
    (void)trivet_loop_outcome_parse((const char *)sqlite3_column_text(row, 3), &out->event.outcome);
    (void)trivet_text_copy(out->event.text, sizeof(out->event.text), text != NULL ? text : "");
    return TRIVET_OK;
}

enum trivet_status trivet_history_loop_steps(struct trivet_history *history, const char *model,
                                             struct trivet_history_loop_step *out, size_t n_max,
                                             size_t *n, struct trivet_error *err)
{
    sqlite3_stmt *rows = NULL;
    *n = 0;
    pthread_mutex_lock(&history->lock);
    enum trivet_status status = trivet_history_prepare(
        history,
        "SELECT unix_us, round, step, outcome, version, text FROM loop_step WHERE model = ?"
        " ORDER BY id DESC LIMIT ?",
        &rows, err);
    if (status == TRIVET_OK) {
        (void)sqlite3_bind_text(rows, 1, model, -1, SQLITE_STATIC);
        (void)sqlite3_bind_int64(rows, 2, (int64_t)n_max);
        status = trivet_history_collect(history, rows, read_step, out, sizeof(*out), n_max, n, err);
    }
    sqlite3_finalize(rows);
    pthread_mutex_unlock(&history->lock);
    return status;
}
