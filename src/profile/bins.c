#include "profile/bins.h"

#include "base/alloc.h"
#include "profile/profile.h"

#include <assert.h>
#include <math.h>
#include <string.h>

const Trivet__V1__FeatureProfile *trivet_bins_column(const Trivet__V1__Profile *profile, size_t i)
{
    return i < profile->n_features ? profile->features[i]
                                   : profile->predictions[i - profile->n_features];
}

enum trivet_status trivet_bins_create(const Trivet__V1__Profile *profile, struct trivet_bins **out,
                                      struct trivet_error *err)
{
    enum trivet_status status = TRIVET_OK;
    struct trivet_bins *bins = trivet_calloc(1, sizeof(*bins));
    const size_t n_columns = profile->n_features + profile->n_predictions;
    size_t *first = trivet_calloc(n_columns + 1, sizeof(*first));
    if (bins == NULL || first == NULL) {
        goto out_of_memory;
    }
    for (size_t i = 0; i < n_columns; i++) {
        const size_t n_counts = trivet_bins_column(profile, i)->n_counts;
        if (n_counts >= TRIVET_BINS_CELLS_MAX - first[i]) {
            status = trivet_error_set(err, TRIVET_DATA_LOSS,
                                      "the reference profile has more than %zu bins; train the "
                                      "model again",
                                      TRIVET_BINS_CELLS_MAX);
            goto failed;
        }
        first[i + 1] = first[i] + n_counts + 1;
    }
    bins->cells = trivet_calloc(first[n_columns] + 1, sizeof(*bins->cells));
    if (bins->cells == NULL) {
        goto out_of_memory;
    }
    bins->n_columns = n_columns;
    bins->first = first;
    *out = bins;
    return TRIVET_OK;
out_of_memory:
    status =
        trivet_error_set(err, TRIVET_RESOURCE_EXHAUSTED, "out of memory for the bins of drift");
failed:
    trivet_free(first);
    trivet_free(bins);
    return status;
}

void trivet_bins_free(struct trivet_bins *bins)
{
    if (bins != NULL) {
        trivet_free(bins->cells);
        trivet_free(bins->first);
        trivet_free(bins);
    }
}

void trivet_bins_clear(struct trivet_bins *bins)
{
    memset(bins->cells, 0, bins->first[bins->n_columns] * sizeof(*bins->cells));
    bins->weights = 0;
    bins->squares = 0;
}

static void add_cell(struct trivet_bins *bins, size_t column, size_t cell, double weight)
{
    assert(bins->first[column] + cell < bins->first[column + 1]);
    bins->cells[bins->first[column] + cell] += weight;
}

void trivet_bins_add_number(struct trivet_bins *bins, const Trivet__V1__Profile *profile,
                            size_t column, double value, double weight)
{
    const Trivet__V1__FeatureProfile *reference = trivet_bins_column(profile, column);
    const size_t cell =
        isfinite(value) ? trivet_profile_bin(reference, value) : reference->n_counts;
    add_cell(bins, column, cell, weight);
}

void trivet_bins_add_category(struct trivet_bins *bins, const Trivet__V1__Profile *profile,
                              size_t column, const char *category, double weight)
{
    const Trivet__V1__FeatureProfile *reference = trivet_bins_column(profile, column);
    const size_t cell =
        category != NULL ? trivet_profile_category(reference, category) : reference->n_counts;
    add_cell(bins, column, cell, weight);
}

void trivet_bins_add_row(struct trivet_bins *bins, double weight)
{
    bins->weights += weight;
    bins->squares += weight * weight;
}

void trivet_bins_add_profile(struct trivet_bins *bins, const Trivet__V1__Profile *profile)
{
    double rows = 0;
    for (size_t i = 0; i < bins->n_columns; i++) {
        const Trivet__V1__FeatureProfile *column = trivet_bins_column(profile, i);
        for (size_t k = 0; k < column->n_counts; k++) {
            add_cell(bins, i, k, (double)column->counts[k]);
        }
        add_cell(bins, i, column->n_counts, (double)column->missing);
        rows = fmax(rows, (double)column->rows);
    }
    bins->weights += rows;
    bins->squares += rows;
}

bool trivet_bins_same_layout(const struct trivet_bins *a, const struct trivet_bins *b)
{
    return a->n_columns == b->n_columns &&
           memcmp(a->first, b->first, (a->n_columns + 1) * sizeof(*a->first)) == 0;
}

static void merge_scaled(struct trivet_bins *into, const struct trivet_bins *from, double scale)
{
    assert(trivet_bins_same_layout(into, from));
    for (size_t i = 0; i < from->first[from->n_columns]; i++) {
        into->cells[i] += from->cells[i] * scale;
    }
    into->weights += from->weights * scale;
    into->squares += from->squares * scale * scale;
}

void trivet_bins_merge(struct trivet_bins *into, const struct trivet_bins *from)
{
    merge_scaled(into, from, 1.0);
}

void trivet_bins_merge_rows(struct trivet_bins *into, const struct trivet_bins *from)
{
    if (from->squares > 0) {
        merge_scaled(into, from, from->weights / from->squares);
    }
}

double trivet_bins_rows(const struct trivet_bins *bins)
{
    return bins->squares > 0 ? bins->weights * bins->weights / bins->squares : 0;
}
