/* The compute of a prediction alone, on one thread, beside peers in the same process: the same
 * products by bare OpenBLAS, the same trees by XGBoost's C API, and the way through columns.
 *
 *   compute NAME ARTEFACT ROWS COLUMNS BATCH[,BATCH] PEER [SHAPE|MODEL] [GOAL]
 *   compute NAME ARTEFACT ROWS COLUMNS asked
 *
 * ROWS is a file of floats, row-major. PEER: blas (SHAPE: 784-256-128-10) or xgboost (MODEL: its
 * file). Every round runs ours and the peers in turn; times are medians of rounds. Asked, it has no
 * peer of its own and answers the lines of its input, so that it takes turns with one elsewhere:
 *   time N            microseconds of a call with the first N rows, over a round
 *   answers N FILE    their outputs to FILE, as doubles */
#include "artefact/artefact.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "base/rng.h"
#include "linalg/blas.h"
#include "models/pipeline_plan.h"

#include <cblas.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xgboost/c_api.h>

#define ROUNDS     15
#define ROUND_NS   4000000
#define LAYERS_MAX 8
#define WAYS       4

static void die(const char *what)
{
    (void)fprintf(stderr, "compute: %s\n", what);
    exit(1);
}

static void *read_file(const char *path, size_t *n_bytes)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL || fseek(file, 0, SEEK_END) != 0) {
        die(path);
    }
    *n_bytes = (size_t)ftell(file);
    rewind(file);
    void *bytes = trivet_alloc_aligned(*n_bytes + 1, 1);
    if (bytes == NULL || fread(bytes, 1, *n_bytes, file) != *n_bytes) {
        die(path);
    }
    (void)fclose(file);
    return bytes;
}

struct bench {
    const struct trivet_pipeline *pipeline;
    struct trivet_plan *plan;
    size_t n_columns;
    size_t n_outputs;
    size_t n_rows; /* of a batch */
    float *floats;
    double *doubles;
    double *out;
    double *features;
    double *general;
    struct trivet_row_status *status;
    void *scratch;
    struct trivet_arena *arena;
    struct trivet_column *columns;
    /* Peers. */
    size_t n_layers;
    size_t widths[LAYERS_MAX + 1];
    float *weights[LAYERS_MAX];
    float *units[2];
    BoosterHandle booster;
    const float *booster_out;
};

static void ours_single(struct bench *b)
{
    const struct trivet_row_view rows = {.n_rows = b->n_rows,
                                         .single = true,
                                         .first = b->floats,
                                         .stride_bytes = b->n_columns * sizeof(float)};
    trivet_plan_predict(b->plan, &rows, false, b->out, b->status, b->scratch);
}

static void ours_double(struct bench *b)
{
    const struct trivet_row_view rows = {
        .n_rows = b->n_rows, .first = b->doubles, .stride_bytes = b->n_columns * sizeof(double)};
    trivet_plan_predict(b->plan, &rows, false, b->out, b->status, b->scratch);
}

/* Both halves of a prediction, as requests that have no plan go. */
static void by_columns(struct bench *b)
{
    struct trivet_error err;
    const size_t n = trivet_pipeline_n_features(b->pipeline);
    struct trivet_table table = {b->n_rows, b->n_columns, b->columns};
    trivet_arena_reset(b->arena);
    if (trivet_pipeline_transform(b->pipeline, &table, b->arena,
                                  (struct trivet_matrix){b->features, b->n_rows, n, n}, b->status,
                                  &err) != TRIVET_OK ||
        trivet_pipeline_estimate(
            b->pipeline, (struct trivet_const_matrix){b->features, b->n_rows, n, n},
            (struct trivet_matrix){b->general, b->n_rows, b->n_outputs, b->n_outputs},
            &err) != TRIVET_OK) {
        die(err.message);
    }
}

/* The products of all layers and nothing else, a vector's for one row. */
static void blas(struct bench *b)
{
    const float *x = b->floats;
    for (size_t l = 0; l < b->n_layers; l++) {
        const int n_in = (int)b->widths[l];
        const int n_units = (int)b->widths[l + 1];
        float *z = b->units[l % 2];
        if (b->n_rows == 1) {
            cblas_sgemv(CblasRowMajor, CblasTrans, n_in, n_units, 1.0F, b->weights[l], n_units, x,
                        1, 0.0F, z, 1);
        } else {
            cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (int)b->n_rows, n_units, n_in,
                        1.0F, x, n_in, b->weights[l], n_units, 0.0F, z, n_units);
        }
        x = z;
    }
}

