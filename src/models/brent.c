#include "models/brent.h"

#include <math.h>
#include <stdbool.h>

#define GOLDEN       1.618034
#define GOLDEN_STEP  0.3819660
#define TINY         1e-21
#define GROW_MAX     110.0
#define TOLERANCE    1.48e-8
#define TOLERANCE_0  1e-11
#define STEPS_MAX    500
#define BRACKETS_MAX 1000

struct function {
    double (*f)(double x, void *ctx);
    void *ctx;
};

struct point {
    double x;
    double f;
};

static struct point at(const struct function *function, double x)
{
    return (struct point){.x = x, .f = function->f(x, function->ctx)};
}

/* Where the parabola through the three points turns, moved off a division by 0. */
static double parabola_turn(struct point a, struct point b, struct point c)
{
    double ab = (b.x - a.x) * (b.f - c.f);
    double bc = (b.x - c.x) * (b.f - a.f);
    double value = bc - ab;
    double divisor = fabs(value) < TINY ? 2.0 * TINY : 2.0 * value;
    return b.x - ((b.x - c.x) * bc - (b.x - a.x) * ab) / divisor;
}

/* Points a, b, c with b between and not above them, where there are such. */
static void bracket(const struct function *function, struct point *a, struct point *b,
                    struct point *c)
{
    if (a->f < b->f) {
        struct point swapped = *a;
        *a = *b;
        *b = swapped;
    }
    *c = at(function, b->x + GOLDEN * (b->x - a->x));
    for (int step = 0; c->f < b->f && step < BRACKETS_MAX; step++) {
        double turn = parabola_turn(*a, *b, *c);
        double limit = b->x + GROW_MAX * (c->x - b->x);
        struct point w;
        if ((turn - c->x) * (b->x - turn) > 0.0) {
            w = at(function, turn);
            if (w.f < c->f) {
                *a = *b;
                *b = w;
                return;
            }
            if (w.f > b->f) {
                *c = w;
                return;
            }
            w = at(function, c->x + GOLDEN * (c->x - b->x));
        } else if ((turn - limit) * (limit - c->x) >= 0.0) {
            w = at(function, limit);
        } else if ((turn - limit) * (c->x - turn) > 0.0) {
            w = at(function, turn);
            if (w.f < c->f) {
                *b = *c;
                *c = w;
                w = at(function, c->x + GOLDEN * (c->x - b->x));
            }
        } else {
            w = at(function, c->x + GOLDEN * (c->x - b->x));
        }
        *a = *b;
        *b = *c;
        *c = w;
    }
}

/* Best, second and third best so far, the ends, and the last two steps. */
struct search {
    struct point best;
    struct point second;
    struct point third;
    double low;
    double high;
    double step;
    double step_before;
};

/* The next step: to where the parabola turns if that is well inside, else a golden section. */
static void choose_step(struct search *s, double middle, double tolerance)
{
    double x = s->best.x;
    bool golden = fabs(s->step_before) <= tolerance;
    if (!golden) {
        double first = (x - s->second.x) * (s->best.f - s->third.f);
        double second = (x - s->third.x) * (s->best.f - s->second.f);
        double p = (x - s->third.x) * second - (x - s->second.x) * first;
        double q = 2.0 * (second - first);
        double before = s->step_before;
        p = q > 0.0 ? -p : p;
        q = fabs(q);
        s->step_before = s->step;
        golden =
            !(p > q * (s->low - x) && p < q * (s->high - x) && fabs(p) < fabs(0.5 * q * before));
        if (!golden) {
            s->step = p / q;
            double next = x + s->step;
            if (next - s->low < 2.0 * tolerance || s->high - next < 2.0 * tolerance) {
                s->step = middle - x >= 0.0 ? tolerance : -tolerance;
            }
        }
    }
    if (golden) {
        s->step_before = x >= middle ? s->low - x : s->high - x;
        s->step = GOLDEN_STEP * s->step_before;
    }
}

static void take(struct search *s, struct point u)
{
    if (u.f > s->best.f) {
        if (u.x < s->best.x) {
            s->low = u.x;
        } else {
            s->high = u.x;
        }
        if (u.f <= s->second.f || s->second.x == s->best.x) {
            s->third = s->second;
            s->second = u;
        } else if (u.f <= s->third.f || s->third.x == s->best.x || s->third.x == s->second.x) {
            s->third = u;
        }
        return;
    }
    if (u.x >= s->best.x) {
        s->low = s->best.x;
    } else {
        s->high = s->best.x;
    }
    s->third = s->second;
    s->second = s->best;
    s->best = u;
}

double trivet_brent_minimise(double (*f)(double x, void *ctx), void *ctx, double a, double b)
{
    const struct function function = {.f = f, .ctx = ctx};
    struct point left = at(&function, a);
    struct point inner = at(&function, b);
    struct point right;
    bracket(&function, &left, &inner, &right);
    struct search s = {.best = inner, .second = inner, .third = inner};
    s.low = fmin(left.x, right.x);
    s.high = fmax(left.x, right.x);
    for (int step = 0; step < STEPS_MAX; step++) {
        double tolerance = TOLERANCE * fabs(s.best.x) + TOLERANCE_0;
        double middle = 0.5 * (s.low + s.high);
        if (fabs(s.best.x - middle) < 2.0 * tolerance - 0.5 * (s.high - s.low)) {
            break;
        }
        choose_step(&s, middle, tolerance);
        double moved = fabs(s.step) < tolerance ? copysign(tolerance, s.step) : s.step;
        take(&s, at(&function, s.best.x + moved));
    }
    return s.best.x;
}
