#include "models/svm_coupling.h"

#include <math.h>

#define TOLERANCE  1e-12
#define SWEEPS_MAX 1000

size_t trivet_svm_coupling_scratch(size_t n_classes)
{
    return n_classes * n_classes + n_classes;
}

/* q (n, n): the form p q p that is minimised. */
static void make_form(const double *r, size_t n, double *q)
{
    for (size_t i = 0; i < n; i++) {
        q[i * n + i] = 0.0;
        for (size_t j = 0; j < n; j++) {
            if (j != i) {
                q[i * n + i] += r[j * n + i] * r[j * n + i];
                q[i * n + j] = -r[j * n + i] * r[i * n + j];
            }
        }
    }
}

/* q_p = q p; returns p q p. */
static double multiply(const double *q, const double *p, size_t n, double *q_p)
{
    double form = 0.0;
    for (size_t i = 0; i < n; i++) {
        q_p[i] = 0.0;
        for (size_t j = 0; j < n; j++) {
            q_p[i] += q[i * n + j] * p[j];
        }
        form += p[i] * q_p[i];
    }
    return form;
}

/* At the solution all of q p equal p q p. */
static double distance(const double *q_p, double form, size_t n)
{
    double greatest = 0.0;
    for (size_t i = 0; i < n; i++) {
        greatest = fmax(greatest, fabs(q_p[i] - form));
    }
    return greatest;
}

void trivet_svm_couple(const double *r, size_t n_classes, double *p, double *scratch)
{
    size_t n = n_classes;
    double *q = scratch;
    double *q_p = &scratch[n * n];
    make_form(r, n, q);
    for (size_t i = 0; i < n; i++) {
        p[i] = 1.0 / (double)n;
    }
    for (size_t sweep = 0; sweep < SWEEPS_MAX; sweep++) {
        double form = multiply(q, p, n, q_p);
        if (distance(q_p, form, n) < TOLERANCE) {
            break;
        }
        for (size_t i = 0; i < n; i++) {
            double step = (form - q_p[i]) / q[i * n + i];
            double scale = 1.0 / (1.0 + step);
            form = (form + step * (step * q[i * n + i] + 2.0 * q_p[i])) * scale * scale;
            p[i] += step;
            for (size_t j = 0; j < n; j++) {
                q_p[j] = (q_p[j] + step * q[i * n + j]) * scale;
                p[j] *= scale;
            }
        }
    }
}
