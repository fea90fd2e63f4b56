"""Servers by name: what becomes of them while the name's addresses come, go, fail and hang."""
# labels: threads tsan

import os
import threading

from harness import Deadline, TestCase, main, settings
from servers import DemoServer


class Names:
    """The file that says what names lead to; see fake_names.cc."""

    def __init__(self, folder, **names):
        self.path = os.path.join(folder, "names")
        os.mkfifo(self.path + ".hang")
        self._known = {}
        self._writer = None
        self.set(**names)

    def set(self, **names):
        self._known.update(names)
        with open(self.path + ".new", "w", encoding="utf-8") as file:
            for name, answer in self._known.items():
                file.write(f"{name} {answer}\n")
        os.rename(self.path + ".new", self.path)

    def asked(self):
        """The names that were looked up, one for each time."""
        with open(self.path + ".log", encoding="utf-8") as file:
            return file.read().split()

    def release(self):
        """Ends the lookups that hang; from now on none may be told to."""
        self._writer = open(self.path + ".hang", "rb+", buffering=0)  # neither end waits

    def close(self):
        if self._writer:
            self._writer.close()


class ByName(TestCase):
    def setUp(self):
        self.names = Names(self.folder())
        self.addCleanup(self.names.close)
        self.environment = {
            "LD_PRELOAD": os.environ["FAKE_NAMES"], "NAMES_FILE": self.names.path,
            "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"}

    def started(self, config, **options):
        return self.otto(config, environment=self.environment, **options)

    def servers(self, count):
        """Demo servers on one port of 127.0.0.1, 127.0.0.2, …; and the port."""
        first, = self.demo(1)
        found = [first]
        for number in range(2, count + 1):
            server = DemoServer(f"server-{number}", "--port", str(first.port),
                                "--address", f"127.0.0.{number}")
            self.addCleanup(server.kill)
            found.append(server)
        return found, first.port

    def reload_names(self, otto, config):
        """A reload looks every name up at once."""
        otto.reload(config)


class Addresses(ByName):
    def test_a_name_is_looked_up_again(self):
        _, port = self.servers(2)
        self.names.set(app="127.0.0.1")
        otto = self.started(settings([f"http://app:{port}"]))
        otto.wait_healthy(1)
        self.assertEqual(otto.fetch().server(), "server-1")
        load = self.load(otto, 8)
        since = otto.log.mark()
        self.names.set(app="127.0.0.2")
        otto.wait_for_log(r"name app now resolves to 127\.0\.0\.2(?!,)", since)
        otto.wait_flip(f"http://app:{port}", "healthy", since)
        load.wait_for(200)
        self.assertEqual(load.finish().failures, [])
        self.assertEqual(set(self.load(otto, 8, 25).finish().servers), {"server-2"})

    def test_an_address_that_answers_is_left_in_peace(self):
        _, port = self.servers(2)
        self.names.set(app="127.0.0.1")
        config = settings([f"http://app:{port}"])
        otto = self.started(config)
        otto.wait_healthy(1)
        since = otto.log.mark()
        self.names.set(app="127.0.0.2 127.0.0.1")
        self.reload_names(otto, config)
        otto.wait_for_log("name app now resolves to 127.0.0.2, 127.0.0.1", since)
        self.assertEqual({otto.fetch().server() for _ in range(8)}, {"server-1"})
        self.assertEqual(otto.log_lines("server http", since), [])

    def test_fails_over_to_an_address_that_came_later(self):
        (first, _), port = self.servers(2)
        self.names.set(app="127.0.0.1")
        config = settings([f"http://app:{port}"])
        otto = self.started(config)
        otto.wait_healthy(1)
        since = otto.log.mark()
        self.names.set(app="127.0.0.1 127.0.0.2")
        self.reload_names(otto, config)
        otto.wait_for_log("name app now resolves to", since)
        since = otto.log.mark()
        first.kill()
        otto.wait_flip(f"http://app:{port}", "unhealthy", since)
        otto.wait_flip(f"http://app:{port}", "healthy", since)
        self.assertEqual(otto.fetch().server(), "server-2")

    def test_requests_under_way_keep_their_address(self):
        arrived, release = threading.Event(), threading.Event()

        def script(connection, _):
            connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfirst")
            arrived.set()
            assert release.wait(Deadline().left())
            connection.send(b" last")

        server = self.scripted(script)
        other = DemoServer("other", "--port", str(server.port), "--address", "127.0.0.2")
        self.addCleanup(other.kill)
        self.names.set(app="127.0.0.1")
        config = settings([f"http://app:{server.port}"])
        otto = self.started(config)
        client = self.client(otto)
        client.send_request()
        self.assertTrue(arrived.wait(Deadline().left()))
        since = otto.log.mark()
        self.names.set(app="127.0.0.2")
        self.reload_names(otto, config)
        otto.wait_for_log(r"name app now resolves to 127\.0\.0\.2(?!,)", since)
        otto.wait_flip(f"http://app:{server.port}", "healthy", since)
        release.set()
        self.assertEqual(client.response().body, b"first last")
        deadline = Deadline()
        while client.request().server() != "other":  # the worker may hear of it after the log
            self.assertTrue(deadline.left(), otto.tail())

    def test_addresses_are_not_looked_up(self):
        first, second = self.demo(2)
        self.names.set(app="127.0.0.1")
        otto = self.started(settings([first.url, f"http://app:{second.port}",
                                      f"http://[::1]:{second.port}", "unix:/nowhere"]))
        otto.wait_healthy(2)
        self.assertEqual(set(self.names.asked()), {"app"})

    def test_one_lookup_serves_all_ports_of_a_name(self):
        servers = self.demo(3)
        self.names.set(app="127.0.0.1")
        otto = self.started(settings([f"http://app:{server.port}" for server in servers]))
        otto.wait_healthy(3)
        self.assertEqual(self.names.asked(), ["app"])


