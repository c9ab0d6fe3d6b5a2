#include "clients/cli/event_text.h"

#include "base/clock.h"
#include "base/text.h"
#include "clients/cli/format.h"
#include "clients/cli/job.h"
#include "clients/cli/traffic.h"
#include "wire/json.h"

#include <ctype.h>
#include <math.h>
#include <string.h>

#define OTHER      "(other)" /* classes beyond those that are told */
#define WHAT_BYTES 1024
#define DATE_BYTES 32
#define TIME_AT    11 /* in "2026-03-01T12:00:00.123Z" */
#define TIME_BYTES 13

enum trivet_status trivet_cli_event_json(const char *topic, const Trivet__V1__Event *event,
                                         struct trivet_buffer *out, struct trivet_error *err)
{
    enum trivet_status status = trivet_buffer_printf(out, err, "{\"topic\":");
    if (status == TRIVET_OK) {
        status = trivet_wire_json_text(topic, out, err);
    }
    if (status == TRIVET_OK) {
        status = trivet_buffer_printf(out, err, ",\"event\":");
    }
    if (status == TRIVET_OK) {
        status = trivet_wire_json_message(&event->base, out, err);
    }
    return status == TRIVET_OK ? trivet_buffer_printf(out, err, "}\n") : status;
}

static uint64_t count_of(Trivet__V1__CodeCount *const *counts, size_t n_counts, bool ok)
{
    uint64_t total = 0;
    for (size_t i = 0; i < n_counts; i++) {
        bool is_ok = counts[i]->status == TRIVET__V1__STATUS__STATUS_OK;
        total += is_ok == ok ? counts[i]->count : 0;
    }
    return total;
}

static void totals_text(const Trivet__V1__PredictionTotals *totals, char text[WHAT_BYTES])
{
    char rows[TRIVET_CLI_TEXT_BYTES];
    char failed[TRIVET_CLI_TEXT_BYTES];
    char calls[TRIVET_CLI_TEXT_BYTES];
    trivet_cli_format_count(count_of(totals->rows, totals->n_rows, true), rows);
    trivet_cli_format_count(count_of(totals->rows, totals->n_rows, false), failed);
    trivet_cli_format_count(count_of(totals->calls, totals->n_calls, true) +
                                count_of(totals->calls, totals->n_calls, false),
                            calls);
    trivet_text_format(text, WHAT_BYTES, "version %llu so far: %s predictions, %s failed, %s calls",
                       (unsigned long long)totals->version, rows, failed, calls);
}

/* "ALIAS_SET" → "alias set". */
static void words_of(const ProtobufCEnumDescriptor *type, int value,
                     char text[TRIVET_CLI_TEXT_BYTES])
{
    trivet_text_copy(text, TRIVET_CLI_TEXT_BYTES, trivet_wire_enum_name(type, value));
    for (char *c = text; *c != '\0'; c++) {
        *c = *c == '_' ? ' ' : (char)tolower((unsigned char)*c);
    }
}

static void server_text(const Trivet__V1__ServerEvent *server, char text[WHAT_BYTES])
{
    char memory[TRIVET_CLI_TEXT_BYTES];
    char phase[TRIVET_CLI_TEXT_BYTES] = "totals";
    if (server->phase != TRIVET__V1__SERVER_PHASE__SERVER_PHASE_UNSPECIFIED) {
        words_of(&trivet__v1__server_phase__descriptor, (int)server->phase, phase);
    }
    if (server->totals == NULL) {
        trivet_text_format(text, WHAT_BYTES, "%s", phase);
        return;
    }
    trivet_cli_format_bytes(server->totals->rss_bytes, memory);
    trivet_text_format(text, WHAT_BYTES, "%s, %s memory, %.2f s CPU, %llu rows queued", phase,
                       memory, server->totals->cpu_seconds,
                       (unsigned long long)server->totals->queue_rows);
}

static void sample_text(const Trivet__V1__PredictionSample *sample, char text[WHAT_BYTES])
{
    unsigned long long total_us = (unsigned long long)sample->total_us;
    if (sample->status == TRIVET__V1__STATUS__STATUS_OK) {
        trivet_text_format(text, WHAT_BYTES, "version %llu: %s = %.6g in %llu \xc2\xb5s",
                           (unsigned long long)sample->version, sample->prediction, sample->value,
                           total_us);
    } else {
        trivet_text_format(
            text, WHAT_BYTES, "version %llu: %s failed, %s, in %llu \xc2\xb5s",
            (unsigned long long)sample->version, sample->prediction,
            trivet_wire_enum_name(&trivet__v1__status__descriptor, (int)sample->status), total_us);
    }
}

