/* What the files of the trainer child share. One process, one job, one thread. */
#ifndef TRIVET_TRAINING_TRAINER_INTERNAL_H
#define TRIVET_TRAINING_TRAINER_INTERNAL_H

#include "base/arena.h"
#include "base/buffer.h"
#include "base/compiler.h"
#include "data/dataset.h"
#include "data/schema.h"
#include "data/table.h"
#include "evaluation/cross_validate.h"
#include "evaluation/evaluate.h"
#include "evaluation/learning_curve.h"
#include "evaluation/search.h"
#include "evaluation/splitter.h"
#include "models/pipeline.h"
#include "store/store.h"
#include "training/channel.h"
#include "training/output.h"
#include "trivet/v1/artefact.pb-c.h"
#include "trivet/v1/trainer.pb-c.h"

#include <trivet/error.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Of a search or a learning curve, when nobody says. */
#define TRIVET_FOLDS_DEFAULT 5

enum trivet_trainer_phase {
    TRIVET_PHASE_LOAD,
    TRIVET_PHASE_SPLIT,
    TRIVET_PHASE_SEARCH,
    TRIVET_PHASE_LEARNING_CURVE,
    TRIVET_PHASE_CROSS_VALIDATE,
    TRIVET_PHASE_FIT,
    TRIVET_PHASE_EVALUATE,
    TRIVET_PHASE_COUNT,
};

struct trivet_trainer {
    Trivet__V1__JobSpec *spec; /* its pipeline becomes the winner's after a search */
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
    struct trivet_schema features; /* without the column of a grouped split */
    enum trivet_task task;
    /* Rows with a target: the first n_train for training, the rest for test. */
    size_t *rows;
    size_t n_rows;
    size_t n_train;
    size_t n_without_target;
    size_t n_duplicates;
    struct trivet_splitter splitter;
    char rare_class[192];    /* what the report tells of it; "": nothing */
    uint64_t base_rss_bytes; /* peak before the data */

    /* What is trained, defaults included. */
    const char *estimator; /* static */
    struct trivet_params params;

    /* What was made of it; evaluations are set when their has_ is. */
    struct trivet_pipeline *pipeline;
    struct trivet_fit_report fit;
    struct trivet_evaluation train;
    struct trivet_evaluation test;
    bool has_train;
    bool has_test;
    struct trivet_cross_validation validation;
    bool has_validation;
    struct trivet_candidates candidates; /* of a search */
    struct trivet_search search;
    bool has_search;
    struct trivet_learning_curve learning_curve;
    bool has_learning_curve;
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
/* The folds of a plan over the training rows. */
struct trivet_validation_plan trivet_trainer_plan(struct trivet_trainer *trainer, size_t n_folds);
/* Dataset into memory, and which of its rows are for what. */
enum trivet_status trivet_trainer_load(struct trivet_trainer *trainer,
                                       struct trivet_error *err) TRIVET_MUST_USE;
enum trivet_status trivet_trainer_split(struct trivet_trainer *trainer,
                                        struct trivet_error *err) TRIVET_MUST_USE;
/* What the search will try, made of the dataset's columns. */
enum trivet_status trivet_trainer_lay_out_search(struct trivet_trainer *trainer,
                                                 struct trivet_error *err) TRIVET_MUST_USE;
/* Tries it; the winner's pipeline becomes the job's. */
enum trivet_status trivet_trainer_search(struct trivet_trainer *trainer,
                                         struct trivet_error *err) TRIVET_MUST_USE;
enum trivet_status trivet_trainer_learning_curve(struct trivet_trainer *trainer,
                                                 struct trivet_error *err) TRIVET_MUST_USE;
/* Of rows that are equal in every column used the first is kept. */
enum trivet_status trivet_trainer_drop_duplicates(struct trivet_trainer *trainer,
                                                  struct trivet_error *err) TRIVET_MUST_USE;
/* Reference profile of every input and of the predictions over the rows with a target, made in the
 * trainer's arena. */
enum trivet_status trivet_trainer_profile(struct trivet_trainer *trainer, Trivet__V1__Profile **out,
                                          struct trivet_error *err) TRIVET_MUST_USE;
/* Most resident memory of this process so far. */
uint64_t trivet_trainer_peak_rss_bytes(void);
/* A PREDICT job, to its result. */
enum trivet_status trivet_trainer_predict(struct trivet_trainer *trainer,
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
