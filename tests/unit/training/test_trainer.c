/* The trainer child by itself: what it does with a spec it is handed, whoever started it. */
#include "fixture.h"

#include "base/text.h"
#include "training/channel.h"
#include "training/child.h"
#include "wire/codec.h"

#include <string.h>
#include <unistd.h>

#define LOSSES_MAX 32768

struct outcome {
    struct trivet_arena *arena;
    const Trivet__V1__TrainerResult *result; /* NULL: there was none */
    char phases[256];                        /* in order, each once, ended by a blank */
    double fraction;                         /* of the last progress */
    bool grew;                               /* fractions never went back */
    size_t n_losses;                         /* told of */
    uint64_t iterations[LOSSES_MAX];         /* of the first of them */
    double losses[LOSSES_MAX];
};

static void note_progress(struct outcome *outcome, const Trivet__V1__JobProgress *progress)
{
    const size_t used = strlen(outcome->phases);
    if (strstr(outcome->phases, progress->phase) == NULL) {
        trivet_text_format(outcome->phases + used, sizeof outcome->phases - used, "%s ",
                           progress->phase);
    }
    outcome->grew = outcome->grew && progress->fraction >= outcome->fraction;
    outcome->fraction = progress->fraction;
    for (size_t i = 0; i < progress->n_losses && outcome->n_losses < LOSSES_MAX; i++) {
        outcome->iterations[outcome->n_losses] = progress->losses[i]->iteration;
        outcome->losses[outcome->n_losses++] = progress->losses[i]->loss;
    }
}

static void run_trainer(struct fixture *fixture, const void *spec, size_t n_bytes,
                        struct outcome *outcome)
{
    struct trivet_child child;
    struct trivet_buffer message = {0};
    struct trivet_error err = {0};
    bool end = false;
    *outcome = (struct outcome){.grew = true};
    outcome->arena = trivet_arena_create((size_t)64 << 20, 4096);
    assert_non_null(outcome->arena);
    fixture_open_jobs(fixture, "trainer"); /* makes the path */
    assert_int_equal(trivet_child_start(fixture->trainer_path, spec, n_bytes, &child, &err),
                     TRIVET_OK);
    for (;;) {
        ProtobufCMessage *unpacked = NULL;
        assert_int_equal(trivet_channel_read(child.out_fd, &message, &end, &err), TRIVET_OK);
        if (end) {
            break;
        }
        assert_int_equal(trivet_codec_unpack(&trivet__v1__trainer_message__descriptor,
                                             outcome->arena, message.data, message.n_bytes,
                                             &unpacked, &err),
                         TRIVET_OK);
        const Trivet__V1__TrainerMessage *body = (const Trivet__V1__TrainerMessage *)unpacked;
        if (body->body_case == TRIVET__V1__TRAINER_MESSAGE__BODY_PROGRESS) {
            note_progress(outcome, body->progress);
        } else {
            assert_null(outcome->result);
            outcome->result = body->result;
        }
    }
    trivet_child_wait(&child);
    (void)trivet_child_reap(&child, &err);
    trivet_buffer_release(&message);
}

static void run_spec(struct fixture *fixture, struct fixture_job *job, struct outcome *outcome)
{
    struct trivet_buffer packed = {0};
    struct trivet_error err = {0};
    job->spec.data_dir = fixture->data_dir;
    assert_int_equal(trivet_codec_pack(&job->spec.base, &packed, &err), TRIVET_OK);
    run_trainer(fixture, packed.data, packed.n_bytes, outcome);
    trivet_buffer_release(&packed);
}

static void assert_error(struct outcome *outcome, enum trivet_status status, const char *what)
{
    assert_non_null(outcome->result);
    if (strstr(outcome->result->message, what) == NULL) {
        print_error("'%s' does not speak of '%s'\n", outcome->result->message, what);
        fail();
    }
    assert_int_equal(outcome->result->status, status);
    assert_int_equal(outcome->result->artefact.len, 0);
    trivet_arena_free(outcome->arena);
}

static void test_phases(void **state)
{
    struct fixture *fixture = *state;
    struct fixture_job job;
    struct outcome outcome;
    fixture_job_init(fixture, &job);
    job.split.folds = 4;
    run_spec(fixture, &job, &outcome);
    assert_non_null(outcome.result);
    assert_int_equal(outcome.result->status, TRIVET_OK);
    assert_true(outcome.result->artefact.len > 0);
    assert_string_equal(outcome.phases, "load split cross_validate fit evaluate ");
    assert_true(outcome.grew);
    assert_true(outcome.fraction > 0.5 && outcome.fraction <= 1);
    trivet_arena_free(outcome.arena);
}

/* However fast the fit is: what is told of its loss is in the report's curve, and the end of it is
 * told. */
