#include "monitor/loop/runner.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "monitor/history/loop.h"
#include "monitor/json.h"
#include "monitor/loop/calls.h"
#include "monitor/loop/report.h"
#include "monitor/loop/steps.h"
#include "monitor/loop/totals.h"

#include <pthread.h>
#include <string.h>

#define STEPS_SHOWN 50
/* A rollback and all that follows, with room to spare. */
#define UNSAVED_MAX 16
/* What was counted since the last step is stored so often. */
#define SAVE_NS (10 * TRIVET_NS_PER_S)

/* One model with a policy, and its thread. */
struct looped {
    struct trivet_loop_runner *runner;
    const struct trivet_policy *policy;
    struct trivet_loop_client client; /* the thread's */
    pthread_t thread;
    bool started;
    bool saving_fails;              /* the thread's: told already */
    struct trivet_loop_state state; /* the thread's */
    struct trivet_loop_state saved; /* the thread's: as the history has it */
    int64_t saved_ns;
    /* The thread's: told, but the history could not be written; oldest first. */
    struct trivet_history_loop_step unsaved[UNSAVED_MAX];
    size_t n_unsaved;
    struct trivet_loop_state shown;                     /* the lock's */
    struct trivet_history_loop_step steps[STEPS_SHOWN]; /* the lock's; newest first */
    size_t n_steps;
    uint64_t n_taken[TRIVET_LOOP_STEP_COUNT][TRIVET_LOOP_OUTCOME_COUNT]; /* the lock's */
};

struct trivet_loop_runner {
    struct trivet_loop_runner_options options;
    struct trivet_loop_totals *totals;
    struct looped *models;
    size_t n_models;
    pthread_mutex_t lock; /* stopping, and what is shown */
    pthread_cond_t wake;
    bool stopping;
};

static void show(struct trivet_loop_runner *runner, struct looped *model,
                 const struct trivet_history_loop_step *step)
{
    pthread_mutex_lock(&runner->lock);
    model->shown = model->state;
    if (step != NULL) {
        size_t n_kept = model->n_steps < STEPS_SHOWN ? model->n_steps : STEPS_SHOWN - 1;
        memmove(&model->steps[1], &model->steps[0], n_kept * sizeof(model->steps[0]));
        model->steps[0] = *step;
        model->n_steps = n_kept + 1;
        model->n_taken[step->event.step][step->event.outcome]++;
    }
    pthread_mutex_unlock(&runner->lock);
}

static void tell(struct trivet_loop_runner *runner, const struct looped *model,
                 const struct trivet_history_loop_step *step)
{
    const struct trivet_loop_event *event = &step->event;
    struct trivet_buffer text = {0};
    struct trivet_error err;
    trivet_log(event->outcome == TRIVET_LOOP_FAILED ? TRIVET_LOG_WARN : TRIVET_LOG_INFO,
               "loop_step", "model=%s round=%llu step=%s outcome=%s version=%llu message=%s",
               model->policy->model, (unsigned long long)event->round,
               trivet_loop_step_name(event->step), trivet_loop_outcome_name(event->outcome),
               (unsigned long long)event->version, event->text);
    if (runner->options.on_step == NULL) {
        return;
    }
    if (trivet_json_finish(trivet_loop_report_step(model->policy->model, step), &text, &err) ==
        TRIVET_OK) {
        runner->options.on_step(runner->options.context, (const char *)text.data, text.n_bytes);
    }
    trivet_buffer_release(&text);
}

/* Goes into the history with the next save that succeeds. */
static void keep_for_later(struct looped *model, const struct trivet_loop_event *event,
                           int64_t now_us)
{
    if (!event->happened) {
        return;
    }
    if (model->n_unsaved == UNSAVED_MAX) {
        model->n_unsaved--;
        memmove(&model->unsaved[0], &model->unsaved[1],
                model->n_unsaved * sizeof(model->unsaved[0]));
    }
    model->unsaved[model->n_unsaved++] =
        (struct trivet_history_loop_step){.unix_us = now_us, .event = *event};
}

