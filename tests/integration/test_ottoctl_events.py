"""ottoctl events: what it prints, and how it ends."""

import json
import os
import re
import signal
import socket

from ctl import UNREACHABLE, CtlCase
from harness import PATIENCE, Deadline, main, settings


class Events(CtlCase):
    def setUp(self):
        self.fake = self.faked()

    def follow(self, *arguments):
        number = self.fake.streams.mark()
        process = self.piped("events", *arguments)
        return process, self.fake.stream(number)

    def stop(self, process, number=signal.SIGINT):
        process.send_signal(number)
        self.assertEqual(process.wait(PATIENCE), 0)
        return process.stderr.read()

    def test_the_latest_and_then_all(self):
        process, stream = self.follow("--lines", "2")
        for number in range(5):
            stream.record(number, f"old {number}", "warning")
        stream.counters()
        # Each line is there at once, though stdout is a pipe.
        self.assertRegex(process.stdout.readline(), r"^\d+-\d\d-\d\d \d\d:\d\d:08  warning  old 3$")
        self.assertIn("old 4", process.stdout.readline())
        stream.record(5, "new")
        self.assertRegex(process.stdout.readline(), "08  notice   new$")
        stream.counters()
        stream.push("servers", {"generation": 1, "changed": [], "removed": []})
        stream.record(6, "evil\x1b[2J\nline", "error")
        self.assertIn("evil\\u001b[2J\\u000aline", process.stdout.readline())
        self.assertEqual(self.stop(process), "")
        self.assertEqual(process.stdout.read(), "")

    def test_once(self):
        process, stream = self.follow("--once", "--lines", "200")
        for number in range(150):
            stream.record(number, f"old {number}")
        stream.counters()
        out, err = process.communicate()
        self.assertEqual((process.returncode, err, len(out.splitlines())), (0, "", 150))
        process, stream = self.follow("--once", "--json", "--lines", "0")
        stream.record(1, "old")
        stream.counters()
        self.assertEqual(process.communicate(), ("", ""))
        process, stream = self.follow("--once")
        stream.record(1, "old")
        stream.close()
        self.assertIn("closed", process.communicate()[1])
        self.assertEqual(process.returncode, UNREACHABLE)

    def test_json(self):
        process, stream = self.follow("--json")
        stream.record(7, "a \x1b text")
        stream.counters(connections=3)
        stream.push("servers", {"generation": 1, "changed": [], "removed": ["a"]})
        record, counters, servers = (json.loads(process.stdout.readline()) for _ in range(3))
        self.assertEqual((record["event"], record["id"], record["text"]),
                         ("record", "7", "a \x1b text"))
        self.assertEqual((counters["event"], counters["connections"]), ("counters", 3))
        self.assertEqual((servers["event"], servers["removed"]), ("servers", ["a"]))
        self.stop(process, signal.SIGTERM)

    def test_colours_on_a_terminal(self):
        number = self.fake.streams.mark()
        shown = self.on_terminal("events")
        stream = self.fake.stream(number)
        stream.record(1, "a", "warning")
        stream.record(2, "b", "error")
        stream.counters()
        shown.wait_for("error    b")
        self.assertIn(b"\x1b[33mwarning", shown.raw)
        self.assertIn(b"\x1b[31merror", shown.raw)
        shown.press("\x03")
        self.assertEqual(shown.wait_exit(), 0)

    def test_goes_on_when_otto_does(self):
        process, stream = self.follow()
        stream.record(41, "before")
        stream.counters()
        self.assertIn("before", process.stdout.readline())
        self.fake.stop()
        self.assertRegex(process.stderr.readline(), "was lost; retrying")
        self.fake.start(os.path.dirname(self.fake.path))
        stream = self.fake.stream(1)
        self.assertEqual(stream.last_id, "41")
        self.assertRegex(process.stderr.readline(), "reconnected to Otto")
        # What was missed is no backlog: all of it is printed.
        for number in range(42, 72):
            stream.record(number, f"missed {number}")
        for number in range(42, 72):
            self.assertIn(f"missed {number}", process.stdout.readline())
        self.assertEqual(self.stop(process), "")

    def test_a_closed_pipe_ends_it_without_a_word(self):
        process, stream = self.follow()
        stream.record(1, "first")
        stream.counters()
        process.stdout.readline()
        process.stdout.close()
        # Nothing has to happen for it to notice.
        self.assertEqual(process.wait(PATIENCE), 0)
        self.assertEqual(process.stderr.read(), "")

    def test_a_closed_pipe_while_it_writes(self):
        process, stream = self.follow("--lines", "100000")
        for number in range(5000):
            stream.record(number, "x" * 100)
        stream.counters()
        process.stdout.readline()
        process.stdout.close()
        self.assertIn(process.wait(PATIENCE), (0, -signal.SIGPIPE))
        self.assertEqual(process.stderr.read(), "")

    def test_what_is_no_otto(self):
        self.ctl("events", socket=os.path.join(self.folder(), "none"), code=UNREACHABLE)
        with socket.socket(socket.AF_UNIX) as listener:
            path = os.path.join(self.folder(), "other.sock")
            listener.bind(path)
            listener.listen(1)
            listener.settimeout(PATIENCE)
            process = self.piped("events", socket=path)
            client, _ = listener.accept()
            with client:
                client.recv(65536)
                client.sendall(b"220 mail.example ESMTP\r\n\r\n")
            self.assertEqual(process.wait(PATIENCE), UNREACHABLE)
            self.assertIn("the response does not come from Otto", process.stderr.read())


class WithOtto(CtlCase):
    def test_flips_and_reloads(self):
        servers = self.demo(2)
        otto = self.started(settings(servers))
        otto.wait_healthy(2)
        process = self.piped("events", "--lines", "200")

        def wait_for(regex):
            deadline = Deadline()
            seen = []
            while deadline.left():
                seen.append(process.stdout.readline())
                if re.search(regex, seen[-1]):
                    return
            raise AssertionError(seen)
        wait_for("is healthy")
        servers[0].kill()
        wait_for(f"warning +server {servers[0].url} is unhealthy")
        self.ctl("weight", servers[1].url, "3")
        wait_for("notice +.*weight")
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(PATIENCE), 0)
        lines = self.ctl("events", "--once", "--json", "--lines", "200").out.splitlines()
        types = [json.loads(line).get("type") for line in lines]
        self.assertIn("server-unhealthy", types)


if __name__ == "__main__":
    main()