static void model_text(const Trivet__V1__ModelEvent *model, char text[WHAT_BYTES])
{
    char change[TRIVET_CLI_TEXT_BYTES];
    char traffic[TRIVET_CLI_TRAFFIC_BYTES];
    const char *why = model->reason[0] != '\0' ? ": " : "";
    words_of(&trivet__v1__model_change__descriptor, (int)model->change, change);
    if (model->change == TRIVET__V1__MODEL_CHANGE__MODEL_CHANGE_TRAFFIC_SET) {
        trivet_cli_traffic_text(model->traffic, model->n_traffic, 0, traffic);
        trivet_text_format(text, WHAT_BYTES, "traffic: %s%s%s",
                           model->n_traffic > 0 ? traffic : "no split", why, model->reason);
        return;
    }
    trivet_text_format(text, WHAT_BYTES, "version %llu: %s%s%s%s%s",
                       (unsigned long long)model->version, change,
                       model->alias[0] != '\0' ? ", " : "", model->alias, why, model->reason);
}

static void shadow_text(const Trivet__V1__ShadowTotals *totals, char text[WHAT_BYTES])
{
    char compared[TRIVET_CLI_TEXT_BYTES];
    char equal[TRIVET_CLI_TEXT_BYTES];
    trivet_cli_format_count(totals->compared, compared);
    trivet_cli_format_count(totals->equal, equal);
    trivet_text_format(text, WHAT_BYTES,
                       "version %llu as the shadow of %llu so far: %s compared, %s equal, %llu "
                       "failed, %llu skipped, %llu immensely different",
                       (unsigned long long)totals->version, (unsigned long long)totals->answered_by,
                       compared, equal, (unsigned long long)totals->failed,
                       (unsigned long long)totals->skipped, (unsigned long long)totals->immense);
}

/* The weighted share of the labelled that were right. */
static double accuracy_of(const Trivet__V1__QualityTotals *quality)
{
    double right = quality->other_right;
    for (size_t i = 0; i < quality->n_pairs; i++) {
        const Trivet__V1__ClassPairCount *pair = quality->pairs[i];
        bool same = strcmp(pair->truth, pair->predicted) == 0;
        /* Of this name are the wrong ones beyond the pairs that are told. */
        right += same && strcmp(pair->truth, OTHER) != 0 ? pair->weight : 0;
    }
    return right / quality->labelled_weight;
}

static void quality_text(const Trivet__V1__QualityTotals *quality, char text[WHAT_BYTES])
{
    char logged[TRIVET_CLI_TEXT_BYTES];
    char labelled[TRIVET_CLI_TEXT_BYTES];
    char number[TRIVET_CLI_TEXT_BYTES];
    char metric[WHAT_BYTES / 2] = "";
    bool of_classes = quality->n_pairs > 0 || quality->other_right > 0;
    bool known = quality->labelled_weight > 0;
    trivet_cli_format_count(quality->logged, logged);
    trivet_cli_format_count(quality->labelled, labelled);
    if (known && of_classes) {
        trivet_text_format(metric, sizeof(metric), ", accuracy %.3g %%",
                           100 * accuracy_of(quality));
    } else if (known) {
        trivet_cli_format_short(quality->absolute_error / quality->labelled_weight, false, number);
        trivet_text_format(metric, sizeof(metric), ", mean absolute error %s", number);
    }
    trivet_text_format(text, WHAT_BYTES,
                       "version %llu so far: %s logged, %s labelled%s; outcomes: %llu "
                       "corrected, %llu twice, %llu late, %llu invalid",
                       (unsigned long long)quality->version, logged, labelled, metric,
                       (unsigned long long)quality->corrected,
                       (unsigned long long)quality->duplicate, (unsigned long long)quality->late,
                       (unsigned long long)quality->invalid);
}

static void bins_text(const Trivet__V1__BinTotals *bins, char text[WHAT_BYTES])
{
    char rows[TRIVET_CLI_TEXT_BYTES];
    trivet_cli_format_count(bins->weights > 0 ? (uint64_t)llround(bins->weights) : 0, rows);
    trivet_text_format(text, WHAT_BYTES,
                       "version %llu so far: %s rows in bins, snapshot %llu from column %u of %u",
                       (unsigned long long)bins->version, rows, (unsigned long long)bins->snapshot,
                       bins->first_column + 1, bins->columns);
}

