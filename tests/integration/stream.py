"""Rows streamed through `trivet predict` from a CSV: in order, all present, memory flat."""

import csv
import os
import random
import resource
import subprocess
import threading
import time

from harness import *

ROWS = scaled(200000, 20000)
MEMORY_GROWTH_BYTES_MAX = 48 << 20


class Stream(ServerTest):
    def write_rows(self, path, n_rows):
        source = random.Random(11)
        truth = []
        with open(path, "w", newline="") as out:
            writer = csv.writer(out)
            writer.writerow(["b", "label", "a"])
            for i in range(n_rows):
                a, b = float(i), round(source.uniform(-1, 1), 6)
                writer.writerow([b, 'row "%d", quoted' % i, a])
                truth.append(a + 1000.0 * b)
        return truth

    def watch(self, pids, stop, peaks):
        """Resident memory of the processes, until `stop` and once more."""
        last = False
        while not last:
            last = stop.wait(0.005)
            for pid in pids:
                try:
                    with open("/proc/%d/status" % pid) as status:
                        rss = [int(l.split()[1]) * 1024 for l in status if l.startswith("VmRSS")]
                except FileNotFoundError:
                    continue
                if rss:
                    peaks.setdefault(pid, []).append(rss[0])

    def test_stream(self):
        # y = a + 1000 b exactly: a prediction tells its row.
        source = random.Random(5)
        columns = {"a": [source.uniform(0, 1000) for _ in range(500)],
                   "b": [source.uniform(-1, 1) for _ in range(500)]}
        columns["y"] = [a + 1000.0 * b for a, b in zip(columns["a"], columns["b"])]
        job = self.client.train_and_wait("exact", self.client.upload(columns).id, "y",
                                         transformers=[])
        self.client.deploy("exact", job.version)
        path = os.path.join(self.folder, "rows.csv")
        out_path = os.path.join(self.folder, "out.csv")
        truth = self.write_rows(path, ROWS)
        small = os.path.join(self.folder, "small.csv")
        self.write_rows(small, 5000)
        run_cli(self.url, "predict", "exact", "--data", small, "--output", out_path)
        server_before = self.trivetd.rss_bytes()
        started = time.monotonic()
        cli = subprocess.Popen([program("trivet"), "--server", self.url, "predict", "exact",
                                "--data", path, "--output", out_path], stderr=subprocess.PIPE,
                               text=True)
        stop, peaks = threading.Event(), {}
        watcher = threading.Thread(target=self.watch, args=([cli.pid, self.trivetd.pid], stop,
                                                            peaks))
        watcher.start()
        _, text = cli.communicate(timeout=600)
        seconds = time.monotonic() - started
        stop.set()
        watcher.join()
        self.assertEqual(cli.returncode, 0, text)
        with open(out_path, newline="") as out:
            rows = list(csv.DictReader(out))
        self.assertEqual(len(rows), ROWS)
        for i, row in enumerate(rows):
            self.assertEqual(int(row["row"]), i)
            self.assertAlmostEqual(float(row["prediction"]), truth[i], delta=1e-6)
        client = peaks.get(cli.pid, [0])
        server_growth = max(peaks[self.trivetd.pid]) - server_before
        print("%d rows in %.2f s: %.0f rows/s; client RSS peak %.1f MiB; server RSS %.1f MiB, "
              "grew %.1f MiB" % (ROWS, seconds, ROWS / seconds, max(client) / 2**20,
                                 max(peaks[self.trivetd.pid]) / 2**20, server_growth / 2**20))
        print(text.strip().splitlines()[-1])
        if "TRIVET_SCALE" not in os.environ or SCALE == 1:
            half = client[len(client) // 2:]
            self.assertLess(max(half) - min(half), 8 << 20, "the client's memory grows")
            self.assertLess(server_growth, MEMORY_GROWTH_BYTES_MAX)

    def test_bad_cell_names_line_and_column(self):
        path = os.path.join(self.folder, "bad.csv")
        with open(path, "w") as out:
            out.write("a,b\n1,2\n3,oops\n")
        columns = {"a": [1.0, 2.0, 4.0], "b": [1.0, 3.0, 2.0], "y": [1.0, 2.0, 3.0]}
        job = self.client.train_and_wait("cells", self.client.upload(columns).id, "y")
        self.client.deploy("cells", job.version)
        done = run_cli(self.url, "predict", "cells", "--data", path, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("bad.csv:3", done.stderr)
        self.assertIn("'b'", done.stderr)


if __name__ == "__main__":
    main()
