/* The parts of an evaluation. Internal to src/evaluation. */
#ifndef TRIVET_EVALUATION_EVALUATE_INTERNAL_H
#define TRIVET_EVALUATION_EVALUATE_INTERNAL_H

#include "evaluation/evaluate.h"
#include "evaluation/scores.h"

enum trivet_status trivet_evaluation_no_memory(struct trivet_error *err);

/* Task, counts, metrics, and for classification the confusion matrix and its classes. */
enum trivet_status trivet_evaluation_summarise(const struct trivet_scores *scores,
                                               struct trivet_arena *arena,
                                               struct trivet_evaluation *out,
                                               struct trivet_error *err) TRIVET_MUST_USE;
/* The points of the task's curves → out->curves. */
enum trivet_status trivet_evaluation_curves(const struct trivet_scores *scores,
                                            struct trivet_arena *arena,
                                            struct trivet_evaluation *out,
                                            struct trivet_error *err) TRIVET_MUST_USE;
/* Metrics of the rows with one value of a column → out->slices, column by column, values with the
 * most rows first. Numeric columns of more than 10 values are cut at their quartiles. */
enum trivet_status
trivet_evaluation_slices(const struct trivet_scores *scores, const struct trivet_table *table,
                         const struct trivet_evaluate_options *options, struct trivet_arena *arena,
                         struct trivet_evaluation *out, struct trivet_error *err) TRIVET_MUST_USE;
/* Permutation importance (Breiman, Random forests, 2001) of every input by the main metric, over
 * at most 10,000 of the scored rows → out->importances. */
enum trivet_status
trivet_evaluation_importances(const struct trivet_scores *scores, const struct trivet_table *table,
                              const char *target, const struct trivet_evaluate_options *options,
                              struct trivet_arena *arena, struct trivet_evaluation *out,
                              struct trivet_error *err) TRIVET_MUST_USE;

#endif