/* State and events into the history. False, told once, when it cannot be written. */
static bool save(struct trivet_loop_runner *runner, struct looped *model,
                 const struct trivet_loop_event *event, int64_t now_us)
{
    struct trivet_history *history = runner->options.history;
    struct trivet_error err;
    enum trivet_status status = TRIVET_OK;
    size_t n_saved = 0;
    while (n_saved < model->n_unsaved && status == TRIVET_OK) {
        const struct trivet_history_loop_step *step = &model->unsaved[n_saved];
        status = trivet_history_loop_save(history, model->policy->model, &model->state,
                                          &step->event, step->unix_us, &err);
        n_saved += status == TRIVET_OK;
    }
    model->n_unsaved -= n_saved;
    memmove(&model->unsaved[0], &model->unsaved[n_saved],
            model->n_unsaved * sizeof(model->unsaved[0]));
    if (status == TRIVET_OK) {
        status = trivet_history_loop_save(history, model->policy->model, &model->state, event,
                                          now_us, &err);
    }
    if (status == TRIVET_OK) {
        model->saved = model->state;
        model->saved_ns = trivet_clock_monotonic_ns();
    } else if (!model->saving_fails) {
        trivet_log(TRIVET_LOG_ERROR, "loop_waits", "model=%s message=the history: %s",
                   model->policy->model, err.message);
    }
    model->saving_fails = status != TRIVET_OK;
    return status == TRIVET_OK;
}

static void store_and_tell(struct trivet_loop_runner *runner, struct looped *model,
                           const struct trivet_loop_event *event, int64_t now_us)
{
    const struct trivet_history_loop_step step = {.unix_us = now_us, .event = *event};
    show(runner, model, event->happened ? &step : NULL);
    if (event->happened) {
        tell(runner, model, &step);
    }
}

static void observe(struct trivet_loop_runner *runner, struct looped *model,
                    const Trivet__V1__StatsResponse *totals, struct trivet_loop_observation *seen,
                    struct trivet_loop_alerts *alerts)
{
    struct trivet_error err;
    *alerts = (struct trivet_loop_alerts){0};
    *seen = (struct trivet_loop_observation){.now_us = trivet_clock_unix_us()};
    if (totals == NULL || trivet_loop_observe(&model->client, totals, model->policy, &model->state,
                                              seen, &err) != TRIVET_OK) {
        seen->reachable = false;
        return;
    }
    if (runner->options.alerts != NULL && seen->production != 0) {
        runner->options.alerts(runner->options.context, model->policy->model, seen->production,
                               alerts);
    }
    seen->drift = alerts->drift;
    seen->quality = alerts->quality;
    seen->why_drift = alerts->why_drift[0] != '\0' ? alerts->why_drift : NULL;
    seen->why_quality = alerts->why_quality[0] != '\0' ? alerts->why_quality : NULL;
}

/* One look at one model, and what follows from it. */
static void take_turn(struct trivet_loop_runner *runner, struct looped *model,
                      const Trivet__V1__StatsResponse *totals)
{
    const struct trivet_loop_state before = model->state;
    struct trivet_loop_observation seen;
    struct trivet_loop_alerts alerts;
    struct trivet_loop_action action;
    struct trivet_loop_event event;
    struct trivet_loop_result result;
    struct trivet_error err;
    observe(runner, model, totals, &seen, &alerts);
    trivet_loop_next(model->policy, runner->options.policies->enabled, &model->state, &seen,
                     &action, &event);
    bool counts = memcmp(&model->state, &model->saved, sizeof(model->state)) != 0 &&
                  trivet_clock_monotonic_ns() - model->saved_ns > SAVE_NS;
    bool acts = action.due && action.step != TRIVET_LOOP_TRAINING; /* that one only asks */
    if ((event.happened || acts || counts) && !save(runner, model, &event, seen.now_us)) {
        if (!trivet_loop_step_undoes(model->state.step)) {
            /* What cannot be remembered is not done. */
            model->state = before;
            (void)trivet_text_copy(model->state.why, sizeof(model->state.why),
                                   "the history cannot be written");
            show(runner, model, NULL);
            return;
        }
        keep_for_later(model, &event, seen.now_us);
    }
    store_and_tell(runner, model, &event, seen.now_us);
    if (!action.due) {
        return;
    }
    trivet_loop_perform(&model->client, model->policy, &model->state, &action, &result, &err);
    if (atomic_load(&model->client.stopping)) {
        return; /* repeated with the next start */
    }
    int64_t now_us = trivet_clock_unix_us();
    trivet_loop_done(model->policy, &model->state, &result, now_us, &event);
    if (event.happened && !save(runner, model, &event, now_us)) {
        keep_for_later(model, &event, now_us); /* the call is repeated after a crash */
    }
    store_and_tell(runner, model, &event, now_us);
}

