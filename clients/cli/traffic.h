/* Traffic that several versions share: as text, and set from a percentage. */
#ifndef TRIVET_CLI_TRAFFIC_H
#define TRIVET_CLI_TRAFFIC_H

#include "base/compiler.h"
#include "clients/cli/cli.h"
#include "trivet/v1/models.pb-c.h"

#include <trivet/error.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TRIVET_CLI_TRAFFIC_BYTES 512 /* 16 shares as text */

/* What `version` has: "10 %", "shadow" or "shadow 25 %"; with version 0 all, as "1: 90 %, 2: 10 %".
 * "" when there is none. */
void trivet_cli_traffic_text(Trivet__V1__TrafficShare *const *shares, size_t n_shares,
                             uint64_t version, char text[TRIVET_CLI_TRAFFIC_BYTES]);

/* "5", "2.5": more than 0 and at most 100. */
bool trivet_cli_parse_percent(const char *text, double *percent);

/* Of the calls of "production": so much for one version, the rest for the one that has the alias;
 * shadows stay. Or none, but so many of them shadowed by it; the split and other shadows stay. */
struct trivet_cli_split {
    const char *model;
    uint64_t version; /* 0 = no split any more */
    double percent;
    bool shadow;
    const char *reason;
};
/* Models.SetTraffic, again when somebody changed the model meanwhile; says on stderr which version
 * has no share any more. The reply, a Model, lives in cli->arena. */
enum trivet_status trivet_cli_set_split(struct trivet_cli *cli,
                                        const struct trivet_cli_split *split,
                                        ProtobufCMessage **reply,
                                        struct trivet_error *err) TRIVET_MUST_USE;
/* "house: 1: 90 %, 2: 10 %", or a row for each share. Exit code. */
int trivet_cli_print_split(struct trivet_cli *cli, const Trivet__V1__Model *model);

#endif
