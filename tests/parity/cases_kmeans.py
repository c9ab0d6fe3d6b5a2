"""k-means: the same centres from the same start; from starts of its own as good as the best of ten."""

from sklearn.cluster import KMeans

from case import Case
from comparators import distances, inertia
from pipelines import steps

SAME = [distances(1e-8), inertia()]


def from_first_rows(data, k, prepared=True, **parameters):
    transformers, behind = steps(data) if prepared else ((), lambda estimator: estimator)

    class FromFirst(KMeans):
        def fit(self, x, y=None, sample_weight=None):
            self.init = x[:k]
            return super().fit(x)

    return Case("kmeans", data + ":x", lambda: behind(FromFirst(k, n_init=1, **parameters)), SAME,
                {"n_clusters": k, "init": "first_k", **parameters}, transformers)


def best_of_ten(data, k, prepared=True):
    transformers, behind = steps(data) if prepared else ((), lambda estimator: estimator)
    return Case("kmeans", data + ":x",
                lambda: behind(KMeans(k, n_init=10, random_state=0)), [inertia()],
                {"n_clusters": k, "n_init": 10}, transformers)


CASES = [
    from_first_rows("iris", 3), from_first_rows("wine", 3), from_first_rows("breast_cancer", 2),
    from_first_rows("digits", 10, prepared=False), from_first_rows("mixed", 4),
    from_first_rows("gaps", 5), from_first_rows("collinear", 4, tol=0, max_iter=50),
    from_first_rows("large", 8, max_iter=20), from_first_rows("blobs", 5, prepared=False),
    *(best_of_ten(data, k) for data, k in [
        ("iris", 3), ("wine", 3), ("breast_cancer", 2), ("mixed", 4), ("diabetes", 2)]),
    best_of_ten("digits", 10, prepared=False), best_of_ten("blobs", 5, prepared=False),
]
