/* What the files of the trainer child share. One process, one job, one thread. */
#ifndef TRIVET_TRAINING_TRAINER_INTERNAL_H
#define TRIVET_TRAINING_TRAINER_INTERNAL_H

#include "base/arena.h"
#include "base/buffer.h"
#include "base/compiler.h"
#include "data/dataset.h"
#include "data/schema.h"
#include "data/table.h"
#include "evaluation/evaluate.h"
#include "models/pipeline.h"
#include "store/store.h"
#include "training/channel.h"
#include "trivet/v1/artefact.pb-c.h"
#include "trivet/v1/trainer.pb-c.h"

#include <trivet/error.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum trivet_trainer_phase {
    TRIVET_PHASE_LOAD,
    TRIVET_PHASE_SPLIT,
    TRIVET_PHASE_CROSS_VALIDATE,
    TRIVET_PHASE_FIT,
    TRIVET_PHASE_EVALUATE,
    TRIVET_PHASE_COUNT,
};

struct trivet_trainer {
    const Trivet__V1__JobSpec *spec;
    struct trivet_channel *channel;
    enum trivet_trainer_phase phase;
    double phase_start[TRIVET_PHASE_COUNT + 1]; /* fraction of the job where a phase begins */
    int64_t started_ns;

    /* The dataset, once. */
    struct trivet_store *store;
    struct trivet_store_dataset record;
    struct trivet_schema schema;
    struct trivet_dataset *dataset;
    struct trivet_table table;
    /* Rows with a target: the first n_train for training, the rest for test. */
    size_t *rows;
    size_t n_rows;
    size_t n_train;

    /* What was made of it; evaluations are set when their has_ is. */
    struct trivet_pipeline *pipeline;
    struct trivet_fit_report fit;
    struct trivet_evaluation train;
    struct trivet_evaluation test;
    bool has_train;
    bool has_test;
    struct trivet_cross_validation *validation; /* NULL = not asked for */
    double fit_seconds;
    struct trivet_arena *arena; /* of the report */
};

/* Progress within the phase, 0 to 1; `force` at its beginning. UNAVAILABLE: the server is gone. */
enum trivet_status trivet_trainer_progress(struct trivet_trainer *trainer, double fraction,
                                           const char *detail, bool force,
                                           struct trivet_error *err) TRIVET_MUST_USE;

/* From here on at most `bytes` of address space more than now (RLIMIT_AS); 0 = no limit. */
enum trivet_status trivet_trainer_limit_memory(uint64_t bytes,
                                               struct trivet_error *err) TRIVET_MUST_USE;
/* Dataset into memory, and which of its rows are for what. */
enum trivet_status trivet_trainer_load(struct trivet_trainer *trainer,
                                       struct trivet_error *err) TRIVET_MUST_USE;
enum trivet_status trivet_trainer_split(struct trivet_trainer *trainer,
                                        struct trivet_error *err) TRIVET_MUST_USE;
/* Reference profile of every input and of the predictions over the rows with a target, made in the
 * trainer's arena. */
enum trivet_status trivet_trainer_profile(struct trivet_trainer *trainer, Trivet__V1__Profile **out,
                                          struct trivet_error *err) TRIVET_MUST_USE;
/* All that the run has to tell, in the trainer's arena. */
enum trivet_status trivet_trainer_report(struct trivet_trainer *trainer,
                                         Trivet__V1__TrainingReport **out,
                                         struct trivet_error *err) TRIVET_MUST_USE;
/* The version's bytes, read back once to be sure that they load. */
enum trivet_status trivet_trainer_encode(struct trivet_trainer *trainer,
                                         Trivet__V1__TrainingReport *report,
                                         struct trivet_buffer *out,
                                         struct trivet_error *err) TRIVET_MUST_USE;

#endif
