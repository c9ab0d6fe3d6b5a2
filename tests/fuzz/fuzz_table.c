/* Rows as a call brings them: the message, the view made of it, the binding to a model's inputs. */
#include "contract/golden_file.h"
#include "data/table.h"
#include "fuzz/fuzz.h"
#include "trivet/v1/prediction.pb-c.h"
#include "wire/codec.h"
#include "wire/frame.h"

#include <math.h>
#include <string.h>

#define BUDGET_BYTES ((size_t)1 << 22)

static char area[] = "area";
static char size[] = "Gr\xc3\xb6\xc3\x9f"
                     "e";
static char third[] = "third";
static struct trivet_column_spec raw_specs[] = {{size, TRIVET_COLUMN_CATEGORICAL},
                                                {area, TRIVET_COLUMN_NUMERIC}};
static struct trivet_column_spec matrix_specs[] = {
    {area, TRIVET_COLUMN_NUMERIC}, {size, TRIVET_COLUMN_NUMERIC}, {third, TRIVET_COLUMN_NUMERIC}};
static const struct trivet_schema raw_schema = {2, raw_specs};
static const struct trivet_schema matrix_schema = {3, matrix_specs};

/* Every value of a view can be read, and is a finite number, a code of its dictionary, or null. */
static void check_values(const struct trivet_table *table)
{
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
            FUZZ_REQUIRE(strlen(column->dictionary[i]) < BUDGET_BYTES);
        }
    }
}

static void check_table(const Trivet__V1__Table *message, struct trivet_arena *arena)
{
    struct trivet_table table;
    struct trivet_table bound;
    struct trivet_row_status *rows;
    struct trivet_error err = {0};
    Trivet__V1__Table *encoded;
    if (trivet_table_decode(message, arena, &table, &rows, &err) == TRIVET_OK) {
        FUZZ_REQUIRE(table.n_rows == message->rows);
        check_values(&table);
        for (size_t i = 0; i < table.n_rows; i++) {
            char text[256];
            FUZZ_REQUIRE(rows[i].fault == TRIVET_ROW_FINE || rows[i].column < table.n_columns);
            if (rows[i].fault != TRIVET_ROW_FINE) {
                trivet_row_fault_text(rows[i], &table, text, sizeof(text));
            }
        }
        if (trivet_table_bind(&table, &raw_schema, arena, &bound, &err) == TRIVET_OK) {
            check_values(&bound);
        }
        if (trivet_table_encode(&table, arena, &encoded, &err) == TRIVET_OK) {
            enum trivet_status status = trivet_table_decode(encoded, arena, &bound, &rows, &err);
            FUZZ_REQUIRE(status == TRIVET_OK || status == TRIVET_RESOURCE_EXHAUSTED);
        }
    }
    if (trivet_table_decode_inputs(message, &raw_schema, arena, &bound, &rows, &err) == TRIVET_OK) {
        FUZZ_REQUIRE(bound.n_columns == raw_schema.n_columns);
        check_values(&bound);
    }
}

int trivet_fuzz_one(const uint8_t *data, size_t n_bytes)
{
    struct trivet_arena *arena = trivet_arena_create(BUDGET_BYTES, 4096);
    ProtobufCMessage *message;
    if (!arena) {
        return 0;
    }
    if (trivet_codec_unpack(&trivet__v1__predict_request__descriptor, arena, data, n_bytes,
                            &message, NULL) == TRIVET_OK) {
        const Trivet__V1__PredictRequest *request = (const Trivet__V1__PredictRequest *)message;
        if (request->rows_case == TRIVET__V1__PREDICT_REQUEST__ROWS_TABLE) {
            check_table(request->table, arena);
        } else if (request->rows_case == TRIVET__V1__PREDICT_REQUEST__ROWS_MATRIX) {
            struct trivet_table table;
            struct trivet_row_status *rows;
            struct trivet_error err = {0};
            if (trivet_table_decode_matrix(request->matrix, &matrix_schema, arena, &table, &rows,
                                           &err) == TRIVET_OK) {
                check_values(&table);
            }
        }
    }
    trivet_arena_free(arena);
    return 0;
}

bool trivet_fuzz_seed(size_t index, struct trivet_buffer *out)
{
    static const char *const names[] = {"predict_request", "predict_request_table",
                                        "predict_request_table"};
    struct golden golden;
    struct trivet_frame frame;
    return index < TRIVET_ARRAY_COUNT(names) && golden_read(names[index], &golden) &&
           trivet_frame_parse(golden.bytes, golden.n_bytes, &frame, NULL) == TRIVET_OK &&
           trivet_buffer_append(out, frame.body, frame.body_bytes, NULL) == TRIVET_OK;
}
