"""A proxy before a database server that breaks connections at a chosen message of the client."""

import contextlib
import re
import select
import socket
import threading
import time


class CuttingProxy:
    """Counts what clients send, piece by piece, and breaks the connection at one of them: before it reaches the server,
    or after, so that only its answer is lost, or so that it comes late, when its sender has been gone for a while. After that
    it turns away whoever comes next, for a time. While it is slow, each piece waits."""

    def __init__(self, port):
        self.port, self.lock = port, threading.Lock()
        self.cut_at, self.cut_after, self.wanted, self.seen, self.was_cut = None, True, b"", 0, False
        self.closed_for, self.closed_until, self.late = 0.0, 0.0, None
        self.slow_until, self.slowness = 0.0, 0.0
        self.links = set()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def arm(self, after, at=None, containing=b"", closed_for=0.0, late=None):
        """The next cut: at the piece of this number (from 1), or at the first in which this pattern is found. `late`: after so
        many seconds the piece goes to the server all the same."""
        with self.lock:
            self.cut_at, self.cut_after, self.wanted, self.late = at, after, containing, late
            self.seen, self.was_cut, self.closed_for = 0, False, closed_for

    def disarm(self):
        with self.lock:
            self.cut_at, self.wanted = None, b""

    def open(self):
        with self.lock:
            self.closed_until = 0.0

    def is_cut(self, piece):
        with self.lock:
            self.seen += 1
            here = self.cut_at == self.seen or (self.wanted and re.search(self.wanted, piece))
            if not here or self.was_cut:
                return False
            self.was_cut = True
            self.closed_until = time.monotonic() + self.closed_for
            return True

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            with self.lock:
                is_closed = time.monotonic() < self.closed_until
            if is_closed:
                client.close()
                continue
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        with contextlib.closing(client), contextlib.suppress(OSError), \
                socket.create_connection(("127.0.0.1", self.port)) as server:
            with self.lock:
                self.links.add(client)
            while True:
                ready, _, _ = select.select([client, server], [], [])
                for side in ready:
                    piece = side.recv(65536)
                    if not piece:
                        return
                    if time.monotonic() < self.slow_until:
                        time.sleep(self.slowness)
                    if side is client and self.is_cut(piece):
                        late = self.late
                        if late is not None:
                            self.break_all()
                            time.sleep(late)
                            server.sendall(piece)
                            select.select([server], [], [], 2)
                            return
                        if self.cut_after:
                            server.sendall(piece)
                            select.select([server], [], [], 2)  # the server has done it when its answer is there
                        self.break_all()
                        return
                    (server if side is client else client).sendall(piece)

    def break_all(self):
        with self.lock:
            links, self.links = self.links, set()
        for link in links:
            with contextlib.suppress(OSError):
                link.shutdown(socket.SHUT_RDWR)

    def stop(self):
        self.listener.close()
        self.break_all()
