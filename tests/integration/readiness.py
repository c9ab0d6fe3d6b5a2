"""Ready means that what must answer can: the models that are required, by option or config file, and
every version that an alias points at; also after a model was deleted and after a restart."""

import json
import os
import sqlite3
import tempfile

from harness import *


class Readiness(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory(prefix="trivet-")
        self.addCleanup(temporary.cleanup)
        self.folder = temporary.name
        self.trivetd = None
        self.addCleanup(lambda: self.trivetd.kill())

    def start(self, *arguments):
        self.trivetd = start_trivetd(self.folder, *arguments)
        self.client = Client(self.trivetd.ready["listen"])

    def stop(self):
        self.client.close()
        self.assertEqual(self.trivetd.stop(), 0)

    def ready(self):
        response = self.client.call("Server/Ready", server.ReadyRequest(), server.ReadyResponse)
        done = run_cli(self.trivetd.ready["listen"], "status", "--json", check=False)
        told = json.loads(done.stdout)
        self.assertEqual((told["ready"], told["reason"], done.returncode),
                         (response.ready, response.reason, 0 if response.ready else 1))
        self.assertEqual(response.ready, response.reason == "")
        return response.reason

    def train(self, model):
        columns = {"x": [float(i) for i in range(40)], "y": [2.0 * i for i in range(40)]}
        return self.client.train_and_wait(model, self.client.upload(columns).id, "y").version

    def delete(self, model):
        self.client.call("Models/Delete", models.DeleteModelRequest(model=model),
                         models.DeleteModelResponse)

    def test_required_models(self):
        config = os.path.join(self.folder, "trivetd.conf")
        with open(config, "w") as out:
            out.write("[trivetd]\nrequire-model = house\nrequire-model = car\n")
        self.start("--config", config)
        self.assertIn("required model 'house' has no version in production", self.ready())
        version = self.train("house")
        self.client.deploy("house", version, alias="staging")
        self.assertIn("'house'", self.ready())  # another alias is not it
        self.client.deploy("house", version)
        self.assertIn("'car'", self.ready())
        self.client.deploy("car", self.train("car"))
        self.assertEqual(self.ready(), "")
        self.stop()
        self.start("--config", config)
        self.assertEqual(self.ready(), "")
        self.delete("house")
        self.assertIn("'house'", self.ready())
        self.client.deploy("house", self.train("house"))
        self.assertEqual(self.ready(), "")
        self.stop()
        self.start("--config", config, "--require-model", "boat")  # instead of the file's
        self.assertIn("'boat'", self.ready())
        self.stop()

    def test_a_version_that_is_damaged(self):
        self.start()
        for model in ("good", "bad"):
            self.client.deploy(model, self.train(model))
        self.assertEqual(self.ready(), "")
        self.stop()
        with sqlite3.connect(os.path.join(self.folder, "data", "catalog.db")) as catalog:
            changed = catalog.execute("UPDATE artefact_parts SET data = x'00' WHERE version_key = "
                                      "(SELECT key FROM versions WHERE model = 'bad')")
            self.assertEqual(changed.rowcount, 1)
        catalog.close()
        self.start()
        self.assertIn("bad@production could not be loaded", self.ready())
        self.assertEqual(self.client.predict("good", [[1.0]]).version, 1)
        self.client.deploy("bad", self.train("bad"))
        self.assertEqual(self.ready(), "")
        self.stop()


if __name__ == "__main__":
    main()
