/* Started as "trainer" it is the trainer child of the server. Started by another name it is a child
 * with one fault, for the tests of who started it. */
#include "training/channel.h"
#include "training/trainer.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#define LIFE_SECONDS_MAX 60

static void put(const char *bytes, size_t n_bytes)
{
    if (write(STDOUT_FILENO, bytes, n_bytes) != (ssize_t)n_bytes) {
        _exit(9);
    }
}

/* A progress message: phase "fit", fraction 0.5. */
static void put_progress(void)
{
    static const char bytes[] = "\x10\0\0\0\x0a\x0e\x0a\x03"
                                "fit\x11\0\0\0\0\0\0\xe0\x3f";
    put(bytes, sizeof bytes - 1);
}

/* Points by the thousand: ones that are none, and iterations that ascend, each told twice. */
static void put_losses(void)
{
    enum { N_POINTS = 4000 };
    static Trivet__V1__LossPoint points[N_POINTS];
    static Trivet__V1__LossPoint *told[N_POINTS];
    static char phase[] = "fit";
    const double nonsense[] = {NAN, INFINITY, -INFINITY, 0.5};
    struct trivet_channel channel = {.fd = STDOUT_FILENO};
    Trivet__V1__JobProgress progress = TRIVET__V1__JOB_PROGRESS__INIT;
    Trivet__V1__TrainerMessage message = TRIVET__V1__TRAINER_MESSAGE__INIT;
    for (int i = 0; i < N_POINTS; i++) {
        trivet__v1__loss_point__init(&points[i]);
        const bool good = i % 2 == 0;
        points[i].iteration = i % 8 == 7 ? 0 : 1 + (uint64_t)i / 4;
        points[i].loss = good ? 1.0 / (double)points[i].iteration : nonsense[i / 2 % 4];
        told[i] = &points[i];
    }
    progress.phase = phase;
    progress.losses = told;
    progress.n_losses = N_POINTS;
    message.body_case = TRIVET__V1__TRAINER_MESSAGE__BODY_PROGRESS;
    message.progress = &progress;
    if (trivet_channel_send(&channel, &message, NULL) != TRIVET_OK) {
        _exit(9);
    }
}

static int fail_as(const char *name)
{
    static const char huge[] = "\xff\xff\xff\xff";
    static const char garbage[] = "\x04\0\0\0\xff\xff\xff\xff";
    static const char cut[] = "\x64\0\0\0\x0a";
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    alarm(LIFE_SECONDS_MAX);
    if (strcmp(name, "hang") == 0) {
        put_progress();
        for (;;) {
            pause();
        }
    } else if (strcmp(name, "losses") == 0) {
        put_losses();
        for (;;) {
            pause();
        }
    } else if (strcmp(name, "killed") == 0) {
        put_progress();
        kill(getpid(), SIGKILL);
    } else if (strcmp(name, "aborts") == 0) {
        signal(SIGABRT, SIG_DFL);
        abort();
    } else if (strcmp(name, "huge") == 0) {
        put(huge, sizeof huge - 1);
        pause();
    } else if (strcmp(name, "garbage") == 0) {
        put(garbage, sizeof garbage - 1);
        pause();
    } else if (strcmp(name, "cut") == 0) {
        put(cut, sizeof cut - 1);
    } else if (strcmp(name, "exits") == 0) {
        return 3;
    } else {
        fprintf(stderr, "no such fault: %s\n", name);
    }
    return 2;
}

int main(int argc, char **argv)
{
    const char *slash = strrchr(argv[0], '/');
    const char *name = slash == NULL ? argv[0] : slash + 1;
    if (argc != 2 || strcmp(argv[1], "--trainer") != 0) {
        fprintf(stderr, "usage: %s --trainer\n", name);
        return 2;
    }
    return strcmp(name, "trainer") == 0 ? trivet_trainer_main() : fail_as(name);
}
