/* Ctrl-C in the middle of work that should end well: the first one asks it to end (and a training
 * job that is set, to cancel), the second one leaves at once. */
#ifndef TRIVET_CLI_INTERRUPT_H
#define TRIVET_CLI_INTERRUPT_H

#include "clients/cli/cli.h"

#include <pthread.h>
#include <stdbool.h>

struct trivet_cli_interrupt {
    struct trivet_cli *cli;
    pthread_t thread;
    pthread_mutex_t lock;
    /* Under lock. */
    bool requested;
    char job_id[64];
};

/* Takes SIGINT and SIGTERM over, until end. */
enum trivet_status trivet_cli_interrupt_begin(struct trivet_cli_interrupt *interrupt,
                                              struct trivet_cli *cli,
                                              struct trivet_error *err) TRIVET_MUST_USE;
void trivet_cli_interrupt_end(struct trivet_cli_interrupt *interrupt);
bool trivet_cli_interrupt_requested(struct trivet_cli_interrupt *interrupt);
/* From now on an interrupt cancels this job on the server (at once, if there was one already). */
void trivet_cli_interrupt_set_job(struct trivet_cli_interrupt *interrupt, const char *job_id);

#endif
