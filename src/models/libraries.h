/* Libraries that train keep state for the whole process: a print hook, and rand(). */
#ifndef TRIVET_MODELS_LIBRARIES_H
#define TRIVET_MODELS_LIBRARIES_H

#include <stdint.h>

/* Held while libsvm or liblinear trains: one training at a time in a process. rand() starts from
 * `seed`. */
void trivet_libraries_lock(uint64_t seed);
void trivet_libraries_unlock(void);

#endif