class Failures(ByName):
    def test_at_start_and_success_later(self):
        server, = self.demo(1)
        url = f"http://app:{server.port}"
        config = settings([url])
        otto = self.started(config)
        self.assertRegex(otto.wait_flip(url, "unhealthy"),
                         r"its name does not resolve \(Name or service not known\)")
        self.assertEqual(otto.fetch().status, 503)
        since = otto.log.mark()
        self.names.set(app="127.0.0.1")
        otto.wait_for_log(f"server {url} is healthy", since)
        self.assertEqual(otto.fetch().server(), "server-1")

    def test_the_first_request_waits_for_the_answer(self):
        server, = self.demo(1)
        self.names.set(app="hang")
        otto = self.started(settings([f"http://app:{server.port}"]))
        client = self.client(otto)
        client.send_request()
        self.names.set(app="127.0.0.1")
        self.names.release()
        self.assertEqual(client.response().server(), "server-1")

    def test_later_ones_keep_the_addresses(self):
        server, = self.demo(1)
        self.names.set(app="127.0.0.1")
        config = settings([f"http://app:{server.port}"])
        otto = self.started(config)
        otto.wait_healthy(1)
        since = otto.log.mark()
        self.names.set(app="again")
        self.reload_names(otto, config)
        otto.wait_for_log(r"name app cannot be looked up.*Temporary failure", since)
        self.names.set(app="fail")
        asked = len(self.names.asked())
        for _ in range(3):
            self.reload_names(otto, config)
        self.assertEqual(otto.fetch().server(), "server-1")
        self.names.set(app="127.0.0.1")
        self.reload_names(otto, config)
        otto.wait_for_log("name app can be looked up again", since)
        self.assertGreater(len(self.names.asked()), asked)
        self.assertEqual(len(otto.log_lines("cannot be looked up", since)), 1)
        self.assertEqual(otto.log_lines(r"server \S+ is", since), [])

    def test_a_name_that_comes_with_a_reload(self):
        servers = self.demo(2)
        otto = self.started(settings(servers[:1]))
        otto.wait_healthy(1)
        since = otto.log.mark()
        url = f"http://app:{servers[1].port}"
        otto.reload(settings([servers[0], url]))
        otto.wait_flip(url, "unhealthy", since)
        self.names.set(app="127.0.0.1")
        otto.reload(settings([servers[0], url]))
        otto.wait_flip(url, "healthy", since)
        self.assertEqual({otto.fetch().server() for _ in range(4)}, {"server-1", "server-2"})


class Hanging(ByName):
    """They hang until they are released: what comes to pass before has not waited for them."""

    def test_delays_neither_start_reload_traffic_nor_the_end(self):
        servers = self.demo(2)
        hanging = {f"hanging{number}": "hang" for number in range(8)}
        self.names.set(**hanging, app="127.0.0.1")
        urls = [f"http://{name}:{servers[0].port}" for name in hanging]
        urls += [servers[0].url, f"http://app:{servers[1].port}"]
        otto = self.started(settings(urls, slowStart="0s"))
        otto.wait_for_log(rf"server http://app:{servers[1].port} is healthy")
        replies = [otto.fetch() for _ in range(4)]
        self.assertEqual([reply.status for reply in replies], [200] * 4, replies[0].body)
        self.assertEqual({reply.server() for reply in replies}, {"server-1", "server-2"})
        self.assertIn("is being resolved", otto.wait_flip(urls[0], "unhealthy"))

        self.names.set(another="127.0.0.1")
        since = otto.log.mark()
        otto.reload(settings([*urls, f"http://another:{servers[0].port}"], slowStart="0s"))
        otto.wait_for_log(rf"server http://another:{servers[0].port} is healthy", since)
        otto.stop()

    def test_ends_when_the_name_answers(self):
        server, = self.demo(1)
        self.names.set(app="hang")
        url = f"http://app:{server.port}"
        otto = self.started(settings([url]))
        self.assertIn("is being resolved", otto.wait_flip(url, "unhealthy"))
        self.assertEqual(otto.fetch().status, 503)
        self.names.set(app="127.0.0.1")
        self.names.release()
        otto.wait_flip(url, "healthy")
        self.assertEqual(otto.fetch().server(), "server-1")


