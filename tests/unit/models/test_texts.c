/* Features of texts against scikit-learn: TfidfVectorizer and HashingVectorizer of these documents.
 */
#include "fixture.h"

#include "base/alloc.h"
#include "base/text.h"
#include "models/transformers/tokens.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
/* after its prerequisites */
#include <cmocka.h>

#define ROWS        8
#define OUTPUTS_MAX 1100

/* What is not 0. */
struct weight {
    int row;
    size_t column;
    double value;
};

static const char *const documents[ROWS] = {"The cat sat on the mat",
                                            "The dog sat; the CAT ran!",
                                            "Größe CAFÉ café naïve ÉCOLE",
                                            "Привет, мир! привет",
                                            "你好 世界 don't e-mail snake_case 42 x² x",
                                            "a I ?",
                                            "the the the cat",
                                            "ÇA Straße ΑΒΓ Ωmega"};
static const struct weight by_default[] = {{0, 2, 0.3136200318237902},
                                           {0, 7, 0.433660461255673},
                                           {0, 9, 0.433660461255673},
                                           {0, 11, 0.36344131146755737},
                                           {0, 14, 0.6272400636475804},
                                           {1, 2, 0.3136200318237902},
                                           {1, 3, 0.433660461255673},
                                           {1, 10, 0.433660461255673},
                                           {1, 11, 0.36344131146755737},
                                           {1, 14, 0.6272400636475804},
                                           {2, 1, 0.7559289460184545},
                                           {2, 5, 0.37796447300922725},
                                           {2, 8, 0.37796447300922725},
                                           {2, 17, 0.37796447300922725},
                                           {3, 20, 0.4472135954999579},
                                           {3, 21, 0.8944271909999159},
                                           {4, 0, 0.37796447300922725},
                                           {4, 4, 0.37796447300922725},
                                           {4, 6, 0.37796447300922725},
                                           {4, 12, 0.37796447300922725},
                                           {4, 15, 0.37796447300922725},
                                           {4, 22, 0.37796447300922725},
                                           {4, 23, 0.37796447300922725},
                                           {6, 2, 0.31622776601683794},
                                           {6, 14, 0.9486832980505138},
                                           {7, 13, 0.5},
                                           {7, 16, 0.5},
                                           {7, 18, 0.5},
                                           {7, 19, 0.5},
                                           {-1, 0, 0}};
static const char by_default_words[] = "42|café|cat|dog|don|größe|mail|mat|naïve|on|ran|sat|snake_"
                                       "case|straße|the|x²|ça|école|αβγ|ωmega|мир|привет|世界|你好";
static const struct weight sublinear_pairs[] = {
    {0, 0, 0.4532946552278861},  {0, 1, 0.7674945674619877},
    {0, 2, 0.4532946552278861},  {1, 0, 0.4532946552278861},
    {1, 1, 0.7674945674619877},  {1, 2, 0.4532946552278861},
    {6, 0, 0.39515588491314235}, {6, 1, 0.8292789960182417},
    {6, 2, 0.39515588491314235}, {-1, 0, 0}};
static const char sublinear_pairs_words[] = "cat|the|the cat";
static const struct weight frequent[] = {
    {0, 0, 0.39705825934036004}, {0, 1, 0.4601344297572362}, {0, 2, 0.7941165186807201},
    {1, 0, 0.39705825934036004}, {1, 1, 0.4601344297572362}, {1, 2, 0.7941165186807201},
    {6, 0, 0.31622776601683794}, {6, 2, 0.9486832980505138}, {-1, 0, 0}};
static const char frequent_words[] = "cat|sat|the";
static const struct weight triples[] = {
    {0, 0, 0.36903249495671936}, {0, 1, 0.42765652806441934}, {0, 2, 0.7380649899134387},
    {0, 3, 0.36903249495671936}, {1, 0, 0.36903249495671936}, {1, 1, 0.42765652806441934},
    {1, 2, 0.7380649899134387},  {1, 3, 0.36903249495671936}, {6, 0, 0.30151134457776363},
    {6, 2, 0.9045340337332909},  {6, 3, 0.30151134457776363}, {-1, 0, 0}};
