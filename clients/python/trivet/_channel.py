"""Calls over SP connections: frames, deadlines, a second try after a break, pipelines.

DESIGN: a call takes a connection that nobody uses, or opens one, and puts it back; so any number of
threads may call at once. A pipeline keeps one for its whole life. A request that a break cut off is
sent once more on a new connection: its request id, or the number of its chunk, makes that safe for
calls that change something. An answer UNAVAILABLE (a server that is stopping gives it) is taken like
a server that is not there: it is tried again for as long as connecting may take. After a time-out, or whatever else leaves a reply outstanding, the
connection is closed.
"""

import collections
import struct
import threading
import time
import uuid

from ._sp import Broken, Connection
from .errors import DeadlineExceeded, Internal, Unavailable, error_of
from .v1 import frame_pb2

# The server is told the timeout and answers within it; the reply may travel this much longer.
REPLY_GRACE_SECONDS = 0.25
CONNECT_SECONDS = 5.0
CONNECT_PAUSE_SECONDS = 0.05
IDLE_MAX = 16
VERSION = 1


class Reply:
    """A reply that is OK: its header and the bytes of its message."""

    def __init__(self, header, body):
        self.header = header
        self.body = body


def parse(method, frame):
    """Raises the error of a reply that is not OK."""
    view = memoryview(frame)
    header_bytes = struct.unpack_from("<H", view, 2)[0] if len(view) >= 4 else 0
    if len(view) < 4 + header_bytes or view[0] != VERSION or view[1] != 0:
        raise Internal("%s: the reply is no frame of version %d" % (method, VERSION))
    header = frame_pb2.ResponseHeader.FromString(bytes(view[4:4 + header_bytes]))
    if header.status != frame_pb2.STATUS_OK:
        raise error_of(header.status, header.message,
                       [(v.field, v.description) for v in header.violations], header.timings)
    return Reply(header, view[4 + header_bytes:])


class Patience:
    """How long, and in what steps, a server that is not there is waited for."""

    def __init__(self, deadline):
        self.until = min(deadline, time.monotonic() + CONNECT_SECONDS)
        self.pause = CONNECT_PAUSE_SECONDS

    def wait(self):
        """False when there is no time left."""
        if time.monotonic() + self.pause > self.until:
            return False
        time.sleep(self.pause)
        self.pause *= 2
        return True


class Channel:
    def __init__(self, url, token=None, timeout=60.0):
        self.url = url
        self.token = token.encode() if isinstance(token, str) else token or b""
        self.timeout = timeout
        self._lock = threading.Lock()
        self._idle = []
        self._closed = False

    def close(self):
        self._closed = True
        self.drop_idle()

    def call(self, method, body, timeout=None, request_id=None):
        """One call; the Reply. `body`: the packed request message."""
        timeout = self.timeout if timeout is None else timeout
        deadline = time.monotonic() + timeout + REPLY_GRACE_SECONDS
        frame = self.frame(method, body, timeout, request_id)
        patience = None
        while True:
            reply = self._exchange_twice(method, frame, timeout, deadline)
            try:
                return parse(method, reply)
            except Unavailable:
                self.drop_idle()
                patience = patience or Patience(deadline)
                if not patience.wait():
                    raise

    def _exchange_twice(self, method, frame, timeout, deadline):
        try:
            try:
                return self._exchange(frame, deadline)
            except Broken:
                self.drop_idle()
                return self._exchange(frame, deadline)
        except Broken as broken:
            raise self.broke_twice(method, broken) from broken
        except TimeoutError as error:
            raise self.too_late(method, timeout) from error

    def frame(self, method, body, timeout, request_id):
        header = frame_pb2.RequestHeader(
            method="trivet.v1." + method, request_id=request_id or uuid.uuid4().hex,
            timeout_us=max(1, int(timeout * 1e6)), token=self.token).SerializeToString()
        return struct.pack("<BBH", VERSION, 0, len(header)) + header + body

    def _exchange(self, frame, deadline):
        connection = self.take(deadline)
        try:
            sent_id = connection.send(frame, deadline)
            got_id, reply = connection.receive(deadline)
            if got_id != sent_id:
                raise Broken("a reply to another request")
        except BaseException:
            connection.close()
            raise
        self.put(connection)
        return reply

    def take(self, deadline):
        """A connection for the caller alone."""
        with self._lock:
            if self._closed:
                raise Unavailable("the client was closed")
            if self._idle:
                return self._idle.pop()
        patience = Patience(deadline)
        while True:
            try:
                return Connection(self.url, patience.until)
            except OSError as error:
                if not patience.wait():
                    raise Unavailable("no connection to %s (%s); start trivetd there, then repeat "
                                      "the call" % (self.url, error)) from error

    def put(self, connection):
        with self._lock:
            if not self._closed and len(self._idle) < IDLE_MAX:
                self._idle.append(connection)
                return
        connection.close()

    def drop_idle(self):
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def broke_twice(self, method, broken):
        return Unavailable("%s: the connection to %s broke twice during the call (%s); look at the "
                           "server's log" % (method, self.url, broken))

    def too_late(self, method, timeout):
        return DeadlineExceeded("%s: no reply from %s within %g s; repeat it with a longer timeout"
                                % (method, self.url, timeout))

    def pipeline(self, method, bodies, window, timeout=None):
        """Calls `method` for every packed request of `bodies`, at most `window` of them under way;
        yields the replies in order. One that fails raises, and ends the pipeline."""
        run = _Pipeline(self, method, self.timeout if timeout is None else timeout)
        try:
            for body in bodies:
                run.submit(body)
                while run.n_under_way and (run.n_under_way >= window or run.oldest_is_here()):
                    yield run.take_oldest()
            while run.n_under_way:
                yield run.take_oldest()
        finally:
            run.end()


