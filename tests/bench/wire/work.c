#include "bench/wire/work.h"

#include "base/alloc.h"
#include "base/rng.h"
#include "bench/wire/reply.h"
#include "trivet/v1/frame.pb-c.h"
#include "trivet/v1/prediction.pb-c.h"
#include "wire/frame.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VARIANTS_MAX 64
#define FEATURES_MAX 4096
#define SLOT_BITS    20
#define TOP_BIT      0x80000000u
#define WORD_BYTES   4
#define TOLERANCE    1e-9

void die(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)fputs("load: ", stderr);
    (void)vfprintf(stderr, format, arguments);
    (void)fputc('\n', stderr);
    va_end(arguments);
    exit(2);
}

/* One line: KIND VERSION N_FEATURES INTERCEPT COEFFICIENT … */
static void read_model(const char *path, struct work_model *model)
{
    FILE *file = fopen(path, "r");
    char kind[16];
    if (file == NULL) {
        die("cannot read %s", path);
    }
    if (fscanf(file, "%15s %" SCNu64 " %zu %lf", kind, &model->version, &model->n_features,
               &model->intercept) != 4 ||
        model->n_features == 0 || model->n_features > FEATURES_MAX) {
        die("%s: no model: KIND VERSION N_FEATURES INTERCEPT COEFFICIENT …", path);
    }
    model->logistic = strcmp(kind, "logistic") == 0;
    model->coefficients = trivet_alloc_array(model->n_features, sizeof(double));
    for (size_t j = 0; model->coefficients != NULL && j < model->n_features; j++) {
        if (fscanf(file, "%lf", &model->coefficients[j]) != 1) {
            die("%s: coefficient %zu is missing", path, j);
        }
    }
    (void)fclose(file);
}

static double predict(const struct work_model *model, const double *row)
{
    double sum = model->intercept;
    for (size_t j = 0; j < model->n_features; j++) {
        sum += model->coefficients[j] * row[j];
    }
    return model->logistic ? 1.0 / (1.0 + exp(-sum)) : sum;
}

/* The request of these rows as it goes over the wire; the caller's. */
static uint8_t *pack(struct work *work, double *rows, size_t n_features)
{
    Trivet__V1__RequestHeader header = TRIVET__V1__REQUEST_HEADER__INIT;
    Trivet__V1__PredictRequest request = TRIVET__V1__PREDICT_REQUEST__INIT;
    Trivet__V1__ModelRef ref = TRIVET__V1__MODEL_REF__INIT;
    Trivet__V1__Matrix matrix = TRIVET__V1__MATRIX__INIT;
    char method[] = "trivet.v1.Prediction/Predict", name[65];
    (void)snprintf(name, sizeof(name), "%s", work->options.model);
    header.method = method;
    ref.name = name;
    matrix.rows = (uint32_t)work->options.n_rows;
    matrix.cols = (uint32_t)n_features;
    matrix.n_f64 = work->options.n_rows * n_features;
    matrix.f64 = rows;
    request.model = &ref;
    request.rows_case = TRIVET__V1__PREDICT_REQUEST__ROWS_MATRIX;
    request.matrix = &matrix;
    size_t frame_bytes = trivet_frame_packed_bytes(&header.base, &request.base);
    size_t before = work->prefix_bytes + WORD_BYTES;
    work->request_bytes = before + frame_bytes;
    uint8_t *out = trivet_malloc(work->request_bytes);
    if (out != NULL) {
        trivet_sp_prefix_write(work->framing, WORD_BYTES + frame_bytes, out);
        (void)trivet_frame_pack(&header.base, &request.base, out + before);
    }
    return out;
}

static void make_variant(struct work *work, struct trivet_rng *rng, size_t variant, double *rows)
{
    size_t n_features = work->models[0].n_features, n_rows = work->options.n_rows;
    for (size_t k = 0; k < n_rows * n_features; k++) {
        rows[k] = 2.0 * trivet_rng_uniform(rng) - 1.0;
    }
    for (size_t m = 0; m < work->n_models; m++) {
        double *expected = work->expected + (m * work->n_variants + variant) * n_rows;
        for (size_t i = 0; i < n_rows; i++) {
            expected[i] = predict(&work->models[m], rows + i * n_features);
        }
    }
    uint8_t *packed = pack(work, rows, n_features);
    if (work->requests == NULL) {
        work->requests = trivet_alloc_array(work->options.n_slots, work->request_bytes);
    }
    if (packed == NULL || work->requests == NULL) {
        die("out of memory for %zu requests", work->options.n_slots);
    }
    for (size_t slot = variant; slot < work->options.n_slots; slot += work->n_variants) {
        memcpy(work->requests + slot * work->request_bytes, packed, work->request_bytes);
    }
    trivet_free(packed);
}