static const char triples_words[] = "cat|sat|the|the cat";
static const struct weight hashed[] = {{0, 4, 0.4082482904638631},
                                       {0, 11, -0.4082482904638631},
                                       {0, 14, -0.8164965809277261},
                                       {1, 2, 0.35355339059327373},
                                       {1, 4, 0.35355339059327373},
                                       {1, 5, -0.35355339059327373},
                                       {1, 7, 0.35355339059327373},
                                       {1, 14, -0.7071067811865475},
                                       {2, 1, -0.3779644730092272},
                                       {2, 2, 0.3779644730092272},
                                       {2, 5, 0.3779644730092272},
                                       {2, 8, 0.7559289460184544},
                                       {3, 14, 1.0},
                                       {4, 1, 0.4472135954999579},
                                       {4, 2, 0.4472135954999579},
                                       {4, 4, 0.4472135954999579},
                                       {4, 6, 0.4472135954999579},
                                       {4, 10, -0.4472135954999579},
                                       {6, 7, 0.31622776601683794},
                                       {6, 14, -0.9486832980505138},
                                       {7, 0, 0.7071067811865475},
                                       {7, 5, 0.7071067811865475},
                                       {-1, 0, 0}};
static const struct weight hashed_pairs[] = {
    {0, 158, -0.5547001962252291},  {0, 322, 0.2773500981126146},   {0, 353, 0.2773500981126146},
    {0, 358, 0.2773500981126146},   {0, 567, -0.2773500981126146},  {0, 744, -0.2773500981126146},
    {0, 807, 0.2773500981126146},   {0, 907, -0.2773500981126146},  {0, 948, 0.2773500981126146},
    {0, 1006, -0.2773500981126146}, {1, 0, 0.2773500981126146},     {1, 158, -0.5547001962252291},
    {1, 322, 0.2773500981126146},   {1, 549, -0.2773500981126146},  {1, 551, -0.2773500981126146},
    {1, 690, 0.2773500981126146},   {1, 719, 0.2773500981126146},   {1, 807, 0.2773500981126146},
    {1, 815, 0.2773500981126146},   {1, 948, 0.2773500981126146},   {2, 17, -0.30151134457776363},
    {2, 82, -0.30151134457776363},  {2, 265, -0.30151134457776363}, {2, 449, -0.30151134457776363},
    {2, 469, 0.30151134457776363},  {2, 776, 0.6030226891555273},   {2, 787, 0.30151134457776363},
    {2, 882, 0.30151134457776363},  {3, 110, -0.3779644730092272},  {3, 272, 0.3779644730092272},
    {3, 379, 0.3779644730092272},   {3, 878, 0.7559289460184544},   {4, 150, 0.2773500981126146},
    {4, 182, 0.2773500981126146},   {4, 342, -0.2773500981126146},  {4, 417, 0.2773500981126146},
    {4, 444, 0.2773500981126146},   {4, 548, 0.2773500981126146},   {4, 703, -0.2773500981126146},
    {4, 745, -0.2773500981126146},  {4, 786, 0.2773500981126146},   {4, 789, -0.2773500981126146},
    {4, 838, 0.2773500981126146},   {4, 935, 0.2773500981126146},   {4, 970, -0.2773500981126146},
    {6, 158, -0.7745966692414834},  {6, 322, 0.2581988897471611},   {6, 672, 0.5163977794943222},
    {6, 807, 0.2581988897471611},   {7, 176, -0.3779644730092272},  {7, 350, 0.3779644730092272},
    {7, 649, -0.3779644730092272},  {7, 686, -0.3779644730092272},  {7, 773, 0.3779644730092272},
    {7, 815, -0.3779644730092272},  {7, 848, 0.3779644730092272},   {-1, 0, 0}};
static const struct weight hashed_plain[] = {
    {0, 2, 0.2886751345948129},  {0, 4, 0.2886751345948129},
    {0, 5, 0.8660254037844387},  {0, 6, 0.2886751345948129},
    {1, 1, 0.2886751345948129},  {1, 2, 0.2886751345948129},
    {1, 5, 0.8660254037844387},  {1, 6, 0.2886751345948129},
    {2, 0, 0.3779644730092272},  {2, 1, 0.3779644730092272},
    {2, 2, 0.3779644730092272},  {2, 6, 0.7559289460184544},
    {3, 3, 0.8944271909999159},  {3, 4, 0.4472135954999579},
    {4, 0, 0.3333333333333333},  {4, 1, 0.3333333333333333},
    {4, 3, 0.3333333333333333},  {4, 4, 0.3333333333333333},
    {4, 5, 0.3333333333333333},  {4, 6, 0.6666666666666666},
    {6, 2, 0.31622776601683794}, {6, 5, 0.9486832980505138},
    {7, 1, 0.8164965809277261},  {7, 3, 0.4082482904638631},
    {7, 5, 0.4082482904638631},  {-1, 0, 0}};

