/* Predictions and explanations as lines, and as a person reads them. */
#include "clients/cli/explain.h"
#include "clients/cli/scoring.h"
#include "report_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static struct trivet_arena *arena;
static char shown[REPORT_TEXT_BYTES];

static int make_arena(void **state)
{
    (void)state;
    arena = trivet_arena_create(1 << 20, 0);
    return arena != NULL ? 0 : -1;
}

static int free_arena(void **state)
{
    (void)state;
    trivet_arena_free(arena);
    return 0;
}

static void expect_text(struct trivet_buffer *out, const char *text)
{
    assert_int_equal(trivet_buffer_append(out, "", 1, NULL), TRIVET_OK);
    assert_string_equal((const char *)out->data, text);
    trivet_buffer_release(out);
}

/* --- predictions --- */

static void expect_lines(const Trivet__V1__PredictResponse *response, const char *header,
                         const char *csv, const char *json)
{
    struct trivet_buffer out = {0};
    uint64_t n_failed = 0;
    assert_int_equal(trivet_cli_scoring_header(response, response->rows, 0, &out, NULL), TRIVET_OK);
    expect_text(&out, header);
    for (int as_json = 0; as_json < 2; as_json++) {
        assert_int_equal(trivet_cli_scoring_append(response, 0, response->rows, as_json == 1, arena,
                                                   &out, &n_failed, NULL),
                         TRIVET_OK);
        expect_text(&out, as_json ? json : csv);
    }
    assert_int_equal(n_failed, 2 * response->n_row_errors);
}

static void test_classes(void **state)
{
    (void)state;
    uint32_t codes[] = {1, 0};
    double shares[] = {0.25, 0.75, NAN, NAN};
    char *texts[] = {trivet_cli_field("no"), trivet_cli_field("yes, sure")};
    Trivet__V1__RowError row_error = TRIVET__V1__ROW_ERROR__INIT;
    Trivet__V1__RowError *row_errors[] = {&row_error};
    Trivet__V1__Output label = TRIVET__V1__OUTPUT__INIT;
    Trivet__V1__Output probabilities = TRIVET__V1__OUTPUT__INIT;
    Trivet__V1__Output *outputs[] = {&label, &probabilities};
    Trivet__V1__PredictResponse response = TRIVET__V1__PREDICT_RESPONSE__INIT;
    label.name = trivet_cli_field("label");
    label.cols = 1;
    label.n_text_codes = 2;
    label.text_codes = codes;
    label.n_text = 2;
    label.text = texts;
    probabilities.name = trivet_cli_field("probabilities");
    probabilities.cols = 2;
    probabilities.n_f64 = 4;
    probabilities.f64 = shares;
    probabilities.n_columns = 2;
    probabilities.columns = texts;
    row_error.row = 1;
    row_error.message = trivet_cli_field("why");
    response.rows = 2;
    response.n_outputs = 2;
    response.outputs = outputs;
    response.n_row_errors = 1;
    response.row_errors = row_errors;
    expect_lines(&response, "row,prediction,probability:no,\"probability:yes, sure\",error\n",
                 "0,\"yes, sure\",0.25,0.75,\n1,,,,why\n",
                 "{\"row\":0,\"prediction\":\"yes, sure\",\"probabilities\":{\"no\":0.25,\"yes, "
                 "sure\":0.75}}\n{\"row\":1,\"error\":\"why\"}\n");
    /* Two classes told apart by one signed distance. */
    probabilities.name = trivet_cli_field("scores");
    probabilities.cols = 1;
    probabilities.n_f64 = 2;
    probabilities.n_columns = 1;
    probabilities.columns = &texts[1];
    expect_lines(&response, "row,prediction,\"score:yes, sure\",error\n",
                 "0,\"yes, sure\",0.25,\n1,,,why\n",
                 "{\"row\":0,\"prediction\":\"yes, sure\",\"scores\":{\"yes, sure\":0.25}}\n"
                 "{\"row\":1,\"error\":\"why\"}\n");
}

