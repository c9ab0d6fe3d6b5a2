#include "report_fixture.h"

#include "base/arena.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct trivet_arena *arena;
static FILE *kept;
static int before;

void report_reset(void)
{
    trivet_arena_free(arena);
    arena = trivet_arena_create(1 << 20, 0);
    assert_non_null(arena);
}

void report_release(void)
{
    trivet_arena_free(arena);
    arena = NULL;
}

static void *make(size_t n_bytes)
{
    void *memory = trivet_arena_alloc(arena, n_bytes);
    assert_non_null(memory);
    return memory;
}

void report_capture_begin(void)
{
    fflush(stdout);
    kept = tmpfile();
    before = dup(STDOUT_FILENO);
    assert_non_null(kept);
    assert_int_equal(dup2(fileno(kept), STDOUT_FILENO), STDOUT_FILENO);
}

void report_capture_end(char text[REPORT_TEXT_BYTES])
{
    fflush(stdout);
    assert_int_equal(dup2(before, STDOUT_FILENO), STDOUT_FILENO);
    close(before);
    rewind(kept);
    size_t n_bytes = fread(text, 1, REPORT_TEXT_BYTES - 1, kept);
    text[n_bytes] = '\0';
    fclose(kept);
}

Trivet__V1__Metric **report_metrics(size_t n, const char *const *names, const double *values)
{
    Trivet__V1__Metric **list = make(n * sizeof(*list));
    for (size_t i = 0; i < n; i++) {
        list[i] = make(sizeof(*list[i]));
        trivet__v1__metric__init(list[i]);
        list[i]->name = trivet_cli_field(names[i]);
        list[i]->value = values[i];
        list[i]->defined = true;
    }
    return list;
}

void report_classes(Trivet__V1__EvaluationReport *report, size_t n_classes)
{
    Trivet__V1__ConfusionMatrix *confusion = make(sizeof(*confusion));
    trivet__v1__confusion_matrix__init(confusion);
    confusion->labels = make(n_classes * sizeof(char *));
    confusion->counts = make(n_classes * n_classes * sizeof(uint64_t));
    report->classes = make(n_classes * sizeof(*report->classes));
    for (size_t i = 0; i < n_classes; i++) {
        char *label = make(16);
        snprintf(label, 16, "class %c", (char)('a' + i));
        report->classes[i] = make(sizeof(*report->classes[i]));
        trivet__v1__class_report__init(report->classes[i]);
        report->classes[i]->label = label;
        report->classes[i]->precision = 0.5;
        report->classes[i]->recall = 0.25;
        report->classes[i]->f1 = 1.0 / 3;
        report->classes[i]->support = 1000 + i;
        confusion->labels[i] = label;
        for (size_t j = 0; j < n_classes; j++) {
            confusion->counts[i * n_classes + j] = 10 * i + j;
        }
    }
    confusion->n_labels = n_classes;
    confusion->n_counts = n_classes * n_classes;
    report->task = TRIVET__V1__TASK__TASK_CLASSIFICATION;
    report->n_classes = n_classes;
    report->confusion = confusion;
}

Trivet__V1__Curve *report_curve(const char *name, const char *label, double *x, double *y,
                                size_t n_points)
{
    Trivet__V1__Curve *curve = make(sizeof(*curve));
    trivet__v1__curve__init(curve);
    curve->name = trivet_cli_field(name);
    curve->label = trivet_cli_field(label);
    curve->x = x;
    curve->y = y;
    curve->n_x = n_points;
    curve->n_y = n_points;
    return curve;
}
