/* Least value of a function of one variable. */
#ifndef TRIVET_MODELS_BRENT_H
#define TRIVET_MODELS_BRENT_H

/* x of a local minimum of f, where f(x, ctx) may be infinite but not NaN: a bracket is sought
 * downhill from `a` and `b` by golden-section and parabolic steps, then narrowed by Brent's method
 * (Algorithms for Minimization Without Derivatives, 1973, ch. 5) to 1.48e-8 relative plus 1e-11;
 * constants and order of steps are those of scipy.optimize.brent, so that both stop at the same
 * place. At most 500 steps; f is evaluated once a step. */
double trivet_brent_minimise(double (*f)(double x, void *ctx), void *ctx, double a, double b);

#endif
