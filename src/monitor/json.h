/* The monitor's JSON: jansson, with numbers as its pages show them. jansson takes NULL for "out of
 * memory" and passes it on, so that one check at the end is enough. */
#ifndef TRIVET_MONITOR_JSON_H
#define TRIVET_MONITOR_JSON_H

#include "base/buffer.h"
#include "base/compiler.h"

#include <trivet/error.h>

#include <jansson.h>
#include <stdint.h>

/* Zero where `value` is no number. */
json_t *trivet_json_number(double value);
/* Counts beyond 2^63 do not happen; a peer that claims them is shown the largest. */
json_t *trivet_json_count(uint64_t value);
/* Seconds since `then_us`; null when that is 0, for never. */
json_t *trivet_json_age(int64_t then_us, int64_t now_us);
/* Append `json`, which it takes, as text. RESOURCE_EXHAUSTED for NULL and without memory. */
enum trivet_status trivet_json_finish(json_t *json, struct trivet_buffer *out,
                                      struct trivet_error *err) TRIVET_MUST_USE;

#endif
