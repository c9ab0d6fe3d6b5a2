/* Whatever is wrong with an artefact, loading it says so and harms nothing. */
#include "fixture.h"

#include "base/alloc.h"
#include "base/hash.h"
#include "base/rng.h"

#include <math.h>
#include <string.h>

#define FORMAT_OFFSET 7
#define HASH_OFFSET   8
#define HEADER_BYTES  40
#define RANDOM_ROUNDS 4000

static int setup(void **state)
{
    static struct fixture fixture;
    fixture_init(&fixture);
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    fixture_release(*state);
    return 0;
}

static enum trivet_status decode(const void *data, size_t n_bytes, struct trivet_error *err)
{
    struct trivet_artefact *artefact = NULL;
    /* Exactly its bytes, so that a read beyond them is found. */
    void *copy = trivet_memdup(data, n_bytes > 0 ? n_bytes : 1);
    assert_non_null(copy);
    const enum trivet_status status = trivet_artefact_decode(copy, n_bytes, &artefact, err);
    assert_true((status == TRIVET_OK) == (artefact != NULL));
    trivet_artefact_free(artefact);
    trivet_free(copy);
    return status;
}

static void test_every_truncation(void **state)
{
    struct trivet_buffer bytes = {0};
    struct trivet_error err = {0};
    fixture_encode(*state, &bytes);
    for (size_t n = 0; n < bytes.n_bytes; n++) {
        assert_int_equal(decode(bytes.data, n, &err), TRIVET_DATA_LOSS);
    }
    trivet_buffer_release(&bytes);
}

static void test_every_bit(void **state)
{
    struct trivet_buffer bytes = {0};
    struct trivet_error err = {0};
    fixture_encode(*state, &bytes);
    for (size_t i = 0; i < 8 * bytes.n_bytes; i++) {
        bytes.data[i / 8] ^= (uint8_t)(1u << (i % 8));
        const enum trivet_status status = decode(bytes.data, bytes.n_bytes, &err);
        assert_true(status == TRIVET_DATA_LOSS ||
                    (status == TRIVET_FAILED_PRECONDITION && i / 8 == FORMAT_OFFSET));
        bytes.data[i / 8] ^= (uint8_t)(1u << (i % 8));
    }
    assert_int_equal(decode(bytes.data, bytes.n_bytes, &err), TRIVET_OK);
    trivet_buffer_release(&bytes);
}

static void test_more_bytes(void **state)
{
    struct trivet_buffer bytes = {0};
    struct trivet_error err = {0};
    fixture_encode(*state, &bytes);
    assert_int_equal(trivet_buffer_append(&bytes, "x", 1, &err), TRIVET_OK);
    assert_int_equal(decode(bytes.data, bytes.n_bytes, &err), TRIVET_DATA_LOSS);
    trivet_buffer_release(&bytes);
}

static void test_newer_format(void **state)
{
    struct trivet_buffer bytes = {0};
    struct trivet_error err = {0};
    fixture_encode(*state, &bytes);
    bytes.data[FORMAT_OFFSET] = 2;
    assert_int_equal(decode(bytes.data, bytes.n_bytes, &err), TRIVET_FAILED_PRECONDITION);
    assert_non_null(strstr(err.message, "newer"));
    bytes.data[FORMAT_OFFSET] = 0;
    assert_int_equal(decode(bytes.data, bytes.n_bytes, &err), TRIVET_DATA_LOSS);
    trivet_buffer_release(&bytes);
}

static void seal(struct trivet_buffer *bytes)
{
    struct trivet_error err = {0};
    assert_int_equal(trivet_sha256_of(bytes->data + HEADER_BYTES, bytes->n_bytes - HEADER_BYTES,
                                      bytes->data + HASH_OFFSET, &err),
                     TRIVET_OK);
}

/* Changed bytes under a right checksum: refused or loaded, never anything worse. */
static void test_random_damage_sealed(void **state)
{
    struct trivet_buffer bytes = {0};
    struct trivet_rng rng;
    trivet_rng_seed(&rng, 7);
    fixture_encode(*state, &bytes);
    uint8_t *whole = trivet_memdup(bytes.data, bytes.n_bytes);
    assert_non_null(whole);
    for (size_t round = 0; round < RANDOM_ROUNDS; round++) {
        struct trivet_error err = {0};
        memcpy(bytes.data, whole, bytes.n_bytes);
        const uint64_t n_changes = 1 + trivet_rng_below(&rng, 4);
        for (uint64_t i = 0; i < n_changes; i++) {
            const uint64_t at = HEADER_BYTES + trivet_rng_below(&rng, bytes.n_bytes - HEADER_BYTES);
            bytes.data[at] = (uint8_t)trivet_rng_next(&rng);
        }
        seal(&bytes);
        const enum trivet_status status = decode(bytes.data, bytes.n_bytes, &err);
        assert_true(status == TRIVET_OK || status == TRIVET_DATA_LOSS ||
                    status == TRIVET_RESOURCE_EXHAUSTED);
    }
    trivet_free(whole);
    trivet_buffer_release(&bytes);
}

