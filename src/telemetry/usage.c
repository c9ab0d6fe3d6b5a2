#include "telemetry/usage.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* The beginning of a small file, with a NUL. */
static void read_head(const char *path, char *text, size_t text_bytes)
{
    text[0] = '\0';
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return;
    }
    ssize_t n = read(fd, text, text_bytes - 1);
    text[n > 0 ? n : 0] = '\0';
    close(fd);
}

static uint32_t count_open_files(void)
{
    DIR *folder = opendir("/proc/self/fd");
    if (folder == NULL) {
        return 0;
    }
    uint32_t n = 0;
    const struct dirent *entry;
    while ((entry = readdir(folder)) != NULL) {
        n += entry->d_name[0] != '.';
    }
    closedir(folder);
    return n > 0 ? n - 1 : 0; /* without the folder just read */
}

struct trivet_usage trivet_usage_now(void)
{
    struct trivet_usage usage = {0};
    struct rusage times;
    if (getrusage(RUSAGE_SELF, &times) == 0) {
        usage.cpu_seconds = (double)(times.ru_utime.tv_sec + times.ru_stime.tv_sec) +
                            (double)(times.ru_utime.tv_usec + times.ru_stime.tv_usec) / 1e6;
    }
    char text[2048];
    read_head("/proc/self/statm", text, sizeof(text));
    uint64_t pages = 0;
    if (sscanf(text, "%*u %" SCNu64, &pages) == 1) {
        usage.rss_bytes = pages * (uint64_t)sysconf(_SC_PAGESIZE);
    }
    read_head("/proc/self/status", text, sizeof(text));
    const char *line = strstr(text, "\nThreads:");
    uint32_t n_threads = 0;
    if (line != NULL && sscanf(line, "\nThreads: %" SCNu32, &n_threads) == 1) {
        usage.n_threads = n_threads;
    }
    usage.n_open_files = count_open_files();
    return usage;
}
