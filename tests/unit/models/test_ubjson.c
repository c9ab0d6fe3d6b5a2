/* UBJSON, byte by byte, and models of XGBoost that are cut off or changed. */
#include "booster.h"

#include "base/alloc.h"
#include "base/rng.h"
#include "models/ubjson.h"
#include "models/xgboost_model.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
/* after its prerequisites */
#include <cmocka.h>

#define ROWS     60
#define FEATURES 3

/* {"a": [$d#2 1.5 -0.1], "b": [#3 int8 -2, int16 300, "x"], "c": int64 2^40, "d": {"e": true}} */
static const uint8_t sample[] = "{U\x01"
                                "a[$d#U\x02\x3f\xc0\x00\x00\xbd\xcc\xcc\xcd"
                                "i\x01"
                                "b[#U\x03i\xfeI\x01\x2cSU\x01x"
                                "L\x00\x00\x00\x00\x00\x00\x00\x01"
                                "cL\x00\x00\x01\x00\x00\x00\x00\x00"
                                "U\x01"
                                "d{U\x01"
                                "eT}}";

static struct trivet_ubjson whole(void)
{
    return (struct trivet_ubjson){sample, sizeof sample - 1};
}

static void values(void **state)
{
    (void)state;
    struct trivet_ubjson value;
    struct trivet_ubjson_array array;
    int64_t number = 0;
    float single = 0.0F;
    char text[2];
    assert_true(trivet_ubjson_member(whole(), "a", &value));
    assert_true(trivet_ubjson_open(value, &array) && array.type == 'd' && array.n_items == 2);
    assert_true(trivet_ubjson_item_float(&array, 0, &single) && single == 1.5F);
    assert_true(trivet_ubjson_item_float(&array, 1, &single) && single == -0.1F);
    assert_false(trivet_ubjson_item_integer(&array, 0, &number));
    assert_true(trivet_ubjson_member(whole(), "b", &value));
    assert_true(trivet_ubjson_open(value, &array) && array.type == 0 && array.n_items == 3);
    assert_true(trivet_ubjson_integer(array.items, &number) && number == -2);
    assert_true(trivet_ubjson_skip(&array.items));
    assert_true(trivet_ubjson_integer(array.items, &number) && number == 300);
    assert_false(trivet_ubjson_text(array.items, text, sizeof text));
    assert_true(trivet_ubjson_skip(&array.items));
    assert_true(trivet_ubjson_text(array.items, text, sizeof text));
    assert_string_equal(text, "x");
    assert_false(trivet_ubjson_text(array.items, text, 1)); /* no room for its end */
    assert_true(trivet_ubjson_member(whole(), "c", &value));
    assert_true(trivet_ubjson_integer(value, &number) && number == (int64_t)1 << 40);
    assert_true(trivet_ubjson_member(whole(), "d", &value));
    assert_true(trivet_ubjson_member(value, "e", &value));
    assert_false(trivet_ubjson_member(whole(), "e", &value));
    assert_false(trivet_ubjson_open(whole(), &array));
}

/* Whatever is cut off is missed, and nothing is read beyond the end (a sanitizer sees it). */
static void cut_off(void **state)
{
    (void)state;
    for (size_t n = 0; n < sizeof sample - 1; n++) {
        uint8_t *copy = trivet_malloc(n + 1);
        assert_non_null(copy);
        memcpy(copy, sample, n);
        struct trivet_ubjson value = {copy, n};
        assert_false(trivet_ubjson_skip(&value));
        assert_ptr_equal(value.at, copy);
        assert_false(trivet_ubjson_member(value, "absent", &value));
        trivet_free(copy);
    }
    struct trivet_ubjson all = whole();
    assert_true(trivet_ubjson_skip(&all) && all.n_bytes == 0);
}

