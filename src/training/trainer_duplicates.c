/* Rows that say what an earlier row said. */
#include "base/alloc.h"
#include "base/hash.h"
#include "training/trainer_internal.h"

#include <math.h>
#include <string.h>

/* Columns that are compared: those of the pipeline and the target. */
struct comparing {
    const struct trivet_table *table;
    bool *used; /* owned, by column of the table */
};

static bool is_named(const Trivet__V1__PipelineSpec *spec, const char *name)
{
    for (size_t i = 0; i < spec->n_columns; i++) {
        if (strcmp(spec->columns[i], name) == 0) {
            return true;
        }
    }
    return strcmp(spec->target, name) == 0;
}

static uint64_t cell_bits(const struct trivet_column *column, size_t row)
{
    uint64_t bits = 0;
    if (column->type != TRIVET_COLUMN_NUMERIC) {
        return column->codes[row * column->stride];
    }
    /* One zero, one missing value. */
    double value = column->numbers[row * column->stride] + 0.0;
    value = isnan(value) ? (double)NAN : value;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static uint64_t row_hash(const struct comparing *comparing, size_t row)
{
    uint64_t hash = 0x9e3779b97f4a7c15u;
    for (size_t j = 0; j < comparing->table->n_columns; j++) {
        if (comparing->used[j]) {
            hash = trivet_hash_mix64(hash ^ cell_bits(&comparing->table->columns[j], row));
        }
    }
    return hash;
}

static bool rows_equal(const struct comparing *comparing, size_t a, size_t b)
{
    for (size_t j = 0; j < comparing->table->n_columns; j++) {
        const struct trivet_column *column = &comparing->table->columns[j];
        if (comparing->used[j] && cell_bits(column, a) != cell_bits(column, b)) {
            return false;
        }
    }
    return true;
}

/* Keeps the first of equal rows; `slots` (n_slots, a power of two) holds row + 1, 0 = free. */
static void keep_first(struct trivet_trainer *trainer, const struct comparing *comparing,
                       size_t *slots, size_t n_slots)
{
    size_t n = 0;
    for (size_t i = 0; i < trainer->n_rows; i++) {
        const size_t row = trainer->rows[i];
        size_t slot = (size_t)row_hash(comparing, row) & (n_slots - 1);
        while (slots[slot] != 0 && !rows_equal(comparing, slots[slot] - 1, row)) {
            slot = (slot + 1) & (n_slots - 1);
        }
        if (slots[slot] == 0) {
            slots[slot] = row + 1;
            trainer->rows[n++] = row;
        }
    }
    trainer->n_duplicates = trainer->n_rows - n;
    trainer->n_rows = n;
}

enum trivet_status trivet_trainer_drop_duplicates(struct trivet_trainer *trainer,
                                                  struct trivet_error *err)
{
    const Trivet__V1__PipelineSpec *spec = trainer->spec->pipeline;
    struct comparing comparing = {.table = &trainer->table};
    size_t n_slots = 16;
    while (n_slots < 2 * trainer->n_rows) {
        n_slots *= 2;
    }
    size_t *slots = trivet_calloc(n_slots, sizeof(size_t));
    comparing.used = trivet_calloc(trainer->table.n_columns, sizeof(bool));
    enum trivet_status status = TRIVET_OK;
    if (slots == NULL || comparing.used == NULL) {
        status = trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED,
                                  "out of memory while duplicates are looked for");
    } else {
        for (size_t j = 0; j < trainer->table.n_columns; j++) {
            comparing.used[j] =
                spec->n_columns == 0 || is_named(spec, trainer->table.columns[j].name);
        }
        keep_first(trainer, &comparing, slots, n_slots);
    }
    trivet_free(slots);
    trivet_free(comparing.used);
    return status;
}
