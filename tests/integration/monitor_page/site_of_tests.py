"""What the page's tests look at: trivetd with trained models and traffic, and trivet-monitor."""

import math
import os
import random
import tempfile
import time

from harness import Client, CallError, feedback, models, start_monitor, start_trivetd

# As long as names may be, or longer than a table has room for.
LENGTH = "length_of_the_longest_petal_in_millimetres_by_the_gardener"
IDLE = "idle-and-of-the-longest-name-there-may-be-for-a-model-0123456789"


def percent(ratio):
    """As the pages say it."""
    return "%.*g %%" % (3 if ratio >= 0.1 else 2, 100 * ratio)


def flowers(n_rows):
    """Three classes that overlap, by two columns."""
    chance = random.Random(5)
    columns = {LENGTH: [], "width": [], "kind": []}
    for i in range(n_rows):
        kind = i % 3
        columns[LENGTH].append(chance.gauss(4 + 1.4 * kind, 0.8))
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


# A round that begins by itself, trains a challenger, and has it shadow for as long as the test runs.
POLICY = """
[loop]
check = 0.1s
[loop visits]
on_drift = no
on_quality = no
new_labels = 200
labels_min = 200
pause = 0
holdout_rows_min = 20
shadow_for = 1h
"""


class Site:
    """Models: prices (two versions, both called), flowers (a network, for its loss curve), rents (a
    canary), visits (retrained by itself, with a shadow), and one of a long name that nobody calls.
    One job has failed."""

    def __init__(self, *monitor_arguments):
        self.temporary = tempfile.TemporaryDirectory(prefix="trivet-")
        self.folder = self.temporary.name
        self.trivetd = start_trivetd(self.folder)
        rules = os.path.join(self.folder, "rules.ini")
        with open(rules, "w") as file:
            file.write(RULES)
        policy = os.path.join(self.folder, "policy.ini")
        with open(policy, "w") as file:
            file.write(POLICY)
        try:
            self.monitor = start_monitor(self.folder, self.trivetd, "--rules", rules, "--policy",
                                         policy, *monitor_arguments)
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
        self.client.train_and_wait(IDLE, houses, "price")
        self.release(houses)
        self.client.deploy("prices", 1, reason="the first one")
        self.client.deploy("prices", 2, reason="<b>fresher</b> rows & more")
        self.client.deploy("flowers", 1)
        return garden

    def release(self, houses):
        """A canary, a model for the loop, and a job that fails."""
        ask = self.client.call
        for _ in range(2):
            self.client.train_and_wait("rents", houses, "price", test_size=0.25)
        self.client.deploy("rents", 1)
        ask("Models/SetTraffic", models.SetTrafficRequest(model="rents", shares=[
            models.TrafficShare(version=1, weight=3), models.TrafficShare(version=2, weight=1)]),
            models.Model)
        low = [float(i) / 5 for i in range(200)]
        seen = self.client.upload({"day": low, "visits": [2 * x for x in low]}).id
        self.client.train_and_wait("visits", seen, "visits", "decision_tree_regressor",
                                   test_size=0.2)
        ask("Models/Configure", models.ConfigureRequest(
            model="visits", settings=models.ModelSettings(keep_features=True)), models.Model)
        self.client.deploy("visits", 1)
        self.failed_job = self.client.wait(self.client.train(
            "rents", houses, "price", "mlp_regressor", {"learning_rate": 1e300}).id)

    def visit(self):
        """Outcomes that the first version of visits is wrong about."""
        days = [100 + float(i) / 8 for i in range(320)]
        answer = self.client.predict("visits", [[day] for day in days])
        outcomes = [feedback.Outcome(prediction="%s/%d" % (answer.prediction_id, row),
                                     number=500 - day) for row, day in enumerate(days)]
        request = feedback.RecordRequest(model="visits", outcomes=outcomes)
        while self.client.call("Feedback/Record", request, feedback.RecordResponse).unmatched:
            time.sleep(0.05)

    def call(self, seconds):
        """Calls that work, rows that fail, calls that fail."""
        end = time.monotonic() + seconds
        gauss = self.chance.gauss
        while time.monotonic() < end:
            self.client.predict("prices", [[gauss(100, 20), gauss(4, 1)] for _ in range(8)])
            self.client.predict("prices", [[gauss(100, 20), gauss(4, 1)]], version=1)
            self.client.predict("flowers", [[gauss(5, 1.5), gauss(2.6, 0.6)] for _ in range(4)])
            self.client.predict("prices", [[math.nan, 4], [100, 4]])
            self.client.predict("rents", [[gauss(100, 20), gauss(4, 1)]])
            self.client.predict("visits", [[gauss(20, 5)]])
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