class _Entry:
    def __init__(self, frame):
        self.frame = frame
        self.sp_id = None
        self.reply = None


class _Pipeline:
    def __init__(self, channel, method, timeout):
        self.channel = channel
        self.method = method
        self.timeout = timeout
        self.connection = None
        self.entries = collections.deque()  # oldest first
        self.breaks = 0                     # since the last reply

    @property
    def n_under_way(self):
        return len(self.entries)

    def deadline(self):
        return time.monotonic() + self.timeout + REPLY_GRACE_SECONDS

    def submit(self, body):
        entry = _Entry(self.channel.frame(self.method, body, self.timeout, None))
        self.entries.append(entry)
        self._persist(self._send_unsent)

    def oldest_is_here(self):
        self._persist(self._collect)
        return self.entries[0].reply is not None

    def take_oldest(self):
        patience = None
        while True:
            self._persist(self._await_oldest)
            try:
                reply = parse(self.method, self.entries[0].reply)
            except Unavailable:
                patience = patience or Patience(self.deadline())
                self.entries[0].reply = None
                self._lose_connection()
                if not patience.wait():
                    raise
            else:
                self.entries.popleft()
                return reply

    def end(self):
        if self.connection is not None:
            if self.entries:
                self.connection.close()
            else:
                self.channel.put(self.connection)
            self.connection = None

    def _persist(self, step):
        """Runs a step; after a break once more, with what is outstanding sent again."""
        while True:
            try:
                self._send_unsent()
                return step()
            except Broken as broken:
                self._lose_connection()
                self.breaks += 1
                if self.breaks > 1:
                    raise self.channel.broke_twice(self.method, broken) from broken
            except TimeoutError as error:
                self._lose_connection()
                raise self.channel.too_late(self.method, self.timeout) from error

    def _lose_connection(self):
        if self.connection is not None:
            self.connection.close()
        self.connection = None
        self.channel.drop_idle()
        for entry in self.entries:
            entry.sp_id = None

    def _send_unsent(self):
        if self.connection is None:
            self.connection = self.channel.take(self.deadline())
        for entry in self.entries:
            if entry.sp_id is None and entry.reply is None:
                entry.sp_id = self.connection.send(entry.frame, self.deadline())

    def _collect(self):
        found = self.connection.received()
        while found is not None:
            self._keep(*found)
            found = self.connection.received()

    def _await_oldest(self):
        deadline = self.deadline()
        while self.entries[0].reply is None:
            self._keep(*self.connection.receive(deadline))

    def _keep(self, sp_id, reply):
        for entry in self.entries:
            if entry.sp_id == sp_id:
                entry.reply = reply
                self.breaks = 0
                return