static void claims_are_checked(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t n_bytes;
    } bad[] = {
        {"[$d#L\x7f\xff\xff\xff\xff\xff\xff\xff", 13},                 /* more than there is */
        {"[$l#L\x40\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00", 17}, /* times 4 overflows */
        {"[#i\xff", 4},                                                /* less than none */
        {"SL\xff\xff\xff\xff\xff\xff\xff\xff", 10},
        {"[$S#i\x01i\x01x", 9}, /* packed texts */
        {"[i\x01]", 4},         /* no length */
        {"q", 1},
    };
    for (size_t i = 0; i < TRIVET_ARRAY_COUNT(bad); i++) {
        struct trivet_ubjson value = {(const uint8_t *)bad[i].text, bad[i].n_bytes};
        assert_false(trivet_ubjson_skip(&value));
    }
    uint8_t nested[4 * 100]; /* arrays of one array each */
    for (size_t i = 0; i < 100; i++) {
        memcpy(&nested[4 * i], "[#i\x01", 4);
    }
    struct trivet_ubjson deep = {nested, sizeof nested};
    assert_false(trivet_ubjson_skip(&deep));
}

/* A small model; the bytes are a copy. */
static char *train(size_t *n_bytes)
{
    static double x[ROWS * FEATURES];
    static double y[ROWS];
    struct trivet_rng rng;
    struct booster booster;
    bst_ulong n = 0;
    const char *text = NULL;
    trivet_rng_seed(&rng, 5);
    for (size_t i = 0; i < ROWS; i++) {
        for (size_t j = 0; j < FEATURES; j++) {
            x[i * FEATURES + j] = trivet_rng_uniform(&rng);
        }
        y[i] = x[i * FEATURES] > x[i * FEATURES + 1] ? 1.0 : 0.0;
    }
    booster_train(&booster, "tree_method=exact max_depth=3 gamma=0.1 objective=binary:logistic", 2,
                  x, ROWS, FEATURES, y);
    assert_int_equal(
        booster.library->booster_save(booster.handle, "{\"format\": \"ubj\"}", &n, &text), 0);
    char *copy = trivet_memdup(text, n);
    assert_non_null(copy);
    booster_free(&booster);
    *n_bytes = n;
    return copy;
}

static enum trivet_status read_model(const char *model, size_t n_bytes)
{
    struct trivet_trees trees = {.n_features = FEATURES, .n_classes = 2};
    struct trivet_error err = {0};
    enum trivet_status status = trivet_xgboost_model_read(model, n_bytes, SIZE_MAX, &trees, &err);
    assert_true(status == TRIVET_OK || err.message[0] != '\0');
    if (status == TRIVET_OK) {
        assert_true(trees.n_trees >= 1 && trees.n_trees <= 2);
        trivet_trees_release(&trees);
    }
    return status;
}

/* A model that is cut off, or has a byte changed, is read as trees or refused. */
static void damaged_models(void **state)
{
    (void)state;
    size_t n_bytes = 0;
    char *model = train(&n_bytes);
    size_t n_refused = 0;
    assert_int_equal(read_model(model, n_bytes), TRIVET_OK);
    for (size_t n = 0; n < n_bytes; n++) {
        char *copy = trivet_malloc(n + 1);
        assert_non_null(copy);
        memcpy(copy, model, n);
        n_refused += read_model(copy, n) != TRIVET_OK ? 1 : 0;
        trivet_free(copy);
    }
    /* What stands behind the last that is looked at may be missing. */
    assert_true(n_refused > n_bytes * 8 / 10);
    for (size_t i = 0; i < n_bytes; i++) {
        char kept = model[i];
        for (unsigned bit = 0; bit < 8; bit++) {
            model[i] = (char)(kept ^ (1 << bit));
            (void)read_model(model, n_bytes);
        }
        model[i] = kept;
    }
    assert_int_equal(read_model(model, n_bytes), TRIVET_OK);
    trivet_free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values),
        cmocka_unit_test(cut_off),
        cmocka_unit_test(claims_are_checked),
        cmocka_unit_test(damaged_models),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
