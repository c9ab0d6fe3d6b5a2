/* Time. Intervals and deadlines are monotonic nanoseconds; dates are Unix microseconds, UTC. */
#ifndef TRIVET_BASE_CLOCK_H
#define TRIVET_BASE_CLOCK_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#define TRIVET_NS_PER_US 1000LL
#define TRIVET_NS_PER_MS 1000000LL
#define TRIVET_NS_PER_S  1000000000LL
/* A deadline that never comes. */
#define TRIVET_NEVER_NS INT64_MAX

int64_t trivet_clock_monotonic_ns(void);
int64_t trivet_clock_unix_us(void);
/* `now + delay`, TRIVET_NEVER_NS on overflow. */
int64_t trivet_clock_after_ns(int64_t now_ns, int64_t delay_ns);
/* A monotonic deadline as CLOCK_MONOTONIC timespec, for pthread_cond_clockwait/timedwait with a
 * monotonic condition. */
struct timespec trivet_clock_timespec(int64_t monotonic_ns);
/* A condition whose timed waits take trivet_clock_timespec: CLOCK_MONOTONIC. */
void trivet_clock_init_condition(pthread_cond_t *condition);
/* "2026-03-01T12:00:00.123Z" into `text` (>= 25 bytes). */
void trivet_clock_format_unix_us(int64_t unix_us, char *text, size_t text_bytes);

#endif
