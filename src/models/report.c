#include "models/estimator.h"

#include "base/alloc.h"

#include <stdarg.h>
#include <stdio.h>

void trivet_fit_report_release(struct trivet_fit_report *report)
{
    trivet_free(report->loss_curve);
    trivet_free(report->constant);
    trivet_free(report->coefficients);
    trivet_free(report->intercepts);
    trivet_free(report->class_counts);
    *report = (struct trivet_fit_report){0};
}

void trivet_fit_report_fact(struct trivet_fit_report *report, const char *name, double value)
{
    if (report->n_facts < TRIVET_FIT_FACTS_MAX) {
        report->facts[report->n_facts++] = (struct trivet_fit_fact){.name = name, .value = value};
    }
}

enum trivet_status trivet_fit_progress(const struct trivet_fit_context *context, double fraction,
                                       struct trivet_error *err)
{
    if (context->progress != NULL && !context->progress(context->progress_ctx, fraction)) {
        return trivet_error_set(err, TRIVET_CANCELLED, "the fit was cancelled");
    }
    return TRIVET_OK;
}

void trivet_fit_loss(const struct trivet_fit_context *context, uint64_t iteration, double loss)
{
    if (context->loss != NULL) {
        context->loss(context->progress_ctx, iteration, loss);
    }
}

void trivet_fit_report_warn(struct trivet_fit_report *report, const char *format, ...)
{
    va_list arguments;
    if (report->n_warnings == TRIVET_FIT_WARNINGS_MAX) {
        return;
    }
    va_start(arguments, format);
    vsnprintf(report->warnings[report->n_warnings++], TRIVET_FIT_WARNING_BYTES_MAX, format,
              arguments);
    va_end(arguments);
}
