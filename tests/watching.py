"""Reading a database again and again while something happens to it; and failing with words."""

import sqlite3
import threading
import time


class Failure(Exception):
    pass


def expect(condition, message):
    if not condition:
        raise Failure(message)


def tell_progress(number, of):
    """A line now and then, so that a long run tells how far it is, or was when somebody ended it."""
    if number and number % 100 == 0:
        print(f"... {number} of {of}", flush=True)


class Reader(threading.Thread):
    """Looks again and again; `seen` holds the answers in order, equal neighbours once."""

    def __init__(self, pause=0.002):
        super().__init__(daemon=True)
        self.pause = pause
        self.seen, self.looks, self.done = [], 0, threading.Event()

    def look(self):
        """The present answer; None where there is none."""
        raise NotImplementedError

    def close(self):
        pass

    def run(self):
        while not self.done.is_set():
            answer = self.look()
            if answer is not None:
                if not self.seen or self.seen[-1] != answer:
                    self.seen.append(answer)
                self.looks += 1
            time.sleep(self.pause)
        self.close()


class DatabaseReader(Reader):
    """By a connection of its own: the same one all the time, or a new one for each look."""

    def __init__(self, database, query, keeps_connection, pause=0.002):
        super().__init__(pause)
        self.database, self.query, self.keeps_connection = database, query, keeps_connection
        self.connection = None

    def look(self):
        if self.connection is None:
            self.connection = sqlite3.connect(f"file:{self.database}?mode=ro", uri=True, timeout=30)
        try:
            return self.connection.execute(self.query).fetchone()
        except sqlite3.Error as error:
            return str(error)
        finally:
            if not self.keeps_connection:
                self.close()

    def close(self):
        if self.connection is not None:
            self.connection.close()
            self.connection = None


class Readers:
    """Readers that loop while the `with` block runs, which begins when each has seen something."""

    def __init__(self, readers):
        self.readers = readers

    def __enter__(self):
        for reader in self.readers:
            reader.start()
        while not all(reader.looks for reader in self.readers):
            time.sleep(0.001)
        return self.readers

    def __exit__(self, *_):
        for reader in self.readers:
            reader.done.set()
        for reader in self.readers:
            reader.join()
