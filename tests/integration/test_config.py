"""The configuration file from the outside: --check, exit statuses, a bad file at start."""

import json
import os
import re
import signal
import socket

from harness import TestCase, fetch, main, run_otto, settings

BAD = """{
  "port": ":8080",
  "serverz": [],
  "servers": ["http://localhost:5001", "ftp://localhost:5002"],
  "healthCheckInterval": "soon"
}
"""


class CommandLine(TestCase):
    def file(self, text):
        path = os.path.join(self.folder(), "config.json")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def test_check_lists_every_error_with_its_place(self):
        path = self.file(BAD)
        code, out, err = run_otto("--check", "--config", path)
        self.assertEqual(code, 78)
        places = re.findall(rf"^{re.escape(path)}:(\d+):(\d+): ", out + err, re.M)
        self.assertEqual([line for line, _ in places], ["3", "4", "5"])
        self.assertIn("did you mean", out + err)

    def test_check_of_a_good_file(self):
        path = self.file(json.dumps(settings(["http://localhost:5001"])))
        self.assertEqual(run_otto("--check", "--config", path)[0], 0)

    def test_the_original_file_is_accepted(self):
        path = os.path.join(os.environ["OTTO_SOURCE_DIR"], "etc", "config.json")
        self.assertEqual(run_otto("--check", "--config", path)[0], 0)

    def test_missing_file(self):
        code, out, err = run_otto("--check", "--config", "/nonexistent/config.json")
        self.assertEqual(code, 78)
        self.assertIn("/nonexistent/config.json", out + err)

    def test_schema_is_json(self):
        code, out, _ = run_otto("--print-schema")
        self.assertEqual(code, 0)
        self.assertIn("servers", json.loads(out)["properties"])

    def test_version_and_help(self):
        code, out, _ = run_otto("--version")
        self.assertEqual(code, 0)
        self.assertRegex(out, r"\d+\.\d+\.\d+")
        code, out, _ = run_otto("--help")
        self.assertEqual(code, 0)
        self.assertIn("--config", out)

    def test_unknown_option(self):
        code, _, err = run_otto("--frobnicate")
        self.assertEqual(code, 64)
        self.assertIn("--frobnicate", err)

    def test_bad_file_without_sockets(self):
        code, _, err = run_otto("--config", self.file(BAD))
        self.assertEqual(code, 78)
        self.assertRegex(err, r"config\.json:3:\d+: ")

    def test_nothing_to_listen_on(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            path = self.file(json.dumps(settings(["http://localhost:5001"],
                                                 port=f"127.0.0.1:{port}")))
            code, _, err = run_otto("--config", path)
        self.assertEqual(code, 71)
        self.assertIn(str(port), err)


class BadFileAtStart(TestCase):
    def test_503_until_mended(self):
        otto = self.otto(BAD)
        self.assertRegex(otto.wait_note(STATUS=".")[0]["STATUS"], r"(?i)config")
        otto.wait_for_log(r"config\.json:3:\d+")
        response = otto.fetch()
        self.assertEqual(response.status, 503)
        self.assertRegex(response.get("Retry-After"), r"^\d+$")

        server, = self.demo(1)
        otto.reload(settings([server]))
        otto.wait_healthy(1)
        self.assertEqual(otto.fetch().server(), "server-1")

    def test_last_good_configuration_is_served(self):
        state = self.folder()
        server, = self.demo(1)
        first = self.otto(settings([server]), state=state)
        first.wait_healthy(1)
        self.assertEqual(first.fetch().status, 200)
        first.stop()

        otto = self.otto(BAD, state=state)
        otto.wait_for_log(r"config\.json:3:\d+")
        otto.wait_note(STATUS=r"(?i)config|last good")
        otto.wait_healthy(1)
        self.assertEqual(otto.fetch().server(), "server-1")

    def test_state_is_not_written_by_a_bad_reload(self):
        state = self.folder()
        server, = self.demo(1)
        otto = self.otto(settings([server]), state=state)
        log, _ = otto.hang_up(BAD)
        otto.wait_for_log(r"config\.json:3:\d+", log)
        otto.signal(signal.SIGTERM)
        self.assertEqual(otto.wait_exit(), 0)

        again = self.otto(BAD, state=state)
        again.wait_healthy(1)
        self.assertEqual(fetch(again.address).server(), "server-1")


if __name__ == "__main__":
    main()
