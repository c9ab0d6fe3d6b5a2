/* DESIGN
 *
 * A process of its own, so that a fit cannot harm the server: it reads the spec from stdin, the
 * dataset from the store (read only), and gives back bytes; only the server commits. Predictions of
 * a whole dataset run here too (trainer_predict.c): nobody waits for them, so they step back behind
 * those that are served, and memory and cancel are as for a fit. It dies with
 * the thread of the server that started it, whatever it is doing, and so needs no other way to be
 * cancelled than SIGKILL. Nothing it makes depends on the time, the process or a number of threads:
 * the same spec on the same dataset gives the same pipeline, bit for bit. */
#include "training/trainer.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "models/registry.h"
#include "models/threads.h"
#include "training/trainer_internal.h"
#include "wire/codec.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#define SPEC_BYTES_MAX      ((size_t)32 << 20)
#define SPEC_MEMORY_BYTES   ((size_t)512 << 20)
#define REPORT_MEMORY_BYTES ((size_t)2 << 30)
#define ARENA_KEEP_BYTES    ((size_t)64 << 10)
#define READ_STEP_BYTES     ((size_t)64 << 10)
#define NICE_LEVEL          10
#define FIRST_FREE_FD       3
#define DETAIL_BYTES        128
#define PERMUTATION_REPEATS 5

static const char *const phase_names[TRIVET_PHASE_COUNT] = {
    [TRIVET_PHASE_LOAD] = "load",
    [TRIVET_PHASE_SPLIT] = "split",
    [TRIVET_PHASE_SEARCH] = "search",
    [TRIVET_PHASE_LEARNING_CURVE] = "learning_curve",
    [TRIVET_PHASE_CROSS_VALIDATE] = "cross_validate",
    [TRIVET_PHASE_FIT] = "fit",
    [TRIVET_PHASE_EVALUATE] = "evaluate",
};

/* Shares of the whole job, by experience; phases that are not run count nothing. */
static void plan_phases(struct trivet_trainer *trainer)
{
    double shares[TRIVET_PHASE_COUNT] = {
        [TRIVET_PHASE_LOAD] = 20,           [TRIVET_PHASE_SPLIT] = 2,
        [TRIVET_PHASE_SEARCH] = 300,        [TRIVET_PHASE_LEARNING_CURVE] = 80,
        [TRIVET_PHASE_CROSS_VALIDATE] = 40, [TRIVET_PHASE_FIT] = 25,
        [TRIVET_PHASE_EVALUATE] = 13,
    };
    if (trainer->spec->search == NULL) {
        shares[TRIVET_PHASE_SEARCH] = 0;
    }
    if (!trainer->spec->learning_curve) {
        shares[TRIVET_PHASE_LEARNING_CURVE] = 0;
    }
    if (trainer->spec->split == NULL || trainer->spec->split->folds == 0) {
        shares[TRIVET_PHASE_CROSS_VALIDATE] = 0;
    }
    if (trainer->spec->kind != TRIVET__V1__JOB_KIND__JOB_KIND_TRAIN) {
        shares[TRIVET_PHASE_FIT] = 0;
        shares[TRIVET_PHASE_EVALUATE] = 0;
    }
    double total = 0;
    for (size_t i = 0; i < TRIVET_PHASE_COUNT; i++) {
        total += shares[i];
    }
    for (size_t i = 0; i < TRIVET_PHASE_COUNT; i++) {
        trainer->phase_start[i + 1] = trainer->phase_start[i] + shares[i] / total;
    }
}

enum trivet_status trivet_trainer_progress(struct trivet_trainer *trainer, double fraction,
                                           const char *detail, bool force, struct trivet_error *err)
{
    const double start = trainer->phase_start[trainer->phase];
    const double end = trainer->phase_start[trainer->phase + 1];
    return trivet_channel_progress(trainer->channel, phase_names[trainer->phase],
                                   start + fraction * (end - start), detail, force, err);
}

static enum trivet_status begin(struct trivet_trainer *trainer, enum trivet_trainer_phase phase,
                                const char *detail, struct trivet_error *err)
{
    trainer->phase = phase;
    return trivet_trainer_progress(trainer, 0, detail, true, err);
}

