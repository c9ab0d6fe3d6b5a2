/* Between dispatch.c and call.c only. */
#ifndef TRIVET_RPC_DISPATCH_INTERNAL_H
#define TRIVET_RPC_DISPATCH_INTERNAL_H

#include "rpc/call.h"

/* Fill method, service and response type from the header's method name; NOT_FOUND → UNIMPLEMENTED
 * as in gRPC, with the services and methods there are. *request_type is the request's type. */
enum trivet_status trivet_dispatch_find(struct trivet_call *call,
                                        const ProtobufCMessageDescriptor **request_type,
                                        struct trivet_error *err) TRIVET_MUST_USE;
/* The reply is packed: count the call, send it, and take the call back. */
void trivet_dispatch_end(struct trivet_call *call, enum trivet_status status);
struct trivet_executor *trivet_dispatch_executor(struct trivet_dispatch *dispatch);

#endif
