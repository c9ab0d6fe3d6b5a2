/* DESIGN
 *
 * Any thread offers: a job is one block of memory, pushed to a list without a lock. The thread
 * takes the whole list at once, so that no place of it is ever reused under another thread's eyes.
 * It polls: a call that is answered wakes nobody, unless the thread has found nothing for a second
 * and sleeps. Jobs of one pair of versions are predicted together, in the order they came.
 *
 * The thread may be stopped by the kernel for long, at any place, so nobody may wait for what it
 * holds. `lock` is for its sleep only; memory of jobs that are done goes back by a list that who
 * offers empties: freed by the thread itself, a caller's allocation could wait for it. */
#include "rpc/shadows.h"

#include "base/alloc.h"
#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "rpc/shadow_compare.h"
#include "serving/batch.h"
#include "trivet/v1/prediction.pb-c.h"
#include "wire/codec.h"

#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define POLL_NS          (2 * TRIVET_NS_PER_MS)
#define POLLS_TO_SLEEP   500
#define JOBS_TOGETHER    256
#define ROWS_TOGETHER    1024
#define ARENA_BYTES_MAX  ((size_t)256 << 20)
#define ARENA_BYTES_KEEP ((size_t)4 << 20)
#define LOWEST_NICE      19

/* The numbers that were answered and the rows lie behind it. */
struct job {
    struct job *next;
    struct trivet_servable *shadow; /* our references */
    struct trivet_servable *answered_by;
    struct trivet_shadow_pair *pair; /* likewise */
    size_t n_rows;
    size_t n_cols;
    bool single_precision;
    bool is_matrix;
    size_t input_bytes;
    size_t n_bytes;    /* of the whole */
    double answered[]; /* n_rows, NaN where the row has no answer; then the input */
};

struct trivet_shadows {
    struct trivet_shadows_options options;
    _Atomic(struct job *) offered; /* newest first */
    _Atomic(struct job *) done;    /* to be freed */
    _Atomic size_t queued_rows;
    _Atomic size_t queued_bytes;
    atomic_bool asleep;
    atomic_bool stopping;
    pthread_mutex_t lock;
    pthread_cond_t wake; /* with lock; CLOCK_MONOTONIC */
    pthread_t thread;
    /* The thread's. */
    struct trivet_arena *rows_arena;
    struct trivet_arena *scratch;
    struct job *jobs; /* oldest first */
    struct job *group[JOBS_TOGETHER];
    struct trivet_pool_task tasks[JOBS_TOGETHER];
    struct trivet_slice slices[JOBS_TOGETHER];
};

/* --- lists without a lock -------------------------------------------------------------------- */

static void push(_Atomic(struct job *) *list, struct job *job)
{
    job->next = atomic_load(list);
    while (!atomic_compare_exchange_weak(list, &job->next, job)) {
    }
}

static void free_done(struct trivet_shadows *shadows)
{
    struct job *next;
    if (atomic_load_explicit(&shadows->done, memory_order_relaxed) == NULL) {
        return;
    }
    for (struct job *job = atomic_exchange(&shadows->done, NULL); job != NULL; job = next) {
        next = job->next;
        trivet_free(job);
    }
}

/* --- offering -------------------------------------------------------------------------------- */

/* False when there is none. */
static bool take_room(struct trivet_shadows *shadows, size_t n_rows, size_t n_bytes)
{
    size_t rows = atomic_fetch_add(&shadows->queued_rows, n_rows); /* a large call finds room too */
    size_t bytes = atomic_fetch_add(&shadows->queued_bytes, n_bytes) + n_bytes;
    if (rows < shadows->options.queue_rows_max && bytes <= shadows->options.queue_bytes_max) {
        return true;
    }
    atomic_fetch_sub(&shadows->queued_rows, n_rows);
    atomic_fetch_sub(&shadows->queued_bytes, n_bytes);
    return false;
}