class Expanded(ByName):
    def config(self, port, **more):
        return settings([{"url": f"http://app:{port}", "name": "app", "expand": True, **more}],
                        slowStart="0s")

    def test_each_address_is_a_server(self):
        _, port = self.servers(3)
        self.names.set(app="127.0.0.3 127.0.0.1 127.0.0.2")
        otto = self.started(self.config(port))
        otto.wait_healthy(3)
        for number in (1, 2, 3):
            otto.wait_for_log(rf"server app \(127\.0\.0\.{number}\) is healthy")
        shares = [otto.fetch().server() for _ in range(6)]
        self.assertEqual(shares[:3], shares[3:])
        self.assertEqual(set(shares), {"server-1", "server-2", "server-3"})

    def test_the_host_field_is_the_name(self):
        server = self.scripted()
        self.names.set(app="127.0.0.1")
        otto = self.started(self.config(server.port))
        otto.wait_healthy(1)
        client = self.client(otto)
        client.send(b"GET / HTTP/1.0\r\n\r\n")
        self.assertEqual(client.response().status, 200)
        self.assertIn(f"Host: app:{server.port}\r\n".encode(), server.requests[0])

    def test_grows_and_shrinks_under_load(self):
        _, port = self.servers(4)
        config = self.config(port)
        self.names.set(app="127.0.0.1 127.0.0.2")
        otto = self.started(config)
        otto.wait_healthy(2)
        load = self.load(otto, 16)
        load.wait_for(200)

        since = otto.log.mark()
        self.names.set(app="127.0.0.1 127.0.0.2 127.0.0.3 127.0.0.4")
        self.reload_names(otto, config)
        for number in (3, 4):
            otto.wait_for_log(rf"server app \(127\.0\.0\.{number}\) is healthy", since)
        load.wait_for(800)
        self.assertEqual(set(load.servers), {f"server-{number}" for number in (1, 2, 3, 4)})

        since = otto.log.mark()
        self.names.set(app="127.0.0.4")
        self.reload_names(otto, config)
        otto.wait_for_log(r"name app now resolves to 127\.0\.0\.4", since)
        otto.wait_status(1, 1)
        load.wait_for(200)
        self.assertEqual(load.finish().failures, [])
        self.assertEqual(set(self.load(otto, 16, 20).finish().servers), {"server-4"})
        self.assertEqual(otto.log_lines(r"127\.0\.0\.4\) is", since), [])

    def test_connections_to_servers_that_stay_are_kept(self):
        server = self.scripted()
        self.names.set(app="127.0.0.1")
        config = self.config(server.port)
        config["timeouts"]["serverIdle"] = "1m"
        otto = self.started(config)
        otto.wait_healthy(1)
        client = self.client(otto)
        self.assertEqual(client.request().status, 200)
        since = otto.log.mark()
        self.names.set(app="127.0.0.1 127.0.0.2")
        self.reload_names(otto, config)
        otto.wait_for_log(r"server app \(127\.0\.0\.2\) is unhealthy", since)
        self.assertEqual(client.request().status, 200)
        self.assertEqual(server.connections(), 1)

    def test_without_an_answer_there_is_one_without_an_address(self):
        server, = self.demo(1)
        config = self.config(server.port)
        otto = self.started(config)
        self.assertIn("does not resolve", otto.wait_flip("app", "unhealthy"))
        otto.wait_status(0, 1)
        since = otto.log.mark()
        self.names.set(app="127.0.0.1")
        self.reload_names(otto, config)
        otto.wait_for_log(r"server app \(127\.0\.0\.1\) is healthy", since)
        self.assertEqual(otto.fetch().server(), "server-1")

    def test_an_entry_of_its_own_keeps_its_address(self):
        _, port = self.servers(2)
        self.names.set(app="127.0.0.1 127.0.0.2")
        config = self.config(port)
        config["servers"].append({"url": f"http://127.0.0.1:{port}", "weight": 2})
        otto = self.started(config)
        otto.wait_healthy(2)
        shares = [otto.fetch().server() for _ in range(9)]
        self.assertEqual(shares.count("server-1"), 6)
        self.assertEqual(shares.count("server-2"), 3)


if __name__ == "__main__":
    main()
