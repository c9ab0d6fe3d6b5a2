/* The data directory and the lock that says who owns it. */
#include "base/clock.h"
#include "base/text.h"
#include "store/sqlite_db.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOCK_WAIT_NS (1 * TRIVET_NS_PER_S)
#define LOCK_POLL_US 10000

/* A new name in a directory is durable once the directory is written out. */
static enum trivet_status sync_parent(const char *path, struct trivet_error *err)
{
    char parent[PATH_MAX + 4];
    if (!trivet_text_format(parent, sizeof(parent), "%s/..", path))
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT, "the path '%.200s…' is too long",
                                path);
    const int fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return TRIVET_OK; /* not readable for us: nothing to be done about it */
    /* Some file systems cannot do it for directories (EINVAL): then there is nothing to do. */
    const bool failed = fsync(fd) != 0 && errno != EINVAL;
    const int why = errno;
    close(fd);
    if (failed)
        return trivet_error_set(err, TRIVET_UNAVAILABLE,
                                "cannot write out the parent of the data directory '%s': %s", path,
                                strerror(why));
    return TRIVET_OK;
}

static enum trivet_status make_dir(const char *data_dir, struct trivet_error *err)
{
    if (mkdir(data_dir, 0700) == 0)
        return sync_parent(data_dir, err);
    const int why = errno;
    struct stat info;
    if (why == EEXIST && stat(data_dir, &info) == 0 && S_ISDIR(info.st_mode))
        return TRIVET_OK;
    if (why == EEXIST)
        return trivet_error_set(err, TRIVET_FAILED_PRECONDITION,
                                "the data directory '%s' is not a directory; choose another one",
                                data_dir);
    return trivet_error_set(err, TRIVET_UNAVAILABLE,
                            "cannot make the data directory '%s': %s; its parent must exist and be "
                            "writable",
                            data_dir, strerror(why));
}

static enum trivet_status tell_owner(int fd, const char *data_dir, struct trivet_error *err)
{
    char text[32] = "";
    const ssize_t n_read = pread(fd, text, sizeof(text) - 1, 0);
    uint64_t pid = 0;
    if (n_read > 0)
        text[strcspn(text, "\n")] = '\0';
    if (n_read <= 0 || !trivet_text_parse_uint64(text, &pid))
        return trivet_error_set(err, TRIVET_FAILED_PRECONDITION,
                                "the data directory '%s' is in use by another process; stop it "
                                "first or choose another data directory",
                                data_dir);
    return trivet_error_set(err, TRIVET_FAILED_PRECONDITION,
                            "the data directory '%s' is in use by process %llu; stop it first or "
                            "choose another data directory",
                            data_dir, (unsigned long long)pid);
}

/* An owner that was killed while it started a child leaves the lock with that child until it has
 * got as far as exec, a few milliseconds later: that is no owner to be refused for. */
static bool lock_patiently(int fd)
{
    const int64_t until_ns = trivet_clock_after_ns(trivet_clock_monotonic_ns(), LOCK_WAIT_NS);
    while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK || trivet_clock_monotonic_ns() >= until_ns)
            return false;
        usleep(LOCK_POLL_US);
    }
    return true;
}

enum trivet_status trivet_sqlite_lock_dir(const char *data_dir, int *lock_fd,
                                          struct trivet_error *err)
{
    char path[PATH_MAX];
    char pid[32];
    if (!trivet_text_format(path, sizeof(path), "%s/LOCK", data_dir))
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "the path of the data directory is too long: '%.200s…'", data_dir);
    enum trivet_status status = make_dir(data_dir, err);
    if (status != TRIVET_OK)
        return status;
    /* Close-on-exec: a child must not keep the directory locked when we are gone. */
    const int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return trivet_error_set(err, TRIVET_UNAVAILABLE, "cannot open '%s': %s", path,
                                strerror(errno));
    if (!lock_patiently(fd)) {
        status = errno == EWOULDBLOCK
                     ? tell_owner(fd, data_dir, err)
                     : trivet_error_set(err, TRIVET_UNAVAILABLE, "cannot lock '%s': %s", path,
                                        strerror(errno));
        close(fd);
        return status;
    }
    /* The pid is for people and messages only: without it the lock holds just as well. */
    const int n_bytes = snprintf(pid, sizeof(pid), "%ld\n", (long)getpid());
    if (ftruncate(fd, 0) != 0 || pwrite(fd, pid, (size_t)n_bytes, 0) != n_bytes) {
        status = trivet_error_set(err, TRIVET_UNAVAILABLE, "cannot write '%s': %s", path,
                                  strerror(errno));
        close(fd);
        return status;
    }
    *lock_fd = fd;
    return TRIVET_OK;
}