static void fill_answers(const struct trivet_shadow_call *call, double *answered)
{
    const struct trivet_pipeline *pipeline = trivet_servable_pipeline(call->answered_by);
    size_t n_outputs = trivet_pipeline_n_outputs(pipeline);
    for (size_t i = 0; i < call->n_rows; i++) {
        bool fine = call->faults == NULL || call->faults[i].fault == TRIVET_ROW_FINE;
        answered[i] =
            fine ? trivet_pipeline_number(pipeline, &call->outputs[i * n_outputs]) : (double)NAN;
    }
}

/* NULL when there is no room or memory; else `pair` is the job's. */
static struct job *make_job(struct trivet_shadows *shadows, const struct trivet_shadow_call *call,
                            struct trivet_servable *shadow, struct trivet_shadow_pair *pair)
{
    bool is_matrix = call->matrix != NULL;
    size_t value_bytes = call->single_precision ? sizeof(float) : sizeof(double);
    size_t input_bytes =
        is_matrix ? call->n_rows * call->n_cols * value_bytes : call->request_bytes;
    size_t n_bytes = sizeof(struct job) + call->n_rows * sizeof(double) + input_bytes;
    if (!take_room(shadows, call->n_rows, n_bytes)) {
        return NULL;
    }
    struct job *job = trivet_malloc(n_bytes);
    if (job == NULL) {
        atomic_fetch_sub(&shadows->queued_rows, call->n_rows);
        atomic_fetch_sub(&shadows->queued_bytes, n_bytes);
        return NULL;
    }
    *job = (struct job){.shadow = trivet_servable_ref(shadow),
                        .answered_by = trivet_servable_ref(call->answered_by),
                        .pair = pair,
                        .n_rows = call->n_rows,
                        .n_cols = call->n_cols,
                        .single_precision = call->single_precision,
                        .is_matrix = is_matrix,
                        .input_bytes = input_bytes,
                        .n_bytes = n_bytes};
    fill_answers(call, job->answered);
    memcpy(job->answered + job->n_rows, is_matrix ? call->matrix : call->request, input_bytes);
    return job;
}

static size_t count_answers(const struct trivet_shadow_call *call)
{
    size_t n = 0;
    for (size_t i = 0; call->faults != NULL && i < call->n_rows; i++) {
        n += call->faults[i].fault == TRIVET_ROW_FINE;
    }
    return call->faults == NULL ? call->n_rows : n;
}

static void wake_up(struct trivet_shadows *shadows)
{
    pthread_mutex_lock(&shadows->lock);
    pthread_cond_signal(&shadows->wake);
    pthread_mutex_unlock(&shadows->lock);
}

void trivet_shadows_offer(struct trivet_shadows *shadows, const struct trivet_shadow_call *call)
{
    size_t n_members;
    const struct trivet_traffic_member *members = trivet_traffic_shadows(call->traffic, &n_members);
    free_done(shadows);
    for (size_t i = 0; i < n_members; i++) {
        if (!trivet_traffic_is_shadowed(call->traffic, i)) {
            continue;
        }
        struct trivet_servable *shadow = members[i].servable;
        struct trivet_shadow_pair *pair = trivet_shadow_totals_pair(
            shadows->options.totals, trivet_servable_model(shadow), trivet_servable_version(shadow),
            trivet_servable_version(call->answered_by));
        struct job *job = pair == NULL ? NULL : make_job(shadows, call, shadow, pair);
        if (job != NULL) {
            push(&shadows->offered, job);
        } else if (pair != NULL) {
            trivet_shadow_pair_skip(pair, count_answers(call));
            trivet_shadow_pair_release(pair);
        }
    }
    /* It looks at the list once more after it said that it sleeps. */
    if (atomic_load(&shadows->asleep)) {
        wake_up(shadows);
    }
}

/* --- predicting ------------------------------------------------------------------------------ */

