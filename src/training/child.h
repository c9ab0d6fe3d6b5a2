/* A trainer child as a process: started with nothing but its three streams, ended, explained. */
#ifndef TRIVET_TRAINING_CHILD_H
#define TRIVET_TRAINING_CHILD_H

#include "base/compiler.h"

#include <trivet/error.h>

#include <stddef.h>
#include <sys/types.h>

struct trivet_child {
    pid_t pid;
    int out_fd; /* its stdout; owned */
};

/* Starts `PROGRAM --trainer` by posix_spawn: `spec` is its stdin (a memory file, so that writing
 * never waits), its stdout is out->out_fd, its stderr is ours, and no other descriptor is open in
 * it. It gets a process group of its own (a Ctrl-C at the server's terminal is the server's to
 * handle) and one BLAS thread. FAILED_PRECONDITION: the program cannot be started. */
enum trivet_status trivet_child_start(const char *program, const void *spec, size_t n_bytes,
                                      struct trivet_child *out,
                                      struct trivet_error *err) TRIVET_MUST_USE;
/* Waits until it has ended, without reaping it: its pid stays its own. */
void trivet_child_wait(const struct trivet_child *child);
/* Reaps the ended child, closes its pipe, and says in `err` how it ended (when it gave no result);
 * returns the status to report. */
enum trivet_status trivet_child_reap(struct trivet_child *child, struct trivet_error *err);

#endif
