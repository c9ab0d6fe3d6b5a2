/* What the tests of the CSV reader share. */
#ifndef TRIVET_TESTS_DATA_CSV_SUPPORT_H
#define TRIVET_TESTS_DATA_CSV_SUPPORT_H

#include "support.h"

#include "data/csv.h"

/* A reader of `text`, through a file that is already unlinked. */
struct trivet_csv_reader *open_text(const char *text);
/* All of `text` as one table of `schema_text`'s columns; the reader is the caller's to close. */
struct trivet_table read_all(const char *text, const char *schema_text,
                             struct trivet_csv_reader **reader);
/* The text is opened, but reading it gives INVALID_ARGUMENT with `part` behind the file's name, now
 * and ever after. */
void refuse_rows(const char *text, size_t n_bytes, const char *schema_text, const char *part);
/* The text is not even opened: INVALID_ARGUMENT with the file's name and `part`. */
void refuse_header(const char *text, size_t n_bytes, const char *part);

#define assert_rows_refused(text, schema, part) refuse_rows(text, strlen(text), schema, part)
#define assert_header_refused(text, part)       refuse_header(text, strlen(text), part)

#endif
