/* libmicrohttpd, loaded when a server starts: it brings GnuTLS with all its relatives along, ten
 * milliseconds of loading that no program's start should wait for. */
#ifndef TRIVET_HTTPD_MICROHTTPD_LIBRARY_H
#define TRIVET_HTTPD_MICROHTTPD_LIBRARY_H

#include "base/compiler.h"

#include <trivet/error.h>

#include <microhttpd.h>

/* Its functions that are used, as in microhttpd.h. */
struct trivet_microhttpd {
    __typeof__(MHD_start_daemon) *start_daemon;
    __typeof__(MHD_stop_daemon) *stop_daemon;
    __typeof__(MHD_lookup_connection_value) *lookup_connection_value;
    __typeof__(MHD_get_connection_info) *get_connection_info;
    __typeof__(MHD_suspend_connection) *suspend_connection;
    __typeof__(MHD_resume_connection) *resume_connection;
    __typeof__(MHD_create_response_from_buffer) *response_from_buffer;
    __typeof__(MHD_create_response_from_buffer_with_free_callback) *response_from_buffer_with_free;
    __typeof__(MHD_create_response_from_fd64) *response_from_fd;
    __typeof__(MHD_create_response_from_callback) *response_from_callback;
    __typeof__(MHD_add_response_header) *add_response_header;
    __typeof__(MHD_queue_response) *queue_response;
    __typeof__(MHD_destroy_response) *destroy_response;
};

/* All NULL before trivet_microhttpd_load has succeeded; only read afterwards. */
extern struct trivet_microhttpd trivet_mhd;

/* Once, then kept to the end of the process. UNAVAILABLE when it is not there or lacks a function;
 * a later call tries again. Any thread. */
enum trivet_status trivet_microhttpd_load(struct trivet_error *err) TRIVET_MUST_USE;

#endif
