/* Made reports, and what printing them puts on the terminal. */
#ifndef TRIVET_TESTS_REPORT_FIXTURE_H
#define TRIVET_TESTS_REPORT_FIXTURE_H

#include "clients/cli/cli.h"
#include "trivet/v1/report.pb-c.h"

#define REPORT_TEXT_BYTES 16384

/* From begin to end what stdout gets is kept; `text` has it then. */
void report_capture_begin(void);
void report_capture_end(char text[REPORT_TEXT_BYTES]);

/* `n` metrics of these names and values, "" ends them; static. */
Trivet__V1__Metric **report_metrics(size_t n, const char *const *names, const double *values);
/* Two or more classes ("a", "b", …) with a confusion of 10·i + j; in static memory. */
void report_classes(Trivet__V1__EvaluationReport *report, size_t n_classes);
/* A curve of n points; x and y borrowed. */
Trivet__V1__Curve *report_curve(const char *name, const char *label, double *x, double *y,
                                size_t n_points);
/* Memory of these lives until it is reset or released. */
void report_reset(void);
void report_release(void);

#endif
