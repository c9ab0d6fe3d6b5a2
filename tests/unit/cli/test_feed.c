/* Following events: what was lost, a server that started anew, filters, a line for each kind. */
#include "clients/cli/event_filter.h"
#include "clients/cli/event_text.h"
#include "clients/cli/feed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

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

/* An event of a model "house", of the kind that the contract has at `field`. */
static void fill_event(Trivet__V1__Event *event, const ProtobufCFieldDescriptor *field,
                       ProtobufCMessage *body)
{
    static char house[] = "house";
    const ProtobufCMessageDescriptor *type = field->descriptor;
    const ProtobufCFieldDescriptor *model =
        protobuf_c_message_descriptor_get_field_by_name(type, "model");
    protobuf_c_message_init(type, body);
    if (model != NULL) {
        *(char **)(void *)((char *)body + model->offset) = house;
    }
    trivet__v1__event__init(event);
    event->body_case = (Trivet__V1__Event__BodyCase)field->id;
    *(ProtobufCMessage **)(void *)((char *)event + field->offset) = body;
}

/* Every kind of the contract, so that one which it gets is not forgotten here. */
static void test_every_kind(void **state)
{
    (void)state;
    const ProtobufCMessageDescriptor *type = &trivet__v1__event__descriptor;
    struct trivet_buffer line = {0};
    struct trivet_error err = {0};
    Trivet__V1__Event event;
    uint64_t body[64];
    unsigned seen = 0;
    for (unsigned i = 0; i < type->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &type->fields[i];
        if ((field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) == 0) {
            continue;
        }
        const ProtobufCMessageDescriptor *of_body = field->descriptor;
        assert_true(of_body->sizeof_message <= sizeof(body));
        fill_event(&event, field, (ProtobufCMessage *)(void *)body);
        unsigned kinds = 0;
        for (unsigned kind = 1; kind < 1u << 16; kind <<= 1) {
            const struct trivet_cli_event_filter only = {.kinds = kind};
            kinds |= trivet_cli_event_passes(&only, "t.", &event) ? kind : 0;
        }
        if (kinds == 0 || (kinds & (kinds - 1)) != 0 || (kinds & seen) != 0) {
            fail_msg("%s is of the kinds %x", field->name, kinds);
        }
        seen |= kinds;
        const struct trivet_cli_event_filter house = {.model = "house"};
        assert_int_equal(trivet_cli_event_passes(&house, "t.", &event),
                         event.body_case != TRIVET__V1__EVENT__BODY_SERVER);
        line.n_bytes = 0;
        assert_int_equal(trivet_cli_event_line("t.", &event, &line, &err), TRIVET_OK);
        if (line.n_bytes < strlen("00:00:00.000Z  ") + 28 + 6) {
            fail_msg("%s: '%.*s'", field->name, (int)line.n_bytes, (const char *)line.data);
        }
    }
    trivet_buffer_release(&line);
    /* Each has a name, and --help tells all of them. */
    char names[] = TRIVET_CLI_EVENT_KINDS;
    unsigned named = 0;
    for (char *rest = NULL, *name = strtok_r(names, ", ", &rest); name != NULL;
         name = strtok_r(NULL, ", ", &rest)) {
        assert_int_not_equal(trivet_cli_event_kind_of_name(name), 0);
        named |= trivet_cli_event_kind_of_name(name);
    }
    assert_int_equal(named, seen);
}

static void assert_text(const Trivet__V1__Event *event, const char *text)
{
    struct trivet_buffer line = {0};
    struct trivet_error err = {0};
    assert_int_equal(trivet_cli_event_line("t.", event, &line, &err), TRIVET_OK);
    assert_int_equal(trivet_buffer_append(&line, "", 1, &err), TRIVET_OK);
    if (strstr((const char *)line.data, text) == NULL) {
        fail_msg("'%s' is not in '%s'", text, (const char *)line.data);
    }
    trivet_buffer_release(&line);
}

static void test_texts_of_quality(void **state)
{
    (void)state;
    char cat[] = "cat";
    char dog[] = "dog";
    char other[] = "(other)";
    Trivet__V1__ClassPairCount pairs[3];
    Trivet__V1__ClassPairCount *list[] = {&pairs[0], &pairs[1], &pairs[2]};
    char *const classes[3][2] = {{cat, cat}, {cat, dog}, {other, other}};
    const double weights[] = {70, 5, 15};
    for (size_t i = 0; i < 3; i++) {
        trivet__v1__class_pair_count__init(&pairs[i]);
        pairs[i].truth = classes[i][0];
        pairs[i].predicted = classes[i][1];
        pairs[i].weight = weights[i];
    }
    Trivet__V1__QualityTotals quality = TRIVET__V1__QUALITY_TOTALS__INIT;
    Trivet__V1__Event event = TRIVET__V1__EVENT__INIT;
    event.body_case = TRIVET__V1__EVENT__BODY_QUALITY_TOTALS;
    event.quality_totals = &quality;
    quality.version = 3;
    quality.logged = 2000;
    assert_text(&event, "version 3 so far: 2,000 logged, 0 labelled; outcomes: 0 corrected");
    quality.labelled = 100;
    quality.labelled_weight = 100;
    quality.corrected = 4;
    quality.invalid = 2;
    quality.n_pairs = 3;
    quality.pairs = list;
    quality.other_right = 10;
    assert_text(&event, "2,000 logged, 100 labelled, accuracy 80 %; outcomes: 4 corrected, 0 "
                        "twice, 0 late, 2 invalid\n");
    quality.n_pairs = 0;
    quality.other_right = 0;
    quality.absolute_error = 250;
    assert_text(&event, "100 labelled, mean absolute error 2.500;");
}

static void test_texts_of_bins_and_unjoined(void **state)
{
    (void)state;
    Trivet__V1__BinTotals bins = TRIVET__V1__BIN_TOTALS__INIT;
    Trivet__V1__UnjoinedTotals unjoined = TRIVET__V1__UNJOINED_TOTALS__INIT;
    Trivet__V1__Event event = TRIVET__V1__EVENT__INIT;
    event.body_case = TRIVET__V1__EVENT__BODY_BIN_TOTALS;
    event.bin_totals = &bins;
    bins.version = 2;
    bins.first_column = 8;
    bins.columns = 12;
    bins.weights = 1234;
    bins.snapshot = 6;
    assert_text(&event, "version 2 so far: 1,234 rows in bins, snapshot 6 from column 9 of 12");
    event.body_case = TRIVET__V1__EVENT__BODY_UNJOINED_TOTALS;
    event.unjoined_totals = &unjoined;
    unjoined.unmatched = 3;
    unjoined.not_sampled = 1500;
    unjoined.invalid = 7;
    assert_text(&event, "outcomes so far: 3 unmatched, 1,500 not sampled, 0 refused, 7 invalid\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_losses),
        cmocka_unit_test(test_new_epoch),
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_filters),
        cmocka_unit_test(test_every_kind),
        cmocka_unit_test(test_texts_of_quality),
        cmocka_unit_test(test_texts_of_bins_and_unjoined),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