static const double target[ROWS] = {1, 2, 3, 5, 8, 13, 21, 34};
static const uint32_t codes[ROWS] = {0, 1, 2, 3, 4, 5, 6, 7};

static void check(const char *transformer, const char *const parameters[][2],
                  const struct weight *expected, const char *words)
{
    struct trivet_column columns[] = {fixture_codes("t", codes, documents, ROWS),
                                      fixture_numbers("y", target)};
    struct trivet_table table = {ROWS, 2, columns};
    struct fixture_spec spec;
    struct trivet_row_status rows[ROWS];
    double *x = trivet_calloc(ROWS * OUTPUTS_MAX, sizeof(double));
    char joined[2048] = "";
    double worst = 0.0;
    assert_non_null(x);
    fixture_spec_init(&spec, "y", "linear_regression");
    fixture_spec_step(&spec, transformer, NULL, NULL, NULL);
    for (size_t k = 0; parameters[k][0] != NULL; k++) {
        fixture_spec_step_parameter(&spec, parameters[k][0], parameters[k][1]);
    }
    struct trivet_pipeline *pipeline = fixture_fit(&spec, &table);
    size_t n = trivet_pipeline_n_features(pipeline);
    assert_true(n <= OUTPUTS_MAX);
    fixture_transform(pipeline, &table, x, rows);
    for (size_t k = 0; words != NULL && k < n; k++) {
        size_t used = strlen(joined);
        const char *name = trivet_pipeline_feature_name(pipeline, k);
        assert_memory_equal(name, "t:", 2);
        trivet_text_format(&joined[used], sizeof joined - used, "%s%s", k > 0 ? "|" : "", &name[2]);
    }
    assert_string_equal(joined, words != NULL ? words : "");
    for (; expected->row >= 0; expected++) {
        double *value = &x[(size_t)expected->row * n + expected->column];
        worst = fmax(worst, fabs(*value - expected->value));
        *value = 0.0;
    }
    for (size_t k = 0; k < ROWS * n; k++) {
        assert_true(x[k] == 0.0);
    }
    assert_true(worst < 1e-15);
    trivet_pipeline_free(pipeline);
    trivet_free(x);
}

static void weights(void **state)
{
    (void)state;
    static const char *const defaults[][2] = {{NULL, NULL}};
    /* sublinear_tf=True, ngram_range=(1, 2), max_features=3 */
    static const char *const pairs[][2] = {
        {"sublinear_tf", "true"}, {"ngram_max", "2"}, {"max_features", "3"}, {NULL, NULL}};
    /* min_df=2, max_df=.5 */
    static const char *const pruned[][2] = {{"min_df", "2"}, {"max_df", "0.5"}, {NULL, NULL}};
    static const char *const pruned_part[][2] = {
        {"min_df", "0.25"}, {"max_df", "0.5"}, {NULL, NULL}};
    /* ngram_range=(1, 3), min_df=2, max_df=.4 */
    static const char *const three[][2] = {
        {"ngram_max", "3"}, {"min_df", "2"}, {"max_df", "0.4"}, {NULL, NULL}};
    check("tfidf", defaults, by_default, by_default_words);
    check("tfidf", pairs, sublinear_pairs, sublinear_pairs_words);
    check("tfidf", pruned, frequent, frequent_words);
    check("tfidf", pruned_part, frequent, frequent_words);
    check("tfidf", three, triples, triples_words);
}

static void hashes(void **state)
{
    (void)state;
    static const char *const few[][2] = {{"n_features", "16"}, {NULL, NULL}};
    static const char *const pairs[][2] = {{"ngram_max", "2"}, {NULL, NULL}};
    static const char *const plain[][2] = {
        {"n_features", "7"}, {"alternate_sign", "false"}, {NULL, NULL}};
    check("hashing", few, hashed, NULL);
    check("hashing", pairs, hashed_pairs, NULL);
    check("hashing", plain, hashed_plain, NULL);
}

