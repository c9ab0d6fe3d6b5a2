/* The curves of a ranking, thinned while they are walked along.
 *
 * Point 0 is the start, where no row is taken for positive; point i has threshold i - 1. Of a curve
 * with too many points the two ends are kept, and between them the first and the last of every
 * piece: what is replaced by straight lines then lies within pieces, and a leap between two
 * thresholds stays as it is. */
#include "metrics/ranking_internal.h"

struct walk {
    const struct trivet_ranking *ranking;
    struct trivet_curve_point (*point)(const struct trivet_ranking *ranking, size_t i);
    double (*progress)(const struct trivet_curve_point *point); /* in [0, 1], never falling */
    bool (*is_straight)(const struct trivet_ranking *ranking, size_t before, size_t i); /* i, i+1 */
};

static double highest_and_one(const struct trivet_ranking *ranking)
{
    return ranking->thresholds[0] + 1.0;
}

static struct trivet_curve_point roc_point(const struct trivet_ranking *ranking, size_t i)
{
    if (i == 0) {
        return (struct trivet_curve_point){0.0, 0.0, highest_and_one(ranking)};
    }
    return (struct trivet_curve_point){
        .x = (double)ranking->n_false[i - 1] / (double)ranking->n_negative,
        .y = (double)ranking->n_true[i - 1] / (double)ranking->n_positive,
        .threshold = ranking->thresholds[i - 1],
    };
}

static double roc_progress(const struct trivet_curve_point *point)
{
    return (point->x + point->y) / 2.0;
}

static uint64_t n_true_at(const struct trivet_ranking *ranking, size_t i)
{
    return i == 0 ? 0 : ranking->n_true[i - 1];
}

static uint64_t n_false_at(const struct trivet_ranking *ranking, size_t i)
{
    return i == 0 ? 0 : ranking->n_false[i - 1];
}

/* Whether point i lies on the line from point `before` to point i + 1. */
static bool roc_is_straight(const struct trivet_ranking *ranking, size_t before, size_t i)
{
    uint64_t up = n_true_at(ranking, i) - n_true_at(ranking, before);
    uint64_t right = n_false_at(ranking, i) - n_false_at(ranking, before);
    uint64_t next_up = n_true_at(ranking, i + 1) - n_true_at(ranking, i);
    uint64_t next_right = n_false_at(ranking, i + 1) - n_false_at(ranking, i);
    return (unsigned __int128)up * next_right == (unsigned __int128)next_up * right;
}

static struct trivet_curve_point pr_point(const struct trivet_ranking *ranking, size_t i)
{
    if (i == 0) {
        return (struct trivet_curve_point){0.0, 1.0, highest_and_one(ranking)};
    }
    uint64_t n_true = ranking->n_true[i - 1];
    return (struct trivet_curve_point){
        .x = (double)n_true / (double)ranking->n_positive,
        .y = (double)n_true / (double)(n_true + ranking->n_false[i - 1]),
        .threshold = ranking->thresholds[i - 1],
    };
}

static double pr_progress(const struct trivet_curve_point *point)
{
    return point->x;
}

/* Precision bends between any two points. */
static bool never_straight(const struct trivet_ranking *ranking, size_t before, size_t i)
{
    (void)ranking;
    (void)before;
    (void)i;
    return false;
}

/* The next corner after point i: points on a straight line are passed over. */
static size_t next_corner(const struct walk *walk, size_t i)
{
    size_t last = walk->ranking->n_thresholds;
    size_t next = i + 1;
    while (next < last && walk->is_straight(walk->ranking, i, next)) {
        next++;
    }
    return next;
}

static size_t count_corners(const struct walk *walk)
{
    size_t count = 1;
    for (size_t i = 0; i < walk->ranking->n_thresholds; i = next_corner(walk, i)) {
        count++;
    }
    return count;
}

static size_t piece_of(const struct walk *walk, size_t i, size_t n_pieces)
{
    struct trivet_curve_point point = walk->point(walk->ranking, i);
    size_t piece = (size_t)(walk->progress(&point) * (double)n_pieces);
    return piece < n_pieces ? piece : n_pieces - 1;
}

static size_t draw(const struct walk *walk, struct trivet_curve_point *out, size_t n_points_max)
{
    const struct trivet_ranking *ranking = walk->ranking;
    if (ranking->n_positive == 0 || ranking->n_negative == 0) {
        return 0;
    }
    size_t last = ranking->n_thresholds;
    bool all = count_corners(walk) <= n_points_max;
    size_t n_pieces = (n_points_max - 2) / 2;
    size_t count = 0;
    size_t piece_before = SIZE_MAX;
    out[count++] = walk->point(ranking, 0);
    for (size_t i = next_corner(walk, 0); i < last;) {
        size_t next = next_corner(walk, i);
        size_t piece = piece_of(walk, i, n_pieces);
        bool is_first = piece != piece_before;
        bool is_last = next == last || piece_of(walk, next, n_pieces) != piece;
        if (all || is_first || is_last) {
            out[count++] = walk->point(ranking, i);
        }
        piece_before = piece;
        i = next;
    }
    out[count++] = walk->point(ranking, last);
    return count;
}

size_t trivet_ranking_points_max(const struct trivet_ranking *ranking)
{
    return ranking->n_thresholds + 1;
}

size_t trivet_ranking_roc_curve(const struct trivet_ranking *ranking,
                                struct trivet_curve_point *out, size_t n_points_max)
{
    const struct walk walk = {.ranking = ranking,
                              .point = roc_point,
                              .progress = roc_progress,
                              .is_straight = roc_is_straight};
    return draw(&walk, out, n_points_max);
}

size_t trivet_ranking_pr_curve(const struct trivet_ranking *ranking, struct trivet_curve_point *out,
                               size_t n_points_max)
{
    const struct walk walk = {.ranking = ranking,
                              .point = pr_point,
                              .progress = pr_progress,
                              .is_straight = never_straight};
    return draw(&walk, out, n_points_max);
}
