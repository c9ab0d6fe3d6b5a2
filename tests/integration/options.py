"""trivetd's options and config file: what is wrong is said, with exit status 2; what is right is
taken, the command line over the file."""

import os
import socket
import subprocess
import tempfile

from harness import *


class Options(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory(prefix="trivet-")
        self.addCleanup(temporary.cleanup)
        self.folder = temporary.name

    def run_trivetd(self, *arguments):
        return subprocess.run([program("trivetd")] + list(arguments), capture_output=True,
                              text=True, timeout=START_SECONDS)

    def refused(self, text, *arguments, status=2):
        done = self.run_trivetd(*arguments)
        self.assertEqual(done.returncode, status, done.stderr)
        self.assertIn(text, done.stderr)

    def config(self, text):
        path = os.path.join(self.folder, "trivetd.conf")
        with open(path, "w") as out:
            out.write(text)
        return path

    def info(self, trivetd):
        client = Client(trivetd.ready["listen"])
        info = client.call("Server/Info", server.InfoRequest(), server.InfoResponse)
        client.close()
        return info

    def test_help_and_version(self):
        done = self.run_trivetd("--help")
        self.assertEqual(done.returncode, 0)
        for name in ("--data-dir", "--listen", "--events", "--workers", "--config"):
            self.assertIn(name, done.stdout)
        self.assertNotIn("--trainer ", done.stdout)
        self.assertIn("trivetd 0.", self.run_trivetd("--version").stdout)

    def test_refused(self):
        data_dir = os.path.join(self.folder, "data")
        self.refused("--data-dir")
        self.refused("workers", "--data-dir", data_dir, "--workers", "0")
        self.refused("allow-host", "--data-dir", data_dir, *["--allow-host", "a"] * 9)
        self.refused("workers", "--data-dir", data_dir, "--workers", "many")
        self.refused("transport", "--data-dir", data_dir, "--transport", "smoke")
        self.refused("log-level", "--data-dir", data_dir, "--log-level", "loud")
        self.refused("data-dir", "--data-dir", "x" * 300)
        self.refused("require-model", "--data-dir", data_dir, "--require-model", "a b")
        self.refused("require-model: more than 64", "--data-dir", data_dir,
                     *["--require-model=m%d" % i for i in range(65)])
        self.refused("--help", "--nonsense")
        self.refused("extra", "--data-dir", data_dir, "extra")
        self.assertFalse(os.path.exists(data_dir))

    def test_start_that_fails(self):
        data_dir = os.path.join(self.folder, "data")
        self.refused("--transport nng", "--data-dir", data_dir, "--listen", "inproc://x",
                     "--events", "off", status=1)
        self.refused("http://x", "--data-dir", data_dir, "--listen", "http://x", "--events", "off",
                     status=1)
        with socket.create_server(("127.0.0.1", 0)) as taken:
            self.refused("choose another port", "--data-dir", data_dir, "--listen",
                         "tcp://127.0.0.1:0", "--events", "off", "--http",
                         "127.0.0.1:%d" % taken.getsockname()[1], status=1)
        file = self.config("not a folder")
        self.refused(file, "--data-dir", file, "--events", "off", status=1)

    def test_config_file(self):
        path = self.config("# a comment\n[trivetd]\ndata-dir = %s/data\nlisten = tcp://127.0.0.1:0\n"
                           "events = off\nhttp = off\nworkers = 3\nloops = 2\nbatch-rows = 77\n[trivet-monitor]\nhttp = x\n"
                           % self.folder)
        trivetd = Process([program("trivetd"), "--config", path, "--batch-rows", "78",
                           "--inline-us", "150"],
                          os.path.join(self.folder, "log"))
        info = self.info(trivetd)
        self.assertEqual(info.workers, 3)
        limits = {limit.name: limit.value for limit in info.limits}
        self.assertEqual(limits["batch_rows_max"], 78)
        self.assertEqual((limits["loops"], limits["inline_us_max"]), (2 if TRANSPORT == "sp" else 1, 150))
        self.assertEqual(trivetd.ready["events"], "off")
        self.assertEqual(trivetd.ready["http"], "off")
        self.assertEqual(trivetd.stop(), 0)

    def test_config_file_that_is_wrong(self):
        self.refused("cannot read", "--config", os.path.join(self.folder, "none"))
        self.refused("conf:2", "--config", self.config("[trivetd]\ncolour = red\n"))
        self.refused("colour", "--config", self.config("[trivetd]\ncolour = red\n"))
        self.refused("conf:3", "--config", self.config("[trivetd]\n\nworkers = none\n"))
        self.refused("conf:", "--config", self.config("[trivetd]\ndata-dir = %s\n" % ("x" * 250)))


if __name__ == "__main__":
    main()
