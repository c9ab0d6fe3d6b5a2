#include "outcomes.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static char model[] = "m";
static char a[] = "a";
static char b[] = "b";

void send_quality(struct trivet_monitor *monitor, uint64_t epoch, uint64_t sequence,
                  Trivet__V1__QualityTotals *totals, int64_t at_us)
{
    struct trivet_error err;
    Trivet__V1__Event event = TRIVET__V1__EVENT__INIT;
    event.publisher_epoch = epoch;
    event.sequence = sequence;
    event.unix_us = at_us;
    event.body_case = TRIVET__V1__EVENT__BODY_QUALITY_TOTALS;
    event.quality_totals = totals;
    totals->model = model;
    totals->version = 1;
    if (trivet_monitor_event(monitor, 0, &event, at_us, &err) != TRIVET_OK) {
        fail_msg("%s", err.message);
    }
}

void send_classes(struct trivet_monitor *monitor, uint64_t epoch, uint64_t sequence,
                  uint64_t corrected, double right, double wrong, int64_t at_us)
{
    Trivet__V1__QualityTotals totals = TRIVET__V1__QUALITY_TOTALS__INIT;
    Trivet__V1__ClassPairCount pairs[2] = {TRIVET__V1__CLASS_PAIR_COUNT__INIT,
                                           TRIVET__V1__CLASS_PAIR_COUNT__INIT};
    Trivet__V1__ClassPairCount *list[2] = {&pairs[0], &pairs[1]};
    pairs[0].truth = a;
    pairs[0].predicted = a;
    pairs[0].weight = right;
    pairs[1].truth = a;
    pairs[1].predicted = b;
    pairs[1].weight = wrong;
    totals.labelled = (uint64_t)(right + wrong);
    totals.logged = totals.labelled * 2;
    totals.labelled_weight = right + wrong;
    totals.logged_weight = 2 * totals.labelled_weight;
    totals.corrected = corrected;
    totals.pairs = list;
    totals.n_pairs = 2;
    send_quality(monitor, epoch, sequence, &totals, at_us);
}

void send_numbers(struct trivet_monitor *monitor, uint64_t epoch, uint64_t sequence, uint64_t n,
                  double mean, double error, int64_t at_us)
{
    Trivet__V1__QualityTotals totals = TRIVET__V1__QUALITY_TOTALS__INIT;
    double rows = (double)n;
    totals.labelled = n;
    totals.logged = n;
    totals.labelled_weight = rows;
    totals.logged_weight = rows;
    totals.error = rows * error;
    totals.absolute_error = rows * error;
    totals.squared_error = rows * error * error;
    totals.outcome = rows * mean;
    totals.squared_outcome = rows * (mean * mean + 1.0);
    send_quality(monitor, epoch, sequence, &totals, at_us);
}
