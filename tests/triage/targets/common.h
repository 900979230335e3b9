/* What the targets share. Each runs until it is killed, or its parent has gone. */
#ifndef COMMON_H
#define COMMON_H
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#define MB (1000UL * 1000UL)

/* Ends this process when the one that started it ends, however that ends. */
static void follow_parent(void) { prctl(PR_SET_PDEATHSIG, SIGKILL); }

static inline void wait_ms(long ms) {
    struct timespec time = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&time, NULL);
}

/* Says that it has come to where it is to be looked at. */
static void ready(void) {
    puts("ready");
    fflush(stdout);
}

static inline double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec + now.tv_nsec / 1e9;
}

static inline void forever(void) {
    for (;;) pause();
}

#endif
