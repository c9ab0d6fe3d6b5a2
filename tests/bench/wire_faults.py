"""The load generator sees what is planted: a wrong answer, a late one, a model that is another."""

import os
import re
import subprocess
import tempfile
import unittest

import wire


class Faults(unittest.TestCase):
    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory(prefix="trivet-")
        self.addCleanup(self.temporary.cleanup)
        arguments = wire.parse(["--quick"])
        self.bench = wire.Bench(arguments, self.temporary.name)
        self.addCleanup(self.bench.stop)

    def run_load(self, url, *options, calls=1):
        """For a moment, or longer until there were so many calls: machines differ."""
        for seconds in ("0.2", "2", "20"):
            done = subprocess.run(
                [self.bench.program("load"), "--url", url, "--model", "linear16", "--file",
                 self.bench.model("linear16"), "--seconds", seconds, "--warm-up", "0"] +
                list(options), capture_output=True, text=True, timeout=90)
            if wire.numbers_of(done.stdout).get("calls", calls) >= calls:
                break
        return done

    def echo(self, *fault):
        request, reply = self.bench.sizes("ipc", "linear16")
        peer = self.bench.process(("echo", fault), lambda: (
            "echo", self.bench.address("ipc", "echo"), request, reply) + fault)
        return peer.ready["listen"], ("--bare", "--echo", str(reply))

    def test_a_wrong_answer_of_a_thousand(self):
        url, options = self.echo("--wrong", "1000")
        for mode in ("unary", "pipelined"):
            done = self.run_load(url, *options, "--mode", mode, calls=2000)
            self.assertEqual(done.returncode, 1, done)
            self.assertGreater(wire.numbers_of(done.stdout)["wrong"], 0)
            self.assertIn("not what was sent", done.stderr)

    def test_a_right_echo_is_right(self):
        url, options = self.echo()
        done = self.run_load(url, *options)
        self.assertEqual(done.returncode, 0, done)

    def test_a_delay_of_a_millisecond(self):
        url, options = self.echo("--delay-us", "1000")
        for mode in (("unary",), ("pipelined", "--window", "1"), ("open", "--rate", "200")):
            done = self.run_load(url, *options, "--mode", *mode)
            seen = wire.numbers_of(done.stdout)["p50_us"]
            self.assertGreater(seen, 1000.0)
            self.assertLess(seen, 1000000.0)

    def test_an_open_loop_counts_from_when_a_call_was_due(self):
        # Replies of several calls share one delay, so that an echo keeps up; one that waits for a
        # tenth of a second has calls of many due times in it, the first of them the latest.
        url, options = self.echo("--delay-us", "100000")
        done = self.run_load(url, *options, "--mode", "open", "--rate", "1000")
        seen = wire.numbers_of(done.stdout)
        self.assertEqual(seen["calls"], 200)
        self.assertGreater(seen["p99_us"], 1.5 * 100000)
        self.assertLess(seen["p50_us"], seen["p99_us"])

    def test_another_model(self):
        path = self.bench.model("linear16")
        with open(path) as file:
            words = file.read().split()
        words[-1] = repr(float(words[-1]) + 1e-6)
        with open(path, "w") as file:
            file.write(" ".join(words))
        done = self.run_load(self.bench.urls["ipc"])
        self.assertEqual(done.returncode, 1, done)
        self.assertTrue(re.search(r"row 0: \S+ instead of", done.stderr), done.stderr)

    def test_a_model_that_is_not_there(self):
        done = self.run_load(self.bench.urls["ipc"], "--model", "nobody")
        self.assertEqual(done.returncode, 1, done)
        self.assertIn("status 5", done.stderr)
        self.assertGreater(wire.numbers_of(done.stdout)["failed"], 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
