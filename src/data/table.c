#include "data/table.h"

#include "base/text.h"

enum trivet_status trivet_row_fault_status(enum trivet_row_fault fault)
{
    switch (fault) {
    case TRIVET_ROW_FINE:
        return TRIVET_OK;
    case TRIVET_ROW_OVERFLOW:
        return TRIVET_OUT_OF_RANGE;
    case TRIVET_ROW_NAN:
    case TRIVET_ROW_INFINITE:
    case TRIVET_ROW_MISSING:
    case TRIVET_ROW_UNSEEN_CATEGORY:
    case TRIVET_ROW_BAD_CODE:
    case TRIVET_ROW_OUT_OF_DOMAIN:
        break;
    }
    return TRIVET_INVALID_ARGUMENT;
}

static const char *fault_sentence(enum trivet_row_fault fault)
{
    switch (fault) {
    case TRIVET_ROW_FINE:
        return "fine";
    case TRIVET_ROW_NAN:
        return "NaN; mark missing values as null";
    case TRIVET_ROW_INFINITE:
        return "infinity; send a finite number or a null";
    case TRIVET_ROW_MISSING:
        return "missing, and the model does not impute it; send a value";
    case TRIVET_ROW_UNSEEN_CATEGORY:
        return "a category that training did not have; send a known one or a null";
    case TRIVET_ROW_BAD_CODE:
        return "a code beyond its dictionary; send codes below the dictionary's size";
    case TRIVET_ROW_OUT_OF_DOMAIN:
        return "a number that the model's power_transformer cannot take; all of training were "
               "above "
               "0, or -1";
    case TRIVET_ROW_OVERFLOW:
        return "the prediction is not a finite number; check the size of the inputs";
    }
    return "an unknown fault";
}

void trivet_row_fault_text(struct trivet_row_status status, const struct trivet_table *table,
                           char *text, size_t text_bytes)
{
    const char *sentence = fault_sentence(status.fault);
    bool about_column = status.fault != TRIVET_ROW_FINE && status.fault != TRIVET_ROW_OVERFLOW;
    if (about_column && status.column < table->n_columns) {
        (void)trivet_text_format(text, text_bytes, "column '%s': %s",
                                 table->columns[status.column].name, sentence);
    } else {
        (void)trivet_text_copy(text, text_bytes, sentence);
    }
}

struct trivet_table trivet_table_slice(const struct trivet_table *table, size_t first, size_t count,
                                       struct trivet_column *columns)
{
    for (size_t i = 0; i < table->n_columns; i++) {
        struct trivet_column column = table->columns[i];
        if (column.numbers != NULL) {
            column.numbers += first * column.stride;
        }
        if (column.codes != NULL) {
            column.codes += first * column.stride;
        }
        columns[i] = column;
    }
    return (struct trivet_table){
        .n_rows = count, .n_columns = table->n_columns, .columns = columns};
}
