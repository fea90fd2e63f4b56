"""The access log: what a line says, that no client can forge one, and that a target which is slow,
full or gone costs requests nothing and recovers by itself."""
# labels: threads

import calendar
import contextlib
import json
import os
import re
import select
import shutil
import signal
import subprocess
import threading
import time

from harness import (PATIENCE, RARELY, SLOWNESS, Collector, Deadline, Otto, RawClient, TestCase,
                     main, settings)

LOG_FAILED = r"the access log (\S+) cannot be written: (.*)"
LOG_LOSES = r"the access log (.+) is losing records, (\d+) since the last report: (.*)"
LOG_NO_MORE = r"the access log (.+) is no longer losing records; (\d+) records? lost"
LOG_AGAIN = r"the access log (.+) can be written again"
COMBINED = re.compile(r'(\S+) - - \[(\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4})\] "([^"]*)" '
                      r'(\d+) (\d+) "([^"]*)" "([^"]*)"')
LARGE = ("x" * 2000, ("User-Agent", "u" * 500), ("Referer", "r" * 1000))  # a record of 3.7 KB


def lines_of(path):
    """Every line, each of which must be whole."""
    with open(path, "rb") as file:
        content = file.read()
    if content and not content.endswith(b"\n"):
        raise AssertionError(f"{path} ends in half a line: {content[-200:]!r}")
    return content.decode("utf-8").split("\n")[:-1]


def records_of(path):
    return [json.loads(line) for line in lines_of(path)]


class Reader:
    """Reads a FIFO that is made before Otto opens it, at once or when it is told to."""

    def __init__(self, path, at_once=True):
        os.mkfifo(path)
        self.path = path
        self.lines = Collector("the FIFO")
        self._fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._reading = False
        if at_once:
            self.start()

    def start(self):
        self._reading = True
        self._thread.start()

    def _read(self):
        select.select([self._fd], [], [])  # not before there is a writer
        os.set_blocking(self._fd, True)
        with os.fdopen(self._fd, "rb") as file:
            for line in file:
                self.lines.add(line)
        self.lines.end("the FIFO has no writer")

    def wait_end(self):
        """Until the writer has closed it, and all is read."""
        self._thread.join(Deadline().left())
        assert not self._thread.is_alive(), "the writer has not closed the FIFO"

    def finish(self):
        if not self._reading:
            os.close(self._fd)


