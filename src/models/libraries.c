#include "models/libraries.h"

#include <pthread.h>
#include <stdlib.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

void trivet_libraries_lock(uint64_t seed)
{
    pthread_mutex_lock(&lock);
    srand((unsigned)(seed ^ (seed >> 32)));
}

void trivet_libraries_unlock(void)
{
    pthread_mutex_unlock(&lock);
}
