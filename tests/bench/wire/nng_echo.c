/* An nng REP socket that answers each request with REPLY bytes that begin like it.
 *   nng_echo URL REPLY           REPLY: of the body, without framing and request id */
#include "base/text.h"
#include "bench/wire/work.h"

#include <nng/nng.h>
#include <nng/protocol/reqrep0/rep.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    nng_socket socket;
    uint64_t reply_bytes = 0;
    if (argc != 3 || !trivet_text_parse_uint64(argv[2], &reply_bytes)) {
        die("nng_echo URL REPLY");
    }
    int code = nng_rep0_open(&socket);
    code = code != 0 ? code : nng_listen(socket, argv[1], NULL, 0);
    if (code != 0) {
        die("%s: %s", argv[1], nng_strerror(code));
    }
    (void)printf("ready listen=%s\n", argv[1]);
    (void)fflush(stdout);
    for (;;) {
        nng_msg *message = NULL;
        code = nng_recvmsg(socket, &message, 0);
        code = code != 0 ? code : nng_msg_realloc(message, reply_bytes);
        code = code != 0 ? code : nng_sendmsg(socket, message, 0);
        if (code != 0) {
            die("%s: %s", argv[1], nng_strerror(code));
        }
    }
}
