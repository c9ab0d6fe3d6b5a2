#include "rpc/outcome_target.h"

#include "artefact/artefact.h"
#include "models/pipeline.h"

#include <math.h>
#include <string.h>

static bool has_class(const void *classes, const char *label)
{
    const struct trivet_labels *labels = classes;
    for (size_t i = 0; i < labels->n_labels; i++) {
        if (strcmp(labels->texts[i], label) == 0) {
            return true;
        }
    }
    return false;
}

/* Of the rows that it was trained on: how far off it usually is; 0 when that is not known. */
static double usual_error(const Trivet__V1__TrainingReport *report)
{
    for (size_t i = 0; report != NULL && report->train != NULL && i < report->train->n_metrics;
         i++) {
        const Trivet__V1__Metric *metric = report->train->metrics[i];
        if (metric->defined && strcmp(metric->name, "mse") == 0 && metric->value > 0) {
            return sqrt(metric->value);
        }
    }
    return 0;
}

/* By predictions and errors together: a model that predicts next to nothing says little of the size
 * of its target. */
static void bound(const Trivet__V1__Artefact *artefact, struct trivet_feedback_target *out)
{
    const Trivet__V1__Profile *profile = artefact->profile;
    if (profile == NULL || profile->n_predictions != 1 || profile->predictions[0]->categorical) {
        return;
    }
    double farthest =
        fmax(fabs(profile->predictions[0]->minimum), fabs(profile->predictions[0]->maximum)) +
        usual_error(artefact->report);
    out->bounded = farthest > 0 && isfinite(farthest * TRIVET_OUTCOME_FAR);
    out->highest = farthest * TRIVET_OUTCOME_FAR;
    out->lowest = -out->highest;
}

static struct trivet_feedback_target describe(const struct trivet_servable *servable)
{
    struct trivet_feedback_target out = {.known = true};
    const struct trivet_labels *labels = trivet_pipeline_labels(trivet_servable_pipeline(servable));
    if (labels->n_labels > 0) {
        out.is_numeric = labels->numbers != NULL;
        out.has_class = has_class;
        out.classes = labels;
    } else {
        bound(trivet_servable_artefact(servable)->message, &out);
    }
    return out;
}

static void release(struct trivet_outcome_target *place)
{
    trivet_servable_unref(place->servable);
    *place = (struct trivet_outcome_target){0};
}

const struct trivet_feedback_target *trivet_outcome_target(void *context, uint64_t version)
{
    struct trivet_outcome_targets *targets = context;
    for (size_t i = 0; i < TRIVET_OUTCOME_TARGETS; i++) {
        if (targets->places[i].version == version) {
            return &targets->places[i].target;
        }
    }
    struct trivet_outcome_target *place = &targets->places[targets->next];
    targets->next = (targets->next + 1) % TRIVET_OUTCOME_TARGETS;
    release(place);
    place->version = version;
    place->servable = trivet_servable_set_peek(targets->servables, targets->model, version, NULL);
    if (place->servable != NULL) {
        place->target = describe(place->servable);
    }
    return &place->target;
}

void trivet_outcome_targets_release(struct trivet_outcome_targets *targets)
{
    for (size_t i = 0; i < TRIVET_OUTCOME_TARGETS; i++) {
        release(&targets->places[i]);
    }
}
