"""scikit-learn's pipelines in front of a reference, and the server's that are the same."""

from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

# The columns of data_sets' mixed data.
NUMERIC, CATEGORICAL = ["area", "rooms", "age", "same"], ["district", "heating"]


def columns(*numeric_steps, encoder=None):
    """Of both kinds of columns, as the server lays them out: numbers first."""
    return ColumnTransformer([
        ("numeric", make_pipeline(*(numeric_steps or (SimpleImputer(), StandardScaler()))), NUMERIC),
        ("categorical", make_pipeline(SimpleImputer(strategy="most_frequent"),
                                      encoder or OneHotEncoder(sparse_output=False)), CATEGORICAL)])


def default(estimator):
    """What the server puts before an estimator where it is not told (transformers=None)."""
    return make_pipeline(columns(), estimator)


def scaled(estimator):
    """transformers=["standard_scaler"]"""
    return make_pipeline(StandardScaler(), estimator)


def filled(estimator):
    """transformers=["imputer", "standard_scaler"]"""
    return make_pipeline(SimpleImputer(), StandardScaler(), estimator)


# Where a family's estimator is put behind what its data needs: (ours, reference's).
STEPS = {"mixed": (None, default), "mixed_classes": (None, default),
         "gaps": (["imputer", "standard_scaler"], filled)}


def steps(data):
    """(transformers, function of an estimator) for a data set: scaled, filled where values miss."""
    return STEPS.get(data, (["standard_scaler"], scaled))
