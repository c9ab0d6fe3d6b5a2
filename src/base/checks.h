/* What a prediction pays beside its answer: events, metrics, the checks of its rows. Every program
 * has them. Only bench/trivetd_unchecked, which is never installed, compiles the hot path without,
 * so that their cost can be measured (tests/bench, bench=checks-cost). */
#ifndef TRIVET_BASE_CHECKS_H
#define TRIVET_BASE_CHECKS_H

#ifdef TRIVET_WITHOUT_CHECKS
#define TRIVET_CHECKS 0
#else
#define TRIVET_CHECKS 1
#endif

#endif
