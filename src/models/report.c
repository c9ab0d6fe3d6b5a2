#include "models/estimator.h"

#include "base/alloc.h"

#include <stdarg.h>
#include <stdio.h>

void trivet_fit_report_release(struct trivet_fit_report *report)
{
    trivet_free(report->loss_curve);
    trivet_free(report->constant);
    trivet_free(report->coefficients);
    report->loss_curve = NULL;
    report->constant = NULL;
    report->coefficients = NULL;
    report->n_losses = 0;
    report->n_features = 0;
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