static enum trivet_fold_verdict on_fold(void *ctx, size_t fold, size_t n_folds,
                                        const struct trivet_fold *done)
{
    (void)done;
    char detail[DETAIL_BYTES];
    trivet_text_format(detail, sizeof detail, "fold %zu of %zu", fold + 1, n_folds);
    return trivet_trainer_progress(ctx, (double)fold / (double)n_folds, detail, false, NULL) ==
                   TRIVET_OK
               ? TRIVET_FOLD_GO_ON
               : TRIVET_FOLD_CANCEL;
}

static bool on_fit(void *ctx, double fraction)
{
    return trivet_trainer_progress(ctx, fraction, "", false, NULL) == TRIVET_OK;
}

static void on_loss(void *ctx, uint64_t iteration, double loss)
{
    struct trivet_trainer *trainer = ctx;
    trivet_channel_loss(trainer->channel, iteration, loss);
}

struct trivet_validation_plan trivet_trainer_plan(struct trivet_trainer *trainer, size_t n_folds)
{
    const Trivet__V1__SplitSpec *split = trainer->spec->split;
    return (struct trivet_validation_plan){
        .spec = trainer->spec->pipeline,
        .schema = &trainer->features,
        .table = &trainer->table,
        .rows = trainer->rows,
        .n_rows = trainer->n_train,
        .splitter = &trainer->splitter,
        .n_folds = n_folds,
        .seed = split == NULL ? 0 : split->seed,
        .n_threads = trainer->spec->threads,
    };
}

static enum trivet_status cross_validate(struct trivet_trainer *trainer, struct trivet_error *err)
{
    const Trivet__V1__SplitSpec *split = trainer->spec->split;
    if (split == NULL || split->folds == 0) {
        return TRIVET_OK;
    }
    enum trivet_status status = begin(trainer, TRIVET_PHASE_CROSS_VALIDATE, "", err);
    if (status == TRIVET_OK) {
        struct trivet_validation_plan plan = trivet_trainer_plan(trainer, split->folds);
        plan.on_fold = on_fold;
        plan.ctx = trainer;
        status = trivet_cross_validate(&plan, trainer->arena, &trainer->validation, err);
        trainer->has_validation = status == TRIVET_OK;
    }
    return status;
}

/* A parameter that somebody gave and that does nothing would otherwise pass for one that was tried.
 */
static void tell_idle(struct trivet_trainer *trainer)
{
    const Trivet__V1__PipelineSpec *spec = trainer->spec->pipeline;
    const struct trivet_params *params = &trainer->params;
    for (size_t g = 0; g < spec->n_parameters; g++) {
        for (size_t i = 0; i < params->n_params; i++) {
            char why[DETAIL_BYTES];
            if (strcmp(params->specs[i].name, spec->parameters[g]->name) == 0 &&
                trivet_params_is_idle(params, i, why, sizeof why)) {
                trivet_fit_report_warn(&trainer->fit, "%s does nothing with %s; it needs %s",
                                       params->specs[i].name, why, params->specs[i].needs);
            }
        }
    }
}

static enum trivet_status fit(struct trivet_trainer *trainer, struct trivet_error *err)
{
    char detail[DETAIL_BYTES];
    trivet_text_format(detail, sizeof detail, "%zu rows", trainer->n_train);
    enum trivet_status status = begin(trainer, TRIVET_PHASE_FIT, detail, err);
    if (status == TRIVET_OK) {
        status = trivet_pipeline_create(trainer->spec->pipeline, &trainer->features,
                                        &trainer->pipeline, err);
    }
    if (status != TRIVET_OK) {
        return status;
    }
    const struct trivet_fit_context context = {
        .seed = trainer->spec->split == NULL ? 0 : trainer->spec->split->seed,
        .n_threads = trainer->spec->threads,
        .progress = on_fit,
        .loss = on_loss,
        .progress_ctx = trainer,
    };
    const int64_t start_ns = trivet_clock_monotonic_ns();
    status = trivet_pipeline_fit(trainer->pipeline, &trainer->table, trainer->rows,
                                 trainer->n_train, &context, &trainer->fit, err);
    trainer->fit_seconds =
        (double)(trivet_clock_monotonic_ns() - start_ns) / (double)TRIVET_NS_PER_S;
    return status;
}