/* The job's rows for its shadow, in the task. */
static enum trivet_status decode(const struct trivet_shadows *shadows, struct job *job,
                                 struct trivet_pool_task *task, struct trivet_error *err)
{
    const struct trivet_pipeline *pipeline = trivet_servable_pipeline(job->shadow);
    const struct trivet_schema *inputs = trivet_pipeline_inputs(pipeline);
    struct trivet_arena *arena = shadows->rows_arena;
    Trivet__V1__Matrix matrix = TRIVET__V1__MATRIX__INIT;
    const Trivet__V1__Matrix *sent = &matrix;
    const Trivet__V1__Table *table = NULL;
    void *input = job->answered + job->n_rows;
    if (job->is_matrix) {
        matrix.rows = (uint32_t)job->n_rows;
        matrix.cols = (uint32_t)job->n_cols;
        size_t n_values = job->n_rows * job->n_cols;
        *(job->single_precision ? &matrix.n_f32 : &matrix.n_f64) = n_values;
        matrix.f32 = job->single_precision ? input : NULL;
        matrix.f64 = job->single_precision ? NULL : input;
    } else {
        ProtobufCMessage *message = NULL;
        enum trivet_status status =
            trivet_codec_unpack(&trivet__v1__predict_request__descriptor, arena, input,
                                job->input_bytes, &message, err);
        if (status != TRIVET_OK) {
            return status;
        }
        const Trivet__V1__PredictRequest *request = (const Trivet__V1__PredictRequest *)message;
        bool is_matrix = request->rows_case == TRIVET__V1__PREDICT_REQUEST__ROWS_MATRIX;
        sent = is_matrix ? request->matrix : NULL;
        table = is_matrix ? NULL : request->table;
    }
    if (sent != NULL) {
        task->matrix_single = sent->n_f32 > 0;
        task->matrix = task->matrix_single ? (const void *)sent->f32 : (const void *)sent->f64;
        task->nan_is_missing = sent->nan_is_missing;
        return trivet_table_decode_matrix(sent, inputs, arena, &task->rows, &task->row_status, err);
    }
    return trivet_table_decode_inputs(table, inputs, arena, &task->rows, &task->row_status, err);
}

static void prepare(struct trivet_shadows *shadows, struct job *job, struct trivet_pool_task *task)
{
    size_t n_outputs = trivet_pipeline_n_outputs(trivet_servable_pipeline(job->shadow));
    memset(task, 0, sizeof(*task));
    task->servable = job->shadow;
    task->status = decode(shadows, job, task, &task->error);
    if (task->status == TRIVET_OK) {
        task->outputs = trivet_arena_alloc_array(shadows->rows_arena, job->n_rows * n_outputs,
                                                 sizeof(*task->outputs));
        task->status = task->outputs == NULL ? TRIVET_RESOURCE_EXHAUSTED : TRIVET_OK;
    }
}

static void fail_slice(void *ctx, struct trivet_slice *slice, const struct trivet_error *err)
{
    (void)ctx;
    slice->task->status = err->status;
}

static void run_batch(struct trivet_shadows *shadows, struct trivet_batch *batch,
                      struct trivet_shadow_pair *pair)
{
    if (batch->n_slices > 0) {
        trivet_batch_run(batch, shadows->scratch, fail_slice, NULL);
        const struct trivet_shadow_counts counts = {.compute_ns = (uint64_t)batch->compute_ns};
        trivet_shadow_pair_add(pair, &counts);
    }
    batch->n_slices = 0;
    batch->n_rows = 0;
}

