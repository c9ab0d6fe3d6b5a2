/* DESIGN: SIGINT and SIGTERM are blocked in every thread and taken by one that waits for them, so
 * that the answer to them may call the server. SIGUSR1 ends that thread. The client may be used by
 * any thread; cli->arena may not, so the thread has its own memory. */
#include "clients/cli/interrupt.h"

#include "base/text.h"
#include "trivet/v1/training.pb-c.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#define CANCEL_TIMEOUT_MS  5000
#define CANCEL_ARENA_BYTES ((size_t)1 << 20)

static void watched_signals(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGUSR1);
}

static void cancel_job(struct trivet_cli *cli, const char *job_id)
{
    struct trivet_error err = {0};
    ProtobufCMessage *reply = NULL;
    Trivet__V1__CancelJobRequest request = TRIVET__V1__CANCEL_JOB_REQUEST__INIT;
    request.job_id = trivet_cli_field(job_id);
    struct trivet_arena *arena = trivet_arena_create(CANCEL_ARENA_BYTES, 0);
    if (arena == NULL) {
        return;
    }
    enum trivet_status status =
        trivet_cli_call(cli, "trivet.v1.Training/CancelJob", &request.base,
                        &trivet__v1__job__descriptor, CANCEL_TIMEOUT_MS, arena, &reply, &err);
    if (status != TRIVET_OK && status != TRIVET_FAILED_PRECONDITION) { /* that: it has ended */
        trivet_cli_fail(&err);
    }
    trivet_arena_free(arena);
}

static void on_first(struct trivet_cli_interrupt *interrupt)
{
    char job_id[sizeof(interrupt->job_id)];
    pthread_mutex_lock(&interrupt->lock);
    interrupt->requested = true;
    trivet_text_copy(job_id, sizeof(job_id), interrupt->job_id);
    pthread_mutex_unlock(&interrupt->lock);
    fprintf(stderr, "%strivet: stopping%s%s; once more leaves at once\n",
            interrupt->cli->err_is_terminal ? "\r\033[K" : "", job_id[0] != '\0' ? " " : "",
            job_id);
    if (job_id[0] != '\0') {
        cancel_job(interrupt->cli, job_id);
    }
}

static void *signal_thread(void *argument)
{
    struct trivet_cli_interrupt *interrupt = argument;
    sigset_t set;
    watched_signals(&set);
    bool first = true;
    for (;;) {
        int number = 0;
        if (sigwait(&set, &number) != 0 || number == SIGUSR1) {
            return NULL;
        }
        if (!first) {
            _exit(TRIVET_CLI_FAILED);
        }
        first = false;
        on_first(interrupt);
    }
}

enum trivet_status trivet_cli_interrupt_begin(struct trivet_cli_interrupt *interrupt,
                                              struct trivet_cli *cli, struct trivet_error *err)
{
    *interrupt = (struct trivet_cli_interrupt){.cli = cli, .lock = PTHREAD_MUTEX_INITIALIZER};
    sigset_t set;
    watched_signals(&set);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    if (pthread_create(&interrupt->thread, NULL, signal_thread, interrupt) != 0) {
        pthread_sigmask(SIG_UNBLOCK, &set, NULL);
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "cannot start a thread");
    }
    return TRIVET_OK;
}

void trivet_cli_interrupt_end(struct trivet_cli_interrupt *interrupt)
{
    pthread_kill(interrupt->thread, SIGUSR1);
    pthread_join(interrupt->thread, NULL);
    sigset_t set;
    watched_signals(&set);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    pthread_mutex_destroy(&interrupt->lock);
}

bool trivet_cli_interrupt_requested(struct trivet_cli_interrupt *interrupt)
{
    pthread_mutex_lock(&interrupt->lock);
    bool requested = interrupt->requested;
    pthread_mutex_unlock(&interrupt->lock);
    return requested;
}

void trivet_cli_interrupt_set_job(struct trivet_cli_interrupt *interrupt, const char *job_id)
{
    pthread_mutex_lock(&interrupt->lock);
    bool requested = interrupt->requested;
    trivet_text_copy(interrupt->job_id, sizeof(interrupt->job_id), job_id);
    pthread_mutex_unlock(&interrupt->lock);
    if (requested) {
        cancel_job(interrupt->cli, job_id);
    }
}
