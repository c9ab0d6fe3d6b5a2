/* Attributes that the whole tree uses. */
#ifndef TRIVET_BASE_COMPILER_H
#define TRIVET_BASE_COMPILER_H

#include <features.h> /* which libc it is: stddef.h does not say */

#define TRIVET_MUST_USE        __attribute__((warn_unused_result))
#define TRIVET_PRINTF(fmt, va) __attribute__((format(printf, fmt, va)))
#define TRIVET_ARRAY_COUNT(a)  (sizeof(a) / sizeof((a)[0]))

/* A loop worth vectors: a copy of the function for each generation of CPU, the best chosen when the
 * program starts. Sanitizers are not there yet when that choice is made. */
#if defined(__x86_64__) && defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) &&                 \
    !defined(__SANITIZE_THREAD__)
#define TRIVET_FOR_EACH_CPU                                                                        \
    __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define TRIVET_FOR_EACH_CPU
#endif
/* Into copies for another CPU nothing is inlined that need not be. */
#define TRIVET_INLINED static inline __attribute__((always_inline))

#endif
