#include "monitor/pages/report_server.h"

#include "monitor/json.h"

#include <math.h>

#define US_PER_S 1000000LL

struct column {
    const char *name;
    double (*value)(const struct trivet_resource_point *point);
};

#define COLUMN(field)                                                                              \
    static double field##_of(const struct trivet_resource_point *point)                            \
    {                                                                                              \
        return (double)point->field;                                                               \
    }

COLUMN(rss_bytes)
COLUMN(threads)
COLUMN(open_files)
COLUMN(queue_rows)
COLUMN(queue_rows_max)
COLUMN(calls_in_hand)
COLUMN(calls_max)
COLUMN(connections)
COLUMN(connections_max)
COLUMN(model_bytes)
COLUMN(model_bytes_max)
COLUMN(models_loaded)
COLUMN(jobs_queued)
COLUMN(jobs_running)

static const struct column columns[] = {
    {"rss_bytes", rss_bytes_of},
    {"threads", threads_of},
    {"open_files", open_files_of},
    {"queue_rows", queue_rows_of},
    {"queue_rows_max", queue_rows_max_of},
    {"calls_in_hand", calls_in_hand_of},
    {"calls_max", calls_max_of},
    {"connections", connections_of},
    {"connections_max", connections_max_of},
    {"model_bytes", model_bytes_of},
    {"model_bytes_max", model_bytes_max_of},
    {"models_loaded", models_loaded_of},
    {"jobs_queued", jobs_queued_of},
    {"jobs_running", jobs_running_of},
};

static json_t *source_json(const struct trivet_monitor_source *source, int64_t now_s)
{
    const struct trivet_resource_ring *ring = &source->history;
    int64_t end = now_s - now_s % TRIVET_RESOURCE_STEP_S;
    int64_t begin = end - (TRIVET_RESOURCE_POINTS - 2) * (int64_t)TRIVET_RESOURCE_STEP_S;
    json_t *object =
        json_pack("{s:s, s:b}", "server", source->server_url, "server_up", source->server_up);
    json_t *t = json_array();
    json_t *cpu = json_array();
    for (int64_t at = begin; at <= end; at += TRIVET_RESOURCE_STEP_S) {
        const struct trivet_resource_point *point = trivet_resource_ring_at(ring, at);
        double cores = trivet_resource_cores(
            trivet_resource_ring_at(ring, at - TRIVET_RESOURCE_STEP_S), point);
        (void)json_array_append_new(t, json_integer(at));
        (void)json_array_append_new(cpu, isfinite(cores) ? json_real(100.0 * cores) : json_null());
    }
    (void)json_object_set_new(object, "t", t);
    (void)json_object_set_new(object, "cpu_percent", cpu);
    for (size_t c = 0; c < TRIVET_ARRAY_COUNT(columns); c++) {
        json_t *list = json_array();
        for (int64_t at = begin; at <= end; at += TRIVET_RESOURCE_STEP_S) {
            const struct trivet_resource_point *point = trivet_resource_ring_at(ring, at);
            (void)json_array_append_new(
                list,
                point != NULL ? json_integer((json_int_t)columns[c].value(point)) : json_null());
        }
        (void)json_object_set_new(object, columns[c].name, list);
    }
    return object;
}

enum trivet_status trivet_report_server(struct trivet_monitor *monitor, int64_t now_us,
                                        struct trivet_buffer *out, struct trivet_error *err)
{
    json_t *list = json_array();
    pthread_mutex_lock(&monitor->lock);
    for (size_t i = 0; i < monitor->n_sources; i++) {
        (void)json_array_append_new(list, source_json(&monitor->sources[i], now_us / US_PER_S));
    }
    pthread_mutex_unlock(&monitor->lock);
    return trivet_json_finish(json_pack("{s:o, s:i, s:o}", "unix_us", json_integer(now_us),
                                        "step_s", TRIVET_RESOURCE_STEP_S, "servers", list),
                              out, err);
}
