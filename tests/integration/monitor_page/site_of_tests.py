"""What the page's tests look at: trivetd with trained models and traffic, and trivet-monitor."""

import math
import os
import random
import tempfile
import time

from harness import Client, CallError, feedback, start_monitor, start_trivetd


def flowers(n_rows):
    """Three classes that overlap, by two columns."""
    chance = random.Random(5)
    columns = {"length": [], "width": [], "kind": []}
    for i in range(n_rows):
        kind = i % 3
        columns["length"].append(chance.gauss(4 + 1.4 * kind, 0.8))
        columns["width"].append(chance.gauss(3 - 0.4 * kind, 0.5))
        columns["kind"].append(("rose", "tulip", "lily")[kind])
    return columns


def prices(n_rows):
    chance = random.Random(3)
    area = [chance.gauss(100, 20) for _ in range(n_rows)]
    rooms = [chance.gauss(4, 1) for _ in range(n_rows)]
    return {"area": area, "rooms": rooms,
            "price": [9 * a + 20 * r + chance.gauss(0, 10) for a, r in zip(area, rooms)]}


# One alert that stays, one that is soon over.
RULES = """
[down]
for = 1
[error_ratio]
threshold = 0.05
for = 1
resolve = 600
window = 10
minimum = 10
[error_burst]
kind = error_ratio
model = prices
threshold = 0.05
for = 1
resolve = 1
window = 3
minimum = 5
[drift]
for = 0
[latency_burn]
on = no
[latency_burn_fast]
on = no
"""


class Site:
    """Three models: prices (two versions, both called), flowers (a network, for its loss curve),
    and idle, which nobody calls."""

    def __init__(self, *monitor_arguments):
        self.temporary = tempfile.TemporaryDirectory(prefix="trivet-")
        self.folder = self.temporary.name
        self.trivetd = start_trivetd(self.folder)
        rules = os.path.join(self.folder, "rules.ini")
        with open(rules, "w") as file:
            file.write(RULES)
        try:
            self.monitor = start_monitor(self.folder, self.trivetd, "--rules", rules,
                                         *monitor_arguments)
        except RuntimeError:
            self.trivetd.kill()
            raise
        self.url = self.monitor.ready["http"]
        self.client = Client(self.trivetd.ready["listen"])
        self.chance = random.Random(1)
        self.undisturbed = []  # calls of flowers as in training

    def train(self):
        houses = self.client.upload(prices(600)).id
        garden = self.client.upload(flowers(900)).id
        for _ in range(2):
            self.client.train_and_wait("prices", houses, "price", test_size=0.25)
        self.flowers_job = self.client.train_and_wait(
            "flowers", garden, "kind", estimator="mlp_classifier", test_size=0.3)
        self.client.train_and_wait("idle", houses, "price")
        self.client.deploy("prices", 1, reason="the first one")
        self.client.deploy("prices", 2, reason="<b>fresher</b> rows & more")
        self.client.deploy("flowers", 1)
        return garden

    def call(self, seconds):
        """Calls that work, rows that fail, calls that fail."""
        end = time.monotonic() + seconds
        gauss = self.chance.gauss
        while time.monotonic() < end:
            self.client.predict("prices", [[gauss(100, 20), gauss(4, 1)] for _ in range(8)])
            self.client.predict("prices", [[gauss(100, 20), gauss(4, 1)]], version=1)
            self.client.predict("flowers", [[gauss(5, 1.5), gauss(2.6, 0.6)] for _ in range(4)])
            self.client.predict("prices", [[math.nan, 4], [100, 4]])
            try:
                self.client.predict("prices", [[1.0]])
                raise AssertionError("a wrong width was taken")
            except CallError:
                pass
            time.sleep(0.02)

    def drift(self, seconds):
        """Undisturbed calls for half of the time, then the length is not as in training."""
        begin = time.monotonic()
        gauss = self.chance.gauss
        while time.monotonic() < begin + seconds:
            moved = 2.5 if time.monotonic() > begin + seconds / 2 else 0
            rows = [[gauss(4 + 1.4 * (i % 3) + moved, 0.8), gauss(3 - 0.4 * (i % 3), 0.5)]
                    for i in range(90)]
            reply = self.client.predict("flowers", rows)
            if moved == 0:
                self.undisturbed.append(reply.prediction_id)
            time.sleep(0.02)

    def label(self):
        """What the undisturbed flowers were."""
        outcomes = [feedback.Outcome(prediction="%s/%d" % (call, i),
                                     label=("rose", "tulip", "lily")[i % 3])
                    for call in self.undisturbed[-20:] for i in range(90)]
        self.client.call("Feedback/Record", feedback.RecordRequest(
            model="flowers", outcomes=outcomes), feedback.RecordResponse)

    def close(self):
        self.client.close()
        self.monitor.kill()
        self.trivetd.kill()
        self.temporary.cleanup()


def pictures_folder():
    """Beside the programs: pictures of every page are kept there."""
    folder = os.path.join(os.path.dirname(os.path.abspath(os.environ["TRIVET_BIN"])), "pages")
    os.makedirs(folder, exist_ok=True)
    return folder
