#include "clients/cli/bar.h"

#include <langinfo.h>
#include <math.h>
#include <string.h>

#define EIGHTHS 8

bool trivet_cli_has_blocks(void)
{
    return strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

static size_t append(char text[TRIVET_CLI_BAR_BYTES], size_t used, const char *cell)
{
    size_t n_bytes = strlen(cell);
    memcpy(text + used, cell, n_bytes + 1);
    return used + n_bytes;
}

void trivet_cli_bar(double fraction, size_t width, bool blocks, char text[TRIVET_CLI_BAR_BYTES])
{
    static const char *const parts[EIGHTHS + 1] = {"",
                                                   "\xe2\x96\x8f",
                                                   "\xe2\x96\x8e",
                                                   "\xe2\x96\x8d",
                                                   "\xe2\x96\x8c",
                                                   "\xe2\x96\x8b",
                                                   "\xe2\x96\x8a",
                                                   "\xe2\x96\x89",
                                                   "\xe2\x96\x88"};
    size_t used = 0;
    text[0] = '\0';
    width = width < TRIVET_CLI_BAR_WIDTH_MAX ? width : TRIVET_CLI_BAR_WIDTH_MAX;
    fraction = !(fraction > 0) ? 0 : fraction > 1 ? 1 : fraction;
    size_t eighths = (size_t)(fraction * (double)width * EIGHTHS + 0.5);
    for (size_t i = 0; i < width && eighths > 0; i++) {
        size_t part = eighths < EIGHTHS ? eighths : EIGHTHS;
        if (blocks) {
            used = append(text, used, parts[part]);
        } else if (part >= EIGHTHS / 2) {
            used = append(text, used, "#");
        }
        eighths -= part;
    }
}

void trivet_cli_sparkline(const double *values, size_t n_values, size_t width, bool blocks,
                          char text[TRIVET_CLI_BAR_BYTES])
{
    static const char *const heights[EIGHTHS] = {"\xe2\x96\x81", "\xe2\x96\x82", "\xe2\x96\x83",
                                                 "\xe2\x96\x84", "\xe2\x96\x85", "\xe2\x96\x86",
                                                 "\xe2\x96\x87", "\xe2\x96\x88"};
    double low = INFINITY;
    double high = -INFINITY;
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < n_values; i++) {
        low = isfinite(values[i]) && values[i] < low ? values[i] : low;
        high = isfinite(values[i]) && values[i] > high ? values[i] : high;
    }
    width = width < TRIVET_CLI_BAR_WIDTH_MAX ? width : TRIVET_CLI_BAR_WIDTH_MAX;
    size_t n_cells = n_values < width ? n_values : width;
    if (!blocks || low > high) {
        return;
    }
    for (size_t i = 0; i < n_cells; i++) {
        size_t at = n_cells > 1 ? i * (n_values - 1) / (n_cells - 1) : 0;
        double share = high > low ? (values[at] - low) / (high - low) : 0;
        share = !(share > 0) ? 0 : share > 1 ? 1 : share;
        used = append(text, used, heights[(size_t)(share * (EIGHTHS - 1) + 0.5)]);
    }
}
