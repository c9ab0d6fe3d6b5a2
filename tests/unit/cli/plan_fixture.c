#include "plan_fixture.h"

#include "clients/cli/cli.h"
#include "clients/cli/estimators.h"
#include "clients/cli/train_steps.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

char plan_path[] = "plan-XXXXXX";
struct trivet_arena *plan_arena;

static const char file[] = "area,city,rooms,price\n"
                           "50,Graz,2,100\n,Wien,3,200\n70,,1,300\n80,Linz,x,400\n"
                           "1,a,1,1\n2,a,1,1\n3,a,1,1\n4,a,1,1\n5,a,1,1\n6,a,1,1\n7,a,1,1\n";

int plan_write_file(void **state)
{
    (void)state;
    int fd = mkstemp(plan_path);
    ssize_t written = write(fd, file, sizeof(file) - 1);
    close(fd);
    plan_arena = trivet_arena_create(1 << 20, 0);
    return written == (ssize_t)sizeof(file) - 1 && plan_arena != NULL ? 0 : -1;
}

int plan_remove_file(void **state)
{
    (void)state;
    trivet_arena_free(plan_arena);
    return unlink(plan_path);
}

void plan_add(struct trivet_cli_list *list, const char *names)
{
    assert_int_equal(trivet_cli_list_parse(list, names, NULL), TRIVET_OK);
}

/* What a server lists: estimators "e" of numbers with a parameter of each type, "tree" that takes
 * missing values, "logistic_regression" and "kmeans"; transformers. */
enum { N_ESTIMATORS = 5, N_TRANSFORMERS = 9, N_INFOS = N_ESTIMATORS + N_TRANSFORMERS };

static void name_infos(Trivet__V1__EstimatorInfo *infos)
{
    static const struct {
        const char *name;
        Trivet__V1__Task task;
        bool numeric;
        bool categorical;
    } rows[N_INFOS] = {
        {"e", TRIVET__V1__TASK__TASK_REGRESSION, false, false},
        {"tree", TRIVET__V1__TASK__TASK_REGRESSION, false, false},
        {"logistic_regression", TRIVET__V1__TASK__TASK_CLASSIFICATION, false, false},
        {"kmeans", TRIVET__V1__TASK__TASK_CLUSTERING, false, false},
        {"linear_regression", TRIVET__V1__TASK__TASK_REGRESSION, false, false},
        {"imputer", 0, true, false},
        {"standard_scaler", 0, true, false},
        {"min_max_scaler", 0, true, false},
        {"robust_scaler", 0, true, false},
        {"one_hot_encoder", 0, false, true},
        {"ordinal_encoder", 0, false, true},
        {"pca", 0, true, false},
        {"power", 0, true, false},
        {"tfidf", 0, false, true},
    };
    for (size_t i = 0; i < N_INFOS; i++) {
        trivet__v1__estimator_info__init(&infos[i]);
        infos[i].name = trivet_cli_field(rows[i].name);
        infos[i].kind = trivet_cli_field(i < N_ESTIMATORS ? "estimator" : "transformer");
        infos[i].task = rows[i].task;
        infos[i].takes_numeric = rows[i].numeric;
        infos[i].takes_categorical = rows[i].categorical;
    }
    infos[1].accepts_missing = true;
}

void plan_make_list(Trivet__V1__ListEstimatorsResponse *out)
{
    static const char *const rows[][3] = {{"alpha", "real", "[0, inf) or scale, auto"},
                                          {"depth", "int", "[1, 64]"},
                                          {"intercept", "bool", ""},
                                          {"penalty", "enum", ""},
                                          {"shape", "of another server", ""},
                                          {"layers", "ints", "[1, 4096]"},
                                          {"share", "real", "(0, 1)"},
                                          {"fill_value", "real", "(-inf, inf)"},
                                          {"strategy", "text", ""},
                                          {"n_components", "int", "[1, 100]"}};
    static Trivet__V1__ParameterInfo parameters[10];
    static Trivet__V1__ParameterInfo *list_of[10];
    static Trivet__V1__EstimatorInfo infos[N_INFOS];
    static Trivet__V1__EstimatorInfo *list[N_INFOS];
    static Trivet__V1__MetricInfo metrics[2];
    static Trivet__V1__MetricInfo *metric_list[2] = {&metrics[0], &metrics[1]};
    static char *choices[2];
    choices[0] = trivet_cli_field("none");
    choices[1] = trivet_cli_field("l2");
    for (size_t i = 0; i < 10; i++) {
        trivet__v1__parameter_info__init(&parameters[i]);
        parameters[i].name = trivet_cli_field(rows[i][0]);
        parameters[i].type = trivet_cli_field(rows[i][1]);
        parameters[i].range = trivet_cli_field(rows[i][2]);
        list_of[i] = &parameters[i];
    }
    parameters[3].choices = choices;
    parameters[3].n_choices = 2;
    name_infos(infos);
    infos[0].parameters = list_of;
    infos[0].n_parameters = 7;
    infos[N_ESTIMATORS].parameters = &list_of[7];
    infos[N_ESTIMATORS].n_parameters = 2;
    infos[11].parameters = &list_of[9];
    infos[11].n_parameters = 1;
    for (size_t i = 0; i < N_INFOS; i++) {
        list[i] = &infos[i];
    }
    for (size_t i = 0; i < 2; i++) {
        trivet__v1__metric_info__init(&metrics[i]);
        metrics[i].name = trivet_cli_field(i == 0 ? "r2" : "f1_macro");
        metrics[i].task =
            i == 0 ? TRIVET__V1__TASK__TASK_REGRESSION : TRIVET__V1__TASK__TASK_CLASSIFICATION;
    }
    trivet__v1__list_estimators_response__init(out);
    out->estimators = list;
    out->n_estimators = N_INFOS;
    out->metrics = metric_list;
    out->n_metrics = 2;
}

/* One item of a list of options. */
void plan_give(struct trivet_cli_list *list, const char *item)
{
    assert_int_equal(trivet_cli_list_add(list, item, strlen(item), NULL), TRIVET_OK);
}

void plan_release(struct trivet_cli_recipe *recipe)
{
    trivet_cli_pairs_release(&recipe->params);
    trivet_cli_list_release(&recipe->columns);
    trivet_cli_list_release(&recipe->exclude);
    trivet_cli_list_release(&recipe->impute);
    trivet_cli_list_release(&recipe->scale);
    trivet_cli_list_release(&recipe->encode);
    trivet_cli_list_release(&recipe->transforms);
}

/* All the steps of making a plan. */
enum trivet_status plan_make_all(const struct trivet_cli_recipe *recipe,
                                 struct trivet_cli_plan *plan, Trivet__V1__PipelineSpec **spec,
                                 struct trivet_error *err)
{
    static Trivet__V1__ListEstimatorsResponse known;
    plan_make_list(&known);
    trivet_arena_reset(plan_arena);
    enum trivet_status status = trivet_cli_plan_make(recipe, plan, err);
    if (status == TRIVET_OK) {
        status = trivet_cli_plan_choose(recipe, &known, plan, err);
    }
    if (status == TRIVET_OK) {
        status = trivet_cli_plan_pipeline(recipe, &known, plan, plan_arena, spec, err);
    }
    return status == TRIVET_OK ? trivet_cli_check_plan(plan, *spec, &known, err) : status;
}
