"""ottoctl top: the live screen, and the table where there is none."""

import json
import os
import signal

from ctl import UNREACHABLE, CtlCase
from fake_admin import server
from harness import PATIENCE, main, settings


class Once(CtlCase):
    def test_with_otto(self):
        servers = self.demo(2)
        otto = self.started(settings([{"url": servers[0].url, "name": "one"}, servers[1]]))
        otto.wait_healthy(2)
        told = self.ctl("top").out
        self.assertIn("All 2 servers receive requests", told)
        self.assertRegex(told, r"(?m)^one +50% +0 +0 +0 +0 +- +- +healthy")
        shown = self.ctl("top", "--json").json
        self.assertEqual([each["name"] for each in shown["servers"]], ["one", servers[1].url])
        self.assertEqual((shown["healthy"], shown["state"]), (2, "running"))

    def test_with_the_figures_of_one_second(self):
        fake = self.faked()
        fake.answers["GET /api/v1/servers"] = 200, {"servers": [
            server("a", "one", share=0.5), server("b", "evil\x1b[2J\n", state="drain",
                                                  why="draining: 3 requests left")]}
        process = self.piped("top", "--once", "--sort", "state")
        stream = fake.stream()
        stream.record(1, "not of interest")
        stream.counters([["a", 12.3, 0.5, 0, 3, 1.25, 30]], requestsPerSecond=12.3)
        out, err = process.communicate()
        self.assertEqual((process.returncode, err), (0, ""))
        self.assertIn("requests 12/s", out)
        self.assertRegex(out, r"(?m)^evil\?\[2J\? .* draining: 3 requests left$")
        self.assertRegex(out, r"(?m)^one +50% +12 +0.5 +0 +3 +1.2ms +30.0ms +healthy for 2 min$")
        self.assertLess(out.index("evil"), out.index("one "))
        self.assertNotIn("\x1b", out)

    def test_no_otto(self):
        self.ctl("top", "--once", socket=os.path.join(self.folder(), "none"), code=UNREACHABLE)
        fake = self.faked()
        fake.answers["GET /api/v1/servers"] = 200, {"servers": []}
        process = self.piped("top", "--json")
        fake.stream().close()
        out, err = process.communicate()
        self.assertEqual(process.returncode, UNREACHABLE)
        self.assertEqual(err, "ottoctl: Otto closed the connection\n")
        self.assertEqual(json.loads(out), {"detail": "Otto closed the connection"})

    def test_too_many_readers(self):
        fake = self.faked()
        fake.answers["GET /api/v1/events"] = 503, {"detail": "Too many listen already."}
        self.assertIn("Too many listen", self.ctl("top", code=1).err)
        self.assertEqual(self.ctl("events", "--json", code=1).json["detail"],
                         "Too many listen already.")