/* All rows of the tasks, in batches. */
static void predict(struct trivet_shadows *shadows, struct trivet_pool_task *tasks, size_t n_tasks,
                    const struct job *first)
{
    struct trivet_batch batch = {.pipeline = trivet_servable_pipeline(first->shadow),
                                 .plan = trivet_servable_plan(first->shadow),
                                 .slices = shadows->slices};
    size_t rows_max = trivet_batch_rows_max(batch.pipeline, ROWS_TOGETHER);
    for (size_t i = 0; i < n_tasks; i++) {
        size_t n_rows = tasks[i].status == TRIVET_OK ? tasks[i].rows.n_rows : 0;
        for (size_t taken = 0; taken < n_rows;) {
            size_t room = rows_max - batch.n_rows;
            size_t count = n_rows - taken < room ? n_rows - taken : room;
            batch.slices[batch.n_slices++] = (struct trivet_slice){
                .task = &tasks[i], .first = taken, .count = count, .whole = count == n_rows};
            batch.n_rows += count;
            taken += count;
            if (batch.n_rows == rows_max) {
                run_batch(shadows, &batch, first->pair);
            }
        }
    }
    run_batch(shadows, &batch, first->pair);
}

static void finish_job(struct trivet_shadows *shadows, struct job *job)
{
    atomic_fetch_sub(&shadows->queued_rows, job->n_rows);
    atomic_fetch_sub(&shadows->queued_bytes, job->n_bytes);
    trivet_servable_unref(job->shadow);
    trivet_servable_unref(job->answered_by);
    trivet_shadow_pair_release(job->pair);
    push(&shadows->done, job);
}

/* Takes the oldest job, and those of the same pair of versions that fit in one batch, off the list.
 */
static size_t take_group(struct trivet_shadows *shadows)
{
    struct job *first = shadows->jobs;
    size_t n_jobs = 0;
    size_t n_rows = 0;
    struct job **link = &shadows->jobs;
    while (*link != NULL && n_jobs < JOBS_TOGETHER && n_rows < ROWS_TOGETHER) {
        struct job *job = *link;
        if (job->shadow != first->shadow || job->answered_by != first->answered_by) {
            link = &job->next;
            continue;
        }
        *link = job->next;
        shadows->group[n_jobs++] = job;
        n_rows += job->n_rows;
    }
    return n_jobs;
}

/* From the first shadow on: most servers have none, and a start would take milliseconds and
 * megabytes for the pages. */
static bool has_arenas(struct trivet_shadows *shadows)
{
    if (shadows->rows_arena == NULL) {
        shadows->rows_arena = trivet_arena_create(ARENA_BYTES_MAX, ARENA_BYTES_KEEP);
    }
    if (shadows->scratch == NULL) {
        shadows->scratch = trivet_arena_create(TRIVET_BATCH_SCRATCH_BYTES_MAX, ARENA_BYTES_KEEP);
    }
    return shadows->rows_arena != NULL && shadows->scratch != NULL;
}

static void run_group(struct trivet_shadows *shadows)
{
    struct trivet_pool_task *tasks = shadows->tasks;
    size_t n_jobs = take_group(shadows);
    struct job *first = shadows->group[0];
    struct trivet_shadow_counts counts = {0};
    bool has_memory = has_arenas(shadows);
    if (has_memory) {
        trivet_arena_reset(shadows->rows_arena);
    }
    for (size_t i = 0; i < n_jobs; i++) {
        if (has_memory) {
            prepare(shadows, shadows->group[i], &tasks[i]);
        } else {
            tasks[i] = (struct trivet_pool_task){.status = TRIVET_RESOURCE_EXHAUSTED};
        }
    }
    predict(shadows, tasks, n_jobs, first);
    const struct trivet_shadow_kinds kinds = trivet_shadow_kinds_of(
        trivet_servable_pipeline(first->shadow), trivet_servable_pipeline(first->answered_by));
    for (size_t i = 0; i < n_jobs; i++) {
        struct job *job = shadows->group[i];
        bool failed = tasks[i].status != TRIVET_OK;
        trivet_shadow_compare(&kinds, job->answered, job->n_rows, failed ? NULL : tasks[i].outputs,
                              tasks[i].row_status, &counts);
    }
    trivet_shadow_pair_add(first->pair, &counts);
    for (size_t i = 0; i < n_jobs; i++) {
        finish_job(shadows, shadows->group[i]);
    }
}

/* --- the thread ------------------------------------------------------------------------------ */

