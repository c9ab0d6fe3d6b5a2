/* Numbers, sizes and times as a person reads them. */
#ifndef TRIVET_CLI_FORMAT_H
#define TRIVET_CLI_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Room for any of these texts. */
#define TRIVET_CLI_TEXT_BYTES 48

/* 1234567 → "1,234,567". */
void trivet_cli_format_count(uint64_t count, char text[TRIVET_CLI_TEXT_BYTES]);
/* "512 B", "1.5 KiB", "2.0 MiB". */
void trivet_cli_format_bytes(uint64_t n_bytes, char text[TRIVET_CLI_TEXT_BYTES]);
/* Six significant digits, without a row of zeros. */
void trivet_cli_format_number(double value, char text[TRIVET_CLI_TEXT_BYTES]);
/* Four significant digits, all digits before the point up to a million: "37604", "0.02080". A sign
 * always, when `sign`. */
void trivet_cli_format_short(double value, bool sign, char text[TRIVET_CLI_TEXT_BYTES]);
/* "1.5 ms", "420 ms", "3.10 s", "42.0 s", "3 min 10 s", "2 h 5 min". */
void trivet_cli_format_seconds(double seconds, char text[TRIVET_CLI_TEXT_BYTES]);
/* "just now", "5 min ago", "3 h ago", "12 days ago"; "-" for 0. */
void trivet_cli_format_age(int64_t unix_us, int64_t now_unix_us, char text[TRIVET_CLI_TEXT_BYTES]);

/* Columns that UTF-8 text takes on a terminal. */
size_t trivet_cli_text_width(const char *text);
/* Bytes of the longest start of `text` that takes at most `width` columns. */
size_t trivet_cli_text_fit(const char *text, size_t width);
/* The same, but a text that goes on ends at a blank where there is one: the first line of a
 * paragraph. */
size_t trivet_cli_text_line(const char *text, size_t width);

#endif
