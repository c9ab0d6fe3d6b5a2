#include "clients/cli/gnuplot.h"

#include "clients/cli/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROGRAM        "gnuplot"
#define PART_SUFFIX    ".part"
#define SAID_BYTES     512
#define TERMINAL_BYTES 160

extern char **environ;

static bool ends_with(const char *text, const char *end)
{
    size_t text_bytes = strlen(text);
    size_t end_bytes = strlen(end);
    return text_bytes > end_bytes && strcmp(text + text_bytes - end_bytes, end) == 0;
}

/* Names in labels are somebody's data: nothing in them is markup. */
static enum trivet_status terminal_line(const char *path, unsigned width, unsigned height,
                                        char text[TERMINAL_BYTES], struct trivet_error *err)
{
    if (ends_with(path, ".png")) {
        snprintf(text, TERMINAL_BYTES,
                 "set terminal pngcairo size %u,%u font 'sans,11' noenhanced background rgb "
                 "'white'\n",
                 width, height);
        return TRIVET_OK;
    }
    if (ends_with(path, ".svg")) {
        snprintf(text, TERMINAL_BYTES,
                 "set terminal svg size %u,%u dynamic font 'sans,13' noenhanced background rgb "
                 "'white'\n",
                 width, height);
        return TRIVET_OK;
    }
    return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                            "--plot %.200s: give a file that ends in .png or .svg, or a folder",
                            path);
}

static enum trivet_status no_program(int error, struct trivet_error *err)
{
    return trivet_error_set(err, TRIVET_FAILED_PRECONDITION,
                            "--plot is drawn by gnuplot, which cannot be started (%s); install it: "
                            "apt-get install gnuplot-nox",
                            strerror(error));
}

static bool is_installed(void)
{
    const char *rest = getenv("PATH");
    while (rest != NULL) {
        char program[PATH_MAX];
        size_t n_bytes = strcspn(rest, ":");
        snprintf(program, sizeof(program), "%.*s/" PROGRAM, (int)n_bytes, rest);
        if (access(program, X_OK) == 0) {
            return true;
        }
        rest = rest[n_bytes] == ':' ? rest + n_bytes + 1 : NULL;
    }
    return false;
}

static enum trivet_status cannot_write(const char *path, struct trivet_error *err)
{
    return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                            "--plot: cannot write %.200s: %s; give a file in a folder that is "
                            "there and may be written to",
                            path, strerror(errno));
}

/* The file beside the picture that becomes it when all went well; -1: cannot be written. */
static int open_part(const char *path, char part[PATH_MAX])
{
    snprintf(part, PATH_MAX, "%.*s" PART_SUFFIX, PATH_MAX - (int)sizeof(PART_SUFFIX), path);
    return open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
}

enum trivet_status trivet_cli_gnuplot_check(const char *path, struct trivet_error *err)
{
    char line[TERMINAL_BYTES];
    char part[PATH_MAX];
    enum trivet_status status = terminal_line(path, 1, 1, line, err);
    if (status != TRIVET_OK) {
        return status;
    }
    if (!is_installed()) {
        return no_program(ENOENT, err);
    }
    int fd = open_part(path, part);
    if (fd < 0) {
        return cannot_write(path, err);
    }
    close(fd);
    unlink(part);
    return TRIVET_OK;
}

static bool write_all(int fd, const void *data, size_t n_bytes)
{
    const char *rest = data;
    while (n_bytes > 0) {
        ssize_t n = write(fd, rest, n_bytes);
        if (n < 0 && errno != EINTR) {
            return false;
        }
        rest += n > 0 ? n : 0;
        n_bytes -= n > 0 ? (size_t)n : 0;
    }
    return true;
}

/* The script as a file that gnuplot reads on its standard input: a pipe might fill while gnuplot
 * waits for its own output. */
static int script_file(const char *terminal, const struct trivet_buffer *script)
{
    int fd = memfd_create("trivet-plot", MFD_CLOEXEC);
    if (fd >= 0 && write_all(fd, terminal, strlen(terminal)) &&
        write_all(fd, script->data, script->n_bytes) && lseek(fd, 0, SEEK_SET) == 0) {
        return fd;
    }
    if (fd >= 0) {
        close(fd);
    }
    return -1;
}

/* 0, or an error number. */
static int start(int in_fd, int out_fd, int err_fd, pid_t *pid)
{
    posix_spawn_file_actions_t actions;
    char *arguments[] = {trivet_cli_field(PROGRAM), NULL};
    int error = posix_spawn_file_actions_init(&actions);
    if (error != 0) {
        return error;
    }
    error = posix_spawn_file_actions_adddup2(&actions, in_fd, STDIN_FILENO);
    if (error == 0) {
        error = posix_spawn_file_actions_adddup2(&actions, out_fd, STDOUT_FILENO);
    }
    if (error == 0) {
        error = posix_spawn_file_actions_adddup2(&actions, err_fd, STDERR_FILENO);
    }
    if (error == 0) {
        error = posix_spawnp(pid, PROGRAM, &actions, NULL, arguments, environ);
    }
    posix_spawn_file_actions_destroy(&actions);
    return error;
}

/* What gnuplot said last, on one line. */
static void last_words(int fd, char text[SAID_BYTES])
{
    off_t n_bytes = lseek(fd, 0, SEEK_END);
    off_t from = n_bytes > SAID_BYTES - 1 ? n_bytes - (SAID_BYTES - 1) : 0;
    ssize_t n = pread(fd, text, SAID_BYTES - 1, from);
    text[n > 0 ? n : 0] = '\0';
    for (char *at = text; *at != '\0'; at++) {
        *at = (unsigned char)*at < ' ' ? ' ' : *at;
    }
}

static enum trivet_status run(int script_fd, int out_fd, struct trivet_error *err)
{
    pid_t pid = 0;
    int code = 0;
    char said[SAID_BYTES];
    int err_fd = memfd_create("trivet-plot-errors", MFD_CLOEXEC);
    if (err_fd < 0) {
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "--plot: %s", strerror(errno));
    }
    int error = start(script_fd, out_fd, err_fd, &pid);
    if (error != 0) {
        close(err_fd);
        return no_program(error, err);
    }
    while (waitpid(pid, &code, 0) < 0 && errno == EINTR) {
    }
    last_words(err_fd, said);
    close(err_fd);
    return WIFEXITED(code) && WEXITSTATUS(code) == 0
               ? TRIVET_OK
               : trivet_error_set(err, TRIVET_INTERNAL, "--plot: gnuplot failed: %s",
                                  said[0] != '\0' ? said : "it did not say why");
}

enum trivet_status trivet_cli_gnuplot(const struct trivet_buffer *script, const char *path,
                                      unsigned width, unsigned height, struct trivet_error *err)
{
    char terminal[TERMINAL_BYTES];
    char part[PATH_MAX];
    enum trivet_status status = terminal_line(path, width, height, terminal, err);
    if (status != TRIVET_OK) {
        return status;
    }
    int out_fd = open_part(path, part);
    if (out_fd < 0) {
        return cannot_write(path, err);
    }
    int script_fd = script_file(terminal, script);
    status = script_fd < 0
                 ? trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "--plot: %s", strerror(errno))
                 : run(script_fd, out_fd, err);
    if (script_fd >= 0) {
        close(script_fd);
    }
    if (close(out_fd) != 0 && status == TRIVET_OK) {
        status = cannot_write(path, err);
    }
    if (status == TRIVET_OK && rename(part, path) != 0) {
        status = cannot_write(path, err);
    }
    if (status != TRIVET_OK) {
        unlink(part);
    }
    return status;
}
