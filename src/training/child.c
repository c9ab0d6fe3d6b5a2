#include "training/child.h"

#include "base/alloc.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define FIRST_FREE_FD 3

/* One BLAS thread: the child must not take the cores that serve, and every thread of the library
 * costs address space before main() runs. OpenMP's threads that wait for each other sleep:
 * spinning, two of them on cores that also serve are ten times slower than one. */
static char *const env_own[] = {(char[]){"OPENBLAS_NUM_THREADS=1"}, (char[]){"OMP_NUM_THREADS=1"},
                                (char[]){"OMP_WAIT_POLICY=PASSIVE"}};

static bool env_replaced(const char *entry)
{
    for (size_t i = 0; i < TRIVET_ARRAY_COUNT(env_own); i++) {
        const size_t name_bytes = (size_t)(strchr(env_own[i], '=') - env_own[i]) + 1;
        if (strncmp(entry, env_own[i], name_bytes) == 0) {
            return true;
        }
    }
    return false;
}

/* Our environment with the child's own entries; free the array alone. NULL: out of memory. */
static char **make_environment(void)
{
    size_t count = 0;
    while (environ != NULL && environ[count] != NULL) {
        count++;
    }
    char **entries = trivet_alloc_array(count + TRIVET_ARRAY_COUNT(env_own) + 1, sizeof(char *));
    if (entries == NULL) {
        return NULL;
    }
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        if (!env_replaced(environ[i])) {
            entries[n++] = environ[i];
        }
    }
    for (size_t i = 0; i < TRIVET_ARRAY_COUNT(env_own); i++) {
        entries[n++] = env_own[i];
    }
    entries[n] = NULL;
    return entries;
}

/* A descriptor to read `data` from, or -1 with errno. */
static int make_memory_file(const uint8_t *data, size_t n_bytes)
{
    const int fd = memfd_create("trivet-job", MFD_CLOEXEC);
    if (fd < 0) {
        return -1;
    }
    size_t written = 0;
    while (written < n_bytes) {
        const ssize_t n = write(fd, data + written, n_bytes - written);
        if (n < 0 && errno != EINTR) {
            const int error = errno;
            close(fd);
            errno = error;
            return -1;
        }
        written += n > 0 ? (size_t)n : 0;
    }
    if (lseek(fd, 0, SEEK_SET) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

static int set_attributes(posix_spawnattr_t *attributes)
{
    sigset_t none;
    sigset_t all;
    sigemptyset(&none);
    sigfillset(&all);
    int error = posix_spawnattr_setsigmask(attributes, &none);
    if (error == 0) {
        error = posix_spawnattr_setsigdefault(attributes, &all);
    }
    if (error == 0) {
        error = posix_spawnattr_setpgroup(attributes, 0);
    }
    if (error == 0) {
        error = posix_spawnattr_setflags(
            attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
    }
    return error;
}

static int set_actions(posix_spawn_file_actions_t *actions, int in_fd, int out_fd)
{
    int error = posix_spawn_file_actions_adddup2(actions, in_fd, STDIN_FILENO);
    if (error == 0) {
        error = posix_spawn_file_actions_adddup2(actions, out_fd, STDOUT_FILENO);
    }
    if (error == 0) {
        error = posix_spawn_file_actions_addclosefrom_np(actions, FIRST_FREE_FD);
    }
    return error;
}

/* 0 and the pid, or an error number. */
static int spawn(const char *program, int in_fd, int out_fd, char **environment, pid_t *pid)
{
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_t actions;
    int error = posix_spawnattr_init(&attributes);
    if (error != 0) {
        return error;
    }
    error = posix_spawn_file_actions_init(&actions);
    if (error != 0) {
        posix_spawnattr_destroy(&attributes);
        return error;
    }
    error = set_attributes(&attributes);
    if (error == 0) {
        error = set_actions(&actions, in_fd, out_fd);
    }
    if (error == 0) {
        union {
            const char *in;
            char *out;
        } path = {.in = program};
        char option[] = "--trainer";
        char *arguments[] = {path.out, option, NULL};
        error = posix_spawn(pid, program, &actions, &attributes, arguments, environment);
    }
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    return error;
}

enum trivet_status trivet_child_start(const char *program, const void *spec, size_t n_bytes,
                                      struct trivet_child *out, struct trivet_error *err)
{
    int pipe_fds[2] = {-1, -1};
    int error = 0;
    pid_t pid = 0;
    char **environment = make_environment();
    const int in_fd = make_memory_file(spec, n_bytes);
    if (environment == NULL || in_fd < 0) {
        error = environment == NULL ? ENOMEM : errno;
        goto done;
    }
    if (pipe2(pipe_fds, O_CLOEXEC) != 0) {
        error = errno;
        goto done;
    }
    error = spawn(program, in_fd, pipe_fds[1], environment, &pid);
done:
    trivet_free(environment);
    if (in_fd >= 0) {
        close(in_fd);
    }
    if (pipe_fds[1] >= 0) {
        close(pipe_fds[1]);
    }
    if (error != 0) {
        if (pipe_fds[0] >= 0) {
            close(pipe_fds[0]);
        }
        return trivet_error_set(err, TRIVET_FAILED_PRECONDITION,
                                "cannot start the trainer '%s': %s", program, strerror(error));
    }
    *out = (struct trivet_child){.pid = pid, .out_fd = pipe_fds[0]};
    return TRIVET_OK;
}

void trivet_child_wait(const struct trivet_child *child)
{
    siginfo_t info;
    while (waitid(P_PID, (id_t)child->pid, &info, WEXITED | WNOWAIT) != 0 && errno == EINTR) {
    }
}

static enum trivet_status explain_signal(int number, struct trivet_error *err)
{
    const char *name = sigabbrev_np(number);
    if (number == SIGKILL) {
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                                "the trainer was killed by signal 9 (SIGKILL) before it had a "
                                "result, as the kernel does when memory runs out; train on fewer "
                                "rows or columns, or give the machine more memory");
    }
    return trivet_error_set(err, TRIVET_INTERNAL,
                            "the trainer was killed by signal %d (SIG%s) before it had a result; "
                            "if memory is limited it may have run out, else see the server's log",
                            number, name == NULL ? "?" : name);
}

enum trivet_status trivet_child_reap(struct trivet_child *child, struct trivet_error *err)
{
    int how = 0;
    pid_t reaped = 0;
    do {
        reaped = waitpid(child->pid, &how, 0);
    } while (reaped < 0 && errno == EINTR);
    close(child->out_fd);
    *child = (struct trivet_child){.pid = 0, .out_fd = -1};
    if (reaped > 0 && WIFSIGNALED(how)) {
        return explain_signal(WTERMSIG(how), err);
    }
    return trivet_error_set(err, TRIVET_INTERNAL,
                            "the trainer ended with exit status %d and without a result; see the "
                            "server's log",
                            reaped > 0 ? WEXITSTATUS(how) : -1);
}
