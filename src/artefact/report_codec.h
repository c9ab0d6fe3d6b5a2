/* Reports as messages: evaluation, cross-validation and fit, made in an arena. */
#ifndef TRIVET_ARTEFACT_REPORT_CODEC_H
#define TRIVET_ARTEFACT_REPORT_CODEC_H

#include "base/arena.h"
#include "base/compiler.h"
#include "evaluation/cross_validate.h"
#include "evaluation/evaluate.h"
#include "evaluation/learning_curve.h"
#include "evaluation/search.h"
#include "models/pipeline.h"
#include "trivet/v1/report.pb-c.h"

#include <trivet/error.h>

/* All: the message borrows nothing. RESOURCE_EXHAUSTED: the arena is spent. */
enum trivet_status trivet_evaluation_encode(const struct trivet_evaluation *evaluation,
                                            struct trivet_arena *arena,
                                            Trivet__V1__EvaluationReport **out,
                                            struct trivet_error *err) TRIVET_MUST_USE;
enum trivet_status trivet_cross_validation_encode(const struct trivet_cross_validation *validation,
                                                  struct trivet_arena *arena,
                                                  Trivet__V1__CrossValidation **out,
                                                  struct trivet_error *err) TRIVET_MUST_USE;
/* `report` is of the fit of `pipeline`, which names its features. */
enum trivet_status trivet_fit_report_encode(const struct trivet_fit_report *report,
                                            const struct trivet_pipeline *pipeline,
                                            struct trivet_arena *arena, Trivet__V1__FitReport **out,
                                            struct trivet_error *err) TRIVET_MUST_USE;
/* Coefficients and intercepts into `out`; none where the estimator has no equations. */
enum trivet_status trivet_equations_encode(const struct trivet_fit_report *report,
                                           const struct trivet_pipeline *pipeline,
                                           struct trivet_arena *arena,
                                           Trivet__V1__TrainingReport *out,
                                           struct trivet_error *err) TRIVET_MUST_USE;
enum trivet_status trivet_search_encode(const struct trivet_search *search,
                                        Trivet__V1__SearchMethod method, struct trivet_arena *arena,
                                        Trivet__V1__SearchReport **out,
                                        struct trivet_error *err) TRIVET_MUST_USE;
enum trivet_status trivet_learning_curve_encode(const struct trivet_learning_curve *curve,
                                                struct trivet_arena *arena,
                                                Trivet__V1__LearningCurve **out,
                                                struct trivet_error *err) TRIVET_MUST_USE;
/* A list of metrics. */
enum trivet_status trivet_metrics_encode(const struct trivet_metric *metrics, size_t count,
                                         struct trivet_arena *arena, Trivet__V1__Metric ***out,
                                         struct trivet_error *err) TRIVET_MUST_USE;

#endif
