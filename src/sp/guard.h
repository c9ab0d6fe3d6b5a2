/* Guards the path of an ipc:// address: nng would take it over from a server that still runs. */
#ifndef TRIVET_SP_GUARD_H
#define TRIVET_SP_GUARD_H

#include "base/compiler.h"

#include <trivet/error.h>

struct trivet_sp_guard;

/* For "ipc://PATH": makes PATH's folder (0700) when it is missing, refuses a folder that others
 * may write to, locks PATH.lock, and removes a socket that a crash left behind. For other schemes
 * *out is NULL. FAILED_PRECONDITION: another process serves there; INVALID_ARGUMENT: path too
 * long for a socket (107 bytes) or not absolute. */
enum trivet_status trivet_sp_guard_take(const char *url, struct trivet_sp_guard **out,
                                        struct trivet_error *err) TRIVET_MUST_USE;
/* Unlocks; NULL is fine. The lock file stays, so that two servers never lock different files. */
void trivet_sp_guard_release(struct trivet_sp_guard *guard);

#endif