static void test_clusters(void **state)
{
    (void)state;
    float clusters[] = {1, 0};
    float distances[] = {2.5f, 0.5f, 0.1f, 3};
    Trivet__V1__Output cluster = TRIVET__V1__OUTPUT__INIT;
    Trivet__V1__Output distance = TRIVET__V1__OUTPUT__INIT;
    Trivet__V1__Output *outputs[] = {&cluster, &distance};
    Trivet__V1__PredictResponse response = TRIVET__V1__PREDICT_RESPONSE__INIT;
    cluster.name = trivet_cli_field("cluster");
    cluster.cols = 1;
    cluster.n_f32 = 2;
    cluster.f32 = clusters;
    distance.name = trivet_cli_field("distances");
    distance.cols = 2;
    distance.n_f32 = 4;
    distance.f32 = distances;
    response.rows = 2;
    response.n_outputs = 2;
    response.outputs = outputs;
    expect_lines(&response, "row,cluster,distance,error\n", "0,1,0.5,\n1,0,0.1,\n",
                 "{\"row\":0,\"cluster\":1,\"distances\":[2.5,0.5]}\n"
                 "{\"row\":1,\"cluster\":0,\"distances\":[0.1,3]}\n");
    /* A cluster that there is no distance to is not looked up. */
    clusters[0] = 7;
    clusters[1] = NAN;
    struct trivet_buffer out = {0};
    uint64_t n_failed = 0;
    assert_int_equal(
        trivet_cli_scoring_append(&response, 0, 2, false, arena, &out, &n_failed, NULL), TRIVET_OK);
    expect_text(&out, "0,7,2.5,\n1,nan,0.1,\n");
}

/* --- explanations --- */

struct explanation {
    Trivet__V1__ExplainResponse response;
    double contributions[12];
    double errors[12];
    double values[4];
    double bases[2];
    char *features[3];
    char *outputs[2];
    Trivet__V1__RowError row_error;
    Trivet__V1__RowError *row_errors[1];
};

/* Two rows, two outputs, three features; the second row failed. */
static void make_explanation(struct explanation *made)
{
    static const double contributions[12] = {0.5, -1,  0.25, -0.5, 1,   -0.25,
                                             NAN, NAN, NAN,  NAN,  NAN, NAN};
    memcpy(made->contributions, contributions, sizeof(contributions));
    for (size_t i = 0; i < 12; i++) {
        made->errors[i] = 0.01 * (double)i;
    }
    made->values[0] = -0.15;
    made->values[1] = 0.35;
    made->values[2] = NAN;
    made->values[3] = NAN;
    made->bases[0] = 0.1;
    made->bases[1] = 0.1;
    made->features[0] = trivet_cli_field("area");
    made->features[1] = trivet_cli_field("city=Graz, old");
    made->features[2] = trivet_cli_field("rooms");
    made->outputs[0] = trivet_cli_field("no");
    made->outputs[1] = trivet_cli_field("yes");
    trivet__v1__row_error__init(&made->row_error);
    made->row_error.row = 1;
    made->row_error.message = trivet_cli_field("unseen");
    made->row_errors[0] = &made->row_error;
    Trivet__V1__ExplainResponse *response = &made->response;
    trivet__v1__explain_response__init(response);
    response->explained = trivet_cli_field("log-odds");
    response->rows = 2;
    response->n_features = 3;
    response->features = made->features;
    response->n_outputs = 2;
    response->outputs = made->outputs;
    response->n_contributions = 12;
    response->contributions = made->contributions;
    response->n_values = 4;
    response->values = made->values;
    response->n_base_values = 2;
    response->base_values = made->bases;
    response->n_row_errors = 1;
    response->row_errors = made->row_errors;
}

static void test_explanations_as_lines(void **state)
{
    (void)state;
    struct explanation made;
    struct trivet_buffer out = {0};
    make_explanation(&made);
    assert_int_equal(trivet_cli_explain_check(&made.response, 2, NULL), TRIVET_OK);
    assert_int_equal(trivet_cli_explain_append(&made.response, 5, false, &out, NULL), TRIVET_OK);
    expect_text(&out, "5,no,-0.15,0.1,area,0.5,,\n5,no,-0.15,0.1,\"city=Graz, old\",-1,,\n"
                      "5,no,-0.15,0.1,rooms,0.25,,\n5,yes,0.35,0.1,area,-0.5,,\n"
                      "5,yes,0.35,0.1,\"city=Graz, old\",1,,\n5,yes,0.35,0.1,rooms,-0.25,,\n"
                      "6,,,,,,,unseen\n");
    made.response.n_outputs = 1;
    made.response.n_base_values = 1;
    made.response.n_values = 2;
    made.response.n_contributions = 6;
    made.response.n_errors = 6;
    made.response.errors = made.errors;
    assert_int_equal(trivet_cli_explain_append(&made.response, 5, true, &out, NULL), TRIVET_OK);
    expect_text(&out, "{\"row\":5,\"explained\":\"log-odds\",\"outputs\":[{\"output\":\"no\","
                      "\"value\":-0.15,\"base\":0.1,\"contributions\":{\"area\":0.5,\"city=Graz, "
                      "old\":-1,\"rooms\":0.25},\"standard_errors\":{\"area\":0,\"city=Graz, "
                      "old\":0.01,\"rooms\":0.02}}]}\n{\"row\":6,\"error\":\"unseen\"}\n");
}