class AccessLogCase(TestCase):
    def setUp(self):
        self.path = os.path.join(self.folder(), "access.log")

    def logging(self, servers=None, wait=True, **more):
        """An Otto that logs to self.path unless told otherwise."""
        servers = servers or [self.scripted()]
        config = settings(servers, **{"accessLog": self.path, "workers": 1, **more})
        otto = self.otto(config)
        if wait:
            otto.wait_healthy(len(servers))
        return otto, config

    def fifo(self, at_once=True):
        reader = Reader(self.path, at_once)
        self.addCleanup(reader.finish)
        return reader

    def follow(self):
        """The lines of self.path as they come, through renames, too."""
        follower = subprocess.Popen(["tail", "-n", "+1", "--quiet", "-F", self.path],
                                    stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        lines = Collector("the access log")

        def read():
            for line in follower.stdout:
                lines.add(line.decode().rstrip("\n"))
            lines.end("tail has ended")
        thread = threading.Thread(target=read, daemon=True)
        thread.start()

        def finish():
            follower.kill()
            follower.wait()
            thread.join()
            follower.stdout.close()
        self.addCleanup(finish)
        return lines

    def only_record(self, otto):
        otto.stop()
        records = records_of(self.path)
        self.assertEqual(len(records), 1, records)
        return records[0]


class LineTest(AccessLogCase):
    def test_json_has_all_fields(self):
        server = self.scripted()
        otto, _ = self.logging([server])
        before = time.time()
        with otto.client() as client:
            port = client.sock.getsockname()[1]
            client.request("/a?b=c", "POST", body=b"12345", headers=[
                ("User-Agent", "tests"), ("Referer", "http://from.example/"),
                ("X-Request-Id", "id-1"),
                ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")])
        record = self.only_record(otto)
        times = {name: record.pop(name) for name in ("wait", "connect", "send", "head", "total")}
        self.assertTrue(all(0 <= time <= 20 * SLOWNESS for time in times.values()), times)
        self.assertGreaterEqual(times["total"], times["connect"] + times["head"])
        stamp = record.pop("time")
        self.assertRegex(stamp, r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$")
        logged = time.strptime(stamp[:19], "%Y-%m-%dT%H:%M:%S")
        self.assertLess(abs(calendar.timegm(logged) - before), 20 * SLOWNESS)
        self.assertEqual(record, {
            "client": "127.0.0.1", "client_port": port, "method": "POST", "target": "/a?b=c",
            "protocol": "HTTP/1.1", "host": "otto.test", "user_agent": "tests",
            "referer": "http://from.example/", "request_id": "id-1",
            "trace_id": "0af7651916cd43dd8448eb211c80319c", "status": 200, "bytes_received": 5,
            "bytes_sent": 5, "server": server.url, "attempts": 1, "retries": 0,
            "outcome": "complete"})

    def test_ottos_own_replies_say_why(self):
        otto, _ = self.logging()
        otto.fetch("/", "TRACE")
        self.client(otto).send(b"GET / HTTP/1.1\r\n\r\n")
        with otto.client() as client:
            client.send(b"GET /\x01 HTTP/1.1\r\n\r\n")
            client.read_to_end()
        otto.wait_healthy(1)
        otto.stop()
        trace, *bad = records_of(self.path)
        self.assertEqual((trace["status"], trace["reason"], trace["attempts"]), (405, "refused", 0))
        self.assertNotIn("server", trace)
        self.assertGreater(trace["bytes_sent"], 0)
        self.assertEqual({record["status"] for record in bad}, {400})
        self.assertIn("a missing Host", {record["detail"] for record in bad})

    def test_a_retry_names_the_servers_tried(self):
        def gives_up(connection, _):
            connection.sock.close()
        bad, good = self.scripted(gives_up), self.scripted()
        otto, _ = self.logging([bad, good], healthCheck=RARELY, ejection={"consecutiveErrors": 0},
                               balance="first")
        otto.fetch("/")
        record = self.only_record(otto)
        self.assertEqual(record["servers_tried"], [bad.url, good.url])
        self.assertEqual((record["server"], record["attempts"], record["retries"]),
                         (good.url, 2, 1))

    def test_of_many_servers_tried_the_first_and_the_last(self):
        dead, good = [self.scripted() for _ in range(11)], self.scripted()
        otto, _ = self.logging([*dead, good], healthCheck={"type": "off"}, balance="first")
        otto.wait_healthy(12)
        for server in dead:
            server.refuse()
        otto.fetch("/")
        record = self.only_record(otto)
        self.assertEqual(record["servers_tried"], [server.url for server in [*dead[:9], good]])
        self.assertEqual((record["server"], record["attempts"], record["retries"]),
                         (good.url, 12, 11))

    def test_ends_that_are_none(self):
        def answers_half(connection, _):
            if connection.target == "/aborted":
                connection.recv_some()
                return
            connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")

        def switches(connection):
            connection.send(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
                            b"Upgrade: echo\r\n\r\n")
            connection.send(connection.recv_exactly(4))

        def script(connection, number):
            if connection.target == "/tunnel":
                switches(connection)
            else:
                answers_half(connection, number)
        server = self.scripted(script)
        reader = self.fifo()
        otto, _ = self.logging([server], healthCheck=RARELY)

        def next_record(since):
            return json.loads(reader.lines.wait(lambda line: True, "line", since)[0])
        with otto.client() as client:
            client.send_request("/cut")
            client.read_to_end()
        cut = next_record(0)
        self.assertEqual((cut["outcome"], cut["status"], cut["bytes_sent"]), ("cut", 200, 3))
        with otto.client() as client:
            client.send_request("/aborted")
            while len(server.requests) < 2:
                threading.Event().wait(0.001)
        aborted = next_record(1)
        self.assertEqual(aborted["outcome"], "aborted")
        self.assertNotIn("status", aborted)
        self.assertEqual(aborted["server"], server.url)
        with otto.client() as client:
            client.send(b"GET /tunnel HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\n"
                        b"Upgrade: echo\r\n\r\n")
            client.head()
            client.send(b"ping")
            self.assertEqual(client.read_exactly(4), b"ping")
        tunnel = next_record(2)
        self.assertEqual((tunnel["outcome"], tunnel["status"], tunnel["bytes_received"],
                          tunnel["bytes_sent"]), ("tunnel", 101, 4, 4))

    def test_the_client_is_the_believed_one(self):
        otto, _ = self.logging(trustedProxies=["127.0.0.1"])
        otto.fetch("/", headers=[("X-Forwarded-For", "198.51.100.7, 2001:db8::9")])
        record = self.only_record(otto)
        self.assertEqual(record["client"], "2001:db8::9")
        self.assertNotIn("client_port", record)

    def test_combined(self):
        otto, _ = self.logging(accessLogFormat="combined")
        otto.fetch('/a"b\\c', headers=[("User-Agent", 'x "y" \xff'), ("Referer", "http://r/")])
        otto.stop()
        line, = lines_of(self.path)
        match = COMBINED.fullmatch(line)
        self.assertTrue(match, line)
        client, _, request, status, size, referer, agent = match.groups()
        self.assertEqual((client, request, status, size, referer, agent),
                         ("127.0.0.1", r"GET /a\x22b\x5Cc HTTP/1.1", "200", "5", "http://r/",
                          r"x \x22y\x22 \xFF"))
        self.assertEqual(os.stat(self.path).st_mode & 0o777, 0o640)


class ForgeryTest(AccessLogCase):
    """Whatever bytes come, a request is one line of valid JSON, and one of the combined format."""

    HOSTILE = [
        b'/"},{"status":200', b"/\\", b"/%0a%0d{}", b"/" + b"a" * 9000, b"/';--",
    ]
    AGENTS = [
        b'"}\\', b"\xff\xfe", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xc2\x9b31m",
        b"\xe2\x80", b"tab\there", b"\xf0\x9f\xa6\xa6", b"u" * 5000, b"\xc3" * 600,
    ]

    def send_all(self, otto):
        count = 0
        with otto.client() as client:
            for target in self.HOSTILE:
                client.send(b"GET " + target + b" HTTP/1.1\r\nHost: a\r\n\r\n")
                client.response()
                count += 1
            for agent in self.AGENTS:
                client.send(b"GET / HTTP/1.1\r\nHost: a\r\nUser-Agent: " + agent + b"\r\nReferer: "
                            + agent + b"\r\n\r\n")
                client.response()
                count += 1
        # What is refused may be cut off anywhere.
        for bad in (b"GET / HTTP/1.1\r\nHost: a\r\nUser-Agent: a\nb\r\n\r\n",
                    b"GET /\n{\"forged\":1}\n HTTP/1.1\r\nHost: a\r\n\r\n",
                    b"G\"ET\x00 / HTTP/1.1\r\nHost: a\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n",
                    b"GET \"\\\x80 HTTP/1.1\r\n\r\n"):
            with otto.client() as client:
                client.send(bad)
                client.read_to_end()
            count += 1
        return count

    def test_json(self):
        otto, _ = self.logging()
        count = self.send_all(otto)
        otto.stop()
        records = records_of(self.path)
        self.assertEqual(len(records), count)
        by_agent = [record for record in records if "user_agent" in record]
        agents = [record["user_agent"] for record in by_agent]
        self.assertEqual(agents[0], '"}\\')
        self.assertEqual(agents[1:3], ["\ufffd\ufffd", "\ufffd\ufffd"])
        self.assertEqual(agents[5], "\x9b31m")
        self.assertEqual(agents[8], "\U0001f9a6")
        self.assertEqual(agents[9], "u" * 512 + "...")
        self.assertEqual(agents[10], "\ufffd" * 512 + "...")
        self.assertEqual(records[3]["target"], "/" + "a" * 2047 + "...")
        with open(self.path, "rb") as file:
            self.assertNotRegex(file.read().replace(b"\n", b""), rb"[\x00-\x1f\x7f]|\xc2[\x80-\x9f]")

    def test_combined(self):
        otto, _ = self.logging(accessLogFormat="combined")
        count = self.send_all(otto)
        otto.stop()
        lines = lines_of(self.path)
        self.assertEqual(len(lines), count)
        for line in lines:
            self.assertRegex(line, COMBINED)
            self.assertTrue(line.isascii() and line.isprintable(), line)


class TargetTest(AccessLogCase):
    def test_what_stands_at_the_end_is_written(self):
        otto, _ = self.logging(self.demo(2), workers=2)
        self.load(otto, 4, 500).finish()
        otto.stop()
        self.assertEqual(len(records_of(self.path)), 2000)

    def test_standard_output(self):
        reading, writing = os.pipe()
        server = self.scripted()
        with contextlib.ExitStack() as stack:
            file = stack.enter_context(os.fdopen(reading, "rb"))

            class Loud(Otto):
                stdout = writing
            otto = Loud(settings([server], accessLog="stdout"))
            self.addCleanup(otto.finish)
            os.close(writing)
            otto.wait_healthy(1)
            otto.fetch("/seen")
            self.assertEqual(json.loads(file.readline())["target"], "/seen")
            otto.stop()

    def test_a_file_is_reopened_even_when_the_configuration_is_bad(self):
        otto, _ = self.logging()
        follower = self.follow()
        otto.fetch("/before")
        follower.wait(lambda line: "/before" in line, "first line")
        os.rename(self.path, self.path + ".1")
        otto.hang_up("{")
        otto.wait_for_log(r"is not applied")
        otto.fetch("/after")
        otto.stop()
        self.assertEqual([record["target"] for record in records_of(self.path + ".1")], ["/before"])
        self.assertEqual([record["target"] for record in records_of(self.path)], ["/after"])

    def test_no_line_is_lost_in_rotations(self):
        otto, _ = self.logging(self.demo(2), workers=2)
        load = self.load(otto, 4)
        files = [self.path]
        for number in range(8):
            load.wait_for(200)
            files.append(f"{self.path}.{number}")
            os.rename(self.path, files[-1])
            since = otto.notes.mark()
            otto.signal(signal.SIGHUP)
            otto.wait_note(since, READY="^1$")
            while not os.path.exists(self.path):
                load.wait_for(1)
        load.finish()
        otto.stop()
        self.assertEqual(load.failures, [])
        self.assertEqual(sum(len(records_of(file)) for file in files), load.statuses.total())

    def test_everything_changes_by_a_reload(self):
        otto, config = self.logging()

        def fetch(target):
            otto.fetch(target)
            # A client may have its reply before the request is logged; with one worker this one
            # comes after that.
            otto.fetch("*", "OPTIONS")
        fetch("/one")
        second = self.path + ".second"
        otto.reload({**config, "accessLog": second, "accessLogFormat": "combined"})
        fetch("/two")
        otto.reload({**config, "accessLog": second})
        fetch("/three")
        otto.reload({**config, "accessLog": "off"})
        fetch("/four")
        otto.reload({**config, "accessLogSample": 0})
        fetch("/five")
        otto.reload(config)
        fetch("/six")
        otto.stop()
        targets = [record["target"] for record in records_of(self.path)]
        self.assertEqual([target for target in targets if target != "*"], ["/one", "/six"])
        two, three = (line for line in lines_of(second) if "OPTIONS" not in line)
        self.assertRegex(two, COMBINED)
        self.assertEqual(json.loads(three)["target"], "/three")

    def test_a_share_is_drawn(self):
        otto, _ = self.logging(self.demo(1), accessLogSample=0.5)
        self.load(otto, 4, 1000).finish()
        otto.stop()
        count = len(records_of(self.path))
        # Six standard deviations of a binomial distribution.
        self.assertLess(abs(count - 2000), 6 * (4000 * 0.25) ** 0.5, count)

    def test_a_bad_value_is_told(self):
        for value, complaint in (("access.log", '"off", "journal", "stdout" or the absolute path'),
                                 ("stdot", 'did you mean "stdout"'), ("/var/log/", "ends with a slash"),
                                 ("/a\u0001b", "control character"), (True, "expected")):
            otto = Otto(settings([self.scripted()], accessLog=value), sockets=[])
            self.addCleanup(otto.finish)
            self.assertEqual(otto.wait_exit(), 78)
            self.assertTrue(otto.log_lines(re.escape(complaint)), otto.tail())
        for value in (-0.1, 1.1, "1", None):
            otto = Otto(settings([self.scripted()], accessLogSample=value), sockets=[])
            self.addCleanup(otto.finish)
            self.assertEqual(otto.wait_exit(), 78)
            self.assertTrue(otto.log_lines("a number from 0 to 1"), otto.tail())


class TroubleTest(AccessLogCase):
    def send_large(self, otto, count):
        target, *headers = LARGE
        with otto.client() as client:
            for number in range(count):
                self.assertEqual(client.request(f"/{number}-{target}", headers=headers).status, 200)

    def test_a_reader_that_stands_still(self):
        reader = self.fifo(at_once=False)
        otto, _ = self.logging()
        self.send_large(otto, 800)
        since = otto.log.mark()
        otto.wait_for_log(LOG_LOSES + "it is blocked")
        reader.start()
        lost = int(otto.wait_for_log(LOG_NO_MORE, since)[2])
        self.assertGreater(lost, 100)
        otto.fetch("/last")
        otto.stop()
        reader.wait_end()
        lines = [json.loads(line) for line in reader.lines.items()]
        self.assertEqual(len(lines) + lost, 801)
        self.assertEqual(lines[-1]["target"], "/last")
        numbers = [int(line["target"][1:].split("-")[0]) for line in lines[:-1]]
        self.assertEqual(numbers, sorted(set(numbers)))

    def test_reopened_in_the_middle_of_a_record(self):
        reader = self.fifo(at_once=False)
        otto, _ = self.logging()
        self.send_large(otto, 800)
        since = otto.log.mark()
        otto.wait_for_log(LOG_LOSES + "it is blocked")
        os.rename(self.path, self.path + ".old")
        otto.signal(signal.SIGHUP)
        otto.wait_for_log("reloaded", since)
        reader.start()
        reader.wait_end()
        self.assertTrue(all(json.loads(line) for line in reader.lines.items()), "whole records")
        otto.fetch("/last")
        otto.stop()
        with open(self.path, encoding="utf-8") as file:
            self.assertEqual(json.loads(file.read().splitlines()[-1])["target"], "/last")

    def test_a_reader_that_stands_still_does_not_hold_up_the_end(self):
        self.fifo(at_once=False)
        otto, _ = self.logging()
        self.send_large(otto, 100)
        otto.stop()
        self.assertTrue(otto.log_lines(r"is closed, \d+ more records? lost: "), otto.tail())

    def test_a_fifo_without_a_reader(self):
        os.mkfifo(self.path)
        otto, _ = self.logging()
        self.assertIn("no reader", otto.wait_for_log(LOG_FAILED)[2])
        otto.fetch("/kept")
        # At once: Otto tries each second, and would make a file where there is nothing.
        reader = Reader(self.path + ".new")
        self.addCleanup(reader.finish)
        os.rename(self.path + ".new", self.path)
        otto.wait_for_log(LOG_AGAIN)
        line, _ = reader.lines.wait(lambda line: True, "line")
        self.assertEqual(json.loads(line)["target"], "/kept")

    def test_a_full_disk(self):
        server = self.scripted()
        otto, config = self.logging([server], accessLog="/dev/full")
        for _ in range(3):
            otto.fetch("/kept")
        self.assertEqual(otto.wait_for_log(LOG_FAILED)[2], "No space left on device; free some space")
        otto.reload({**config, "accessLog": self.path})
        otto.stop()
        self.assertEqual([record["target"] for record in records_of(self.path)], ["/kept"] * 3)
        self.assertEqual(len(otto.log_lines(LOG_FAILED)), 1)

    def test_a_file_that_may_not_grow(self):
        """A short write leaves no half line, and what did not fit comes when there is room."""
        server = self.scripted()
        real, wrapper = os.environ["OTTO"], os.path.join(self.folder(), "otto")
        with open(wrapper, "w", encoding="ascii") as script:
            script.write(f'#!/bin/bash\nulimit -f 8\nexec "{real}" "$@"\n')
        os.chmod(wrapper, 0o755)
        os.environ["OTTO"] = wrapper
        self.addCleanup(os.environ.__setitem__, "OTTO", real)
        otto, _ = self.logging([server])
        self.send_large(otto, 3)
        self.assertEqual(otto.wait_for_log(LOG_FAILED)[2], "File too large; free some space")
        self.assertEqual(len(records_of(self.path)), 2)
        os.rename(self.path, self.path + ".1")
        otto.signal(signal.SIGHUP)
        otto.wait_for_log(LOG_AGAIN)
        otto.stop()
        self.assertEqual(len(records_of(self.path)), 1)

    def test_a_folder_that_goes_and_comes_back(self):
        otto, _ = self.logging()
        follower = self.follow()
        otto.fetch("/one")
        follower.wait(lambda line: "/one" in line, "first line")
        folder = os.path.dirname(self.path)
        os.rename(folder, folder + ".gone")  # or Otto may make the file again meanwhile
        shutil.rmtree(folder + ".gone")
        otto.fetch("/two")
        self.assertIn("create the folder", otto.wait_for_log(LOG_FAILED)[2])
        otto.fetch("/three")
        os.mkdir(folder)
        otto.wait_for_log(LOG_AGAIN)
        otto.stop()
        self.assertEqual([record["target"] for record in records_of(self.path)][-2:],
                         ["/two", "/three"])

    def test_a_file_that_is_removed_is_made_again(self):
        otto, _ = self.logging()
        follower = self.follow()
        otto.fetch("/one")
        follower.wait(lambda line: "/one" in line, "first line")
        os.remove(self.path)
        otto.fetch("/two")
        otto.stop()
        self.assertEqual([record["target"] for record in records_of(self.path)], ["/two"])


class LogThreadTest(TestCase):
    """Otto's own log, when nobody reads standard error."""

    class Unread(Otto):
        def __init__(self, *arguments, **options):
            self.read_now = threading.Event()
            super().__init__(*arguments, **options)

        def _read_log(self):
            self.read_now.wait()
            super()._read_log()

    REQUEST = b"OPTIONS / HTTP/1.1\r\nHost: a\r\nMax-Forwards: none\r\n\r\n"

    def test_a_log_that_nobody_reads_costs_nothing(self):
        otto = self.Unread(settings([self.scripted()]), environment={"OTTO_DEBUG": "1"},
                           watchdog=2 * SLOWNESS)
        self.addCleanup(otto.finish)
        self.addCleanup(otto.read_now.set)
        otto.wait_ready()
        with RawClient(otto.address) as client:
            for _ in range(80):
                client.send(self.REQUEST * 100)
                for _ in range(100):
                    self.assertEqual(client.response("OPTIONS").status, 400)
        since = otto.notes.mark()
        otto.wait_note(since, WATCHDOG="1")
        otto.reload(settings([self.scripted()]))
        otto.read_now.set()
        lost = int(otto.wait_for_log(r"(\d+) log records lost")[1])
        otto.stop()
        refused = len(otto.log_lines("rejected a request"))
        self.assertGreater(lost, 1000)
        self.assertGreaterEqual(refused + lost, 8000)
        self.assertTrue(otto.log_lines("Otto stopped after"))

    def test_nor_does_it_hold_up_the_end(self):
        otto = self.Unread(settings([self.scripted()]), environment={"OTTO_DEBUG": "1"})
        self.addCleanup(otto.finish)
        self.addCleanup(otto.read_now.set)
        otto.wait_ready()
        with RawClient(otto.address) as client:
            for _ in range(20):
                client.send(self.REQUEST * 100)
                for _ in range(100):
                    client.response("OPTIONS")
        otto.signal(signal.SIGTERM)
        self.assertEqual(otto._process.wait(PATIENCE), 0)


if __name__ == "__main__":
    main()
