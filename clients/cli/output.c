#include "clients/cli/output.h"

#include "base/text.h"
#include "clients/cli/format.h"
#include "wire/json.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define WIDTH_DEFAULT  80
#define WIDTH_MIN      20
#define NAME_WIDTH     12
#define FACT_BYTES_MAX 2048

bool trivet_cli_for_person(const struct trivet_cli *cli)
{
    return cli->out_is_terminal;
}

bool trivet_cli_has_style(const struct trivet_cli *cli)
{
    const char *no_color = getenv("NO_COLOR");
    const char *term = getenv("TERM");
    bool dumb = term == NULL || strcmp(term, "dumb") == 0;
    return cli->out_is_terminal && !dumb && (no_color == NULL || no_color[0] == '\0');
}

size_t trivet_cli_terminal_width(int fd)
{
    struct winsize size;
    if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col >= WIDTH_MIN) {
        return size.ws_col;
    }
    return WIDTH_DEFAULT;
}

struct trivet_cli_table *trivet_cli_open_table(const struct trivet_cli *cli,
                                               const struct trivet_cli_column *columns,
                                               size_t n_columns)
{
    return trivet_cli_table_create(columns, n_columns, !trivet_cli_for_person(cli));
}

bool trivet_cli_flush(void)
{
    if (fflush(stdout) == 0 && !ferror(stdout)) {
        return true;
    }
    fprintf(stderr, "trivet: cannot write the output: %s\n", strerror(errno));
    return false;
}

static int print_buffer(const struct trivet_buffer *buffer)
{
    fwrite(buffer->data, 1, buffer->n_bytes, stdout);
    return trivet_cli_flush() ? TRIVET_CLI_DONE : TRIVET_CLI_FAILED;
}

int trivet_cli_print_table(const struct trivet_cli *cli, struct trivet_cli_table *table)
{
    struct trivet_error err = {0};
    struct trivet_buffer text = {0};
    size_t width_max = cli->out_is_terminal ? trivet_cli_terminal_width(STDOUT_FILENO) : 0;
    enum trivet_status status =
        table == NULL
            ? trivet_error_set(&err, TRIVET_RESOURCE_EXHAUSTED, "out of memory for a table")
            : trivet_cli_table_render(table, width_max, trivet_cli_has_style(cli), &text, &err);
    int code = status == TRIVET_OK ? print_buffer(&text) : trivet_cli_fail(&err);
    trivet_buffer_release(&text);
    trivet_cli_table_free(table);
    return code;
}

int trivet_cli_print_json(const ProtobufCMessage *message)
{
    struct trivet_error err = {0};
    struct trivet_buffer text = {0};
    enum trivet_status status = trivet_wire_json_message(message, &text, &err);
    if (status == TRIVET_OK) {
        status = trivet_buffer_append(&text, "\n", 1, &err);
    }
    int code = status == TRIVET_OK ? print_buffer(&text) : trivet_cli_fail(&err);
    trivet_buffer_release(&text);
    return code;
}

void trivet_cli_print_fact(const struct trivet_cli *cli, const char *name, const char *format, ...)
{
    bool style = trivet_cli_has_style(cli);
    size_t width = cli->out_is_terminal ? trivet_cli_terminal_width(STDOUT_FILENO) : SIZE_MAX;
    char value[FACT_BYTES_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(value, sizeof(value), format, arguments);
    va_end(arguments);
    printf("%s%-*s%s", style ? "\033[1m" : "", NAME_WIDTH, name, style ? "\033[0m" : "");
    const char *rest = value;
    do {
        size_t n_bytes =
            trivet_cli_text_line(rest, width > NAME_WIDTH ? width - NAME_WIDTH : width);
        printf("%*s%.*s\n", rest == value ? 0 : NAME_WIDTH, "", (int)n_bytes, rest);
        rest += n_bytes + strspn(rest + n_bytes, " ");
    } while (rest[0] != '\0');
}