static void xgboost(struct bench *b)
{
    char array[256];
    bst_ulong const *shape = NULL;
    bst_ulong n_dims = 0;
    (void)snprintf(array, sizeof array,
                   "{\"data\": [%zu, true], \"shape\": [%zu, %zu], \"typestr\": \"<f4\", "
                   "\"version\": 3}",
                   (size_t)b->floats, b->n_rows, b->n_columns);
    if (XGBoosterPredictFromDense(b->booster, array,
                                  "{\"type\": 0, \"training\": false, \"iteration_begin\": 0, "
                                  "\"iteration_end\": 0, \"strict_shape\": false, "
                                  "\"cache_id\": 0, \"missing\": NaN}",
                                  NULL, &shape, &n_dims, &b->booster_out) != 0) {
        die(XGBGetLastError());
    }
}

static int by_size(const void *a, const void *b)
{
    const double x = *(const double *)a;
    const double y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Microseconds of a call, over a round. */
static double time_round(struct bench *b, void (*way)(struct bench *))
{
    way(b);
    size_t n_calls = 0;
    const int64_t start = trivet_clock_monotonic_ns();
    int64_t passed = 0;
    for (size_t some = 1; passed < ROUND_NS; some *= 2) {
        for (size_t i = 0; i < some; i++) {
            way(b);
        }
        n_calls += some;
        passed = trivet_clock_monotonic_ns() - start;
    }
    return (double)passed / (double)n_calls / 1000.0;
}

/* Of each way: medians over rounds, in which all take their turn. */
static void measure(struct bench *b, void (*const ways[])(struct bench *), size_t n_ways,
                    double *us)
{
    static double times[WAYS][ROUNDS];
    for (size_t round = 0; round < ROUNDS; round++) {
        for (size_t w = 0; w < n_ways; w++) {
            times[w][round] = time_round(b, ways[w]);
        }
    }
    for (size_t w = 0; w < n_ways; w++) {
        qsort(times[w], ROUNDS, sizeof times[w][0], by_size);
        us[w] = times[w][ROUNDS / 2];
    }
}

/* Greatest difference of the plan's outputs from those by columns, and from the peer's trees. */
static double greatest_difference(struct bench *b)
{
    double greatest = 0.0;
    by_columns(b);
    for (size_t i = 0; i < b->n_rows * b->n_outputs; i++) {
        const double difference = fabs(b->out[i] - b->general[i]);
        greatest = difference >= greatest ? difference / fmax(1.0, fabs(b->general[i])) : greatest;
    }
    if (b->booster != NULL) {
        xgboost(b);
        for (size_t i = 0; i < b->n_rows; i++) {
            const double peer = (double)b->booster_out[i];
            greatest = fmax(greatest, fabs(b->out[i] - peer) / fmax(1.0, fabs(peer)));
        }
    }
    return greatest;
}

static void line(const char *name, const char *kind, size_t n_rows, double ours, const char *peer,
                 double of_peer, double goal, double difference)
{
    const double ratio = of_peer / ours;
    char verdict[64] = "";
    if (goal > 0.0) {
        (void)snprintf(verdict, sizeof verdict, " goal=%g %s", goal,
                       ratio >= goal && difference <= 1e-5 ? "met" : "missed");
    }
    (void)printf("bench=compute-%s-%s-%zu ours=%.4g peer=%s:%.4g unit=us better=%.2f%s "
                 "difference=%.1e\n",
                 name, kind, n_rows, ours, peer, of_peer, ratio, verdict, difference);
    (void)fflush(stdout);
}

static void run(struct bench *b, const char *name, const char *peer, double goal)
{
    const bool trees = strcmp(peer, "xgboost") == 0;
    void (*const ways[WAYS])(struct bench *) = {ours_single, ours_double, by_columns,
                                                trees ? xgboost : blas};
    double us[WAYS];
    ours_single(b);
    const double of_single = greatest_difference(b);
    ours_double(b);
    const double of_double = greatest_difference(b);
    measure(b, ways, WAYS, us);
    line(name, "float", b->n_rows, us[0], peer, us[3], goal, of_single);
    line(name, "float", b->n_rows, us[0], "columns", us[2], 0.0, of_single);
    line(name, "double", b->n_rows, us[1], "columns", us[2], 0.0, of_double);
}

static void *room(size_t count, size_t bytes)
{
    void *memory = trivet_alloc_aligned(count + 64, bytes);
    if (memory == NULL) {
        die("out of memory");
    }
    memset(memory, 0, (count + 64) * bytes);
    return memory;
}

static void make_shape(struct bench *b, const char *shape, size_t rows_max)
{
    struct trivet_rng rng;
    size_t widest = 0;
    trivet_rng_seed(&rng, 1);
    for (const char *at = shape; at != NULL && b->n_layers <= LAYERS_MAX;) {
        b->widths[b->n_layers++] = (size_t)strtoul(at, NULL, 10);
        at = strchr(at, '-');
        at = at != NULL ? at + 1 : NULL;
    }
    b->n_layers--;
    for (size_t l = 0; l < b->n_layers; l++) {
        const size_t n = b->widths[l] * b->widths[l + 1];
        b->weights[l] = room(n, sizeof(float));
        widest = b->widths[l + 1] > widest ? b->widths[l + 1] : widest;
        for (size_t i = 0; i < n; i++) {
            b->weights[l][i] = (float)(trivet_rng_uniform(&rng) - 0.5);
        }
    }
    b->units[0] = room(rows_max * widest, sizeof(float));
    b->units[1] = room(rows_max * widest, sizeof(float));
}

static void make_booster(struct bench *b, const char *model)
{
    if (XGBoosterCreate(NULL, 0, &b->booster) != 0 || XGBoosterLoadModel(b->booster, model) != 0 ||
        XGBoosterSetParam(b->booster, "nthread", "1") != 0) {
        die(XGBGetLastError());
    }
}

static void make_rooms(struct bench *b, size_t n_rows)
{
    const size_t n = n_rows * b->n_columns;
    b->doubles = room(n, sizeof(double));
    for (size_t i = 0; i < n; i++) {
        b->doubles[i] = (double)b->floats[i];
    }
    b->out = room(n_rows * b->n_outputs, sizeof(double));
    b->general = room(n_rows * b->n_outputs, sizeof(double));
    b->features = room(n_rows * trivet_pipeline_n_features(b->pipeline), sizeof(double));
    b->status = room(n_rows, sizeof *b->status);
    b->scratch = room(trivet_plan_scratch_bytes(b->plan, n_rows), 1);
    b->arena = trivet_arena_create((size_t)1 << 30, (size_t)64 << 20);
    b->columns = room(b->n_columns, sizeof *b->columns);
    for (size_t j = 0; j < b->n_columns; j++) {
        b->columns[j] = (struct trivet_column){
            .type = TRIVET_COLUMN_NUMERIC, .stride = b->n_columns, .numbers = &b->doubles[j]};
    }
}

static void write_answers(struct bench *b, const char *path)
{
    const size_t n = b->n_rows * b->n_outputs;
    ours_single(b);
    FILE *file = fopen(path, "wb");
    if (file == NULL || fwrite(b->out, sizeof *b->out, n, file) != n || fclose(file) != 0) {
        die(path);
    }
    (void)puts("written");
}

static void answer_questions(struct bench *b, size_t rows_max)
{
    static const char answers[] = "answers ";
    static const char time[] = "time ";
    char line[4096];
    while (fgets(line, sizeof line, stdin) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        const bool writes = strncmp(line, answers, sizeof answers - 1) == 0;
        if (!writes && strncmp(line, time, sizeof time - 1) != 0) {
            die(line);
        }
        char *rest = &line[writes ? sizeof answers - 1 : sizeof time - 1];
        b->n_rows = (size_t)strtoul(rest, &rest, 10);
        if (b->n_rows == 0 || b->n_rows > rows_max) {
            die("a question without as many rows as there are");
        }
        if (writes) {
            write_answers(b, *rest == ' ' ? rest + 1 : rest);
        } else {
            (void)printf("%.17g\n", time_round(b, ours_single));
        }
        (void)fflush(stdout);
    }
}

static void run_batches(struct bench *b, int argc, char **argv, size_t rows_max)
{
    if (strcmp(argv[6], "xgboost") == 0) {
        make_booster(b, argv[7]);
    } else {
        make_shape(b, argv[7], rows_max);
    }
    char *rest = argv[5];
    while (*rest != '\0') {
        b->n_rows = (size_t)strtoul(rest, &rest, 10);
        rest += *rest == ',';
        if (b->n_rows == 0 || b->n_rows > rows_max) {
            die("a batch has more rows than there are");
        }
        run(b, argv[1], argv[6], argc > 8 ? strtod(argv[8], NULL) : 0.0);
    }
}

int main(int argc, char **argv)
{
    const bool asked = argc == 6 && strcmp(argv[5], "asked") == 0;
    if (argc < 8 && !asked) {
        die("NAME ARTEFACT ROWS COLUMNS asked | BATCH[,BATCH] PEER SHAPE|MODEL [GOAL]");
    }
    struct bench b = {0};
    struct trivet_artefact *artefact = NULL;
    struct trivet_error err;
    size_t n_bytes = 0;
    trivet_blas_init();
    void *bytes = read_file(argv[2], &n_bytes);
    if (trivet_artefact_decode(bytes, n_bytes, &artefact, &err) != TRIVET_OK ||
        trivet_plan_create(artefact->pipeline, &b.plan, &err) != TRIVET_OK) {
        die(err.message);
    }
    if (b.plan == NULL) {
        die("the pipeline has no plan");
    }
    b.pipeline = artefact->pipeline;
    b.n_outputs = trivet_pipeline_n_outputs(b.pipeline);
    b.n_columns = (size_t)strtoul(argv[4], NULL, 10);
    b.floats = read_file(argv[3], &n_bytes);
    const size_t rows_max = n_bytes / sizeof(float) / b.n_columns;
    make_rooms(&b, rows_max);
    if (asked) {
        answer_questions(&b, rows_max);
    } else {
        run_batches(&b, argc, argv, rows_max);
    }
    return 0;
}