static void test_losses(void **state)
{
    struct fixture *fixture = *state;
    static char names[][24] = {"solver", "epochs", "epoch_tol", "learning_rate"};
    static char values[][24] = {"gradient_descent", "20000", "0", "1e-6"};
    struct fixture_job job;
    struct outcome outcome;
    Trivet__V1__Parameter parameters[4];
    Trivet__V1__Parameter *given[4];
    fixture_job_init(fixture, &job);
    for (size_t i = 0; i < 4; i++) {
        trivet__v1__parameter__init(&parameters[i]);
        parameters[i].name = names[i];
        parameters[i].value = values[i];
        given[i] = &parameters[i];
    }
    job.pipeline.parameters = given;
    job.pipeline.n_parameters = 4;
    run_spec(fixture, &job, &outcome);
    assert_non_null(outcome.result);
    if (outcome.result->status != TRIVET_OK) {
        fail_msg("%s", outcome.result->message);
    }
    const Trivet__V1__FitReport *fit = outcome.result->report->fit;
    assert_true(fit->n_loss_curve > 1);
    assert_true(outcome.n_losses > 0 && outcome.n_losses < LOSSES_MAX);
    for (size_t i = 0; i < outcome.n_losses; i++) {
        assert_in_range(outcome.iterations[i], i == 0 ? 1 : outcome.iterations[i - 1] + 1,
                        fit->n_loss_curve);
        assert_true(outcome.losses[i] == fit->loss_curve[outcome.iterations[i] - 1]);
    }
    assert_int_equal(outcome.iterations[0], 1);
    assert_int_equal(outcome.iterations[outcome.n_losses - 1], fit->n_loss_curve);
    print_message("%zu of %zu losses were told\n", outcome.n_losses, fit->n_loss_curve);
    trivet_arena_free(outcome.arena);
}

static void test_no_spec(void **state)
{
    struct fixture *fixture = *state;
    struct outcome outcome;
    run_trainer(fixture, "", 0, &outcome);
    assert_error(&outcome, TRIVET_INVALID_ARGUMENT, "no job");
}

static void test_bad_spec(void **state)
{
    struct fixture *fixture = *state;
    struct outcome outcome;
    run_trainer(fixture, "\xff\xff\xff", 3, &outcome);
    assert_non_null(outcome.result);
    assert_int_equal(outcome.result->status, TRIVET_INVALID_ARGUMENT);
    trivet_arena_free(outcome.arena);
}

static void test_no_dataset(void **state)
{
    struct fixture *fixture = *state;
    struct fixture_job job;
    struct outcome outcome;
    char id[] = "ds-0000000000000000";
    fixture_job_init(fixture, &job);
    job.spec.dataset_id = id;
    run_spec(fixture, &job, &outcome);
    assert_error(&outcome, TRIVET_NOT_FOUND, id);
}

static void test_open_dataset(void **state)
{
    struct fixture *fixture = *state;
    struct fixture_job job;
    struct outcome outcome;
    char id[TRIVET_STORE_ID_BYTES];
    fixture_make_dataset(fixture, 10, 1, true, id);
    fixture_job_init(fixture, &job);
    job.spec.dataset_id = id;
    run_spec(fixture, &job, &outcome);
    assert_error(&outcome, TRIVET_FAILED_PRECONDITION, "commit");
}

static void test_no_target(void **state)
{
    struct fixture *fixture = *state;
    struct fixture_job job;
    struct outcome outcome;
    char target[] = "prize";
    fixture_job_init(fixture, &job);
    job.pipeline.target = target;
    run_spec(fixture, &job, &outcome);
    assert_error(&outcome, TRIVET_INVALID_ARGUMENT, "prize");
}

static void test_other_parent(void **state)
{
    struct fixture *fixture = *state;
    struct fixture_job job;
    struct outcome outcome;
    fixture_job_init(fixture, &job);
    job.spec.parent_pid = (uint32_t)getpid() + 1;
    run_spec(fixture, &job, &outcome);
    assert_null(outcome.result);
    assert_string_equal(outcome.phases, "");
    trivet_arena_free(outcome.arena);
}

static void test_category(void **state)
{
    struct fixture *fixture = *state;
    struct fixture_job job;
    struct outcome outcome;
    char a[] = "a";
    char town[] = "town";
    char *columns[] = {a, town};
    fixture_job_init(fixture, &job);
    job.pipeline.columns = columns;
    run_spec(fixture, &job, &outcome);
    assert_non_null(outcome.result);
    assert_int_equal(outcome.result->status, TRIVET_OK);
    trivet_arena_free(outcome.arena);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_phases),       TEST(test_no_spec),      TEST(test_bad_spec),
        TEST(test_no_dataset),   TEST(test_open_dataset), TEST(test_no_target),
        TEST(test_other_parent), TEST(test_category),     TEST(test_losses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