/* Until `deadline_ns` or the stop; false when it is time to end. */
static bool wait_until(struct trivet_loop_runner *runner, int64_t deadline_ns)
{
    struct timespec until = trivet_clock_timespec(deadline_ns);
    pthread_mutex_lock(&runner->lock);
    while (!runner->stopping && trivet_clock_monotonic_ns() < deadline_ns) {
        (void)pthread_cond_timedwait(&runner->wake, &runner->lock, &until);
    }
    bool goes_on = !runner->stopping;
    pthread_mutex_unlock(&runner->lock);
    return goes_on;
}

static void *run(void *arg)
{
    struct looped *model = arg;
    struct trivet_loop_runner *runner = model->runner;
    const struct trivet_loop_event nothing = {0};
    struct trivet_error err;
    const int64_t period_ns = runner->options.policies->check_us * TRIVET_NS_PER_US;
    while (wait_until(runner, trivet_clock_monotonic_ns() + period_ns)) {
        struct trivet_loop_answer *answer = NULL;
        /* Less than a period ago: after the last look, and after what was done then. */
        if (trivet_loop_totals_get(runner->totals, period_ns / 2, &answer, &err) != TRIVET_OK) {
            answer = NULL;
        }
        if (!atomic_load(&model->client.stopping)) {
            take_turn(runner, model, answer != NULL ? answer->stats : NULL);
        }
        trivet_loop_totals_give_back(runner->totals, answer);
        trivet_arena_reset(model->client.arena);
    }
    (void)save(runner, model, &nothing, trivet_clock_unix_us());
    return NULL;
}

static enum trivet_status load_model(struct trivet_loop_runner *runner, struct looped *model,
                                     struct trivet_error *err)
{
    struct trivet_history *history = runner->options.history;
    enum trivet_status status =
        trivet_history_loop_load(history, model->policy->model, &model->state, err);
    if (status == TRIVET_NOT_FOUND) {
        status = TRIVET_OK;
    }
    if (status == TRIVET_OK) {
        status = trivet_history_loop_steps(history, model->policy->model, model->steps, STEPS_SHOWN,
                                           &model->n_steps, err);
    }
    model->saved = model->state;
    model->shown = model->state;
    return status;
}

enum trivet_status trivet_loop_runner_create(const struct trivet_loop_runner_options *options,
                                             struct trivet_loop_runner **out,
                                             struct trivet_error *err)
{
    struct trivet_loop_runner *runner = trivet_calloc(1, sizeof(*runner));
    if (runner == NULL) {
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "out of memory for the loop");
    }
    runner->options = *options;
    pthread_mutex_init(&runner->lock, NULL);
    trivet_clock_init_condition(&runner->wake);
    enum trivet_status status =
        trivet_loop_totals_create(options->server_url, &runner->totals, err);
    runner->models = trivet_calloc(options->policies->n_items + 1, sizeof(*runner->models));
    if (status == TRIVET_OK && runner->models == NULL) {
        status = trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "out of memory for the loop");
    }
    for (size_t i = 0; i < options->policies->n_items && status == TRIVET_OK; i++) {
        struct looped *model = &runner->models[i];
        model->runner = runner;
        model->policy = &options->policies->items[i];
        status = trivet_loop_client_init(&model->client, options->server_url, err);
        runner->n_models++;
        if (status == TRIVET_OK) {
            status = load_model(runner, model, err);
        }
    }
    if (status != TRIVET_OK) {
        trivet_loop_runner_free(runner);
        return status;
    }
    *out = runner;
    return TRIVET_OK;
}

enum trivet_status trivet_loop_runner_start(struct trivet_loop_runner *runner,
                                            struct trivet_error *err)
{
    for (size_t i = 0; i < runner->n_models; i++) {
        struct looped *model = &runner->models[i];
        if (pthread_create(&model->thread, NULL, run, model) != 0) {
            trivet_loop_runner_stop(runner);
            return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "no thread for the loop");
        }
        model->started = true;
    }
    return TRIVET_OK;
}