/* |truth| divides each error: next to zero it makes a number of no meaning. */
static void tell_zeros(struct trivet_trainer *trainer, const char *part, size_t first, size_t end)
{
    const struct trivet_column *target = NULL;
    size_t n = 0;
    for (size_t j = 0; j < trainer->table.n_columns; j++) {
        if (strcmp(trainer->table.columns[j].name, trainer->spec->pipeline->target) == 0) {
            target = &trainer->table.columns[j];
        }
    }
    if (trainer->task != TRIVET_TASK_REGRESSION || target == NULL) {
        return;
    }
    for (size_t i = first; i < end; i++) {
        n += target->numbers[trainer->rows[i] * target->stride] == 0.0;
    }
    if (n > 0) {
        trivet_fit_report_warn(&trainer->fit,
                               "the target is 0 in %zu of %zu %s rows: mape, relative to it, says "
                               "nothing there; look at mae",
                               n, end - first, part);
    }
}

/* What the rows themselves have to tell. */
static void tell_rows(struct trivet_trainer *trainer)
{
    if (trainer->rare_class[0] != '\0') {
        trivet_fit_report_warn(&trainer->fit, "%s", trainer->rare_class);
    }
    tell_zeros(trainer, "training", 0, trainer->n_train);
    tell_zeros(trainer, "test", trainer->n_train, trainer->n_rows);
}

/* A score over the rows that are left would otherwise pass for one over all. */
static void tell_skipped(struct trivet_trainer *trainer, const char *part,
                         const struct trivet_evaluation *evaluation)
{
    if (evaluation->n_skipped > 0) {
        trivet_fit_report_warn(&trainer->fit, "%llu of %llu %s rows are not scored; the first: %s",
                               (unsigned long long)evaluation->n_skipped,
                               (unsigned long long)(evaluation->n_skipped + evaluation->n_rows),
                               part, evaluation->skipped_reason);
    }
}

static enum trivet_status evaluate(struct trivet_trainer *trainer, struct trivet_error *err)
{
    const char *target = trainer->spec->pipeline->target;
    const size_t n_test = trainer->n_rows - trainer->n_train;
    struct trivet_evaluate_options options = {0};
    enum trivet_status status = begin(trainer, TRIVET_PHASE_EVALUATE, "", err);
    if (trainer->spec->permutation_importance) {
        options.permutation_repeats = PERMUTATION_REPEATS;
    }
    if (status == TRIVET_OK) {
        const struct trivet_evaluate_options nothing = {0};
        status = trivet_evaluate(trainer->pipeline, &trainer->table, target, trainer->rows,
                                 trainer->n_train, n_test > 0 ? &nothing : &options, trainer->arena,
                                 &trainer->train, err);
        trainer->has_train = status == TRIVET_OK;
    }
    if (status == TRIVET_OK && n_test > 0) {
        status = trivet_evaluate(trainer->pipeline, &trainer->table, target,
                                 trainer->rows + trainer->n_train, n_test, &options, trainer->arena,
                                 &trainer->test, err);
        trainer->has_test = status == TRIVET_OK;
    }
    if (status == TRIVET_OK) {
        tell_skipped(trainer, "training", &trainer->train);
    }
    if (status == TRIVET_OK && trainer->has_test) {
        tell_skipped(trainer, "test", &trainer->test);
    }
    return status;
}

/* What is trained: certain once a search has chosen. */
static enum trivet_status find_estimator(struct trivet_trainer *trainer, struct trivet_error *err)
{
    const Trivet__V1__PipelineSpec *spec = trainer->spec->pipeline;
    const struct trivet_estimator_ops *ops = NULL;
    enum trivet_status status = trivet_registry_estimator(spec->estimator, &ops, err);
    if (status == TRIVET_OK) {
        trainer->estimator = ops->name;
        status = trivet_params_parse(ops->params, ops->name, spec->parameters, spec->n_parameters,
                                     &trainer->params, err);
    }
    return status;
}

