"""`otto --reload`: returns once every worker has applied the file, or says why none has."""
# labels: threads

import os
import signal
import subprocess
import tempfile
import threading

from harness import PATIENCE, TestCase, main, run_otto, settings, unix_listener
from threads import stopped


class ReloadCommand(TestCase):
    def setUp(self):
        super().setUp()
        folder = tempfile.TemporaryDirectory(prefix="otto-state-")
        self.addCleanup(folder.cleanup)
        self.state = folder.name

    def started(self, servers, **more):
        otto = self.otto(settings(servers, **more), state=self.state)
        otto.wait_healthy(len(servers))
        return otto

    def reload(self):
        return run_otto("--reload", environment={"STATE_DIRECTORY": self.state})

    def test_every_worker_has_applied_it(self):
        servers = self.demo(2)
        otto = self.started(servers[:1], workers=4, healthCheck={"startHealthy": True})
        for turn in range(10):
            otto.write(settings([servers[turn % 2]], workers=4,
                                healthCheck={"startHealthy": True}))
            self.assertEqual(self.reload(), (0, "", ""))
            self.assertEqual({otto.fetch().server() for _ in range(16)},
                             {f"server-{turn % 2 + 1}"})

    def test_it_waits_for_the_last_worker(self):
        servers = self.demo(1)
        otto = self.started(servers, workers=2)
        with stopped(otto.pid, "otto-worker-1"):
            since = otto.log.mark()
            waiting = [subprocess.Popen([os.environ["OTTO"], "--reload"], text=True,
                                        env={**os.environ, "STATE_DIRECTORY": self.state},
                                        stderr=subprocess.PIPE) for _ in range(16)]
            otto.wait_for_log(f"generation {len(waiting) + 1},", since)
            code, _, told = self.reload()
            self.assertEqual(code, 1)
            self.assertIn("too many", told)
            self.assertEqual([each.poll() for each in waiting], [None] * 16)
        for each in waiting:
            self.assertEqual(each.communicate(timeout=PATIENCE)[1], "")
            self.assertEqual(each.returncode, 0)

    def test_a_bad_file(self):
        otto = self.started(self.demo(1))
        otto.write('{\n  "servers": [17],\n  "workers": "many"\n}\n')
        code, _, told = self.reload()
        self.assertEqual(code, 1)
        self.assertRegex(told, r"^otto: not reloaded: .*config\.json:2:15: /servers/0.*; and 1 more")
        self.assertEqual(otto.fetch().status, 200)

    def test_no_otto(self):
        code, _, told = self.reload()
        self.assertEqual(code, 1)
        self.assertIn("cannot reach Otto", told)
        self.assertIn("STATE_DIRECTORY", run_otto("--reload")[2])

    def test_an_otto_that_ends(self):
        listener = unix_listener(os.path.join(self.state, "reload.sock"))
        self.addCleanup(listener.close)
        ending = threading.Thread(target=lambda: listener.accept()[0].close())
        ending.start()
        self.assertIn("Otto stopped before it responded", self.reload()[2])
        ending.join()

    def test_the_socket_is_private_and_its_remains_do_no_harm(self):
        otto = self.started(self.demo(1))
        path = os.path.join(self.state, "reload.sock")
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o600)
        otto.signal(signal.SIGKILL)
        otto.wait_exit()
        self.assertEqual(self.reload()[0], 1)
        otto = self.started(self.demo(1))
        self.assertEqual(self.reload(), (0, "", ""))
        otto.signal(signal.SIGTERM)
        otto.wait_exit()
        self.assertFalse(os.path.exists(path))


if __name__ == "__main__":
    main()
