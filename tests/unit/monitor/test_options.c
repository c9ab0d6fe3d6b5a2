#include "monitor/options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[64];
static char path[96];

static int begin(void **state)
{
    (void)state;
    (void)snprintf(folder, sizeof(folder), "/tmp/trivet-options-XXXXXX");
    if (mkdtemp(folder) == NULL) {
        return -1;
    }
    (void)snprintf(path, sizeof(path), "%s/m.ini", folder);
    return setenv("XDG_STATE_HOME", folder, 1);
}

static int end(void **state)
{
    (void)state;
    char name[128];
    (void)unlink(path);
    (void)snprintf(name, sizeof(name), "%s/trivet", folder);
    (void)rmdir(name);
    return rmdir(folder);
}

static void write_file(const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

/* argp may permute argv. */
static enum trivet_status parse(const char *const *words, struct trivet_monitor_options *out,
                                struct trivet_error *err)
{
    char copies[16][256];
    char *argv[16];
    int argc = 0;
    for (; words[argc] != NULL; argc++) {
        (void)snprintf(copies[argc], sizeof(copies[argc]), "%s", words[argc]);
        argv[argc] = copies[argc];
    }
    argv[argc] = NULL;
    return trivet_monitor_options_parse(argc, argv, out, err);
}

static void test_defaults(void **state)
{
    (void)state;
    struct trivet_monitor_options options;
    struct trivet_error err;
    char expected[128];
    assert_int_equal(parse((const char *[]){"m", NULL}, &options, &err), TRIVET_OK);
    assert_int_equal(options.servers.n, 1);
    assert_string_equal(options.servers.items[0], "tcp://127.0.0.1:7600");
    assert_string_equal(options.events.items[0], "tcp://127.0.0.1:7601");
    assert_string_equal(options.http, "127.0.0.1:7603");
    (void)snprintf(expected, sizeof(expected), "%s/trivet/trivet-monitor.db", folder);
    assert_string_equal(options.history, expected);
    assert_false(options.log_json);
    trivet_monitor_options_release(&options);
    assert_int_equal(unsetenv("XDG_STATE_HOME"), 0);
    assert_int_equal(parse((const char *[]){"m", NULL}, &options, &err), TRIVET_OK);
    assert_string_equal(options.history, "trivet-monitor.db");
    trivet_monitor_options_release(&options);
}

static void test_command_line(void **state)
{
    (void)state;
    struct trivet_monitor_options options;
    struct trivet_error err;
    const char *const words[] = {"m",
                                 "--server",
                                 "tcp://a:1",
                                 "--events",
                                 "tcp://a:2",
                                 "-s",
                                 "tcp://b:1",
                                 "-e",
                                 "tcp://b:2",
                                 "--history",
                                 "x.db",
                                 "--log-format=json",
                                 "--allow-host=h",
                                 NULL};
    assert_int_equal(parse(words, &options, &err), TRIVET_OK);
    assert_int_equal(options.servers.n, 2);
    assert_string_equal(options.events.items[1], "tcp://b:2");
    assert_string_equal(options.history, "x.db");
    assert_string_equal(options.hosts.items[0], "h");
    assert_true(options.log_json);
    trivet_monitor_options_release(&options);
    assert_int_equal(parse((const char *[]){"m", "-s", "tcp://a:1", NULL}, &options, &err),
                     TRIVET_INVALID_ARGUMENT);
    assert_non_null(strstr(err.message, "one --events per"));
}

static void test_file_and_command_line(void **state)
{
    (void)state;
    struct trivet_monitor_options options;
    struct trivet_error err;
    write_file("; comment\n[other]\nserver = no\n[monitor]\nserver = tcp://a:1\n"
               "server = tcp://b:1\nevents = tcp://a:2\nevents = tcp://b:2\n"
               "http = 127.0.0.1:1\nhistory = file.db\npolicy = p.ini\nlog_format = json\n");
    assert_int_equal(parse((const char *[]){"m", "--http", "127.0.0.1:2", "--config", path, NULL},
                           &options, &err),
                     TRIVET_OK);
    assert_int_equal(options.servers.n, 2);
    assert_string_equal(options.servers.items[1], "tcp://b:1");
    assert_string_equal(options.http, "127.0.0.1:2");
    assert_string_equal(options.history, "file.db");
    assert_string_equal(options.policy, "p.ini");
    assert_true(options.log_json);
    trivet_monitor_options_release(&options);
    /* A list on the command line replaces the file's. */
    assert_int_equal(
        parse((const char *[]){"m", "-c", path, "-s", "tcp://c:1", "-e", "tcp://c:2", NULL},
              &options, &err),
        TRIVET_OK);
    assert_int_equal(options.servers.n, 1);
    assert_string_equal(options.servers.items[0], "tcp://c:1");
    trivet_monitor_options_release(&options);
}

static void expect_refused(const char *text, const char *words)
{
    struct trivet_monitor_options options = {0};
    struct trivet_error err;
    write_file(text);
    assert_int_equal(trivet_monitor_options_read(path, &options, &err), TRIVET_INVALID_ARGUMENT);
    if (strstr(err.message, words) == NULL) {
        fail_msg("'%s' is not in '%s'", words, err.message);
    }
    assert_null(options.http);
    assert_int_equal(options.servers.n, 0);
}

static void test_bad_files(void **state)
{
    (void)state;
    char text[1024];
    struct trivet_monitor_options options = {0};
    struct trivet_error err;
    expect_refused("[monitor]\nhttp = a\ncolour = red\n", ":3: 'colour' is not known");
    expect_refused("[monitor]\nlog_format = xml\n", ":2: log format 'xml'");
    expect_refused("[monitor]\nhttp = a\nnonsense\n", ":3: not 'key = value'");
    /* inih cuts a line of more than 199 bytes and takes the rest as another. */
    (void)snprintf(text, sizeof(text), "[monitor]\nhttp = a\nhistory = /%0300d\n", 1);
    expect_refused(text, "not 'key = value' of at most 195 bytes");
    (void)snprintf(text, sizeof(text), "[monitor]\n");
    for (int i = 0; i <= TRIVET_MONITOR_SOURCES_MAX; i++) {
        size_t used = strlen(text);
        (void)snprintf(text + used, sizeof(text) - used, "server = tcp://a:%d\n", i + 1);
    }
    expect_refused(text, ":18: server may be given 16 times");
    assert_int_equal(trivet_monitor_options_read("/nonexistent.ini", &options, &err),
                     TRIVET_NOT_FOUND);
}

static void test_addresses(void **state)
{
    (void)state;
    struct trivet_monitor_options options;
    struct trivet_error err;
    char url[TRIVET_MONITOR_URL_BYTES + 1];
    assert_int_equal(parse((const char *[]){"m", "--server", "tcp://a:1", "--events", "tcp://a:2",
                                            "--server", "tcp://a:1", "--events", "tcp://a:3", NULL},
                           &options, &err),
                     TRIVET_INVALID_ARGUMENT);
    assert_non_null(strstr(err.message, "given twice"));
    memset(url, 'x', sizeof(url) - 1);
    url[sizeof(url) - 1] = '\0';
    struct trivet_monitor_options set = {.servers = {.items = {url}, .n = 1},
                                         .events = {.items = {url + 1}, .n = 1}};
    assert_int_equal(trivet_monitor_options_finish(&set, &err), TRIVET_INVALID_ARGUMENT);
    assert_non_null(strstr(err.message, "at most 319 bytes"));
    url[TRIVET_MONITOR_URL_BYTES - 1] = '\0';
    assert_int_equal(trivet_monitor_options_finish(&set, &err), TRIVET_OK);
    set.servers.n = 0;
    set.events.n = 0;
    trivet_monitor_options_release(&set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_defaults, begin, end),
        cmocka_unit_test_setup_teardown(test_addresses, begin, end),
        cmocka_unit_test_setup_teardown(test_command_line, begin, end),
        cmocka_unit_test_setup_teardown(test_file_and_command_line, begin, end),
        cmocka_unit_test_setup_teardown(test_bad_files, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