static enum trivet_status work(struct trivet_trainer *trainer, struct trivet_error *err)
{
    enum trivet_status status = begin(trainer, TRIVET_PHASE_LOAD, "", err);
    trainer->base_rss_bytes = trivet_trainer_peak_rss_bytes();
    if (status == TRIVET_OK) {
        status = trivet_store_open(trainer->spec->data_dir, TRIVET_STORE_READ_ONLY, &trainer->store,
                                   err);
    }
    if (status == TRIVET_OK) {
        status = trivet_trainer_load(trainer, err);
    }
    if (status == TRIVET_OK) {
        status = begin(trainer, TRIVET_PHASE_SPLIT, "", err);
    }
    if (status == TRIVET_OK) {
        status = trivet_trainer_split(trainer, err);
    }
    if (status == TRIVET_OK && trainer->spec->search != NULL) {
        status = begin(trainer, TRIVET_PHASE_SEARCH, "", err);
        status = status == TRIVET_OK ? trivet_trainer_search(trainer, err) : status;
    }
    if (status == TRIVET_OK) {
        status = find_estimator(trainer, err);
    }
    if (status == TRIVET_OK && trainer->spec->learning_curve) {
        status = begin(trainer, TRIVET_PHASE_LEARNING_CURVE, "", err);
        status = status == TRIVET_OK ? trivet_trainer_learning_curve(trainer, err) : status;
    }
    if (status == TRIVET_OK) {
        status = cross_validate(trainer, err);
    }
    if (status == TRIVET_OK && trainer->spec->kind == TRIVET__V1__JOB_KIND__JOB_KIND_TRAIN) {
        status = fit(trainer, err);
        if (status == TRIVET_OK) {
            tell_idle(trainer);
            tell_rows(trainer);
            status = evaluate(trainer, err);
        }
    }
    return status;
}

static enum trivet_status send_success(struct trivet_trainer *trainer, struct trivet_error *err)
{
    Trivet__V1__TrainerResult result = TRIVET__V1__TRAINER_RESULT__INIT;
    struct trivet_buffer artefact = {0};
    enum trivet_status status = trivet_trainer_report(trainer, &result.report, err);
    if (status == TRIVET_OK && trainer->pipeline != NULL) {
        status = trivet_trainer_encode(trainer, result.report, &artefact, err);
    }
    if (status == TRIVET_OK) {
        result.artefact.data = artefact.data;
        result.artefact.len = artefact.n_bytes;
        status = trivet_channel_result(trainer->channel, &result, err);
    }
    trivet_buffer_release(&artefact);
    return status;
}

static enum trivet_status run(Trivet__V1__JobSpec *spec, struct trivet_channel *channel,
                              struct trivet_error *err)
{
    struct trivet_trainer trainer = {.spec = spec, .channel = channel};
    enum trivet_status status = TRIVET_OK;
    trainer.started_ns = trivet_clock_monotonic_ns();
    plan_phases(&trainer);
    trainer.arena = trivet_arena_create(REPORT_MEMORY_BYTES, ARENA_KEEP_BYTES);
    if (trainer.arena == NULL) {
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                                "out of memory while the trainer starts");
    }
    if (spec->kind == TRIVET__V1__JOB_KIND__JOB_KIND_PREDICT) {
        status = trivet_trainer_predict(&trainer, err);
    } else {
        status = work(&trainer, err);
        if (status == TRIVET_OK) {
            status = send_success(&trainer, err);
        }
    }
    trivet_fit_report_release(&trainer.fit);
    trivet_pipeline_free(trainer.pipeline);
    trivet_splitter_release(&trainer.splitter);
    trivet_schema_release(&trainer.features);
    trivet_free(trainer.rows);
    trivet_dataset_free(trainer.dataset);
    trivet_schema_release(&trainer.schema);
    trivet_store_close(trainer.store);
    trivet_arena_free(trainer.arena);
    return status;
}

