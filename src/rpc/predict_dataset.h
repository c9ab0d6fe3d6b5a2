/* Prediction.PredictDataset: every row of a dataset, as a job. */
#ifndef TRIVET_RPC_PREDICT_DATASET_H
#define TRIVET_RPC_PREDICT_DATASET_H

#include "rpc/call.h"

/* A method's handler; `service` is the trivet_prediction_service. Control threads: the version is
 * loaded to see whether it can read the dataset. */
void trivet_predict_dataset(struct trivet_call *call, void *service);

#endif
