"""OLS and ridge on scikit-learn's diabetes data, through the RPC: coefficients and predictions
within 1e-8 relative of scikit-learn's."""

import numpy
from sklearn.datasets import load_diabetes
from sklearn.linear_model import LinearRegression, Ridge

from harness import *

TOLERANCE = 1e-8


class Diabetes(ServerTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        loaded = load_diabetes()
        cls.x, cls.y, cls.names = loaded.data, loaded.target, loaded.feature_names
        client = Client(cls.url)
        columns = {name: cls.x[:, j].tolist() for j, name in enumerate(cls.names)}
        columns["progression"] = cls.y.tolist()
        cls.dataset = client.upload(columns)
        client.close()

    def largest_difference(self, ours, reference):
        ours, reference = numpy.asarray(ours), numpy.asarray(reference)
        return numpy.max(numpy.abs(ours - reference) / numpy.abs(reference))

    def compare(self, model, params, reference):
        job = self.client.train_and_wait(model, self.dataset.id, "progression", params=params,
                                         transformers=[])
        report = job.report
        self.assertEqual([c.feature for c in report.coefficients], list(self.names))
        reference.fit(self.x, self.y)
        self.client.deploy(model, job.version)
        reply = self.client.predict(model, self.x.tolist())
        checks = {
            "coefficients": self.largest_difference([c.value for c in report.coefficients],
                                                    reference.coef_),
            "intercept": self.largest_difference([report.intercept], [reference.intercept_]),
            "predictions": self.largest_difference(reply.outputs[0].f64,
                                                   reference.predict(self.x)),
        }
        for name, difference in checks.items():
            print("%s %s: largest relative difference %.2e (tolerance %.0e)" % (
                model, name, difference, TOLERANCE))
            self.assertLessEqual(difference, TOLERANCE)
        r2 = {m.name: m.value for m in report.train.metrics}["r2"]
        self.assertAlmostEqual(r2, reference.score(self.x, self.y), 10)
        self.assertTrue(report.fit.converged)
        self.assertEqual(report.fit.rank, self.x.shape[1])

    def test_ols(self):
        self.compare("ols", {"penalty": "none"}, LinearRegression())

    def test_ridge(self):
        self.compare("ridge", {"penalty": "l2", "alpha": 1.0}, Ridge())

    def test_ridge_of_small_alpha(self):
        self.compare("ridge-small", {"penalty": "l2", "alpha": 0.01}, Ridge(alpha=0.01))

    def test_the_comparison_catches_a_fault(self):
        with self.assertRaises(AssertionError):
            self.compare("planted", {"penalty": "l2", "alpha": 1.0}, Ridge(alpha=1.000001))


if __name__ == "__main__":
    main()
