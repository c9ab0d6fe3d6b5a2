/* Choosing before the final fit: the search, and the learning curve of what was chosen. */
#include "base/text.h"
#include "training/trainer_internal.h"

#define AUTO_BUDGET_SECONDS 60.0
#define DETAIL_BYTES        128

enum trivet_status trivet_trainer_lay_out_search(struct trivet_trainer *trainer,
                                                 struct trivet_error *err)
{
    const Trivet__V1__SplitSpec *split = trainer->spec->split;
    return trivet_candidates_make(
        trainer->spec->pipeline, trainer->spec->search, &trainer->features, trainer->table.n_rows,
        split == NULL ? 0 : split->seed, trainer->arena, &trainer->candidates, err);
}

static bool on_search(void *ctx, double fraction, size_t candidate, size_t n_candidates,
                      size_t fold)
{
    struct trivet_trainer *trainer = ctx;
    char detail[DETAIL_BYTES];
    trivet_text_format(detail, sizeof detail, "%s, %zu of %zu, fold %zu",
                       trainer->candidates.list[candidate].spec->estimator, candidate + 1,
                       n_candidates, fold + 1);
    return trivet_trainer_progress(trainer, fraction, detail, false, NULL) == TRIVET_OK;
}

enum trivet_status trivet_trainer_search(struct trivet_trainer *trainer, struct trivet_error *err)
{
    const Trivet__V1__SearchSpec *spec = trainer->spec->search;
    const bool is_auto = spec->method == TRIVET__V1__SEARCH_METHOD__SEARCH_METHOD_AUTO;
    struct trivet_search_plan plan = {
        .validation = trivet_trainer_plan(trainer, spec->folds > 0 ? spec->folds
                                                                   : (size_t)TRIVET_FOLDS_DEFAULT),
        .task = trainer->task,
        .metric = spec->metric,
        .budget_seconds =
            is_auto && spec->budget_seconds <= 0.0 ? AUTO_BUDGET_SECONDS : spec->budget_seconds,
        .keep_hopeless = spec->keep_hopeless != 0,
        .on_progress = on_search,
        .ctx = trainer,
    };
    enum trivet_status status =
        trivet_search_run(&plan, &trainer->candidates, trainer->arena, &trainer->search, err);
    if (status == TRIVET_OK) {
        trainer->has_search = true;
        trainer->spec->pipeline = trainer->search.trials[0].candidate->spec;
    }
    return status;
}

static bool on_point(void *ctx, size_t point, size_t n_points)
{
    char detail[DETAIL_BYTES];
    trivet_text_format(detail, sizeof detail, "part %zu of %zu", point + 1, n_points);
    return trivet_trainer_progress(ctx, (double)point / (double)n_points, detail, false, NULL) ==
           TRIVET_OK;
}

enum trivet_status trivet_trainer_learning_curve(struct trivet_trainer *trainer,
                                                 struct trivet_error *err)
{
    const Trivet__V1__SplitSpec *split = trainer->spec->split;
    const size_t n_folds =
        split != NULL && split->folds > 0 ? split->folds : (size_t)TRIVET_FOLDS_DEFAULT;
    struct trivet_validation_plan plan = trivet_trainer_plan(trainer, n_folds);
    enum trivet_status status =
        trivet_learning_curve_make(&plan, trivet_evaluation_main_metric(trainer->task), on_point,
                                   trainer, &trainer->learning_curve, err);
    trainer->has_learning_curve = status == TRIVET_OK;
    return status;
}
