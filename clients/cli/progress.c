#include "clients/cli/progress.h"

#include "base/clock.h"
#include "base/text.h"
#include "clients/cli/format.h"
#include "clients/cli/output.h"

#include <langinfo.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define REDRAW_INTERVAL_NS (100 * TRIVET_NS_PER_MS)
#define BAR_WIDTH          24
/* Without room for a bar only the words are shown. */
#define WIDTH_WITH_BAR_MIN 60

void trivet_cli_progress_init(struct trivet_cli_progress *progress, const struct trivet_cli *cli)
{
    *progress = (struct trivet_cli_progress){
        .live = cli->err_is_terminal,
        .utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0,
        .started_ns = trivet_clock_monotonic_ns(),
    };
}

static size_t append(char *text, size_t used, const char *piece)
{
    size_t n_bytes = strlen(piece);
    if (used + n_bytes + 1 > TRIVET_CLI_PROGRESS_BYTES) {
        return used;
    }
    memcpy(text + used, piece, n_bytes + 1);
    return used + n_bytes;
}

/* Eighths of a cell, so that the bar moves smoothly. */
static size_t append_bar(char *text, size_t used, double fraction, bool utf8)
{
    static const char *const eighths[] = {" ",
                                          "\xe2\x96\x8f",
                                          "\xe2\x96\x8e",
                                          "\xe2\x96\x8d",
                                          "\xe2\x96\x8c",
                                          "\xe2\x96\x8b",
                                          "\xe2\x96\x8a",
                                          "\xe2\x96\x89",
                                          "\xe2\x96\x88"};
    double cells = fraction * BAR_WIDTH;
    used = append(text, used, utf8 ? "\xe2\x96\x95" : "[");
    for (int i = 0; i < BAR_WIDTH; i++) {
        double fill = cells - i;
        fill = fill < 0 ? 0 : fill > 1 ? 1 : fill;
        used = append(text, used, utf8 ? eighths[(int)(fill * 8)] : fill >= 0.5 ? "#" : "-");
    }
    return append(text, used, utf8 ? "\xe2\x96\x8f" : "]");
}

void trivet_cli_progress_text(const char *phase, double fraction, const char *detail,
                              double elapsed_seconds, size_t width, bool utf8,
                              char text[TRIVET_CLI_PROGRESS_BYTES])
{
    char piece[TRIVET_CLI_TEXT_BYTES + 16];
    char elapsed[TRIVET_CLI_TEXT_BYTES];
    snprintf(piece, sizeof(piece), "%-14.31s ", phase);
    text[0] = '\0';
    size_t used = append(text, 0, piece);
    if (fraction >= 0) {
        fraction = fraction > 1 ? 1 : fraction;
        if (width >= WIDTH_WITH_BAR_MIN) {
            used = append_bar(text, used, fraction, utf8);
        }
        snprintf(piece, sizeof(piece), " %3.0f %%", fraction * 100);
        used = append(text, used, piece);
    }
    trivet_cli_format_seconds(elapsed_seconds, elapsed);
    used = append(text, used, "  ");
    used = append(text, used, elapsed);
    if (detail[0] != '\0') {
        used = append(text, used, "  ");
        append(text, used, detail);
    }
    text[trivet_cli_text_fit(text, width)] = '\0';
}

void trivet_cli_progress_show(struct trivet_cli_progress *progress, const char *phase,
                              double fraction, const char *detail)
{
    int64_t now_ns = trivet_clock_monotonic_ns();
    bool new_phase = strcmp(progress->phase, phase) != 0;
    trivet_text_copy(progress->phase, sizeof(progress->phase), phase);
    if (!progress->live) {
        if (new_phase) {
            fprintf(stderr, "%s%s%s\n", phase, detail[0] != '\0' ? ": " : "", detail);
        }
        return;
    }
    if (!new_phase && progress->visible && now_ns - progress->drawn_ns < REDRAW_INTERVAL_NS) {
        return;
    }
    char text[TRIVET_CLI_PROGRESS_BYTES];
    double elapsed = (double)(now_ns - progress->started_ns) / (double)TRIVET_NS_PER_S;
    /* One column stays free: a full line would wrap on some terminals. */
    size_t width = trivet_cli_terminal_width(STDERR_FILENO) - 1;
    trivet_cli_progress_text(phase, fraction, detail, elapsed, width, progress->utf8, text);
    fprintf(stderr, "\r%s\033[K", text);
    fflush(stderr);
    progress->visible = true;
    progress->drawn_ns = now_ns;
}

void trivet_cli_progress_clear(struct trivet_cli_progress *progress)
{
    if (progress->visible) {
        fputs("\r\033[K", stderr);
        fflush(stderr);
        progress->visible = false;
    }
}
