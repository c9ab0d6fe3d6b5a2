"""Every estimator and every transformer of the server: trained through RPC, served, explained,
saved, and after a kill of the server loaded again with identical predictions."""

import tempfile

import numpy

from harness import *  # the way to the package too

import trivet

ROWS = 120
# Parameters that keep a small fit short, or that the transformer's kind of data needs.
ESTIMATORS = {
    "mlp_classifier": {"hidden_layers": "8", "epochs": 20},
    "mlp_regressor": {"hidden_layers": "8", "epochs": 20},
    "kmeans": {"n_clusters": 3},
}
TRANSFORMERS = {
    "pca": {"n_components": 2},
    "select_k_best": {"k": 2},
    "lag": {"lags": "1,2"},
}
# Transformers of text columns; what they leave as numbers may be missing, and is imputed.
TEXT = ("one_hot_encoder", "ordinal_encoder", "tfidf", "hashing")


def rows(seed, n_rows=ROWS):
    random = numpy.random.default_rng(seed)
    columns = {"n%d" % j: random.normal(size=n_rows) for j in range(4)}
    columns["town"] = random.choice(["riverside", "old town", "harbour"], n_rows)
    columns["price"] = columns["n0"] - 2 * columns["n1"] + random.normal(size=n_rows) / 4
    columns["kind"] = numpy.where(columns["price"] > 0.5, "dear",
                                  numpy.where(columns["price"] < -0.5, "cheap", "middling"))
    return columns


class EveryModel(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory(prefix="trivet-")
        self.addCleanup(temporary.cleanup)
        self.folder = temporary.name
        self.start()
        self.addCleanup(lambda: (self.client.close(), self.trivetd.kill()))
        self.train_rows, self.new_rows = rows(1), rows(2, 30)

    def start(self):
        self.trivetd = start_trivetd(self.folder)
        self.client = trivet.connect(self.trivetd.ready["listen"])

    def restart_after_kill(self):
        self.client.close()
        self.trivetd.kill()
        self.start()

    def train_estimator(self, info):
        target = {1: "price", 2: "kind", 3: None}[info.task]
        columns = ["n0", "n1", "n2", "n3", "town"]
        job = self.client.train(info.name, self.train_rows, target=target, estimator=info.name,
                                parameters=ESTIMATORS.get(info.name), columns=columns, seed=5)
        self.client.promote(info.name, job.version)
        return info.name

    def train_transformer(self, info):
        name = "with-%s" % info.name.replace("_", "-")
        text = info.name in TEXT
        steps = [(info.name, TRANSFORMERS.get(info.name, {}),
                  ["town"] if text else ["n0", "n1", "n2", "n3"])]
        split = "time" if info.name in ("lag", "rolling_window") else None
        steps.append(("imputer", {"strategy": "mean"}, ["n0"]))
        job = self.client.train(name, self.train_rows, target="price", transformers=steps,
                                columns=["n0", "n1", "n2", "n3"] + (["town"] if text else []),
                                split=split, seed=5)
        self.client.promote(name, job.version)
        return name

    def predictions(self, names):
        return {name: self.client.predict(name, self.new_rows).outputs for name in names}

    def test_survives_a_kill(self):
        infos = self.client.estimators()
        estimators = [self.train_estimator(info) for info in infos if info.kind == "estimator"]
        transformers = [self.train_transformer(info) for info in infos
                        if info.kind == "transformer"]
        names = estimators + transformers
        before = self.predictions(names)
        self.restart_after_kill()
        after = self.predictions(names)
        for name in names:
            self.assertEqual(list(before[name]), list(after[name]))
            for output, values in before[name].items():
                numpy.testing.assert_array_equal(values, after[name][output], "%s: %s" % (
                    name, output))
        print("%d estimators and %d transformers predict the same after a kill: %s" % (
            len(estimators), len(transformers), ", ".join(names)))

    def test_explanations_sum_to_the_output(self):
        for info in self.client.estimators():
            if info.kind != "estimator":
                continue
            name = self.train_estimator(info)
            told = self.client.explain(name, self.new_rows, seed=3)
            sums = told.base_values + told.contributions.sum(axis=2)
            numpy.testing.assert_allclose(sums, told.values, rtol=0, atol=1e-9, err_msg=name)
            predicted = self.client.predict(name, self.new_rows)
            explained = {"prediction": "prediction", "probabilities": "probabilities",
                         "scores": "scores", "margin": "scores",
                         "distances": "distances"}.get(told.explained)
            if explained is not None:
                output = predicted.outputs[explained].reshape(told.values.shape)
                numpy.testing.assert_allclose(told.values, output, rtol=1e-5, atol=1e-6,
                                              err_msg=name)
            else:
                self.assertEqual(told.explained, "log-odds", name)
                best = (told.values[:, 0] > 0).astype(int) if told.values.shape[1] == 1 else (
                    told.values.argmax(axis=1))
                classes = sorted(set(self.train_rows["kind"]))
                self.assertEqual([classes[k] for k in best], list(predicted.labels), name)
            print("%s: %s explained, %d features" % (
                name, told.explained, told.contributions.shape[2]))


if __name__ == "__main__":
    main()
