"""What an API gateway does, on loopback: HTTP on one side, events of a function on the other."""

import http.server
import threading

from emulator import EVENTS, Answer


class Gateway:
    """`shape`: one of EVENTS. One request at a time, as one instance of a function has it; `malformed` holds what a real gateway
    would have told as 502."""

    def __init__(self, function, shape, stage="dev"):
        self.function, self.make, self.stage, self.malformed = function, EVENTS[shape], stage, []
        self.prefix = "" if shape == "url" else f"/{stage}"
        self.lock = threading.Lock()
        gateway = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_any(self):
                gateway.handle(self)

            def log_message(self, *_):
                pass

        for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
            setattr(Handler, f"do_{method}", Handler.do_any)
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def host(self):
        return f"127.0.0.1:{self.server.server_port}"

    @property
    def url(self):
        return f"http://{self.host}{self.prefix}"

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def handle(self, asked):
        body = asked.rfile.read(int(asked.headers.get("Content-Length") or 0))
        target = asked.path.removeprefix(self.prefix) or "/"
        event = self.make(asked.command, target, asked.headers.items(), body, stage=self.stage)
        with self.lock:
            text = self.function.invoke(event)
        try:
            answer = Answer(text)
        except (AssertionError, ValueError) as error:
            self.malformed.append((asked.command, asked.path, text[:500], str(error)[:500]))
            asked.send_error(502, "malformed answer")
            return
        asked.send_response(answer.status)
        for name, value in answer.headers.items():
            asked.send_header(name, value)
        if answer.status not in (204, 304):
            asked.send_header("Content-Length", str(len(answer.body)))
        asked.end_headers()
        if asked.command != "HEAD":
            asked.wfile.write(answer.body)
