"""Transformers that make or choose features, before a linear model, against scikit-learn's Pipeline."""

from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.feature_extraction.text import HashingVectorizer, TfidfVectorizer
from sklearn.feature_selection import SelectKBest, f_regression
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (KBinsDiscretizer, Normalizer, PolynomialFeatures,
                                   PowerTransformer, StandardScaler)

from case import Case
from comparators import coefficients, predictions

EXACT = [coefficients(1e-8), predictions(1e-8)]
# A power is found to the rounding of its likelihood, which is flat there.
BY_POWER = [predictions(1e-6)]
L2 = {"penalty": "l2"}


def made(transformers, *reference, data="diabetes", compare=EXACT):
    return Case("linear_regression", data, lambda: make_pipeline(*reference, Ridge()), compare, L2,
                transformers)


def of_texts(step, vectorizer):
    """One column of text, named in the data."""
    return Case("linear_regression", "texts", lambda: make_pipeline(ColumnTransformer(
        [("text", vectorizer, "text")], sparse_threshold=0), Ridge()), EXACT, L2, [step])


CASES = [
    made(["polynomial_features"], PolynomialFeatures(include_bias=False)),
    made([("polynomial_features", {"degree": 3, "interaction_only": True})],
         PolynomialFeatures(3, interaction_only=True, include_bias=False)),
    made([("quantile_binner", {"n_bins": 4, "encode": "ordinal"})],
         KBinsDiscretizer(4, encode="ordinal")),
    made([("quantile_binner", {"strategy": "uniform"})],
         KBinsDiscretizer(5, encode="onehot-dense", strategy="uniform"), data="iris_lengths"),
    made(["normalizer"], Normalizer(), data="iris_lengths"),
    made([("normalizer", {"norm": "max"})], Normalizer("max"), data="iris_lengths"),
    made(["power_transformer"], PowerTransformer(), compare=BY_POWER),
    made([("power_transformer", {"method": "box_cox"})], PowerTransformer("box-cox"),
         data="iris_lengths", compare=BY_POWER),
    made(["standard_scaler", ("pca", {"n_components": 5})], StandardScaler(),
         PCA(5, svd_solver="full")),
    made([("pca", {"n_components": 0.9, "whiten": True})],
         PCA(0.9, whiten=True, svd_solver="full"), data="collinear"),
    made([("pca", {"n_components": 20})], PCA(20, svd_solver="full"), data="wide"),
    made([("select_k_best", {"k": 10})], SelectKBest(f_regression, k=10), data="wide"),
    of_texts("tfidf", TfidfVectorizer()),
    of_texts(("tfidf", {"ngram_max": 2, "min_df": 3, "max_df": 0.3, "sublinear_tf": True}),
             TfidfVectorizer(ngram_range=(1, 2), min_df=3, max_df=0.3, sublinear_tf=True)),
    of_texts(("hashing", {"n_features": 64}), HashingVectorizer(n_features=64)),
    of_texts(("hashing", {"n_features": 100, "ngram_max": 3, "alternate_sign": False}),
             HashingVectorizer(n_features=100, ngram_range=(1, 3), alternate_sign=False)),
]
