"""The server's memory is bounded: what large requests took goes back, and a client that does not
read its replies cannot make it grow for ever."""

import os
import threading
import time

from harness import *

ROWS = 500000
CLIENTS = 12
LEFT_BYTES_MAX = 96 << 20
UNREAD_BYTES_MAX = 600 << 20


class Memory(ServerTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        client = Client(cls.url)
        columns = {"x": [1.0, 2.0, 3.0, 4.0], "y": [2.0, 4.0, 6.0, 8.1]}
        job = client.train_and_wait("wide", client.upload(columns).id, "y")
        client.deploy("wide", job.version)
        client.close()
        request = prediction.PredictRequest(model=prediction.ModelRef(name="wide"))
        request.matrix.rows, request.matrix.cols = ROWS, 1
        request.matrix.f64.extend([1.5] * ROWS)
        cls.request = pack_frame("Prediction/Predict", request)

    def settled(self, limit, seconds=60):
        """RSS once it is below the limit, or as it is when the time is up."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and self.trivetd.rss_bytes() > limit:
            time.sleep(0.2)
        return self.trivetd.rss_bytes()

    @unittest.skipIf(SCALE != 1, "a sanitizer keeps freed memory")
    def test_a_burst_of_large_requests_goes_back(self):
        before = self.trivetd.rss_bytes()
        peaks = []

        def run():
            client = Client(self.url)
            for _ in range(3):
                client.raw(self.request)
                peaks.append(self.trivetd.rss_bytes())
            client.close()

        threads = [threading.Thread(target=run) for _ in range(CLIENTS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        after = self.settled(before + LEFT_BYTES_MAX)
        print("%d requests of %.1f MB: RSS %.0f MiB before, %.0f at the peak, %.0f after" % (
            len(peaks), len(self.request) / 1e6, before / 2**20, max(peaks) / 2**20,
            after / 2**20))
        self.assertLess(after, before + LEFT_BYTES_MAX)

    @unittest.skipIf(SCALE != 1, "a sanitizer keeps freed memory")
    @unittest.skipIf(os.environ.get("TRIVET_TRANSPORT") == "nng", "nng does not bound its output")
    def test_replies_that_nobody_reads(self):
        before = self.trivetd.rss_bytes()
        clients = []
        for _ in range(60):
            client = Client(self.url)
            self.addCleanup(client.close)
            clients.append(client)
            for _ in range(4):
                try:
                    client.socket.sock.settimeout(2)
                    client.send(self.request)
                except OSError:
                    break  # the server does not take more from who does not read
        grown = self.trivetd.rss_bytes() - before
        print("60 clients that do not read: RSS grew by %.0f MiB" % (grown / 2**20))
        self.assertLess(grown, UNREAD_BYTES_MAX)
        fresh = Client(self.url)
        fresh.call("Server/Live", server.LiveRequest(), server.LiveResponse)
        fresh.close()


if __name__ == "__main__":
    main()