void work_init(struct work *work, const struct work_options *options)
{
    *work = (struct work){.options = *options, .n_models = options->n_files};
    for (size_t m = 0; m < options->n_files; m++) {
        read_model(options->files[m], &work->models[m]);
        if (work->models[m].n_features != work->models[0].n_features) {
            die("%s: %zu features, the first model has %zu", options->files[m],
                work->models[m].n_features, work->models[0].n_features);
        }
    }
    work->framing = options->ipc ? TRIVET_SP_FRAMING_IPC : TRIVET_SP_FRAMING_TCP;
    work->prefix_bytes = trivet_sp_prefix_bytes(work->framing);
    work->n_variants = options->n_slots < VARIANTS_MAX ? options->n_slots : VARIANTS_MAX;
    size_t n_features = work->models[0].n_features;
    double *rows = trivet_alloc_array(options->n_rows * n_features, sizeof(double));
    work->expected =
        trivet_alloc_array(work->n_models * work->n_variants * options->n_rows, sizeof(double));
    work->ids = trivet_calloc(options->n_slots, sizeof(*work->ids));
    if (rows == NULL || work->expected == NULL || work->ids == NULL) {
        die("out of memory for %zu rows", options->n_rows);
    }
    struct trivet_rng rng;
    trivet_rng_seed(&rng, 7);
    for (size_t variant = 0; variant < work->n_variants; variant++) {
        make_variant(work, &rng, variant, rows);
    }
    for (size_t slot = 0; slot < options->n_slots; slot++) {
        work->ids[slot] = TOP_BIT | (uint32_t)slot;
    }
    trivet_free(rows);
}

void work_release(struct work *work)
{
    for (size_t m = 0; m < work->n_models; m++) {
        trivet_free(work->models[m].coefficients);
    }
    trivet_free(work->expected);
    trivet_free(work->requests);
    trivet_free(work->ids);
    *work = (struct work){0};
}

const uint8_t *work_stamp(struct work *work, size_t slot)
{
    uint8_t *request = work->requests + slot * work->request_bytes;
    uint32_t id = (work->ids[slot] + (1u << SLOT_BITS)) | TOP_BIT;
    uint8_t *word = request + work->prefix_bytes;
    work->ids[slot] = id;
    word[0] = (uint8_t)(id >> 24);
    word[1] = (uint8_t)(id >> 16);
    word[2] = (uint8_t)(id >> 8);
    word[3] = (uint8_t)id;
    return request;
}

bool work_slot_of(const struct work *work, const uint8_t *payload, size_t n_bytes, size_t *slot)
{
    if (n_bytes < WORD_BYTES) {
        return false;
    }
    uint32_t id = (uint32_t)payload[0] << 24 | (uint32_t)payload[1] << 16 |
                  (uint32_t)payload[2] << 8 | payload[3];
    *slot = id & (WORK_SLOTS_MAX - 1);
    return *slot < work->options.n_slots && work->ids[*slot] == id;
}

static enum work_verdict check_echo(const struct work *work, size_t slot, const uint8_t *payload,
                                    size_t n_bytes, char *why)
{
    const uint8_t *sent = work->requests + slot * work->request_bytes + work->prefix_bytes;
    size_t sent_bytes = work->request_bytes - work->prefix_bytes;
    size_t wanted = work->options.reply_bytes - work->prefix_bytes;
    if (n_bytes != wanted ||
        memcmp(payload, sent, wanted < sent_bytes ? wanted : sent_bytes) != 0) {
        (void)snprintf(why, 128, "an echo of %zu bytes is not what was sent", n_bytes);
        return WORK_WRONG;
    }
    return WORK_RIGHT;
}

static enum work_verdict check_values(const struct work *work, size_t slot,
                                      const struct reply *reply, char *why)
{
    size_t n_rows = work->options.n_rows, model = 0;
    while (model < work->n_models && work->models[model].version != reply->version) {
        model++;
    }
    if (model == work->n_models) {
        (void)snprintf(why, 128, "version %" PRIu64 " answered, which no model file is of",
                       reply->version);
        return WORK_WRONG;
    }
    size_t step = work->models[model].logistic ? 2 : 1, first = step - 1;
    if (reply->n_values != n_rows * step || reply->has_row_errors) {
        (void)snprintf(why, 128, "%zu values for %zu rows", reply->n_values, n_rows);
        return WORK_WRONG;
    }
    const double *expected =
        work->expected + (model * work->n_variants + slot % work->n_variants) * n_rows;
    for (size_t i = 0; i < n_rows; i++) {
        double value;
        memcpy(&value, reply->values + (i * step + first) * sizeof(value), sizeof(value));
        if (!(fabs(value - expected[i]) <= TOLERANCE * (1.0 + fabs(expected[i])))) {
            (void)snprintf(why, 128, "row %zu: %.17g instead of %.17g", i, value, expected[i]);
            return WORK_WRONG;
        }
    }
    return WORK_RIGHT;
}

enum work_verdict work_check(const struct work *work, size_t slot, const uint8_t *payload,
                             size_t n_bytes, char *why)
{
    struct reply reply = {0};
    if (work->options.echo) {
        return check_echo(work, slot, payload, n_bytes, why);
    }
    if (!reply_parse(payload + WORD_BYTES, n_bytes - WORD_BYTES, &reply)) {
        (void)snprintf(why, 128, "%zu bytes are no reply", n_bytes);
        return WORK_WRONG;
    }
    if (reply.status != 0) {
        (void)snprintf(why, 128, "status %" PRIu64 ": %.*s", reply.status,
                       (int)(reply.message_bytes < 90 ? reply.message_bytes : 90), reply.message);
        return WORK_FAILED;
    }
    return check_values(work, slot, &reply, why);
}
