"""One connection that speaks SP's REQ side: hello, length-prefixed messages, request ids.

A connection belongs to one thread at a time. Its socket does not block: sending takes in replies
that arrive meanwhile, so that two ends with full buffers never wait for each other.
"""

import collections
import select
import socket
import struct
import time

REPLY_BYTES_MAX = 64 << 20
HELLO = struct.pack(">4sHH", b"\0SP\0", 0x30, 0)
HELLO_OF_REP = struct.pack(">4sHH", b"\0SP\0", 0x31, 0)
FINAL = 0x80000000
READ_BYTES = 1 << 18


class Broken(Exception):
    """The connection has ended, or what came is not SP."""


def _open(url, timeout):
    scheme, _, rest = url.partition("://")
    if scheme == "ipc" and rest:
        sock = socket.socket(socket.AF_UNIX)
        try:
            sock.settimeout(timeout)
            sock.connect(rest)
        except OSError:
            sock.close()
            raise
        return sock
    host, colon, port = rest.rpartition(":")
    if scheme != "tcp" or not colon or not port.isdigit():
        raise ValueError("%r: give tcp://HOST:PORT or ipc:///PATH" % (url,))
    sock = socket.create_connection((host.strip("[]"), int(port)), timeout)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


class Connection:
    """Raises OSError when there is no way to the server, TimeoutError past a deadline (of
    time.monotonic), Broken when the connection ends."""

    def __init__(self, url, deadline):
        self._sock = _open(url, max(deadline - time.monotonic(), 0.001))
        self._sock.setblocking(False)
        self._poll = select.poll()
        self._buffer = bytearray()
        self._inbox = collections.deque()
        self._lead = b"\1" if url.startswith("ipc:") else b""
        self._saw_hello = False
        self._last_id = 0
        try:
            self._send_bytes(HELLO, deadline)
        except BaseException:
            self.close()
            raise

    def close(self):
        self._sock.close()

    def send(self, body, deadline):
        """Sends one request; its id."""
        self._last_id = (self._last_id + 1) & (FINAL - 1)
        head = self._lead + struct.pack(">QI", len(body) + 4, self._last_id | FINAL)
        if len(body) < READ_BYTES:
            self._send_bytes(head + body, deadline)
        else:
            self._send_bytes(head, deadline)
            self._send_bytes(body, deadline)
        return self._last_id

    def receive(self, deadline):
        """The next reply: (id, body)."""
        while not self._inbox:
            if not self._read_some():
                self._wait(select.POLLIN, deadline)
        return self._inbox.popleft()

    def received(self):
        """Like receive, but None when nothing has arrived."""
        while not self._inbox and self._read_some():
            pass
        return self._inbox.popleft() if self._inbox else None

    def _wait(self, events, deadline):
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError()
        self._poll.register(self._sock, events)
        return sum(event for _, event in self._poll.poll(left * 1000 + 1))

    def _send_bytes(self, data, deadline):
        view = memoryview(data)
        while len(view) > 0:
            try:
                view = view[self._sock.send(view):]
                continue
            except (BlockingIOError, InterruptedError):
                pass
            except OSError as error:
                raise Broken(str(error)) from error
            if self._wait(select.POLLIN | select.POLLOUT, deadline) & select.POLLIN:
                self._read_some()

    def _read_some(self):
        """One read; False when nothing was there."""
        try:
            piece = self._sock.recv(READ_BYTES)
        except (BlockingIOError, InterruptedError):
            return False
        except OSError as error:
            raise Broken(str(error)) from error
        if piece == b"":
            raise Broken("closed by the server")
        self._buffer += piece
        self._split()
        return True

    def _split(self):
        """Whole messages of the buffer into the inbox."""
        buffer, at = self._buffer, 0
        if not self._saw_hello:
            if len(buffer) < len(HELLO_OF_REP):
                return
            if not buffer.startswith(HELLO_OF_REP):
                raise Broken("what listens there is not an SP replier")
            self._saw_hello, at = True, len(HELLO_OF_REP)
        lead = len(self._lead)
        while len(buffer) - at >= lead + 8:
            (length,) = struct.unpack_from(">Q", buffer, at + lead)
            if length > REPLY_BYTES_MAX or length < 4 or buffer[at:at + lead] != self._lead:
                raise Broken("a reply of %d bytes" % length)
            begin = at + lead + 8
            if len(buffer) < begin + length:
                break
            (reply_id,) = struct.unpack_from(">I", buffer, begin)
            self._inbox.append((reply_id & (FINAL - 1), bytes(buffer[begin + 4:begin + length])))
            at = begin + length
        del buffer[:at]
