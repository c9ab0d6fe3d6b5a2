/* A small file, what a server lists, and a plan made of both. */
#ifndef TRIVET_TESTS_PLAN_FIXTURE_H
#define TRIVET_TESTS_PLAN_FIXTURE_H

#include "base/arena.h"
#include "clients/cli/train_plan.h"

/* The file: area (numeric), city, rooms (a number is missing its digits), price. */
extern char plan_path[];
extern struct trivet_arena *plan_arena;

/* Of a group of tests. */
int plan_write_file(void **state);
int plan_remove_file(void **state);

void plan_make_list(Trivet__V1__ListEstimatorsResponse *out);
/* Names to a list; one item of a repeated option. */
void plan_add(struct trivet_cli_list *list, const char *names);
void plan_give(struct trivet_cli_list *list, const char *item);
void plan_release(struct trivet_cli_recipe *recipe);
/* All the steps of making a plan; `spec` lives until the next. */
enum trivet_status plan_make_all(const struct trivet_cli_recipe *recipe,
                                 struct trivet_cli_plan *plan, Trivet__V1__PipelineSpec **spec,
                                 struct trivet_error *err);

#endif
