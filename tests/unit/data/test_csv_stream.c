/* What is written is read back, whatever it is; and a large file takes no more memory than a small
 * one. */
#include "support.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/rng.h"
#include "base/text.h"
#include "data/csv.h"
#include "data/dataset.h"
#include "support/normal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct trivet_error err;

/* --- property: random tables survive --- */

enum { COLUMNS_MAX = 6, ROWS_MAX = 60, TEXT_MAX = 24 };

struct random_table {
    size_t n_rows;
    struct trivet_schema schema;
    char texts[ROWS_MAX * COLUMNS_MAX][TEXT_MAX];
    const char *dictionary[ROWS_MAX * COLUMNS_MAX];
    double numbers[ROWS_MAX * COLUMNS_MAX];
    uint32_t codes[ROWS_MAX * COLUMNS_MAX];
    struct trivet_column columns[COLUMNS_MAX];
    struct trivet_table table;
};

static void random_text(struct trivet_rng *rng, char text[TEXT_MAX])
{
    static const char *const pieces[] = {"a",  "b", ",", "\"", "\n", "\r",  "\r\n", " ",
                                         "\t", "ä", ";", "'",  "\\", "NaN", "1",    "€"};
    do {
        text[0] = '\0';
        size_t count = trivet_rng_below(rng, 7) + 1;
        for (size_t i = 0; i < count; i++) {
            size_t used = strlen(text);
            (void)trivet_text_copy(text + used, TEXT_MAX - used,
                                   pieces[trivet_rng_below(rng, TRIVET_ARRAY_COUNT(pieces))]);
        }
    } while (trivet_csv_is_missing(text, strlen(text)));
}

static double random_number(struct trivet_rng *rng)
{
    switch (trivet_rng_below(rng, 4)) {
    case 0:
        return (double)NAN;
    case 1:
        return (double)trivet_rng_below(rng, 1000) - 500;
    case 2:
        return normal_next(rng);
    default:
        break;
    }
    double value;
    do {
        uint64_t bits = trivet_rng_next(rng);
        memcpy(&value, &bits, sizeof(value));
    } while (!isfinite(value));
    return value;
}

static void make_random_table(struct trivet_rng *rng, struct random_table *t)
{
    size_t n_columns = trivet_rng_below(rng, COLUMNS_MAX) + 1;
    t->n_rows = trivet_rng_below(rng, ROWS_MAX + 1);
    t->schema = (struct trivet_schema){0};
    for (size_t i = 0; i < ROWS_MAX * COLUMNS_MAX; i++) {
        random_text(rng, t->texts[i]);
        t->dictionary[i] = t->texts[i];
        t->numbers[i] = random_number(rng);
        t->codes[i] = trivet_rng_below(rng, 4) == 0
                          ? TRIVET_CODE_NULL
                          : (uint32_t)trivet_rng_below(rng, ROWS_MAX * COLUMNS_MAX);
    }
    for (size_t j = 0; j < n_columns; j++) {
        char name[TEXT_MAX + 32];
        (void)snprintf(name, sizeof(name), "%zu %s.", j, t->texts[j]);
        enum trivet_column_type type =
            trivet_rng_below(rng, 2) == 0 ? TRIVET_COLUMN_NUMERIC : TRIVET_COLUMN_CATEGORICAL;
        assert_ok(trivet_schema_add(&t->schema, name, type, &err));
        t->columns[j] = (struct trivet_column){.name = t->schema.columns[j].name,
                                               .type = type,
                                               .stride = COLUMNS_MAX,
                                               .numbers = t->numbers + j,
                                               .codes = t->codes + j,
                                               .dictionary = t->dictionary,
                                               .n_dictionary = ROWS_MAX * COLUMNS_MAX};
    }
    t->table =
        (struct trivet_table){.n_rows = t->n_rows, .n_columns = n_columns, .columns = t->columns};
}

static void write_table(const struct trivet_table *table, const char *line_end,
                        struct trivet_buffer *out)
{
    for (size_t j = 0; j < table->n_columns; j++) {
        const char *name = table->columns[j].name;
        assert_ok(trivet_buffer_append(out, ",", j > 0, &err));
        assert_ok(trivet_csv_append_text(out, name, strlen(name), &err));
    }
    assert_ok(trivet_buffer_append(out, line_end, strlen(line_end), &err));
    for (size_t i = 0; i < table->n_rows; i++) {
        for (size_t j = 0; j < table->n_columns; j++) {
            assert_ok(trivet_buffer_append(out, ",", j > 0, &err));
            if (table->columns[j].type == TRIVET_COLUMN_NUMERIC) {
                assert_ok(trivet_buffer_printf(out, &err, "%.17g", number_at(table, j, i)));
                continue;
            }
            const char *text = text_at(table, j, i);
            bool null = table->columns[j].codes[i * COLUMNS_MAX] == TRIVET_CODE_NULL;
            assert_ok(trivet_csv_append_text(out, text, null ? 0 : strlen(text), &err));
        }
        assert_ok(trivet_buffer_append(out, line_end, strlen(line_end), &err));
    }
}