static enum trivet_status read_input(struct trivet_buffer *out, struct trivet_error *err)
{
    for (;;) {
        const enum trivet_status status = trivet_buffer_reserve(out, READ_STEP_BYTES, err);
        if (status != TRIVET_OK) {
            return status;
        }
        const ssize_t n = read(STDIN_FILENO, out->data + out->n_bytes, READ_STEP_BYTES);
        if (n == 0) {
            return TRIVET_OK;
        }
        if (n < 0 && errno != EINTR) {
            return trivet_error_set(err, TRIVET_INTERNAL, "the trainer cannot read its job: %s",
                                    strerror(errno));
        }
        out->n_bytes += n > 0 ? (size_t)n : 0;
        if (out->n_bytes > SPEC_BYTES_MAX) {
            return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                    "the job's spec is larger than %zu bytes", SPEC_BYTES_MAX);
        }
    }
}

static enum trivet_status read_spec(struct trivet_arena *arena, Trivet__V1__JobSpec **out,
                                    struct trivet_error *err)
{
    struct trivet_buffer packed = {0};
    ProtobufCMessage *message = NULL;
    enum trivet_status status = read_input(&packed, err);
    if (status == TRIVET_OK) {
        status = trivet_codec_unpack(&trivet__v1__job_spec__descriptor, arena, packed.data,
                                     packed.n_bytes, &message, err);
    }
    trivet_buffer_release(&packed);
    if (status != TRIVET_OK) {
        return status;
    }
    Trivet__V1__JobSpec *spec = (Trivet__V1__JobSpec *)message;
    const bool predicts = spec->kind == TRIVET__V1__JOB_KIND__JOB_KIND_PREDICT;
    if ((spec->pipeline == NULL && !predicts) || spec->data_dir[0] == '\0') {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "the trainer got no job on its stdin; it is started by the server");
    }
    *out = spec;
    return TRIVET_OK;
}

/* stdout for us alone: what libraries print goes to stderr. */
static int take_stdout(void)
{
    const int fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, FIRST_FREE_FD);
    if (fd >= 0 && dup2(STDERR_FILENO, STDOUT_FILENO) < 0) {
        close(fd);
        return -1;
    }
    return fd;
}

/* To serve goes before to train. Signals of a terminal or a service manager are for the server,
 * which kills us when it wants to. */
static void step_back(void)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    const int ignored[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE};
    for (size_t i = 0; i < TRIVET_ARRAY_COUNT(ignored); i++) {
        signal(ignored[i], SIG_IGN);
    }
    const struct sched_param param = {0};
    sched_setscheduler(0, SCHED_BATCH, &param);
    setpriority(PRIO_PROCESS, 0, NICE_LEVEL);
}

static bool send_failure(struct trivet_channel *channel, const struct trivet_error *error)
{
    Trivet__V1__TrainerResult result = TRIVET__V1__TRAINER_RESULT__INIT;
    char message[TRIVET_ERROR_MESSAGE_BYTES];
    trivet_text_copy(message, sizeof message, error->message);
    result.status = (int32_t)error->status;
    result.message = message;
    return trivet_channel_result(channel, &result, NULL) == TRIVET_OK;
}

int trivet_trainer_main(void)
{
    struct trivet_error error = {0};
    Trivet__V1__JobSpec *spec = NULL;
    int exit_status = 0;
    step_back();
    struct trivet_channel channel = {.fd = take_stdout()};
    struct trivet_arena *arena = trivet_arena_create(SPEC_MEMORY_BYTES, ARENA_KEEP_BYTES);
    if (channel.fd < 0 || arena == NULL) {
        trivet_log(TRIVET_LOG_ERROR, "trainer_not_started", "message=no descriptor or no memory");
        trivet_arena_free(arena);
        return 1;
    }
    enum trivet_status status = read_spec(arena, &spec, &error);
    if (status == TRIVET_OK && spec->parent_pid != 0 && (pid_t)spec->parent_pid != getppid()) {
        /* The server died before it could be told to take us along. */
        trivet_arena_free(arena);
        return 1;
    }
    if (status == TRIVET_OK) {
        /* Threads take their memory before it is limited. */
        trivet_models_set_threads(spec->threads);
        status = trivet_trainer_limit_memory(spec->memory_bytes_max, &error);
    }
    if (status == TRIVET_OK) {
        status = run(spec, &channel, &error);
    }
    if (status != TRIVET_OK && !send_failure(&channel, &error)) {
        exit_status = 1;
    }
    trivet_arena_free(arena);
    close(channel.fd);
    return exit_status;
}
