"""`otto --server URL`: balances at once, without a configuration file."""

import os
import signal

from harness import Otto, TestCase, main, run_otto


class QuickStart(Otto):
    """An otto that gets no file, but these arguments."""

    def __init__(self, *arguments, **more):
        self.arguments = arguments
        super().__init__("", **more)

    def command(self):
        return [os.environ["OTTO"], *self.arguments]


class QuickStartTest(TestCase):
    def quick(self, *arguments, **more):
        otto = QuickStart(*arguments, **more)
        self.addCleanup(otto.finish)
        return otto

    def test_it_balances(self):
        servers = self.demo(3)
        port = servers[1].url.rsplit(":", 1)[1]
        otto = self.quick("--server", servers[0].url, "--server", port,
                          "--server", servers[2].url.removeprefix("http://"),
                          "--port", "127.0.0.1:0", sockets=[])
        otto.wait_healthy(3)
        self.assertEqual({otto.fetch().server() for _ in range(12)},
                         {"server-1", "server-2", "server-3"})
        since = otto.log.mark()
        otto.signal(signal.SIGHUP)
        otto.wait_for_log("reloaded the command line: generation 2, 3 servers", since)
        self.assertEqual(otto.fetch().status, 200)

    def test_sockets_of_systemd_and_no_state(self):
        servers = self.demo(1)
        state = self.folder()
        otto = self.quick("--server", servers[0].url, state=state)
        otto.wait_healthy(1)
        self.assertEqual(otto.fetch().server(), "server-1")
        self.assertNotIn("last-good.json", os.listdir(state))

    def test_what_makes_no_sense(self):
        for arguments, why in (
                (["--server", "ftp://x"], '--server ftp://x: expected "http://HOST'),
                (["--server", "5001", "--server", "5001"], "--server 5001: duplicate server"),
                (["--server", "5001", "--port", "x"], "--port x: expected"),
                (["--server", "5001", "--config", "/x"], "excludes"),
                (["--port", "8080"], "requires --server"),
                (["--server"], "--server")):
            code, out, told = run_otto(*arguments)
            self.assertEqual((code, out), (64, ""), arguments)
            self.assertIn(why, told)
        self.assertEqual(run_otto("--check", "--server", "5001", "--port", "8080")[0], 0)


if __name__ == "__main__":
    main()
