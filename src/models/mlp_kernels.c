#include "models/mlp_kernels.h"

#include "base/compiler.h"
#include "linalg/exp_inline.h"

#include <math.h>
#include <string.h>

TRIVET_INLINED double tanh_inline(double x)
{
    double t = trivet_linalg_exp_inline(-2.0 * fabs(x));
    return copysign((1.0 - t) / (1.0 + t), x);
}

TRIVET_FOR_EACH_CPU
static void add_bias(double *restrict z, size_t n_cols, const double *restrict bias)
{
    for (size_t j = 0; j < n_cols; j++) {
        z[j] += bias[j];
    }
}

TRIVET_FOR_EACH_CPU
static void relu_row(double *restrict z, size_t n_cols, const double *restrict bias)
{
    for (size_t j = 0; j < n_cols; j++) {
        double value = z[j] + bias[j];
        z[j] = value > 0.0 ? value : 0.0;
    }
}

TRIVET_FOR_EACH_CPU
static void tanh_row(double *restrict z, size_t n_cols, const double *restrict bias)
{
    for (size_t j = 0; j < n_cols; j++) {
        z[j] = tanh_inline(z[j] + bias[j]);
    }
}

TRIVET_FOR_EACH_CPU
static void logistic_row(double *restrict z, size_t n_cols, const double *restrict bias)
{
    for (size_t j = 0; j < n_cols; j++) {
        z[j] = 1.0 / (1.0 + trivet_linalg_exp_inline(-(z[j] + bias[j])));
    }
}

TRIVET_FOR_EACH_CPU
static void exp_row(double *z, size_t n_cols, double shift)
{
    for (size_t j = 0; j < n_cols; j++) {
        z[j] = trivet_linalg_exp_inline(z[j] - shift);
    }
}

void trivet_mlp_activate(enum trivet_mlp_activation activation, double *z, size_t n_rows,
                         size_t n_cols, const double *bias)
{
    static void (*const row[])(double *restrict, size_t, const double *restrict) = {
        [TRIVET_MLP_RELU] = relu_row,
        [TRIVET_MLP_TANH] = tanh_row,
        [TRIVET_MLP_LOGISTIC] = logistic_row,
        [TRIVET_MLP_IDENTITY] = add_bias,
    };
    for (size_t i = 0; i < n_rows; i++) {
        row[activation](&z[i * n_cols], n_cols, bias);
    }
}

void trivet_mlp_softmax(double *z, size_t n_rows, size_t n_cols, size_t stride, const double *bias)
{
    for (size_t i = 0; i < n_rows; i++) {
        double *row = &z[i * stride];
        add_bias(row, n_cols, bias);
        double greatest = row[0];
        for (size_t j = 1; j < n_cols; j++) {
            greatest = row[j] > greatest ? row[j] : greatest;
        }
        exp_row(row, n_cols, greatest);
        double sum = 0.0;
        for (size_t j = 0; j < n_cols; j++) {
            sum += row[j];
        }
        for (size_t j = 0; j < n_cols; j++) {
            row[j] /= sum;
        }
    }
}

TRIVET_FOR_EACH_CPU
static void relu_back(const double *restrict a, double *restrict delta, size_t n_cols,
                      double *restrict sums)
{
    for (size_t j = 0; j < n_cols; j++) {
        double d = a[j] > 0.0 ? delta[j] : 0.0;
        delta[j] = d;
        sums[j] += d;
    }
}

TRIVET_FOR_EACH_CPU
static void tanh_back(const double *restrict a, double *restrict delta, size_t n_cols,
                      double *restrict sums)
{
    for (size_t j = 0; j < n_cols; j++) {
        double d = delta[j] * (1.0 - a[j] * a[j]);
        delta[j] = d;
        sums[j] += d;
    }
}

TRIVET_FOR_EACH_CPU
static void logistic_back(const double *restrict a, double *restrict delta, size_t n_cols,
                          double *restrict sums)
{
    for (size_t j = 0; j < n_cols; j++) {
        double d = delta[j] * a[j] * (1.0 - a[j]);
        delta[j] = d;
        sums[j] += d;
    }
}