static void what_is_written_is_read_back(void **state)
{
    (void)state;
    struct trivet_rng rng;
    static struct random_table t;
    trivet_rng_seed(&rng, 20);
    for (unsigned round = 0; round < 300; round++) {
        make_random_table(&rng, &t);
        struct trivet_buffer out = {0};
        write_table(&t.table, round % 2 == 0 ? "\n" : "\r\n", &out);
        struct trivet_csv_reader *reader = NULL;
        assert_ok(trivet_csv_open(write_temp(out.data, out.n_bytes), NULL, &reader, &err));
        remove_temp();
        trivet_buffer_release(&out);
        struct trivet_dataset *dataset = NULL;
        assert_ok(trivet_dataset_create(&t.schema, 0, &dataset, &err));
        struct trivet_table chunk;
        do {
            size_t rows_max = trivet_rng_below(&rng, 20) + 1;
            assert_ok(trivet_csv_read(reader, &t.schema, rows_max, &chunk, &err));
            assert_true(chunk.n_rows <= rows_max);
            assert_ok(trivet_dataset_append(dataset, &chunk, &err));
        } while (chunk.n_rows > 0);
        struct trivet_table all = trivet_dataset_table(dataset);
        assert_tables_equal(&all, &t.table);
        trivet_csv_close(reader);
        trivet_dataset_free(dataset);
        trivet_schema_release(&t.schema);
    }
}

/* --- a million rows --- */

enum { BLOCK_ROWS = 10000, N_BLOCKS = 100 };

static size_t resident_bytes(void)
{
    FILE *file = fopen("/proc/self/statm", "r");
    assert_non_null(file);
    unsigned long total = 0;
    unsigned long resident = 0;
    assert_int_equal(fscanf(file, "%lu %lu", &total, &resident), 2);
    (void)fclose(file);
    return resident * (size_t)sysconf(_SC_PAGESIZE);
}

/* A million rows: one block of ten thousand, a hundred times. */
static const char *write_million(char path[64], double *area_sum)
{
    static const char *const cities[] = {"Oslo", "Bern, old town", "", "Wien"};
    (void)snprintf(path, 64, "/tmp/trivet-csv-XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    struct trivet_buffer block = {0};
    struct trivet_rng rng;
    trivet_rng_seed(&rng, 3);
    *area_sum = 0;
    for (size_t i = 0; i < BLOCK_ROWS; i++) {
        double area = floor(trivet_rng_uniform(&rng) * 1000) / 8;
        *area_sum += area * N_BLOCKS;
        assert_ok(trivet_buffer_printf(&block, &err, "%.17g", area));
        assert_ok(trivet_buffer_printf(&block, &err, ",%u,", (unsigned)trivet_rng_below(&rng, 9)));
        const char *city = cities[trivet_rng_below(&rng, 4)];
        assert_ok(trivet_csv_append_text(&block, city, strlen(city), &err));
        assert_ok(trivet_buffer_append(&block, ",", 1, &err));
        assert_ok(trivet_buffer_printf(&block, &err, "%.17g", normal_next(&rng)));
        assert_ok(trivet_buffer_append(&block, "\n", 1, &err));
    }
    assert_int_equal(write(fd, "area,rooms,city,price\n", 22), 22);
    for (size_t i = 0; i < N_BLOCKS; i++) {
        assert_int_equal(write(fd, block.data, block.n_bytes), block.n_bytes);
    }
    (void)close(fd);
    trivet_buffer_release(&block);
    return path;
}

static void a_million_rows_in_flat_memory(void **state)
{
    (void)state;
    char path[64];
    double area_sum = 0;
    (void)write_million(path, &area_sum);
    struct trivet_schema schema = {0};
    uint64_t n_rows = 0;
    size_t before = resident_bytes();
    int64_t start_ns = trivet_clock_monotonic_ns();
    assert_ok(trivet_csv_infer(path, NULL, &schema, &n_rows, &err));
    int64_t inferred_ns = trivet_clock_monotonic_ns();
    assert_int_equal(n_rows, BLOCK_ROWS * N_BLOCKS);
    assert_int_equal(schema.columns[2].type, TRIVET_COLUMN_CATEGORICAL);
    assert_int_equal(schema.columns[3].type, TRIVET_COLUMN_NUMERIC);
    struct trivet_csv_reader *reader = NULL;
    assert_ok(trivet_csv_open(path, NULL, &reader, &err));
    struct trivet_table table;
    double sum = 0;
    size_t count = 0;
    do {
        assert_ok(trivet_csv_read(reader, &schema, 8192, &table, &err));
        for (size_t i = 0; i < table.n_rows; i++) {
            sum += number_at(&table, 0, i);
        }
        count += table.n_rows;
    } while (table.n_rows > 0);
    int64_t read_ns = trivet_clock_monotonic_ns();
    size_t after = resident_bytes();
    assert_int_equal(count, n_rows);
    assert_number(sum, area_sum);
    print_message("4 M cells: inferred in %.2f s, read in %.2f s; resident memory +%zu KiB\n",
                  (double)(inferred_ns - start_ns) / 1e9, (double)(read_ns - inferred_ns) / 1e9,
                  after > before ? (after - before) >> 10 : 0);
    assert_true(after < before + (4u << 20));
    trivet_csv_close(reader);
    trivet_schema_release(&schema);
    assert_int_equal(unlink(path), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read_back),
        cmocka_unit_test(a_million_rows_in_flat_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
