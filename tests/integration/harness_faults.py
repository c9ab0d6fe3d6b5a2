"""The harness catches what it is there to catch: planted faults."""

import os
import tempfile

from harness import *


class HarnessFaults(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory(prefix="trivet-")
        self.addCleanup(temporary.cleanup)
        self.folder = temporary.name

    def start(self, script):
        return Process(["sh", "-c", script], os.path.join(self.folder, "log"))

    def test_a_program_that_is_fine(self):
        process = self.start("echo ready a=b; sleep 60")
        self.assertEqual(process.ready, {"a": "b"})
        process.kill()

    def test_a_program_that_never_gets_ready(self):
        with self.assertRaises(RuntimeError) as caught:
            self.start("echo why >&2; exit 1")
        self.assertIn("why", str(caught.exception))

    def test_a_sanitizer_report(self):
        for report in ("WARNING: ThreadSanitizer: data race", "ERROR: AddressSanitizer: x",
                       "a.c:1:2: runtime error: shift", "panic: pthread_mutex_lock"):
            process = self.start("echo '%s' >&2; echo ready; sleep 60" % report)
            with self.assertRaises(AssertionError) as caught:
                process.kill()
            self.assertIn(report, str(caught.exception))
            os.remove(process.log_path)

    def test_a_damaged_reply(self):
        with self.assertRaises(Exception):
            parse_reply(b"\2\0\0\0")


if __name__ == "__main__":
    main()