class Live(CtlCase):
    def setUp(self):
        self.fake = self.faked()
        self.list([server("a", "one", share=0.75), server("b", "two", health="unhealthy", share=0,
                                                          why="connection refused")])

    def list(self, servers):
        self.fake.answers["GET /api/v1/servers"] = 200, {"servers": servers}

    def shown(self, **options):
        """The screen, and the stream that it shows."""
        number = self.fake.streams.mark()
        top = self.on_terminal("top", **options)
        stream = self.fake.stream(number)
        return top, stream

    def quit(self, top, keys="q"):
        top.press(keys)
        self.assertEqual(top.wait_exit(), 0)
        self.assertFalse(top.screen.alternate)
        self.assertTrue(top.screen.cursor_shown)

    def test_follows_the_events(self):
        top, stream = self.shown(columns=120)
        stream.counters([["a", 12.3, 0.5, 0, 3, 1.25, 30]], requestsPerSecond=12.3, queued=4)
        text = top.wait_for(r"^one .* 12 +0.5 +0 +3 +1.2ms +30.0ms")
        self.assertTrue(top.screen.alternate)
        self.assertFalse(top.screen.cursor_shown)
        self.assertIn("requests 12/s", text)
        self.assertIn("4 queued", text)
        self.assertRegex(text, r"(?m)^one .*█▏? ? 75% ")
        self.assertRegex(text, r"(?m)^two .* unhealthy: connection refused$")
        stream.push("servers", {"generation": 2, "changed": [server("c", "three")],
                                "removed": ["b"]})
        self.assertNotIn("two", top.wait_for("^three .* healthy for 2 min$"))
        self.assertTrue(top.screen.styles - {"0"})
        self.quit(top)

    def test_help(self):
        top, stream = self.shown(columns=80, lines=24)
        stream.counters()
        top.wait_for(r"^one [\s\S]*\? help")
        top.press("?")
        self.assertNotIn("one ", top.wait_for(r"sort by name, state"))
        top.press("x")
        top.wait_for("^one ")
        top.press("?")
        top.wait_for("sort by name, state")
        self.quit(top)

    def test_every_way_out_gives_the_terminal_back(self):
        for way in ("q", "Q", "\x03", signal.SIGTERM, signal.SIGHUP):
            with self.subTest(way=way):
                top, stream = self.shown()
                stream.counters()
                top.wait_for("^one ")
                if isinstance(way, str):
                    self.quit(top, way)
                else:
                    top.process.send_signal(way)
                    self.assertEqual(top.wait_exit(), 0)
                    self.assertFalse(top.screen.alternate)

    def test_stops_and_goes_on(self):
        top, stream = self.shown()
        stream.counters(connections=1)
        top.wait_for(r" 1 connection\b")
        top.press("\x1a")
        top.wait(lambda screen: not screen.alternate and screen.cursor_shown, "normal page")
        _, status = os.waitpid(top.process.pid, os.WUNTRACED)
        self.assertTrue(os.WIFSTOPPED(status))
        self.assertEqual(top.settings(), "as before")
        stream.counters(connections=2)
        top.process.send_signal(signal.SIGCONT)
        top.wait_for(" 2 connections")
        self.assertTrue(top.screen.alternate)
        self.quit(top)

    def test_scrolls_sorts_and_resizes(self):
        self.list([server(f"s{number}", f"server-{number:03}", requestsPerSecond=number)
                   for number in range(100)])
        top, stream = self.shown(columns=100, lines=16)
        stream.counters()
        top.wait_for("^1-10 of 100 ")
        for keys, first in (("\x1b[B", 1), ("\x1b[6~", 11), ("\x1b[A", 10), ("\x1b[F", 90),
                            ("\x1b[B\x1b[6~", 90), ("\x1b[5~", 80), ("\x1b[H", 0), ("\x1b[A", 0)):
            top.press(keys)
            top.wait_for(rf"^server-{first:03} (.*\n)*{first + 1}-{first + 10} of 100 ")
        top.press("r")
        top.wait_for(r"STATE\s*\nserver-099 ")
        top.press("o")
        top.wait_for(r"STATE\s*\nserver-000 ")
        top.resize(60, 30)
        top.wait_for("^1-24 of 100 ")
        top.resize(200, 8)
        top.wait_for("^1-2 of 100 .*none$")
        top.resize(20, 3)
        top.wait(lambda screen: screen.rows()[0].startswith("Otto running"), "the state")
        top.resize(100, 120)
        top.wait_for("^server-099 ")
        self.quit(top)

    def test_names_cannot_break_the_screen(self):
        self.list([server("a", "\x1b[2J\x1b[31mevil\r\n\x07"), server("b", "日本語" * 20),
                   server("c", "e\u0301" * 40), server("d", "\u202eleft"),
                   server("e", "x" * 500, why="\x1b]0;title\x07" * 10)])
        top, stream = self.shown(columns=80)
        stream.counters()
        text = top.wait_for("q quit")
        self.assertIn("?[2J?[31mevil???", text)
        self.assertIn("日本語", text)
        self.assertIn("?left", text)
        self.quit(top)

    def test_plain_terminals(self):
        top, stream = self.shown(NO_COLOR="1", LC_ALL="C", columns=120)
        stream.counters([["a", 12, 0, 0, 3, 0.25, 30]])
        text = top.wait_for("^one ")
        self.assertTrue(text.isascii(), text)
        self.assertIn("######", text)
        self.assertLessEqual(top.screen.styles, {"0"})
        self.quit(top)

    def test_otto_goes_and_comes_again(self):
        top, stream = self.shown()
        stream.counters()
        top.wait_for("^Otto running")
        self.fake.stop()
        top.wait_for("^Otto cannot be reached; retrying every second$")
        self.list([server("z", "another")])
        self.fake.start(os.path.dirname(self.fake.path))
        stream = self.fake.stream(1)
        stream.counters()
        text = top.wait_for("^another ")
        self.assertIn("Otto running", text)
        self.assertNotIn("one ", text)
        self.quit(top)

    def test_a_terminal_that_goes_away(self):
        top, stream = self.shown()
        stream.counters()
        top.wait_for("^one ")
        os.close(top._inner)
        top._inner = -1
        os.close(top._outer)
        top._outer = -1
        self.assertIn(top.process.wait(PATIENCE), (0, -signal.SIGHUP))


if __name__ == "__main__":
    main()
