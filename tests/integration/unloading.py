"""Loaded versions over --model-memory are unloaded: calls by number load them again, whatever else
is loaded meanwhile."""

import random
import threading
import time

from harness import *

N_VERSIONS = 4


class Unloading(ServerTest):
    server_arguments = ("--model-memory", "1")  # room for none: one load unloads the one before

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        source = random.Random(1)
        a = [source.gauss(0, 1) for _ in range(200)]
        b = [source.gauss(0, 1) for _ in range(200)]
        client = Client(cls.url)
        dataset = client.upload({"a": a, "b": b, "y": [x + 3 * y for x, y in zip(a, b)]}).id
        for seed in range(N_VERSIONS):
            client.train_and_wait("numbered", dataset, "y", seed=seed)
        client.close()

    def loaded(self):
        stats = self.client.call("Server/Stats", server.StatsRequest(), server.StatsResponse)
        return stats.server.models_loaded

    def test_calls_by_number_while_others_unload(self):
        failures, answered, stop = [], [0] * N_VERSIONS, threading.Event()

        def load(index):
            client = Client(self.url)
            version = 1 + index % N_VERSIONS
            while not stop.is_set():
                try:
                    answer = client.predict("numbered", [[1.0, 1.0]], version=version)
                    assert answer.version == version, answer
                    answered[index % N_VERSIONS] += 1
                except CallError as error:
                    failures.append(str(error))
            client.close()

        threads = [threading.Thread(target=load, args=(i,)) for i in range(2 * N_VERSIONS)]
        for thread in threads:
            thread.start()
        began = time.monotonic()
        while time.monotonic() < began + (2 if min(answered) > 0 else 40):
            time.sleep(0.1)
        stop.set()
        for thread in threads:
            thread.join()
        self.assertEqual(failures, [])
        self.assertGreater(min(answered), 0)
        self.assertEqual(self.loaded(), 1)
        with open(self.trivetd.log_path) as log:
            self.assertLessEqual(log.read().count("models_over_memory_cap"), 2)

    def test_what_answers_stays_and_the_rest_goes(self):
        self.client.deploy("numbered", 2)
        self.client.call("Models/SetTraffic", models.SetTrafficRequest(
            model="numbered", shares=[models.TrafficShare(version=2, weight=1),
                                      models.TrafficShare(version=3, weight=1)]), models.Model)
        for version in (1, 4, 1):
            self.assertEqual(
                self.client.predict("numbered", [[1.0, 1.0]], version=version).version, version)
            self.assertEqual(self.loaded(), 3)
        seen = {self.client.predict("numbered", [[1.0, 1.0]]).version for _ in range(60)}
        self.assertEqual(seen, {2, 3})


if __name__ == "__main__":
    main()
