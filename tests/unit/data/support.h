/* What the tests of src/data share. */
#ifndef TRIVET_TESTS_DATA_SUPPORT_H
#define TRIVET_TESTS_DATA_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "data/schema.h"
#include "data/table.h"

#include <trivet/error.h>

#include <string.h>

#define assert_ok(call)                                                                            \
    do {                                                                                           \
        enum trivet_status status_ = (call);                                                       \
        if (status_ != TRIVET_OK) {                                                                \
            fail_msg("%s: %s", trivet_status_name(status_), err.message);                          \
        }                                                                                          \
    } while (0)

/* The status, and a part of the message. */
#define assert_refused(call, wanted, part)                                                         \
    do {                                                                                           \
        assert_int_equal((call), (wanted));                                                        \
        assert_int_equal(err.status, (wanted));                                                    \
        if (strstr(err.message, (part)) == NULL) {                                                 \
            fail_msg("'%s' is not in the message '%s'", (part), err.message);                      \
        }                                                                                          \
    } while (0)

/* Equal to the last bit; cmocka compares floats only. */
#define assert_number(number, wanted)                                                              \
    do {                                                                                           \
        double number_ = (number);                                                                 \
        double wanted_ = (wanted);                                                                 \
        if (memcmp(&number_, &wanted_, sizeof(number_)) != 0) {                                    \
            fail_msg("%.17g instead of %.17g", number_, wanted_);                                  \
        }                                                                                          \
    } while (0)

/* A file in the temporary folder, made of the bytes; its path is the answer, valid until the next
 * call. */
const char *write_temp(const void *bytes, size_t n_bytes);
const char *write_temp_text(const char *text);
/* Also unlinks it. */
void remove_temp(void);

/* A schema from "area:n,city:c". */
struct trivet_schema make_schema(const char *text);

/* Field `row` of a categorical column; "(null)" for a null. */
const char *text_at(const struct trivet_table *table, size_t column, size_t row);
double number_at(const struct trivet_table *table, size_t column, size_t row);

/* Both tables hold the same columns and values; dictionaries may differ. */
void assert_tables_equal(const struct trivet_table *a, const struct trivet_table *b);

#endif
