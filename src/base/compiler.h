/* Attributes that the whole tree uses. */
#ifndef TRIVET_BASE_COMPILER_H
#define TRIVET_BASE_COMPILER_H

#define TRIVET_MUST_USE        __attribute__((warn_unused_result))
#define TRIVET_PRINTF(fmt, va) __attribute__((format(printf, fmt, va)))
#define TRIVET_ARRAY_COUNT(a)  (sizeof(a) / sizeof((a)[0]))

#endif