void trivet_loop_runner_stop(struct trivet_loop_runner *runner)
{
    if (runner == NULL) {
        return;
    }
    for (size_t i = 0; i < runner->n_models; i++) {
        atomic_store(&runner->models[i].client.stopping, true);
    }
    trivet_loop_totals_stop(runner->totals);
    pthread_mutex_lock(&runner->lock);
    runner->stopping = true;
    pthread_cond_broadcast(&runner->wake);
    pthread_mutex_unlock(&runner->lock);
    for (size_t i = 0; i < runner->n_models; i++) {
        if (runner->models[i].started) {
            (void)pthread_join(runner->models[i].thread, NULL);
            runner->models[i].started = false;
        }
    }
}

void trivet_loop_runner_free(struct trivet_loop_runner *runner)
{
    if (runner == NULL) {
        return;
    }
    for (size_t i = 0; i < runner->n_models; i++) {
        trivet_loop_client_release(&runner->models[i].client);
    }
    trivet_loop_totals_free(runner->totals);
    pthread_cond_destroy(&runner->wake);
    pthread_mutex_destroy(&runner->lock);
    trivet_free(runner->models);
    trivet_free(runner);
}

enum trivet_status trivet_loop_runner_report(struct trivet_loop_runner *runner,
                                             struct trivet_buffer *out, struct trivet_error *err)
{
    json_t *models = json_array();
    bool good = models != NULL;
    for (size_t i = 0; runner != NULL && i < runner->n_models && good; i++) {
        const struct looped *model = &runner->models[i];
        pthread_mutex_lock(&runner->lock);
        json_t *one =
            trivet_loop_report_model(model->policy, &model->shown, model->steps, model->n_steps);
        pthread_mutex_unlock(&runner->lock);
        good = json_array_append_new(models, one) == 0;
    }
    json_t *json =
        good ? json_pack("{s:b, s:s, s:o}", "enabled",
                         runner != NULL && runner->options.policies->enabled, "server",
                         runner != NULL ? runner->options.server_url : "", "models", models)
             : NULL;
    if (!good) {
        json_decref(models);
    }
    return trivet_json_finish(json, out, err);
}

static void write_steps(struct trivet_page *page, const char *name, const struct looped *model)
{
    for (int s = 0; s < TRIVET_LOOP_STEP_COUNT; s++) {
        for (int o = 0; o < TRIVET_LOOP_OUTCOME_COUNT; o++) {
            const struct trivet_label labels[] = {
                {"model", model->policy->model},
                {"step", trivet_loop_step_name((enum trivet_loop_step)s)},
                {"outcome", trivet_loop_outcome_name((enum trivet_loop_outcome)o)}};
            if (model->n_taken[s][o] > 0) {
                trivet_page_sample(page, name, labels, TRIVET_ARRAY_COUNT(labels),
                                   (double)model->n_taken[s][o]);
            }
        }
    }
}

void trivet_loop_runner_write_metrics(struct trivet_loop_runner *runner, struct trivet_page *page)
{
    static const char steps[] = "trivet_monitor_loop_steps_total";
    static const char working[] = "trivet_monitor_loop_in_round";
    static const char labels_name[] = "trivet_monitor_loop_new_labels";
    pthread_mutex_lock(&runner->lock);
    trivet_page_family(page, steps, "counter", "Steps of the loop, since the monitor's start.");
    for (size_t i = 0; i < runner->n_models; i++) {
        write_steps(page, steps, &runner->models[i]);
    }
    trivet_page_family(page, working, "gauge", "1 while a round is under way.");
    for (size_t i = 0; i < runner->n_models; i++) {
        const struct trivet_label label = {"model", runner->models[i].policy->model};
        trivet_page_sample(page, working, &label, 1,
                           runner->models[i].shown.step != TRIVET_LOOP_IDLE ? 1.0 : 0.0);
    }
    trivet_page_family(page, labels_name, "gauge", "Outcomes that the next round can count on.");
    for (size_t i = 0; i < runner->n_models; i++) {
        const struct trivet_label label = {"model", runner->models[i].policy->model};
        trivet_page_sample(page, labels_name, &label, 1, runner->models[i].shown.labels.since);
    }
    pthread_mutex_unlock(&runner->lock);
}
