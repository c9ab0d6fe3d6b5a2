/* Following events: what was lost, a server that started anew, filters. */
#include "clients/cli/event_filter.h"
#include "clients/cli/feed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct trivet_cli_step take(struct trivet_cli_place *place, uint64_t epoch,
                                   uint64_t sequence)
{
    Trivet__V1__Event event = TRIVET__V1__EVENT__INIT;
    event.publisher_epoch = epoch;
    event.sequence = sequence;
    return trivet_cli_place_take(place, &event);
}

static void test_losses(void **state)
{
    (void)state;
    struct trivet_cli_place place = {0};
    struct trivet_cli_step step = take(&place, 7, 100); /* what was before is not ours */
    assert_int_equal(step.lost, 0);
    assert_false(step.new_epoch);
    assert_int_equal(take(&place, 7, 101).lost, 0);
    assert_int_equal(take(&place, 7, 105).lost, 3);
    assert_int_equal(take(&place, 7, 105).lost, 0); /* twice, and late: nothing is missing */
    assert_int_equal(take(&place, 7, 103).lost, 0);
    assert_int_equal(take(&place, 7, 106).lost, 0);
}

static void test_new_epoch(void **state)
{
    (void)state;
    struct trivet_cli_place place = {0};
    (void)take(&place, 7, 100);
    struct trivet_cli_step step = take(&place, 8, 1);
    assert_true(step.new_epoch);
    assert_int_equal(step.lost, 0);
    step = take(&place, 9, 5);
    assert_true(step.new_epoch);
    assert_int_equal(step.lost, 4);
    step = take(&place, 9, 6);
    assert_false(step.new_epoch);
    assert_int_equal(step.lost, 0);
}

static void test_kinds(void **state)
{
    (void)state;
    assert_int_equal(trivet_cli_event_kind_of_name("totals"), TRIVET_CLI_EVENT_TOTALS);
    assert_int_equal(trivet_cli_event_kind_of_name("sample"), TRIVET_CLI_EVENT_SAMPLE);
    assert_int_equal(trivet_cli_event_kind_of_name("job"), TRIVET_CLI_EVENT_JOB);
    assert_int_equal(trivet_cli_event_kind_of_name("model"), TRIVET_CLI_EVENT_MODEL);
    assert_int_equal(trivet_cli_event_kind_of_name("server"), TRIVET_CLI_EVENT_SERVER);
    assert_int_equal(trivet_cli_event_kind_of_name("servers"), 0);
    assert_int_equal(trivet_cli_event_kind_of_name(""), 0);
}

static void test_filters(void **state)
{
    (void)state;
    char house[] = "house";
    Trivet__V1__ModelEvent model = TRIVET__V1__MODEL_EVENT__INIT;
    model.model = house;
    Trivet__V1__Event event = TRIVET__V1__EVENT__INIT;
    event.body_case = TRIVET__V1__EVENT__BODY_MODEL;
    event.model = &model;
    const struct {
        struct trivet_cli_event_filter filter;
        bool passes;
    } cases[] = {
        {{0}, true},
        {{.topic = "model."}, true},
        {{.topic = "server."}, false},
        {{.model = "house"}, true},
        {{.model = "hous"}, false},
        {{.kinds = TRIVET_CLI_EVENT_MODEL}, true},
        {{.kinds = TRIVET_CLI_EVENT_JOB | TRIVET_CLI_EVENT_MODEL}, true},
        {{.kinds = TRIVET_CLI_EVENT_JOB}, false},
        {{.kinds = TRIVET_CLI_EVENT_MODEL, .model = "flower"}, false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(trivet_cli_event_passes(&cases[i].filter, "model.house.", &event),
                         cases[i].passes);
    }
    /* An event of no kind that we know: only without a filter. */
    event.body_case = TRIVET__V1__EVENT__BODY__NOT_SET;
    assert_true(trivet_cli_event_passes(&cases[0].filter, "new.", &event));
    assert_false(trivet_cli_event_passes(&cases[3].filter, "new.", &event));
    assert_false(trivet_cli_event_passes(&cases[5].filter, "new.", &event));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_losses),
        cmocka_unit_test(test_new_epoch),
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_filters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