/* Words that training did not have, other codes, and a missing text. */
static void other_texts(void **state)
{
    (void)state;
    static const char *const asked_words[] = {"nothing known", "CAT"};
    static const uint32_t asked[3] = {1, 0, TRIVET_CODE_NULL};
    struct trivet_column columns[] = {fixture_codes("t", codes, documents, ROWS),
                                      fixture_numbers("y", target)};
    struct trivet_table table = {ROWS, 2, columns};
    struct trivet_column asked_columns[] = {fixture_codes("t", asked, asked_words, 2)};
    struct trivet_table asked_table = {3, 1, asked_columns};
    struct fixture_spec spec;
    double x[3 * 64];
    struct trivet_row_status rows[3];
    fixture_spec_init(&spec, "y", "linear_regression");
    fixture_spec_step(&spec, "tfidf", NULL, NULL, NULL);
    struct trivet_pipeline *pipeline = fixture_fit(&spec, &table);
    size_t n = trivet_pipeline_n_features(pipeline);
    fixture_transform(pipeline, &asked_table, x, rows);
    double sums[2] = {0.0, 0.0};
    for (size_t k = 0; k < n; k++) {
        sums[0] += x[k];
        sums[1] += x[n + k];
    }
    assert_true(sums[0] == 1.0 && sums[1] == 0.0);
    assert_int_equal(rows[1].fault, TRIVET_ROW_FINE);
    assert_int_equal(rows[2].fault, TRIVET_ROW_MISSING);
    trivet_pipeline_free(pipeline);
}

static void refusals(void **state)
{
    (void)state;
    static const char *const short_words[] = {"a b", "?"};
    uint32_t two[ROWS] = {0, 1, 0, 1, 0, 1, 0, 1};
    struct trivet_column columns[] = {fixture_codes("t", two, short_words, 2),
                                      fixture_numbers("y", target)};
    struct trivet_table table = {ROWS, 2, columns};
    struct fixture_spec spec;
    fixture_spec_init(&spec, "y", "linear_regression");
    fixture_spec_step(&spec, "tfidf", NULL, NULL, NULL);
    fixture_fit_refused(&spec, &table, "no text of column 't' has a word");
    two[3] = TRIVET_CODE_NULL;
    fixture_fit_refused(&spec, &table, "column 't' is missing in 1 of 8 training rows");
    columns[0] = fixture_codes("t", codes, documents, ROWS);
    fixture_spec_init(&spec, "y", "linear_regression");
    fixture_spec_step(&spec, "tfidf", "min_df", "7", NULL);
    fixture_fit_refused(&spec, &table, "lower min_df");
    fixture_spec_init(&spec, "y", "linear_regression");
    fixture_spec_step(&spec, "tfidf", NULL, NULL, "y");
    fixture_refused(&spec, &table, "y");
}

static void check_words(const char *text, size_t ngram_max, const char *expected)
{
    struct trivet_tokens tokens = {0};
    char joined[256] = "";
    assert_int_equal(trivet_tokens_of(&tokens, text, ngram_max, NULL), TRIVET_OK);
    const char *term = trivet_tokens_first(&tokens);
    for (size_t k = 0; k < tokens.n_terms; k++, term = trivet_tokens_next(term)) {
        size_t used = strlen(joined);
        trivet_text_format(&joined[used], sizeof joined - used, "%s%s", k > 0 ? "|" : "", term);
    }
    assert_string_equal(joined, expected);
    trivet_tokens_release(&tokens);
}

static void words(void **state)
{
    (void)state;
    check_words("", 1, "");
    check_words("a", 3, "");
    check_words("ab", 3, "ab");
    check_words("Ab cD", 2, "ab|cd|ab cd");
    check_words("one, x two--three", 3, "one|two|three|one two|two three|one two three");
    check_words("ÀÉ é", 1, "àé");
    check_words("ab\xFF\xFE"
                "cd \xC3",
                1, "ab|cd"); /* not UTF-8 */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(weights),  cmocka_unit_test(hashes), cmocka_unit_test(other_texts),
        cmocka_unit_test(refusals), cmocka_unit_test(words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
