"""Programs on a terminal: keys go in, and what would be on the screen comes out."""

import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import termios
import threading
import unicodedata

from waiting import Deadline

_SEQUENCE = re.compile(r"\x1b\[([?0-9;]*)([@-~])")


class Screen:
    """What a terminal makes of the bytes that it gets. It knows what ottoctl may send, and no more:
    anything else is an error."""

    def __init__(self, columns, lines):
        self.columns, self.lines = columns, lines
        self.alternate = False
        self.cursor_shown = True
        self.styles = set()
        self.error = ""
        self.resizing = False
        self._pages = {False: self._blank(), True: self._blank()}
        self._rest = ""
        self._x = self._y = 0

    def _blank(self):
        return [[" "] * self.columns for _ in range(self.lines)]

    def resize(self, columns, lines):
        """What was drawn for the size before may still come: until it is as the test waits for,
        errors count for one drawing only."""
        self.columns, self.lines = columns, lines
        self.resizing = True
        self._pages = {False: self._blank(), True: self._blank()}
        self._x = self._y = 0

    def rows(self):
        return ["".join(row).rstrip() for row in self._pages[self.alternate]]

    def text(self):
        return "\n".join(self.rows()).rstrip("\n")

    def feed(self, text):
        text = self._rest + text
        self._rest = ""
        at = 0
        while at < len(text):
            if text[at] == "\x1b":
                match = _SEQUENCE.match(text, at)
                if not match:
                    self._rest = text[at:]
                    if len(self._rest) > 20:
                        self.error = f"unknown sequence {self._rest[:20]!r}"
                    return
                self._act(match[1], match[2])
                at = match.end()
            else:
                self._put(text[at])
                at += 1

    def _act(self, parameters, final):
        row = self._pages[self.alternate][min(self._y, self.lines - 1)]
        if final == "m":
            self.styles.add(parameters)
        elif (parameters, final) in (("?1049", "h"), ("?1049", "l")):
            self.alternate = final == "h"
        elif (parameters, final) in (("?25", "h"), ("?25", "l")):
            self.cursor_shown = final == "h"
        elif (parameters, final) == ("", "H"):
            self._x = self._y = 0
            if self.resizing:
                self.error = ""
        elif (parameters, final) == ("", "K"):
            row[self._x:] = [" "] * (self.columns - self._x)
        elif (parameters, final) in (("", "J"), ("2", "J")):
            row[self._x:] = [" "] * (self.columns - self._x)
            for below in range(self._y + 1 if not parameters else 0, self.lines):
                self._pages[self.alternate][below] = [" "] * self.columns
        else:
            self.error = f"unknown sequence {parameters!r} {final!r}"

    def _put(self, character):
        if character == "\r":
            self._x = 0
        elif character == "\n":
            self._y += 1
            if self._y >= self.lines:
                if self.alternate:
                    self.error = "the screen scrolls"
                self._pages[self.alternate].append([" "] * self.columns)
                del self._pages[self.alternate][0]
                self._y = self.lines - 1
        elif ord(character) < 32:
            self.error = f"unknown character {character!r}"
        elif unicodedata.combining(character):
            self._pages[self.alternate][self._y][max(0, self._x - 1)] += character
        else:
            wide = 2 if unicodedata.east_asian_width(character) in "WF" else 1
            if self._x + wide > self.columns:
                if self.alternate:
                    self.error = f"a line is too long: {character!r} at {self._x}"
                return
            row = self._pages[self.alternate][self._y]
            row[self._x:self._x + wide] = [character] + [""] * (wide - 1)
            self._x += wide


class OnTerminal:
    """A running program with a terminal of its own, of which it is the foreground."""

    def __init__(self, command, columns=100, lines=20, environment=None):
        self._outer, inner = pty.openpty()
        self._resize(columns, lines)
        self.screen = Screen(columns, lines)
        self._changed = threading.Condition()
        self._ended = False
        self._before = termios.tcgetattr(inner)
        self.raw = b""

        def take_terminal():
            os.setsid()
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)
        env = {"PATH": os.environ["PATH"], "TERM": "xterm-256color", "LC_ALL": "C.UTF-8",
               **(environment or {})}
        env.update((key, value) for key, value in os.environ.items() if key.endswith("SAN_OPTIONS"))
        self.process = subprocess.Popen(command, stdin=inner, stdout=inner, stderr=inner,
                                        env=env, preexec_fn=take_terminal)
        self._inner = inner
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _resize(self, columns, lines):
        fcntl.ioctl(self._outer, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def _read(self):
        rest = b""
        while True:
            try:
                piece = os.read(self._outer, 65536)
            except OSError:
                piece = b""
            with self._changed:
                self.raw += piece
                rest += piece
                text = rest.decode(errors="ignore")
                rest = rest[len(text.encode()):]
                self.screen.feed(text)
                self._ended = not piece
                self._changed.notify_all()
                if not piece:
                    return

    def resize(self, columns, lines):
        with self._changed:
            self.screen.resize(columns, lines)
            self._resize(columns, lines)

    def press(self, keys):
        os.write(self._outer, keys.encode())

    def wait(self, predicate, what):
        """Until the screen is as wanted; its text."""
        deadline = Deadline()
        with self._changed:
            while True:
                if self.screen.error and not self.screen.resizing:
                    raise AssertionError(f"{self.screen.error}\n{self.screen.text()}")
                if not self.screen.error and predicate(self.screen):
                    self.screen.resizing = False
                    return self.screen.text()
                if not deadline.left() or self._ended:
                    raise AssertionError(f"no {what} on the screen: {self.screen.error}\n"
                                         f"{self.screen.text()}\nlast: {self.raw[-500:]!r}")
                self._changed.wait(deadline.left())

    def wait_for(self, regex):
        return self.wait(lambda screen: re.search(regex, screen.text(), re.M), repr(regex))

    def wait_raw(self, regex, since=0):
        """Until this has been sent since then; all of it, as text without sequences and carriage
        returns. For programs that send more than Screen knows."""
        deadline = Deadline()
        with self._changed:
            while True:
                text = _SEQUENCE.sub("", self.raw[since:].decode(errors="replace"))
                text = text.replace("\r", "")
                if re.search(regex, text):
                    return text
                if not deadline.left() or self._ended:
                    raise AssertionError(f"no {regex!r} in {text!r}")
                self._changed.wait(deadline.left())

    def settings(self):
        """Whether keys are echoed and lines edited, as before it began."""
        now = termios.tcgetattr(self._inner)
        return "as before" if now == self._before else "changed"

    def wait_exit(self):
        """Its exit status, once everything that it wrote is here."""
        code = self.process.wait(Deadline().timeout())
        restored = self.settings()
        os.close(self._inner)
        self._inner = -1
        self._thread.join(Deadline().timeout())
        if self.screen.error:
            raise AssertionError(self.screen.error)
        if restored != "as before":
            raise AssertionError("the terminal is not as it was before")
        return code

    def finish(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait(Deadline().timeout())
        for number in (self._inner, self._outer):
            if number >= 0:
                try:
                    os.close(number)
                except OSError:
                    pass
        self._inner = self._outer = -1
