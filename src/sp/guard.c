#include "sp/guard.h"

#include "base/alloc.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* sizeof(sun_path) - 1; longer paths are cut without a word. */
#define SOCKET_PATH_BYTES_MAX 107

struct trivet_sp_guard {
    int fd;
};

/* The folder of `path` exists and only its owner may write to it. */
static enum trivet_status check_folder(const char *path, struct trivet_error *err)
{
    char folder[SOCKET_PATH_BYTES_MAX + 1];
    trivet_text_copy(folder, sizeof(folder), path);
    *strrchr(folder, '/') = '\0';
    const char *name = folder[0] == '\0' ? "/" : folder;
    if (mkdir(name, 0700) != 0 && errno != EEXIST) {
        return trivet_error_set(err, TRIVET_UNAVAILABLE, "cannot make the folder '%s': %s", name,
                                strerror(errno));
    }
    struct stat info;
    if (stat(name, &info) != 0 || !S_ISDIR(info.st_mode)) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT, "'%s' is not a folder", name);
    }
    if ((info.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
        return trivet_error_set(err, TRIVET_FAILED_PRECONDITION,
                                "others may write to the folder '%s'; keep the socket in one of "
                                "your own (chmod 0700)",
                                name);
    }
    return TRIVET_OK;
}

static enum trivet_status lock_path(const char *path, int *out, struct trivet_error *err)
{
    char lock[SOCKET_PATH_BYTES_MAX + 8];
    trivet_text_format(lock, sizeof(lock), "%s.lock", path);
    int fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) {
        return trivet_error_set(err, TRIVET_UNAVAILABLE, "cannot open '%s': %s", lock,
                                strerror(errno));
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        close(fd);
        return trivet_error_set(err, TRIVET_FAILED_PRECONDITION,
                                "another process serves 'ipc://%s'; stop it or choose another path",
                                path);
    }
    *out = fd;
    return TRIVET_OK;
}

enum trivet_status trivet_sp_guard_take(const char *url, struct trivet_sp_guard **out,
                                        struct trivet_error *err)
{
    static const char scheme[] = "ipc://";
    if (strncmp(url, scheme, sizeof(scheme) - 1) != 0) {
        *out = NULL;
        return TRIVET_OK;
    }
    const char *path = url + sizeof(scheme) - 1;
    if (path[0] != '/' || strlen(path) > SOCKET_PATH_BYTES_MAX) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "'%s': a socket's path is absolute and has at most %d bytes", url,
                                SOCKET_PATH_BYTES_MAX);
    }
    enum trivet_status status = check_folder(path, err);
    int fd = -1;
    if (status == TRIVET_OK) {
        status = lock_path(path, &fd, err);
    }
    if (status != TRIVET_OK) {
        return status;
    }
    struct trivet_sp_guard *guard = trivet_malloc(sizeof(*guard));
    if (guard == NULL) {
        close(fd);
        return trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "out of memory");
    }
    struct stat info;
    if (lstat(path, &info) == 0 && S_ISSOCK(info.st_mode)) {
        unlink(path);
    }
    guard->fd = fd;
    *out = guard;
    return TRIVET_OK;
}

void trivet_sp_guard_release(struct trivet_sp_guard *guard)
{
    if (guard != NULL) {
        close(guard->fd);
        trivet_free(guard);
    }
}