static void unjoined_text(const Trivet__V1__UnjoinedTotals *totals, char text[WHAT_BYTES])
{
    char unmatched[TRIVET_CLI_TEXT_BYTES];
    char not_sampled[TRIVET_CLI_TEXT_BYTES];
    char refused[TRIVET_CLI_TEXT_BYTES];
    trivet_cli_format_count(totals->unmatched, unmatched);
    trivet_cli_format_count(totals->not_sampled, not_sampled);
    trivet_cli_format_count(totals->refused, refused);
    trivet_text_format(text, WHAT_BYTES,
                       "outcomes so far: %s unmatched, %s not sampled, %s refused, %llu invalid",
                       unmatched, not_sampled, refused, (unsigned long long)totals->invalid);
}

static void what_text(const Trivet__V1__Event *event, char text[WHAT_BYTES])
{
    text[0] = '\0';
    switch (event->body_case) {
    case TRIVET__V1__EVENT__BODY_PREDICTION_TOTALS:
        totals_text(event->prediction_totals, text);
        break;
    case TRIVET__V1__EVENT__BODY_PREDICTION_SAMPLE: {
        const Trivet__V1__PredictionSample *sample = event->prediction_sample;
        sample_text(sample, text);
        break;
    }
    case TRIVET__V1__EVENT__BODY_JOB: {
        const Trivet__V1__Job *job = event->job;
        const char *phase = job->progress != NULL ? job->progress->phase : "";
        double percent = job->progress != NULL ? 100 * job->progress->fraction : 0;
        char loss[TRIVET_CLI_LOSS_BYTES];
        trivet_cli_job_loss(job, ", ", loss);
        trivet_text_format(text, WHAT_BYTES, "%s for %s: %s %s %.0f %%%s", job->id, job->model,
                           trivet_cli_job_state(job->state), phase, percent, loss);
        break;
    }
    case TRIVET__V1__EVENT__BODY_MODEL:
        model_text(event->model, text);
        break;
    case TRIVET__V1__EVENT__BODY_SHADOW_TOTALS:
        shadow_text(event->shadow_totals, text);
        break;
    case TRIVET__V1__EVENT__BODY_SERVER:
        server_text(event->server, text);
        break;
    case TRIVET__V1__EVENT__BODY_BIN_TOTALS:
        bins_text(event->bin_totals, text);
        break;
    case TRIVET__V1__EVENT__BODY_QUALITY_TOTALS:
        quality_text(event->quality_totals, text);
        break;
    case TRIVET__V1__EVENT__BODY_UNJOINED_TOTALS:
        unjoined_text(event->unjoined_totals, text);
        break;
    default:
        break;
    }
}

enum trivet_status trivet_cli_event_line(const char *topic, const Trivet__V1__Event *event,
                                         struct trivet_buffer *out, struct trivet_error *err)
{
    char date[DATE_BYTES] = "";
    char what[WHAT_BYTES];
    trivet_clock_format_unix_us(event->unix_us, date, sizeof(date));
    what_text(event, what);
    const char *time = strlen(date) > TIME_AT ? date + TIME_AT : date;
    return trivet_buffer_printf(out, err, "%.*s  %-28s %s\n", TIME_BYTES, time, topic, what);
}

bool trivet_cli_events_url(const char *events_url, const char *server_url, char *out,
                           size_t out_bytes)
{
    static const char scheme[] = "tcp://";
    static const char *const wildcards[] = {"tcp://0.0.0.0:", "tcp://[::]:", "tcp://*:"};
    const char *port = NULL;
    for (size_t i = 0; i < sizeof(wildcards) / sizeof(wildcards[0]); i++) {
        if (strncmp(events_url, wildcards[i], strlen(wildcards[i])) == 0) {
            port = events_url + strlen(wildcards[i]);
        }
    }
    const char *server_port = strrchr(server_url, ':');
    bool server_on_tcp = strncmp(server_url, scheme, strlen(scheme)) == 0 && server_port != NULL &&
                         server_port > server_url + strlen(scheme);
    if (port == NULL || !server_on_tcp) {
        return trivet_text_copy(out, out_bytes, events_url);
    }
    return trivet_text_format(out, out_bytes, "%.*s:%s", (int)(server_port - server_url),
                              server_url, port);
}
