/* The trainer child: `trivetd --trainer` reads a packed JobSpec from stdin, opens the store read
 * only, fits, and writes length-prefixed TrainerMessages to stdout. */
#ifndef TRIVET_TRAINING_TRAINER_H
#define TRIVET_TRAINING_TRAINER_H

/* The whole life of the child; returns its exit status (0 also when the result is an error that
 * was reported). Sets SCHED_BATCH, nice and parent-death signal first. */
int trivet_trainer_main(void);

#endif