TRIVET_FOR_EACH_CPU
static void identity_back(const double *restrict a, double *restrict delta, size_t n_cols,
                          double *restrict sums)
{
    (void)a;
    for (size_t j = 0; j < n_cols; j++) {
        sums[j] += delta[j];
    }
}

void trivet_mlp_derive(enum trivet_mlp_activation activation, const double *a, double *delta,
                       size_t n_rows, size_t n_cols, double *sums)
{
    static void (*const row[])(const double *restrict, double *restrict, size_t,
                               double *restrict) = {
        [TRIVET_MLP_RELU] = relu_back,
        [TRIVET_MLP_TANH] = tanh_back,
        [TRIVET_MLP_LOGISTIC] = logistic_back,
        [TRIVET_MLP_IDENTITY] = identity_back,
    };
    memset(sums, 0, n_cols * sizeof(double));
    for (size_t i = 0; i < n_rows; i++) {
        row[activation](&a[i * n_cols], &delta[i * n_cols], n_cols, sums);
    }
}

TRIVET_FOR_EACH_CPU
void trivet_mlp_multiply(double *a, const double *b, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        a[i] *= b[i];
    }
}

TRIVET_FOR_EACH_CPU
void trivet_mlp_scale(double *a, double factor, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        a[i] *= factor;
    }
}

TRIVET_FOR_EACH_CPU
static void scale_row(double *restrict out, const double *restrict b, double factor, size_t n)
{
    for (size_t j = 0; j < n; j++) {
        out[j] = factor * b[j];
    }
}

void trivet_mlp_outer(const double *a, size_t n_rows, const double *b, size_t n_cols, double *out)
{
    for (size_t i = 0; i < n_rows; i++) {
        scale_row(&out[i * n_cols], b, a[i], n_cols);
    }
}

TRIVET_FOR_EACH_CPU
static void adam(const struct trivet_mlp_step *step, double *restrict w, double *restrict m,
                 double *restrict v, const double *restrict g, size_t n)
{
    const double scale = 1.0 / step->divisor;
    const double decay = step->decay;
    const double beta_1 = step->beta_1;
    const double beta_2 = step->beta_2;
    const double rate = step->rate;
    const double epsilon = step->epsilon;
    for (size_t i = 0; i < n; i++) {
        double slope = (g[i] + decay * w[i]) * scale;
        double mean = beta_1 * m[i] + (1.0 - beta_1) * slope;
        double square = beta_2 * v[i] + (1.0 - beta_2) * (slope * slope);
        m[i] = mean;
        v[i] = square;
        w[i] -= rate * mean / (sqrt(square) + epsilon);
    }
}

void trivet_mlp_adam(const struct trivet_mlp_step *step, double *w, double *m, double *v,
                     const double *g, size_t n)
{
    adam(step, w, m, v, g, n);
}

TRIVET_FOR_EACH_CPU
static void descend(const struct trivet_mlp_step *step, double *restrict w, double *restrict v,
                    const double *restrict g, size_t n)
{
    const double scale = 1.0 / step->divisor;
    for (size_t i = 0; i < n; i++) {
        double slope = (g[i] + step->decay * w[i]) * scale;
        v[i] = step->momentum * v[i] - step->rate * slope;
        w[i] += v[i];
    }
}

TRIVET_FOR_EACH_CPU
static void descend_nesterov(const struct trivet_mlp_step *step, double *restrict w,
                             double *restrict v, const double *restrict g, size_t n)
{
    const double scale = 1.0 / step->divisor;
    for (size_t i = 0; i < n; i++) {
        double slope = (g[i] + step->decay * w[i]) * scale;
        v[i] = step->momentum * v[i] - step->rate * slope;
        w[i] += step->momentum * v[i] - step->rate * slope;
    }
}

void trivet_mlp_descend(const struct trivet_mlp_step *step, bool nesterov, double *w, double *v,
                        const double *g, size_t n)
{
    if (nesterov) {
        descend_nesterov(step, w, v, g, n);
    } else {
        descend(step, w, v, g, n);
    }
}
