/* Class labels: the values of a target column, text or number, and the index of each. */
#ifndef TRIVET_MODELS_LABELS_H
#define TRIVET_MODELS_LABELS_H

#include "base/compiler.h"
#include "data/table.h"

#include <trivet/error.h>

#include <stddef.h>
#include <stdint.h>

/* Classes of one target, at most. */
#define TRIVET_CLASSES_MAX 1000
/* Index of a value that is no label, and of a missing one. */
#define TRIVET_CLASS_UNKNOWN UINT32_MAX
#define TRIVET_CLASS_MISSING (UINT32_MAX - 1)

/* Ascending: as numbers where the target is numeric, else by bytes. Zero-initialised is none. */
struct trivet_labels {
    size_t n_labels;
    char **texts;    /* owned */
    double *numbers; /* owned; NULL where the target is text */
};

void trivet_labels_release(struct trivet_labels *labels);
/* The distinct values of rows `rows[0..n_rows)` (NULL: all) of `column`, missing ones left out.
 * INVALID_ARGUMENT: fewer than two, more than TRIVET_CLASSES_MAX, or an infinite number; the
 * message names the column. */
enum trivet_status trivet_labels_collect(const struct trivet_column *column, const size_t *rows,
                                         size_t n_rows, struct trivet_labels *out,
                                         struct trivet_error *err) TRIVET_MUST_USE;
/* From saved texts; DATA_LOSS unless they are at least two, ascending and, where `type` is
 * numeric, finite numbers. */
enum trivet_status trivet_labels_load(char *const *texts, size_t n_labels,
                                      enum trivet_column_type type, struct trivet_labels *out,
                                      struct trivet_error *err) TRIVET_MUST_USE;
/* classes[i] = index of the label in row rows[i] of `column`, or one of TRIVET_CLASS_. A column of
 * the other type is read too: "1" is the label of the number 1. RESOURCE_EXHAUSTED. */
enum trivet_status trivet_labels_index(const struct trivet_labels *labels,
                                       const struct trivet_column *column, const size_t *rows,
                                       size_t n_rows, uint32_t *classes,
                                       struct trivet_error *err) TRIVET_MUST_USE;

#endif
