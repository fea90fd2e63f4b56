"""Runs the real ottoctl: to its end, in the background, on a terminal; with a real Otto or a fake one."""

import json
import os
import subprocess

from admin import Admin, admin_socket
from fake_admin import FakeAdmin
from harness import PATIENCE, SANITIZER_REPORT, TestCase, tcp_listener
from terminals import OnTerminal

REFUSED, UNREACHABLE, UNKNOWN, TIMED_OUT, USAGE, BAD_CONFIG, INTERRUPTED = 1, 3, 4, 5, 64, 78, 130


class Done:
    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err

    @property
    def json(self):
        return json.loads(self.out)

    def __repr__(self):
        return f"exit {self.code}\n{self.out}{self.err}"


class CtlCase(TestCase):
    def started(self, config, **options):
        self.state = options.pop("state", None)
        if self.state is None:
            self.state = self.folder()
        listener, self.socket = admin_socket(self.folder())
        sockets, names = [tcp_listener(), listener], ["http", "admin"]
        if options.pop("tcp", False):
            sockets.append(tcp_listener())
            names.append("admin")
            self.tcp = "{}:{}".format(*sockets[-1].getsockname()[:2])
        # As the sockets are: on the machine that runs this test, `apply` is to leave systemd alone.
        config["port"] = "{}:{}".format(*sockets[0].getsockname())
        otto = self.otto(config, sockets=sockets, names=names, state=self.state, **options)
        self.admin = Admin(self.socket)
        return otto

    def faked(self):
        """A fake in the place of Otto's admin API."""
        fake = FakeAdmin(self.folder())
        self.addCleanup(lambda: os.path.exists(fake.path) and fake.stop())
        self.socket = fake.path
        return fake

    def command(self, *arguments, socket=None):
        return [os.environ["OTTOCTL"], "--socket", socket or self.socket, *arguments]

    @staticmethod
    def environment(**more):
        env = {"PATH": os.environ["PATH"], "TERM": "xterm", "LC_ALL": "C.UTF-8", **more}
        env.update((key, value) for key, value in os.environ.items() if key.endswith("SAN_OPTIONS"))
        return env

    def ctl(self, *arguments, code=0, socket=None, folder=None, **environment):
        """To its end, without a terminal."""
        ran = subprocess.run(self.command(*arguments, socket=socket), text=True,
                             env=self.environment(**environment), stdin=subprocess.DEVNULL, cwd=folder,
                             capture_output=True, timeout=PATIENCE, check=False)
        done = Done(ran.returncode, ran.stdout, ran.stderr)
        self.assertNotRegex(done.err, SANITIZER_REPORT)
        self.assertEqual(done.code, code, done)
        return done

    def piped(self, *arguments, socket=None):
        """In the background, with pipes."""
        process = subprocess.Popen(self.command(*arguments, socket=socket), text=True,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, env=self.environment())

        def end():
            if process.poll() is None:
                process.kill()
            process.wait(PATIENCE)
            process.stdout.close()
            process.stderr.close()
        self.addCleanup(end)
        return process

    def on_terminal(self, *arguments, columns=100, lines=20, command=None, **environment):
        """ottoctl, or another command."""
        shown = OnTerminal(command or self.command(*arguments), columns, lines, environment)
        self.addCleanup(shown.finish)
        return shown