/* What was offered since, behind what is there; false: nothing. */
static bool take_offered(struct trivet_shadows *shadows)
{
    struct job *reversed = NULL;
    struct job *next;
    for (struct job *job = atomic_exchange(&shadows->offered, NULL); job != NULL; job = next) {
        next = job->next;
        job->next = reversed;
        reversed = job;
    }
    shadows->jobs = reversed;
    return reversed != NULL;
}

static void be_humble(void)
{
    const struct sched_param none = {0};
    (void)setpriority(PRIO_PROCESS, (id_t)gettid(), LOWEST_NICE); /* of a thread, on Linux */
    (void)sched_setscheduler(0, SCHED_BATCH, &none);
}

static void pause_a_while(struct trivet_shadows *shadows, unsigned n_empty)
{
    const struct timespec moment = {.tv_nsec = POLL_NS};
    if (n_empty < POLLS_TO_SLEEP) {
        (void)nanosleep(&moment, NULL);
        return;
    }
    free_done(shadows);
    pthread_mutex_lock(&shadows->lock);
    atomic_store(&shadows->asleep, true);
    while (atomic_load(&shadows->offered) == NULL && !atomic_load(&shadows->stopping)) {
        pthread_cond_wait(&shadows->wake, &shadows->lock);
    }
    atomic_store(&shadows->asleep, false);
    pthread_mutex_unlock(&shadows->lock);
}

static void *run(void *arg)
{
    struct trivet_shadows *shadows = arg;
    unsigned n_empty = 0;
    pthread_setname_np(pthread_self(), "trivet-shadow");
    be_humble();
    while (!atomic_load(&shadows->stopping)) {
        n_empty = take_offered(shadows) ? 0 : n_empty + 1;
        if (n_empty > 0) {
            pause_a_while(shadows, n_empty);
        }
        while (shadows->jobs != NULL && !atomic_load(&shadows->stopping)) {
            run_group(shadows);
        }
    }
    return NULL;
}

/* --- life ------------------------------------------------------------------------------------ */

enum trivet_status trivet_shadows_create(const struct trivet_shadows_options *options,
                                         struct trivet_shadows **out, struct trivet_error *err)
{
    struct trivet_shadows *shadows = trivet_calloc(1, sizeof(*shadows));
    bool fine = shadows != NULL;
    if (fine) {
        shadows->options = *options;
        pthread_mutex_init(&shadows->lock, NULL);
        trivet_clock_init_condition(&shadows->wake);
        fine = pthread_create(&shadows->thread, NULL, run, shadows) == 0;
    }
    if (fine) {
        *out = shadows;
        return TRIVET_OK;
    }
    if (shadows != NULL) {
        pthread_cond_destroy(&shadows->wake);
        pthread_mutex_destroy(&shadows->lock);
        trivet_free(shadows);
    }
    return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                            "no memory or no thread for the shadows of versions");
}

static void skip_all(struct trivet_shadows *shadows)
{
    while (shadows->jobs != NULL || take_offered(shadows)) {
        struct job *job = shadows->jobs;
        uint64_t n_answers = 0;
        for (size_t i = 0; i < job->n_rows; i++) {
            n_answers += isnan(job->answered[i]) ? 0 : 1;
        }
        shadows->jobs = job->next;
        trivet_shadow_pair_skip(job->pair, n_answers);
        finish_job(shadows, job);
    }
    free_done(shadows);
}

void trivet_shadows_free(struct trivet_shadows *shadows)
{
    if (shadows == NULL) {
        return;
    }
    atomic_store(&shadows->stopping, true);
    wake_up(shadows);
    pthread_join(shadows->thread, NULL);
    skip_all(shadows);
    trivet_arena_free(shadows->rows_arena);
    trivet_arena_free(shadows->scratch);
    pthread_cond_destroy(&shadows->wake);
    pthread_mutex_destroy(&shadows->lock);
    trivet_free(shadows);
}
