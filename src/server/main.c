/* trivetd. The same program, started with --trainer, is the child that fits models. */
#include "base/clock.h"
#include "base/log.h"
#include "server/assembly.h"
#include "server/options.h"
#include "training/trainer.h"

#include <argp.h>
#include <malloc.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define LARGE_BLOCK_BYTES (1 << 20)

const char *argp_program_version = "trivetd " TRIVET_VERSION;

/* A connection takes one; the soft limit is often 1024. */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

/* Any thread may take the signal: libraries start some of their own before main, which block
 * nothing. So a handler posts and main waits. */
static sem_t stop_wanted;
static volatile sig_atomic_t stop_signal;

static void on_stop_signal(int number)
{
    stop_signal = number;
    sem_post(&stop_wanted);
}

static void catch_signals(void)
{
    struct sigaction stop = {.sa_handler = on_stop_signal, .sa_flags = SA_RESTART};
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    sem_init(&stop_wanted, 0, 0);
    sigfillset(&stop.sa_mask);
    sigaction(SIGTERM, &stop, NULL);
    sigaction(SIGINT, &stop, NULL);
    sigaction(SIGPIPE, &ignore, NULL);
}

static void wait_for_stop(void)
{
    while (sem_wait(&stop_wanted) != 0) {
        /* interrupted */
    }
}

static int serve(const struct trivet_options *options)
{
    struct trivet_server *server = NULL;
    struct trivet_error err;
    int64_t begin_ns = trivet_clock_monotonic_ns();
    if (trivet_server_start(options, &server, &err) != TRIVET_OK) {
        trivet_log(TRIVET_LOG_ERROR, "start_failed", "status=%s message=%s",
                   trivet_status_name(err.status), err.message);
        return 1;
    }
    printf("ready");
    for (size_t i = 0; i < options->n_listen; i++) {
        printf(" listen=%s", trivet_server_listen_url(server, i));
    }
    const char *http = trivet_server_http_address(server);
    printf(" events=%s http=%s%s%s pid=%ld\n", trivet_server_events_url(server),
           http != NULL ? "http://" : "off", http != NULL ? http : "", http != NULL ? "/" : "",
           (long)getpid());
    fflush(stdout);
    trivet_log(TRIVET_LOG_INFO, "ready", "milliseconds=%lld",
               (long long)((trivet_clock_monotonic_ns() - begin_ns) / TRIVET_NS_PER_MS));
    wait_for_stop();
    trivet_log(TRIVET_LOG_INFO, "draining", "signal=%d", (int)stop_signal);
    trivet_server_stop(server);
    trivet_log(TRIVET_LOG_INFO, "stopped", "pid=%ld", (long)getpid());
    return 0;
}

int main(int argc, char **argv)
{
    struct trivet_options options;
    struct trivet_error err;
    umask(077); /* what is kept here is nobody else's */
    /* Large blocks go back to the system when they are freed: by default glibc stops doing so
     * after the first few, and one burst of large requests would be held for ever. */
    mallopt(M_MMAP_THRESHOLD, LARGE_BLOCK_BYTES);
    if (trivet_options_parse(argc, argv, &options, &err) != TRIVET_OK) {
        fprintf(stderr, "trivetd: %s\n", err.message);
        return 2;
    }
    trivet_log_configure(options.trainer ? "trivetd-trainer" : "trivetd", options.log_level,
                         options.log_json);
    if (options.trainer) {
        return trivet_trainer_main();
    }
    raise_descriptor_limit();
    catch_signals();
    return serve(&options);
}
