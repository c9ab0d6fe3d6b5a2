#include "base/clock.h"

#include "base/text.h"

static int64_t read_clock(clockid_t clock, int64_t units_per_s)
{
    struct timespec now;
    (void)clock_gettime(clock, &now); /* cannot fail for the two clocks used here */
    return (int64_t)now.tv_sec * units_per_s +
           (int64_t)now.tv_nsec / (TRIVET_NS_PER_S / units_per_s);
}

int64_t trivet_clock_monotonic_ns(void)
{
    return read_clock(CLOCK_MONOTONIC, TRIVET_NS_PER_S);
}

int64_t trivet_clock_unix_us(void)
{
    return read_clock(CLOCK_REALTIME, TRIVET_NS_PER_S / TRIVET_NS_PER_US);
}

int64_t trivet_clock_after_ns(int64_t now_ns, int64_t delay_ns)
{
    int64_t deadline_ns;
    if (__builtin_add_overflow(now_ns, delay_ns, &deadline_ns)) {
        return TRIVET_NEVER_NS;
    }
    return deadline_ns;
}

struct timespec trivet_clock_timespec(int64_t monotonic_ns)
{
    if (monotonic_ns < 0) {
        monotonic_ns = 0;
    }
    return (struct timespec){.tv_sec = (time_t)(monotonic_ns / TRIVET_NS_PER_S),
                             .tv_nsec = (long)(monotonic_ns % TRIVET_NS_PER_S)};
}

void trivet_clock_format_unix_us(int64_t unix_us, char *text, size_t text_bytes)
{
    int64_t seconds = unix_us / 1000000;
    int64_t rest_us = unix_us % 1000000;
    if (rest_us < 0) {
        rest_us += 1000000;
        seconds -= 1;
    }
    time_t time = (time_t)seconds;
    struct tm parts = {0};
    (void)gmtime_r(&time, &parts); /* every int64 of microseconds is a year that fits */
    (void)trivet_text_format(text, text_bytes, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ",
                             parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday, parts.tm_hour,
                             parts.tm_min, parts.tm_sec, (int)(rest_us / 1000));
}

void trivet_clock_init_condition(pthread_cond_t *condition)
{
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(condition, &monotonic);
    pthread_condattr_destroy(&monotonic);
}
