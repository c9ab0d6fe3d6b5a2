#include "lifecycle/feedback.h"

#include "base/compiler.h"
#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void a_prediction_has_the_hash_that_it_was_logged_with(void **state)
{
    (void)state;
    uint64_t hash = 0;
    assert_true(trivet_feedback_hash(NULL, "a/b/17", &hash));
    assert_int_equal(hash, trivet_log_row_hash(trivet_prediction_log_hash(NULL, "a/b", 3), 17));
    assert_true(trivet_feedback_hash(NULL, "x/0", &hash));
    assert_true(trivet_feedback_hash(NULL, "x/4294967295", &hash));
}

static void what_no_prediction_is_called_has_none(void **state)
{
    (void)state;
    static const char *const names[] = {
        "",     "a",    "/",    "/1",           "a/",
        "a/-1", "a/1x", "a/01", "a/4294967296", "a/99999999999999999999999"};
    uint64_t hash = 0;
    for (size_t i = 0; i < TRIVET_ARRAY_COUNT(names); i++) {
        assert_false(trivet_feedback_hash(NULL, names[i], &hash));
    }
    char longest[TRIVET_STORE_PREDICTION_BYTES + 1];
    memset(longest, 'a', sizeof(longest));
    memcpy(longest + sizeof(longest) - 3, "/1", 3);
    assert_false(trivet_feedback_hash(NULL, longest, &hash));
}

/* Also among ids whose hash begins with zeros, which are all that a busy model logs. */
static void the_held_out_share_is_as_asked(void **state)
{
    (void)state;
    int n_logged = 0;
    int n_held_out = 0;
    for (unsigned i = 0; i < 400000; i++) {
        char id[32];
        uint64_t hash = 0;
        (void)trivet_text_format(id, sizeof(id), "p/%u", i);
        assert_true(trivet_feedback_hash(NULL, id, &hash));
        if (hash >> 60 == 0) {
            n_logged++;
            n_held_out += trivet_feedback_is_held_out(NULL, id, 0.2);
        }
    }
    assert_true(n_logged > 20000);
    assert_true(n_held_out > n_logged * 0.19 && n_held_out < n_logged * 0.21);
    assert_false(trivet_feedback_is_held_out(NULL, "p/1", 0));
    assert_true(trivet_feedback_is_held_out(NULL, "p/1", 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_prediction_has_the_hash_that_it_was_logged_with),
        cmocka_unit_test(what_no_prediction_is_called_has_none),
        cmocka_unit_test(the_held_out_share_is_as_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
