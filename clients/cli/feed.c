#include "clients/cli/feed.h"

#include "clients/cli/event_text.h"
#include "clients/cli/names.h"
#include "trivet/v1/server.pb-c.h"

#include <pthread.h>
#include <signal.h>

#define URL_BYTES 256

struct trivet_cli_step trivet_cli_place_take(struct trivet_cli_place *place,
                                             const Trivet__V1__Event *event)
{
    struct trivet_cli_step step = {0};
    bool first = place->epoch == 0;
    step.new_epoch = !first && event->publisher_epoch != place->epoch;
    uint64_t before = step.new_epoch ? 0 : place->sequence;
    if (!first && event->sequence > before) {
        step.lost = event->sequence - before - 1;
    }
    place->epoch = event->publisher_epoch;
    place->sequence = event->sequence > before ? event->sequence : before;
    return step;
}

static enum trivet_status ask_server(struct trivet_cli *cli, char url[URL_BYTES],
                                     struct trivet_error *err)
{
    Trivet__V1__InfoRequest request = TRIVET__V1__INFO_REQUEST__INIT;
    ProtobufCMessage *reply = NULL;
    enum trivet_status status =
        trivet_cli_call(cli, "trivet.v1.Server/Info", &request.base,
                        &trivet__v1__info_response__descriptor, 0, cli->arena, &reply, err);
    if (status != TRIVET_OK) {
        return status;
    }
    const char *events_url = ((const Trivet__V1__InfoResponse *)reply)->events_url;
    if (events_url[0] == '\0') {
        return trivet_error_set(err, TRIVET_FAILED_PRECONDITION,
                                "the server at %s publishes no events; start it with --events URL",
                                cli->server);
    }
    if (!trivet_cli_events_url(events_url, cli->server, url, URL_BYTES)) {
        return trivet_error_set(err, TRIVET_INVALID_ARGUMENT,
                                "the events' address is too long; give it with --events");
    }
    return TRIVET_OK;
}

enum trivet_status trivet_cli_feed_open(struct trivet_cli *cli, const char *url,
                                        struct trivet_subscriber **out, struct trivet_error *err)
{
    char asked[URL_BYTES];
    enum trivet_status status = TRIVET_OK;
    if (url == NULL) {
        status = ask_server(cli, asked, err);
        url = asked;
    }
    if (status == TRIVET_OK) {
        status = trivet_cli_check_url(url, err);
    }
    if (status != TRIVET_OK) {
        return status;
    }
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    status = trivet_subscriber_open(url, NULL, out, err);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return status;
}
