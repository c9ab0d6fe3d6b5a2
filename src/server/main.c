/* trivetd. The same program, started with --trainer, is the child that fits models. */
#include "base/clock.h"
#include "base/log.h"
#include "server/assembly.h"
#include "server/options.h"
#include "training/trainer.h"

#include <argp.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

const char *argp_program_version = "trivetd " TRIVET_VERSION;

static int serve(const struct trivet_options *options, const sigset_t *signals)
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
    printf(" events=%s pid=%ld\n", trivet_server_events_url(server), (long)getpid());
    fflush(stdout);
    trivet_log(TRIVET_LOG_INFO, "ready", "milliseconds=%lld",
               (long long)((trivet_clock_monotonic_ns() - begin_ns) / TRIVET_NS_PER_MS));
    int signal_number = 0;
    sigwait(signals, &signal_number);
    trivet_log(TRIVET_LOG_INFO, "draining", "signal=%d", signal_number);
    trivet_server_stop(server);
    trivet_log(TRIVET_LOG_INFO, "stopped", "pid=%ld", (long)getpid());
    return 0;
}

int main(int argc, char **argv)
{
    struct trivet_options options;
    struct trivet_error err;
    if (trivet_options_parse(argc, argv, &options, &err) != TRIVET_OK) {
        fprintf(stderr, "trivetd: %s\n", err.message);
        return 2;
    }
    trivet_log_configure(options.trainer ? "trivetd-trainer" : "trivetd", options.log_level,
                         options.log_json);
    if (options.trainer) {
        return trivet_trainer_main();
    }
    /* Blocked before any thread starts, so that only sigwait above takes them. */
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    signal(SIGPIPE, SIG_IGN);
    return serve(&options, &signals);
}
