/* What holds for all versions of a model, as it is stored. */
#ifndef TRIVET_LIFECYCLE_SETTINGS_H
#define TRIVET_LIFECYCLE_SETTINGS_H

#include "base/arena.h"
#include "base/compiler.h"
#include "store/store.h"
#include "trivet/v1/models.pb-c.h"

#include <trivet/error.h>

/* In `arena`; all zero where none were set. Any thread that may wait for disk. */
enum trivet_status trivet_model_settings_read(struct trivet_store *store,
                                              struct trivet_arena *arena, const char *model,
                                              Trivet__V1__ModelSettings **out,
                                              struct trivet_error *err) TRIVET_MUST_USE;

#endif
