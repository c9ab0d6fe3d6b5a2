/* A CSV file: types inferred, then read in small tables. */
#include "base/text.h"
#include "data/csv.h"
#include "fuzz/fuzz.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define ROWS_PER_TABLE 3

static void check_table(const struct trivet_csv_reader *reader, const struct trivet_table *table,
                        uint64_t *line)
{
    for (size_t i = 0; i < table->n_rows; i++) {
        uint64_t next = trivet_csv_row_line(reader, i);
        FUZZ_REQUIRE(next > *line);
        *line = next;
    }
    for (size_t j = 0; j < table->n_columns; j++) {
        const struct trivet_column *column = &table->columns[j];
        for (size_t i = 0; i < table->n_rows; i++) {
            if (column->type == TRIVET_COLUMN_NUMERIC) {
                FUZZ_REQUIRE(!isinf(column->numbers[i * column->stride]));
            } else {
                uint32_t code = column->codes[i * column->stride];
                FUZZ_REQUIRE(code == TRIVET_CODE_NULL || code < column->n_dictionary);
            }
        }
        for (size_t i = 0; i < column->n_dictionary; i++) {
            const char *text = column->dictionary[i];
            FUZZ_REQUIRE(trivet_text_is_utf8(text, strlen(text)));
        }
    }
}

/* What the inference took in one pass, reading takes in another, with as many rows. */
static void read_all(const char *path, const struct trivet_csv_inference *inference)
{
    struct trivet_csv_reader *reader = NULL;
    struct trivet_error err = {0};
    enum trivet_status status = trivet_csv_open(path, NULL, &reader, &err);
    uint64_t n_rows = 0;
    uint64_t line = 0;
    struct trivet_table table = {.n_rows = 1};
    while (status == TRIVET_OK && table.n_rows > 0) {
        status = trivet_csv_read(reader, &inference->schema, ROWS_PER_TABLE, &table, &err);
        if (status == TRIVET_OK) {
            FUZZ_REQUIRE(table.n_rows <= ROWS_PER_TABLE);
            check_table(reader, &table, &line);
            n_rows += table.n_rows;
        }
    }
    /* The inference does not look into texts. */
    bool text_refused = status == TRIVET_INVALID_ARGUMENT && strstr(err.message, "UTF-8");
    if (status != TRIVET_OK && status != TRIVET_RESOURCE_EXHAUSTED && !text_refused) {
        (void)fprintf(stderr, "%s\n", err.message);
        bool inferred_but_refused = true;
        FUZZ_REQUIRE(!inferred_but_refused);
    }
    FUZZ_REQUIRE(status != TRIVET_OK || n_rows == inference->n_rows);
    trivet_csv_close(reader);
}

int trivet_fuzz_one(const uint8_t *data, size_t n_bytes)
{
    char path[64];
    int fd = memfd_create("csv", MFD_CLOEXEC);
    FUZZ_REQUIRE(fd >= 0);
    FUZZ_REQUIRE(write(fd, data, n_bytes) == (ssize_t)n_bytes);
    FUZZ_REQUIRE(trivet_text_format(path, sizeof(path), "/proc/self/fd/%d", fd));
    struct trivet_csv_inference inference = {0};
    struct trivet_error err = {0};
    if (trivet_csv_inspect(path, NULL, &inference, &err) == TRIVET_OK) {
        read_all(path, &inference);
    } else {
        FUZZ_REQUIRE(err.message[0] != '\0');
        FUZZ_REQUIRE(trivet_text_is_utf8(err.message, strlen(err.message)));
    }
    trivet_csv_inference_release(&inference);
    (void)close(fd);
    return 0;
}

bool trivet_fuzz_seed(size_t index, struct trivet_buffer *out)
{
    static const char *const files[] = {
        "area,rooms,price\n120.5,4,250000\n80,,180000.5\n1e2,3,NA\n",
        "\xef\xbb\xbf\"a\"\"b\",\"c\nd\",e\r\n\"x, y\",\"\",nan\r\n\r\nz, 1 ,?\r\n",
        "name\r\"gro\xc3\x9f\"\rklein\r",
        "a,b\n1,2\n3,4\n5,6\n7,8\n9,x",
    };
    return index < TRIVET_ARRAY_COUNT(files) &&
           trivet_buffer_append(out, files[index], strlen(files[index]), NULL) == TRIVET_OK;
}
