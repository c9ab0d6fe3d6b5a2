/* Shares of the traffic of models. */
#include "base/text.h"
#include "store/sqlite_db.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define SHARE_COLUMNS "model, version, weight, shadow"
/* " 18446744073709551615:4294967295s" of each share. */
#define SHARES_BYTES (TRIVET_STORE_SHARES_MAX * 40)

static void list_share(struct trivet_sqlite_query *query, void *out, size_t index)
{
    struct trivet_store_share *shares = out;
    struct trivet_store_share *share = &shares[index];
    trivet_sqlite_column_text(query, share->model, sizeof(share->model));
    share->version = trivet_sqlite_column_u64(query);
    share->weight = (uint32_t)trivet_sqlite_column_u64(query);
    share->shadow = trivet_sqlite_column_int(query) != 0;
}

static enum trivet_status list_shares(struct trivet_sqlite_conn *conn, const char *model,
                                      struct trivet_store_share *out, size_t count_max,
                                      size_t *count, struct trivet_error *err)
{
    static const char all_sql[] =
        "SELECT " SHARE_COLUMNS " FROM traffic ORDER BY model, place LIMIT ?";
    static const char one_sql[] =
        "SELECT " SHARE_COLUMNS " FROM traffic WHERE model = ? ORDER BY place LIMIT ?";
    struct trivet_sqlite_query query;
    trivet_sqlite_query_open(&query, conn, model == NULL ? all_sql : one_sql);
    if (model != NULL)
        trivet_sqlite_bind_text(&query, model);
    trivet_sqlite_bind_u64(&query, count_max);
    return trivet_sqlite_query_list(&query, list_share, out, count_max, count, err);
}

enum trivet_status trivet_sqlite_traffic_list(void *backend, const char *model,
                                              struct trivet_store_share *out, size_t count_max,
                                              size_t *count, struct trivet_error *err)
{
    struct trivet_sqlite_store *store = backend;
    struct trivet_sqlite_conn *conn = trivet_sqlite_reader_take(&store->catalog);
    enum trivet_status status = list_shares(conn, model, out, count_max, count, err);
    trivet_sqlite_reader_give(&store->catalog, conn);
    return status;
}

/* --- Shares as text -------------------------------------------------------------------------- */

static void write_shares(const struct trivet_store_share *shares, size_t count,
                         char text[SHARES_BYTES])
{
    size_t n_bytes = 0;
    text[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        char *to = text + n_bytes;
        (void)trivet_text_format(to, SHARES_BYTES - n_bytes, "%s%" PRIu64 ":%" PRIu32 "%s",
                                 i == 0 ? "" : " ", shares[i].version, shares[i].weight,
                                 shares[i].shadow ? "s" : "");
        n_bytes += strlen(to);
    }
}

/* One share; moves *at behind it and the blank that follows. */
static bool read_share(const char **at, struct trivet_store_share *out)
{
    char *end = NULL;
    *out = (struct trivet_store_share){.version = strtoull(*at, &end, 10)};
    if (end == *at || *end != ':')
        return false;
    const char *weight = end + 1;
    out->weight = (uint32_t)strtoul(weight, &end, 10);
    if (end == weight)
        return false;
    out->shadow = *end == 's';
    end += out->shadow;
    *at = *end == ' ' ? end + 1 : end;
    return *end == ' ' || *end == '\0';
}

void trivet_sqlite_column_shares(struct trivet_sqlite_query *query,
                                 struct trivet_store_alias_change *out)
{
    char text[SHARES_BYTES];
    const char *at = text;
    out->n_shares = 0;
    trivet_sqlite_column_text(query, text, sizeof(text));
    bool fine = true;
    while (query->rc == SQLITE_OK && fine && *at != '\0') {
        fine =
            out->n_shares < TRIVET_STORE_SHARES_MAX && read_share(&at, &out->shares[out->n_shares]);
        out->n_shares += fine;
    }
    if (!fine)
        query->rc = SQLITE_CORRUPT;
}

/* --- Set ------------------------------------------------------------------------------------- */

static bool same_shares(const struct trivet_store_share *a, size_t n_a,
                        const struct trivet_store_share *b, size_t n_b)
{
    bool same = n_a == n_b;
    for (size_t i = 0; same && i < n_a; i++) {
        same = a[i].version == b[i].version && a[i].weight == b[i].weight &&
               a[i].shadow == b[i].shadow;
    }
    return same;
}

static enum trivet_status insert_share(struct trivet_sqlite_conn *conn, const char *model,
                                       size_t place, const struct trivet_store_share *share,
                                       struct trivet_error *err)
{
    static const char sql[] = "INSERT INTO traffic (model, place, version, weight, shadow)"
                              " VALUES (?, ?, ?, ?, ?)";
    struct trivet_sqlite_query query;
    trivet_sqlite_query_open(&query, conn, sql);
    trivet_sqlite_bind_text(&query, model);
    trivet_sqlite_bind_u64(&query, place);
    trivet_sqlite_bind_u64(&query, share->version);
    trivet_sqlite_bind_u64(&query, share->weight);
    trivet_sqlite_bind_int(&query, share->shadow);
    return trivet_sqlite_query_run(&query, err);
}

static enum trivet_status replace_shares(struct trivet_sqlite_conn *conn, const char *model,
                                         const struct trivet_store_share *shares, size_t count,
                                         struct trivet_error *err)
{
    struct trivet_sqlite_query query;
    trivet_sqlite_query_open(&query, conn, "DELETE FROM traffic WHERE model = ?");
    trivet_sqlite_bind_text(&query, model);
    enum trivet_status status = trivet_sqlite_query_run(&query, err);
    for (size_t i = 0; status == TRIVET_OK && i < count; i++)
        status = insert_share(conn, model, i, &shares[i], err);
    return status;
}

enum trivet_status trivet_sqlite_traffic_set(void *txn, const struct trivet_store_alias *change,
                                             const struct trivet_store_share *shares, size_t count,
                                             const struct trivet_store_cause *cause, bool *changed,
                                             struct trivet_error *err)
{
    struct trivet_sqlite_conn *conn = TRIVET_SQLITE_TXN_CONN(txn);
    struct trivet_store_share before[TRIVET_STORE_SHARES_MAX];
    size_t n_before = 0;
    char text[SHARES_BYTES];
    enum trivet_status status = TRIVET_OK;
    for (size_t i = 0; status == TRIVET_OK && i < count; i++)
        status = trivet_sqlite_version_exists(conn, change->model, shares[i].version, err);
    if (status == TRIVET_OK)
        status = list_shares(conn, change->model, before, TRIVET_STORE_SHARES_MAX, &n_before, err);
    if (status != TRIVET_OK)
        return status;
    if (same_shares(before, n_before, shares, count)) {
        *changed = false;
        return TRIVET_OK;
    }
    write_shares(shares, count, text);
    status = replace_shares(conn, change->model, shares, count, err);
    if (status == TRIVET_OK)
        status = trivet_sqlite_store_change(
            conn,
            &(struct trivet_sqlite_change){
                .kind = TRIVET_STORE_TRAFFIC_SET, .alias = change, .shares = text, .cause = cause},
            err);
    if (status == TRIVET_OK)
        *changed = true;
    return status;
}
