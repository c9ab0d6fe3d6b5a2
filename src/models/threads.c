#include "models/threads.h"

#include "base/alloc.h"
#include "linalg/blas.h"
#include "linalg/product.h"

#define WARM_ROWS 256

void trivet_models_set_threads(unsigned n)
{
    trivet_blas_set_threads(n > 0 ? n : 1);
    /* A product that is large enough for all of them starts them and takes their buffers. */
    double *room = n > 1 ? trivet_calloc(3 * WARM_ROWS * WARM_ROWS, sizeof(double)) : NULL;
    if (room != NULL) {
        const struct trivet_const_matrix a = {room, WARM_ROWS, WARM_ROWS, WARM_ROWS};
        const struct trivet_matrix c = {&room[2 * WARM_ROWS * WARM_ROWS], WARM_ROWS, WARM_ROWS,
                                        WARM_ROWS};
        trivet_linalg_gemm(false, false, 1.0, a, a, 0.0, c);
    }
    trivet_free(room);
}
