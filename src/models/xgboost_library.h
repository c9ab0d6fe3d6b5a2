/* libxgboost, loaded when a fit first needs it: linked, it would cost every start of every program
 * milliseconds and megabytes. */
#ifndef TRIVET_MODELS_XGBOOST_LIBRARY_H
#define TRIVET_MODELS_XGBOOST_LIBRARY_H

#include "base/compiler.h"

#include <trivet/error.h>

#include <stddef.h>
#include <xgboost/c_api.h>

/* Its functions that are used, as in xgboost/c_api.h: 0 is success. */
struct trivet_xgboost {
    __typeof__(XGBGetLastError) *last_error;
    __typeof__(XGDMatrixCreateFromDense) *matrix_create;
    __typeof__(XGDMatrixSetFloatInfo) *matrix_set_floats;
    __typeof__(XGDMatrixFree) *matrix_free;
    __typeof__(XGBoosterCreate) *booster_create;
    __typeof__(XGBoosterSetParam) *booster_set;
    __typeof__(XGBoosterUpdateOneIter) *booster_update;
    __typeof__(XGBoosterEvalOneIter) *booster_evaluate;
    __typeof__(XGBoosterSaveModelToBuffer) *booster_save;
    __typeof__(XGBoosterPredictFromDMatrix) *booster_predict; /* by tests */
    __typeof__(XGBoosterFree) *booster_free;
};

/* The library, loaded once and kept to the end of the process. UNAVAILABLE when it is not there or
 * lacks a function; a later call tries again. Any thread. */
enum trivet_status trivet_xgboost_get(const struct trivet_xgboost **out,
                                      struct trivet_error *err) TRIVET_MUST_USE;
/* The first line of its last error on this thread, without the place in its source. */
void trivet_xgboost_error_text(const struct trivet_xgboost *library, char *text, size_t text_bytes);

#endif
