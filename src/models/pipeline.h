/* A pipeline: transformers, then an estimator, fitted together, cross-validated together, saved and
 * served together. Training and serving run this code. */
#ifndef TRIVET_MODELS_PIPELINE_H
#define TRIVET_MODELS_PIPELINE_H

#include "base/arena.h"
#include "base/compiler.h"
#include "data/schema.h"
#include "data/table.h"
#include "linalg/matrix.h"
#include "models/estimator.h"
#include "models/labels.h"
#include "trivet/v1/artefact.pb-c.h"
#include "trivet/v1/training.pb-c.h"

#include <trivet/error.h>

#include <stddef.h>

struct trivet_pipeline;

/* Unfitted, for rows of `schema`. Everything that can be refused before a fit is refused here, with
 * what is allowed: unknown estimator, transformer, parameter or column, missing target, target of
 * the wrong type, text in a numeric place. The spec is read, not kept. */
enum trivet_status trivet_pipeline_create(const Trivet__V1__PipelineSpec *spec,
                                          const struct trivet_schema *schema,
                                          struct trivet_pipeline **out,
                                          struct trivet_error *err) TRIVET_MUST_USE;
void trivet_pipeline_free(struct trivet_pipeline *pipeline);

/* Fit on rows `rows[0..n_rows)` of `table` (columns of the schema given to create, found by name);
 * rows == NULL: all. Rows must have a target; with steps that look back they must be consecutive,
 * and the estimator is not trained on the first ones. Fitting again starts anew. INVALID_ARGUMENT:
 * data it cannot take (zero rows, infinite, an all-missing column, a single class …). */
enum trivet_status trivet_pipeline_fit(struct trivet_pipeline *pipeline,
                                       const struct trivet_table *table, const size_t *rows,
                                       size_t n_rows, const struct trivet_fit_context *context,
                                       struct trivet_fit_report *report,
                                       struct trivet_error *err) TRIVET_MUST_USE;

enum trivet_task trivet_pipeline_task(const struct trivet_pipeline *pipeline);
/* Raw input columns, in the order of a Matrix; the target column. */
const struct trivet_schema *trivet_pipeline_inputs(const struct trivet_pipeline *pipeline);
/* NULL for clustering. */
const struct trivet_column_spec *trivet_pipeline_target(const struct trivet_pipeline *pipeline);
/* Fitted only: features after the transformers, their names; columns of the estimator's output. */
size_t trivet_pipeline_n_features(const struct trivet_pipeline *pipeline);
const char *trivet_pipeline_feature_name(const struct trivet_pipeline *pipeline, size_t feature);
size_t trivet_pipeline_n_outputs(const struct trivet_pipeline *pipeline);
/* Fitted only: what the columns of the output mean (models/outputs.h), and the class or cluster
 * that a row of them stands for. */
enum trivet_output_kind trivet_pipeline_output_kind(const struct trivet_pipeline *pipeline);
uint32_t trivet_pipeline_decide(const struct trivet_pipeline *pipeline, const double *row);
/* A row of outputs as one number: the prediction, or that of the class or cluster. Fitted only. */
double trivet_pipeline_number(const struct trivet_pipeline *pipeline, const double *row);
/* Name of one column of the output: "prediction", a label, "label/label" of a pair, a number. */
void trivet_pipeline_output_name(const struct trivet_pipeline *pipeline, size_t column, char *text,
                                 size_t text_bytes);
/* Class labels; none for regression and clustering. */
const struct trivet_labels *trivet_pipeline_labels(const struct trivet_pipeline *pipeline);
/* Rows before a row that its features depend on: a table's rows are then taken to be in order, and
 * its first ones lack what came before. */
size_t trivet_pipeline_history_rows(const struct trivet_pipeline *pipeline);
size_t trivet_pipeline_memory_bytes(const struct trivet_pipeline *pipeline);

/* First half of a prediction, per request: `table` has the columns of trivet_pipeline_inputs in
 * that order (trivet_table_bind) → x (table->n_rows, n_features). A row that cannot be
 * transformed gets its fault in `rows` and zeros in x; rows that have a fault already are zeros
 * too. Scratch memory comes from `arena`. Any thread. */
enum trivet_status trivet_pipeline_transform(const struct trivet_pipeline *pipeline,
                                             const struct trivet_table *table,
                                             struct trivet_arena *arena, struct trivet_matrix x,
                                             struct trivet_row_status *rows,
                                             struct trivet_error *err) TRIVET_MUST_USE;
/* Second half, for a whole batch: x → out (n_rows, n_outputs). Any thread. */
enum trivet_status trivet_pipeline_estimate(const struct trivet_pipeline *pipeline,
                                            struct trivet_const_matrix x, struct trivet_matrix out,
                                            struct trivet_error *err) TRIVET_MUST_USE;
/* Both halves in slices of at most 4,096 rows, for evaluation: out (n_rows, n_outputs), NaN for
 * failed rows. `table` has the inputs by name, in any order. */
enum trivet_status trivet_pipeline_predict(const struct trivet_pipeline *pipeline,
                                           const struct trivet_table *table,
                                           struct trivet_matrix out, struct trivet_row_status *rows,
                                           struct trivet_error *err) TRIVET_MUST_USE;

/* What trivet_pipeline_explain explains: "prediction", "log-odds", "probabilities" …; how many
 * outputs that is; and whether by a formula, else by sampling. Fitted only. */
const char *trivet_pipeline_explained(const struct trivet_pipeline *pipeline);
size_t trivet_pipeline_n_explained(const struct trivet_pipeline *pipeline);
bool trivet_pipeline_explains_exactly(const struct trivet_pipeline *pipeline);
/* Name of explained output k: a label, a number, "prediction". */
void trivet_pipeline_explained_name(const struct trivet_pipeline *pipeline, size_t k, char *text,
                                    size_t text_bytes);
/* For features x (n_rows, n_features) of trivet_pipeline_transform: contributions (n_rows,
 * n_explained, n_features), base (n_explained), errors as contributions, only when sampled, else
 * untouched. base plus the contributions of a row are its explained output. `n_rounds` and `seed`
 * as in models/shapley.h. Any thread. */
enum trivet_status trivet_pipeline_explain(const struct trivet_pipeline *pipeline,
                                           struct trivet_const_matrix x, size_t n_rounds,
                                           uint64_t seed, double *contributions, double *base,
                                           double *errors,
                                           struct trivet_error *err) TRIVET_MUST_USE;

/* Fitted pipeline ↔ message (made in `arena`; texts and numbers borrowed from the pipeline).
 * Load checks everything: DATA_LOSS. */
enum trivet_status trivet_pipeline_save(const struct trivet_pipeline *pipeline,
                                        struct trivet_arena *arena, Trivet__V1__Pipeline **out,
                                        struct trivet_error *err) TRIVET_MUST_USE;
enum trivet_status trivet_pipeline_load(const Trivet__V1__Pipeline *message,
                                        struct trivet_pipeline **out,
                                        struct trivet_error *err) TRIVET_MUST_USE;
/* "imputer(mean): area, rooms" of step i; false beyond the last. */
bool trivet_pipeline_step_text(const struct trivet_pipeline *pipeline, size_t i, char *text,
                               size_t text_bytes);

#endif