static void test_explanations_that_do_not_fit(void **state)
{
    (void)state;
    struct explanation made;
    make_explanation(&made);
    assert_int_equal(trivet_cli_explain_check(&made.response, 3, NULL), TRIVET_DATA_LOSS);
    made.response.n_contributions = 11;
    assert_int_equal(trivet_cli_explain_check(&made.response, 2, NULL), TRIVET_DATA_LOSS);
    make_explanation(&made);
    made.response.n_errors = 1;
    assert_int_equal(trivet_cli_explain_check(&made.response, 2, NULL), TRIVET_DATA_LOSS);
    make_explanation(&made);
    made.response.n_base_values = 1;
    assert_int_equal(trivet_cli_explain_check(&made.response, 2, NULL), TRIVET_DATA_LOSS);
    make_explanation(&made);
    made.response.n_features = 0;
    made.response.n_contributions = 0;
    assert_int_equal(trivet_cli_explain_check(&made.response, 2, NULL), TRIVET_DATA_LOSS);
}

static void test_explanations_for_a_person(void **state)
{
    (void)state;
    struct trivet_cli person = {.out_is_terminal = true};
    struct trivet_cli_influence influence = {0};
    struct explanation made;
    make_explanation(&made);
    report_capture_begin();
    int code = trivet_cli_explain_print_row(&person, &made.response, 0, 5);
    code += trivet_cli_explain_print_row(&person, &made.response, 1, 6);
    report_capture_end(shown);
    assert_int_equal(code, TRIVET_CLI_DONE);
    /* Of the output with the greatest value, the largest contribution first. */
    assert_string_equal(shown, "\nRow 5: log-odds of yes 0.35, +0.2500 from the base 0.1\n"
                               "FEATURE            ADDS\n"
                               "city=Graz, old   +1.000            ████████████████\n"
                               "area            -0.5000  ████████\n"
                               "rooms           -0.2500      ████\n"
                               "\nRow 6 failed: unseen\n");
    made.response.n_errors = 12;
    made.response.errors = made.errors;
    assert_int_equal(trivet_cli_influence_add(&influence, &made.response, NULL), TRIVET_OK);
    assert_int_equal(trivet_cli_influence_add(&influence, &made.response, NULL), TRIVET_OK);
    assert_int_equal(influence.n_rows, 2);
    assert_int_equal(influence.n_failed, 2);
    report_capture_begin();
    code = trivet_cli_influence_print(&person, &influence);
    report_capture_end(shown);
    assert_int_equal(code, TRIVET_CLI_DONE);
    assert_non_null(strstr(shown, "All 2 rows: mean size of the contributions to log-odds"));
    assert_non_null(strstr(shown, "city=Graz, old      1.000  ████████████████████████\n"
                                  "area               0.5000  ████████████\n"
                                  "rooms              0.2500  ██████\n"));
    assert_non_null(strstr(shown, "standard errors up to 0.05"));
    made.response.n_features = 2;
    assert_int_equal(trivet_cli_influence_add(&influence, &made.response, NULL), TRIVET_DATA_LOSS);
    trivet_cli_influence_release(&influence);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_classes),
        cmocka_unit_test(test_clusters),
        cmocka_unit_test(test_explanations_as_lines),
        cmocka_unit_test(test_explanations_that_do_not_fit),
        cmocka_unit_test(test_explanations_for_a_person),
    };
    setlocale(LC_CTYPE, "C.UTF-8");
    setenv("NO_COLOR", "1", 1);
    return cmocka_run_group_tests(tests, make_arena, free_arena);
}
