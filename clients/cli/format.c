#include "clients/cli/format.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <wchar.h>

#define US_PER_S 1000000

void trivet_cli_format_count(uint64_t count, char text[TRIVET_CLI_TEXT_BYTES])
{
    char digits[24];
    int n = snprintf(digits, sizeof(digits), "%llu", (unsigned long long)count);
    size_t to = 0;
    for (int i = 0; i < n; i++) {
        if (i > 0 && (n - i) % 3 == 0) {
            text[to++] = ',';
        }
        text[to++] = digits[i];
    }
    text[to] = '\0';
}

void trivet_cli_format_bytes(uint64_t n_bytes, char text[TRIVET_CLI_TEXT_BYTES])
{
    static const char *const units[] = {"KiB", "MiB", "GiB", "TiB"};
    if (n_bytes < 1024) {
        snprintf(text, TRIVET_CLI_TEXT_BYTES, "%llu B", (unsigned long long)n_bytes);
        return;
    }
    double value = (double)n_bytes / 1024;
    size_t unit = 0;
    while (value >= 1023.95 && unit + 1 < sizeof(units) / sizeof(units[0])) {
        value /= 1024;
        unit++;
    }
    snprintf(text, TRIVET_CLI_TEXT_BYTES, "%.1f %s", value, units[unit]);
}

void trivet_cli_format_number(double value, char text[TRIVET_CLI_TEXT_BYTES])
{
    snprintf(text, TRIVET_CLI_TEXT_BYTES, "%.6g", value);
}

void trivet_cli_format_short(double value, bool sign, char text[TRIVET_CLI_TEXT_BYTES])
{
    double size = fabs(value);
    if (!(size >= 1e-3 && size < 1e6)) {
        snprintf(text, TRIVET_CLI_TEXT_BYTES, sign ? "%+.4g" : "%.4g", value);
        return;
    }
    int decimals = 3 - (int)floor(log10(size));
    decimals = decimals < 0 ? 0 : decimals;
    snprintf(text, TRIVET_CLI_TEXT_BYTES, sign ? "%+.*f" : "%.*f", decimals, value);
}

void trivet_cli_format_seconds(double seconds, char text[TRIVET_CLI_TEXT_BYTES])
{
    if (!(seconds > 0)) {
        seconds = 0;
    }
    if (seconds < 1) {
        snprintf(text, TRIVET_CLI_TEXT_BYTES, seconds < 0.01 ? "%.1f ms" : "%.0f ms",
                 1000 * seconds);
        return;
    }
    if (seconds < 60) {
        snprintf(text, TRIVET_CLI_TEXT_BYTES, seconds < 10 ? "%.2f s" : "%.1f s", seconds);
        return;
    }
    double minutes = floor(seconds / 60);
    if (minutes < 60) {
        snprintf(text, TRIVET_CLI_TEXT_BYTES, "%.0f min %.0f s", minutes,
                 floor(seconds - 60 * minutes));
        return;
    }
    double hours = floor(minutes / 60);
    snprintf(text, TRIVET_CLI_TEXT_BYTES, "%.0f h %.0f min", hours, minutes - 60 * hours);
}

void trivet_cli_format_age(int64_t unix_us, int64_t now_unix_us, char text[TRIVET_CLI_TEXT_BYTES])
{
    long long seconds = (long long)(now_unix_us - unix_us) / US_PER_S;
    if (unix_us == 0) {
        snprintf(text, TRIVET_CLI_TEXT_BYTES, "-");
    } else if (seconds < 5) {
        snprintf(text, TRIVET_CLI_TEXT_BYTES, "just now");
    } else if (seconds < 120) {
        snprintf(text, TRIVET_CLI_TEXT_BYTES, "%lld s ago", seconds);
    } else if (seconds < 120 * 60) {
        snprintf(text, TRIVET_CLI_TEXT_BYTES, "%lld min ago", seconds / 60);
    } else if (seconds < 48 * 3600) {
        snprintf(text, TRIVET_CLI_TEXT_BYTES, "%lld h ago", seconds / 3600);
    } else {
        snprintf(text, TRIVET_CLI_TEXT_BYTES, "%lld days ago", seconds / 86400);
    }
}

/* The character at `text` and its columns; an invalid byte is one of one column. */
static size_t next_character(const char *text, size_t *width)
{
    mbstate_t state;
    wchar_t character = 0;
    memset(&state, 0, sizeof(state));
    size_t n_bytes = mbrtowc(&character, text, strlen(text), &state);
    if (n_bytes == 0 || n_bytes > strlen(text)) {
        *width = 1;
        return 1;
    }
    int columns = wcwidth(character);
    *width = columns < 0 ? 1 : (size_t)columns;
    return n_bytes;
}

size_t trivet_cli_text_width(const char *text)
{
    size_t total = 0;
    while (text[0] != '\0') {
        size_t width = 0;
        text += next_character(text, &width);
        total += width;
    }
    return total;
}

size_t trivet_cli_text_fit(const char *text, size_t width)
{
    size_t taken = 0;
    size_t total = 0;
    while (text[taken] != '\0') {
        size_t columns = 0;
        size_t n_bytes = next_character(text + taken, &columns);
        if (total + columns > width) {
            break;
        }
        total += columns;
        taken += n_bytes;
    }
    return taken;
}

size_t trivet_cli_text_line(const char *text, size_t width)
{
    size_t n_bytes = trivet_cli_text_fit(text, width);
    if (text[n_bytes] == '\0') {
        return n_bytes;
    }
    size_t blank = n_bytes;
    while (blank > 0 && text[blank] != ' ') {
        blank--;
    }
    return blank > 0 ? blank : n_bytes;
}
