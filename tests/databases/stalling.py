"""A proxy before a database server that falls silent: it takes connections and bytes, and passes nothing on."""

import contextlib
import re
import select
import socket
import threading


class StallingProxy:
    """Silent from `stall()` on, or from the first piece of a client in which the pattern of `stall_at()` is found, until
    `go_on()`: then what was sent meanwhile is passed on. While it is `closed` it turns away whoever comes."""

    def __init__(self, port):
        self.port, self.wanted, self.closed = port, None, False
        self.flowing, self.stalled = threading.Event(), threading.Event()
        self.flowing.set()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def stall(self):
        self.flowing.clear()
        self.stalled.set()

    def stall_at(self, pattern):
        self.wanted = re.compile(pattern)

    def go_on(self):
        self.wanted = None
        self.stalled.clear()
        self.flowing.set()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            if self.closed:
                client.close()
                continue
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        self.flowing.wait()
        with contextlib.closing(client), contextlib.suppress(OSError), \
                socket.create_connection(("127.0.0.1", self.port)) as server:
            while True:
                ready, _, _ = select.select([client, server], [], [])
                for side in ready:
                    piece = side.recv(65536)
                    if side is client and self.wanted and self.wanted.search(piece):
                        self.wanted = None
                        self.stall()
                    self.flowing.wait()
                    if not piece:
                        return
                    (server if side is client else client).sendall(piece)

    def stop(self):
        self.go_on()
        self.listener.close()
