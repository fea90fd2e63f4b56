"""ottoctl whose standard output or error cannot be written."""

import os
import subprocess

from ctl import BAD_CONFIG, REFUSED, UNKNOWN, UNREACHABLE, CtlCase
from fake_admin import server
from harness import PATIENCE, SANITIZER_REPORT, main

NO_SPACE = "cannot write the output: No space left on device\n"


class Output(CtlCase):
    def setUp(self):
        self.fake = self.faked()
        self.fake.answers = {
            "GET /api/v1/token": (200, {"token": "secret"}),
            "DELETE /api/v1/servers/one": (204, None),
            "GET /api/v1/servers": (200, {"servers": [server(str(number), f"server-{number}")
                                                      for number in range(2000)]})}

    def run_into(self, redirection, *arguments):
        """(exit status, what it complains), its output being redirected by a shell."""
        ran = subprocess.run(
            ["sh", "-c", f'exec "$@" {redirection}', "sh", *self.command(*arguments)], text=True,
            env=self.environment(), stdin=subprocess.DEVNULL, capture_output=True,
            timeout=PATIENCE, check=False)
        self.assertNotRegex(ran.stderr, SANITIZER_REPORT)
        return ran.returncode, ran.stderr

    def events(self, redirection, *arguments):
        """The same of commands that ask for events, and have got some."""
        number = self.fake.streams.mark()
        process = subprocess.Popen(
            ["sh", "-c", f'exec "$@" {redirection}', "sh", *self.command(*arguments)], text=True,
            env=self.environment(), stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
        with process:
            stream = self.fake.stream(number)
            stream.record(1, "a record")
            stream.counters()
            return process.wait(PATIENCE), process.stderr.read()

    def test_a_device_that_is_full(self):
        for arguments in (("token",), ("token", "--json"), ("servers",), ("servers", "--json"),
                          ("remove", "one"), ("--help",), ("drain", "--help"), ("--version",)):
            with self.subTest(arguments=arguments):
                self.assertEqual(self.run_into("> /dev/full", *arguments),
                                 (REFUSED, "ottoctl: " + NO_SPACE))

    def test_what_fails_keeps_its_status(self):
        self.fake.answers["GET /api/v1/token"] = 403, {"detail": "Not here."}
        code, told = self.run_into("> /dev/full", "token", "--json")
        self.assertEqual(code, REFUSED)
        self.assertIn(NO_SPACE, told)
        self.assertIn("Not here.", told)
        none = os.path.join(self.folder(), "none")
        code, told = self.run_into("> /dev/full", "check", "--json", none)
        self.assertEqual(code, BAD_CONFIG)
        self.assertIn(NO_SPACE, told)
        self.socket = none
        code, told = self.run_into("> /dev/full", "status", "--json")
        self.assertEqual(code, UNREACHABLE)
        self.assertIn(NO_SPACE, told)

    def test_closed(self):
        closed = "ottoctl: cannot write the output: Bad file descriptor\n"
        for arguments in (("token",), ("servers",), ("--version",)):
            with self.subTest(arguments=arguments):
                self.assertEqual(self.run_into(">&-", *arguments), (REFUSED, closed))
        for arguments in (("events",), ("events", "--once"), ("top",)):
            with self.subTest(arguments=arguments):
                self.assertEqual(self.events(">&-", *arguments), (REFUSED, closed))
        self.assertEqual(self.run_into("<&-", "token"), (0, ""))

    def test_events_and_top(self):
        for arguments in (("events",), ("events", "--json"), ("events", "--once"), ("top",),
                          ("top", "--json")):
            with self.subTest(arguments=arguments):
                self.assertEqual(self.events("> /dev/full", *arguments),
                                 (REFUSED, "ottoctl: " + NO_SPACE))

    def test_nobody_reads(self):
        # Where SIGPIPE is ignored; it ends ottoctl otherwise.
        reader, writer = os.pipe()
        os.close(reader)
        for arguments in (("token",), ("servers",), ("--help",)):
            with self.subTest(arguments=arguments):
                ran = subprocess.run(self.command(*arguments), stdout=writer, timeout=PATIENCE,
                                     stderr=subprocess.PIPE, env=self.environment(), check=False,
                                     restore_signals=False)
                self.assertEqual((ran.returncode, ran.stderr), (REFUSED, b""))
        os.close(writer)

    def test_standard_error_that_is_full(self):
        bad = os.path.join(self.folder(), "bad.json")
        with open(bad, "w", encoding="utf-8") as file:
            file.write("{")
        self.assertEqual(self.run_into("2> /dev/full", "check", bad)[0], BAD_CONFIG)
        self.assertEqual(self.run_into("2>&-", "check", bad)[0], BAD_CONFIG)
        self.assertEqual(self.run_into("2> /dev/full", "status", "--json")[0], UNKNOWN)


if __name__ == "__main__":
    main()