static void test_truncation_sealed(void **state)
{
    struct trivet_buffer bytes = {0};
    fixture_encode(*state, &bytes);
    for (size_t n = bytes.n_bytes - 1; n >= HEADER_BYTES; n--) {
        struct trivet_error err = {0};
        bytes.n_bytes = n;
        seal(&bytes);
        assert_int_equal(decode(bytes.data, n, &err), TRIVET_DATA_LOSS);
    }
    trivet_buffer_release(&bytes);
}

/* Encoded as it stands, with a right checksum, and refused with a message about `what`. */
static void assert_refused(const struct fixture *fixture, const char *what)
{
    struct trivet_buffer bytes = {0};
    struct trivet_error err = {0};
    fixture_encode(fixture, &bytes);
    assert_int_equal(decode(bytes.data, bytes.n_bytes, &err), TRIVET_DATA_LOSS);
    if (strstr(err.message, what) == NULL) {
        print_error("'%s' does not speak of '%s'\n", err.message, what);
        fail();
    }
    trivet_buffer_release(&bytes);
}

static void test_missing_parts(void **state)
{
    struct fixture *fixture = *state;
    const Trivet__V1__Artefact whole = fixture->message;
    fixture->message.pipeline = NULL;
    assert_refused(fixture, "pipeline");
    fixture->message = whole;
    fixture->message.signature = NULL;
    assert_refused(fixture, "signature");
    fixture->message = whole;
    fixture->message.report = NULL;
    assert_refused(fixture, "report");
    fixture->message = whole;
    fixture->message.profile = NULL;
    assert_refused(fixture, "profile");
    fixture->message = whole;
    fixture->message.lineage = NULL;
    assert_refused(fixture, "lineage");
    fixture->message = whole;
    fixture->message.spec = NULL;
    assert_refused(fixture, "spec");
    fixture->message = whole;
    fixture->message.split = NULL;
    assert_refused(fixture, "split");
    fixture->message = whole;
    char bad_name[] = "no/name";
    fixture->message.model = bad_name;
    assert_refused(fixture, "name");
    fixture->message = whole;
}

static void test_signature_of_another(void **state)
{
    struct fixture *fixture = *state;
    Trivet__V1__Signature *signature = fixture->message.signature;
    char other[] = "c";
    char *name = signature->inputs[1]->name;
    signature->inputs[1]->name = other;
    assert_refused(fixture, "input 1");
    signature->inputs[1]->name = name;
    signature->n_inputs = 1;
    assert_refused(fixture, "1 inputs");
    signature->n_inputs = 2;
    signature->outputs[0]->type = TRIVET__V1__TENSOR_TYPE__TENSOR_TYPE_TEXT;
    assert_refused(fixture, "output 0");
    signature->outputs[0]->type = TRIVET__V1__TENSOR_TYPE__TENSOR_TYPE_FLOAT64;
}

static void test_profile_of_another(void **state)
{
    struct fixture *fixture = *state;
    Trivet__V1__Profile *profile = fixture->message.profile;
    Trivet__V1__FeatureProfile *feature = profile->features[0];
    profile->n_features = 1;
    assert_refused(fixture, "1 features");
    profile->n_features = 2;
    feature->n_counts--;
    assert_refused(fixture, "column 'a'");
    feature->n_counts++;
    char other[] = "c";
    char *name = feature->name;
    feature->name = other;
    assert_refused(fixture, "column 'a'");
    feature->name = name;
    const double edge = feature->edges[1];
    feature->edges[1] = feature->edges[0];
    assert_refused(fixture, "column 'a'");
    feature->edges[1] = NAN;
    assert_refused(fixture, "column 'a'");
    feature->edges[1] = edge;
    feature->categorical = true;
    assert_refused(fixture, "column 'a'");
    feature->categorical = false;
    profile->predictions[0]->n_counts--;
    assert_refused(fixture, "column 'prediction'");
    profile->predictions[0]->n_counts++;
    Trivet__V1__Calibration calibration = TRIVET__V1__CALIBRATION__INIT;
    calibration.rows = 100;
    calibration.accuracy = 1.5;
    profile->calibration = &calibration;
    assert_refused(fixture, "calibration");
    profile->calibration = NULL; /* as older versions wrote it: the other tests load such ones */
}

static void test_state_of_the_estimator(void **state)
{
    struct fixture *fixture = *state;
    Trivet__V1__Step *estimator = fixture->message.pipeline->estimator;
    const size_t n_state = estimator->n_state;
    assert_true(n_state > 0);
    estimator->n_state = 0;
    assert_refused(fixture, "");
    estimator->n_state = n_state;
    fixture->message.pipeline->estimator = NULL;
    assert_refused(fixture, "");
    fixture->message.pipeline->estimator = estimator;
    char other[] = "no_such_estimator";
    char *name = estimator->name;
    estimator->name = other;
    assert_refused(fixture, "");
    estimator->name = name;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_truncation),     cmocka_unit_test(test_every_bit),
        cmocka_unit_test(test_more_bytes),           cmocka_unit_test(test_newer_format),
        cmocka_unit_test(test_random_damage_sealed), cmocka_unit_test(test_truncation_sealed),
        cmocka_unit_test(test_missing_parts),        cmocka_unit_test(test_signature_of_another),
        cmocka_unit_test(test_profile_of_another),   cmocka_unit_test(test_state_of_the_estimator),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
