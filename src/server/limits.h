/* Every limit that assembly sets, in one place; Server.Info tells them. */
#ifndef TRIVET_SERVER_LIMITS_H
#define TRIVET_SERVER_LIMITS_H

/* Calls in hand: those that compute or wait for disk, and those parked in long polls. Each has a
 * context of its own, so that waiters never starve calls. */
#define TRIVET_CALLS_MAX       256
#define TRIVET_WAITERS_MAX     256
#define TRIVET_FRAME_BYTES_MAX (16u << 20)
/* Up to here an oversized frame is answered; beyond, its connection is closed. */
#define TRIVET_MESSAGE_BYTES_MAX         (32u << 20)
#define TRIVET_REQUEST_BYTES_IN_HAND_MAX (256u << 20)
#define TRIVET_CONTROL_THREADS           4
#define TRIVET_CONTROL_QUEUE_MAX         256
#define TRIVET_POOL_TASKS_MAX            65536
#define TRIVET_JOBS_QUEUED_MAX           1000
#define TRIVET_EVALUATE_BYTES_MAX        (1u << 30)   /* of a dataset */
#define TRIVET_SCORING_BYTES_MAX         (8ull << 30) /* datasets and scores, of all at once */
/* Of the transport: connections are closed beyond these, or wait. */
#define TRIVET_CONNECTIONS_MAX    16384
#define TRIVET_UNSENT_BYTES_MAX   (4u << 20)   /* replies one client does not read */
#define TRIVET_UNSENT_IN_ALL_MAX  (256u << 20) /* beyond, 64 KiB and a reply for each */
#define TRIVET_PARTIAL_BYTES_MAX  (512u << 20) /* requests not yet whole, of all clients */
#define TRIVET_HELLO_TIMEOUT_MS   10000
#define TRIVET_MESSAGE_TIMEOUT_MS 30000  /* from a request's first byte to its last */
#define TRIVET_SEND_TIMEOUT_MS    30000  /* a reply's bytes make no progress */
#define TRIVET_IDLE_TIMEOUT_MS    600000 /* nothing asked, nothing to answer */
#define TRIVET_DRAIN_TIMEOUT_MS   10000
/* Of calls that wait to be computed by shadows; few enough for their memory to stay in the cache.
 */
#define TRIVET_SHADOW_QUEUE_ROWS_MAX   8192
#define TRIVET_SHADOW_QUEUE_BYTES_MAX  (64u << 20)
#define TRIVET_SAMPLES_PER_S_MAX       100
#define TRIVET_ERROR_SAMPLES_PER_S_MAX 20
/* Of snapshots of bins, over all versions. */
#define TRIVET_BINS_BYTES_PER_S_MAX (512u << 10)
/* The log of predictions, that outcomes join to. */
#define TRIVET_LOGGED_ROWS_PER_S   1000 /* of a version, from about here a sample by the hash */
#define TRIVET_LOGGED_BURST_ROWS   20000
#define TRIVET_LOG_QUEUE_BYTES_MAX (32u << 20) /* between the threads that predict and the disk */
#define TRIVET_LOG_MODEL_ROWS_MAX  1000000
#define TRIVET_LOG_ROWS_MAX        4000000
/* Of one caller for one model, unless its settings say otherwise: as many as the log holds of it.
 */
#define TRIVET_OUTCOMES_PER_MINUTE_MAX 1000000
/* About as log.db has them, rows and features; what is too much are features, not rows. */
#define TRIVET_LOG_MODEL_BYTES_MAX (1ull << 30)
#define TRIVET_LOG_BYTES_MAX       (4ull << 30)
#define TRIVET_LOG_KEEP_HOURS      720

#endif
