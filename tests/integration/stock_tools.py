"""Stock tools work against it: nngcat and nanocat, as they are packaged."""

import os
import signal
import subprocess
import tempfile
import time

from harness import *


class StockTools(ServerTest):
    def serves(self):
        self.client.call("Server/Live", server.LiveRequest(), server.LiveResponse)

    def check_garbage_reply(self, raw):
        header, body = parse_reply(raw)
        self.assertEqual(header.status, frame.STATUS_INVALID_ARGUMENT)
        self.assertNotEqual(header.message, "")
        self.assertEqual(body, b"")
        self.serves()
        return header.message

    def test_nngcat_sends_garbage(self):
        for garbage in ("garbage", "\x01", "x" * 5000):
            done = subprocess.run(["nngcat", "--req", "--dial", self.url, "--data", garbage,
                                   "--raw"], capture_output=True, timeout=30)
            self.assertEqual(done.returncode, 0, done.stderr)
            print("nngcat --req:", self.check_garbage_reply(done.stdout))

    def test_nanocat_sends_garbage(self):
        done = subprocess.run(["nanocat", "--req", "--connect", self.url, "--data", "garbage",
                               "--raw", "--recv-timeout", "10"], capture_output=True, timeout=30)
        print("nanocat --req:", self.check_garbage_reply(done.stdout))

    def test_nngcat_calls(self):
        with tempfile.NamedTemporaryFile() as request:
            request.write(pack_frame("Server/Info", server.InfoRequest()))
            request.flush()
            done = subprocess.run(["nngcat", "--req", "--dial", self.url, "--file", request.name,
                                   "--raw"], capture_output=True, timeout=30)
        header, body = parse_reply(done.stdout)
        self.assertEqual(header.status, frame.STATUS_OK)
        self.assertEqual(server.InfoResponse.FromString(body).pid, self.trivetd.pid)

    def test_nngcat_subscribes(self):
        out_path = os.path.join(self.folder, "events")
        with open(out_path, "wb") as out:
            cat = subprocess.Popen(["nngcat", "--sub", "--subscribe", "training.", "--dial",
                                    self.trivetd.ready["events"], "--msgpack"], stdout=out)
        try:
            columns = {"x": [1.0, 2.0, 3.0], "y": [2.0, 4.0, 6.1]}
            dataset = self.client.upload(columns).id
            deadline = time.monotonic() + 60
            while not self.read_jobs(out_path) and time.monotonic() < deadline:
                self.client.train_and_wait("before", dataset, "y")  # it may not listen yet
                time.sleep(0.2)
            job = self.client.train_and_wait("seen", dataset, "y")
            jobs = []
            while time.monotonic() < deadline:
                jobs = [seen for seen in self.read_jobs(out_path) if seen.id == job.id]
                if jobs and jobs[-1].state == training.JOB_STATE_SUCCEEDED:
                    break
                time.sleep(0.2)
        finally:
            cat.kill()
            cat.wait()
        self.assertGreater(len(jobs), 1)
        states = [training.JobState.Name(j.state)[len("JOB_STATE_"):] for j in jobs]
        self.assertEqual(states[0], "QUEUED")
        self.assertEqual(states[-1], "SUCCEEDED")
        print("nngcat --sub saw:", " ".join(states))

    def read_jobs(self, path):
        """Messages as msgpack bin 8/16/32: the topic, a NUL, an Event."""
        with open(path, "rb") as file:
            raw = file.read()
        jobs, at = [], 0
        while at + 5 <= len(raw):
            width = {0xC4: 1, 0xC5: 2, 0xC6: 4}[raw[at]]
            count = int.from_bytes(raw[at + 1:at + 1 + width], "big")
            body = raw[at + 1 + width:at + 1 + width + count]
            if len(body) < count:
                break
            topic, _, packed = body.partition(b"\0")
            self.assertTrue(topic.startswith(b"training.job-") and topic.endswith(b"."), topic)
            jobs.append(events.Event.FromString(packed).job)
            at += 1 + width + count
        return jobs

    def test_nanocat_subscribes(self):
        cat = subprocess.Popen(["nanocat", "--sub", "--subscribe", "server.", "--connect",
                                self.trivetd.ready["events"], "--raw"], stdout=subprocess.PIPE)
        try:
            first = os.read(cat.stdout.fileno(), 65536)
        finally:
            cat.send_signal(signal.SIGKILL)
            cat.wait()
            cat.stdout.close()
        self.assertTrue(first.startswith(b"server.\0"), first[:40])


class StockToolsOverIpc(ServerTest):
    listen = ("ipc:///unset",)

    @classmethod
    def setUpClass(cls):
        cls.sockets = tempfile.TemporaryDirectory(prefix="trivet-")
        cls.listen = ("ipc://%s/rpc.sock" % cls.sockets.name, "tcp://127.0.0.1:0")
        super().setUpClass()

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        cls.sockets.cleanup()

    def test_both_transports_serve(self):
        for url in self.trivetd.urls:
            client = Client(url)
            client.call("Server/Live", server.LiveRequest(), server.LiveResponse)
            client.close()
        done = subprocess.run(["nngcat", "--req", "--dial", self.trivetd.urls[0], "--data",
                               "garbage", "--raw"], capture_output=True, timeout=30)
        header, _ = parse_reply(done.stdout)
        self.assertEqual(header.status, frame.STATUS_INVALID_ARGUMENT)

    def test_second_server_on_the_socket_is_refused(self):
        with tempfile.TemporaryDirectory(prefix="trivet-") as folder:
            with self.assertRaises(RuntimeError) as caught:
                start_trivetd(folder, listen=(self.trivetd.urls[0],))
            self.assertIn("another process", str(caught.exception))
        self.client.call("Server/Live", server.LiveRequest(), server.LiveResponse)


if __name__ == "__main__":
    main()
