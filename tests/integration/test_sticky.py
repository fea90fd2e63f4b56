"""Cookies that bring clients back to their servers."""
# labels: threads

import os
import stat

import websocket
from harness import TestCase, main, settings

VALUE = r"[0-9a-f]{16}\.[0-9a-f]{32}"


class Sticky(TestCase):
    def started(self, count=3, config=None, state=None, **more):
        self.servers = self.demo(count)
        self.config = settings(self.servers, sticky=config or {}, **more)
        return self.again(state)

    def again(self, state=None):
        otto = self.otto(self.config, state=state)
        otto.wait_healthy(len(self.config["servers"]))
        return otto

    @staticmethod
    def fetch(otto, cookie=None, target="/"):
        return otto.fetch(target, headers=[("Cookie", cookie)] if cookie else [])

    @staticmethod
    def cookie_of(response):
        """NAME=VALUE of the only Set-Cookie field, or None."""
        field = response.get("Set-Cookie")
        return field.split(";")[0] if field else None

    def assert_kept(self, otto, cookie, server, count=6):
        for _ in range(count):
            response = self.fetch(otto, cookie)
            self.assertEqual(response.server(), server)
            self.assertEqual(response.all("Set-Cookie"), [])

    # ---- the cookie ----------------------------------------------------------------------------

    def test_a_client_comes_back_to_its_server(self):
        otto = self.started()
        for _ in range(3):
            first = self.fetch(otto)
            self.assertRegex(first.get("Set-Cookie"),
                             f"^otto_server={VALUE}; Path=/; HttpOnly; SameSite=Lax$")
            self.assert_kept(otto, self.cookie_of(first), first.server())
            self.assert_kept(otto, f"a=b; {self.cookie_of(first)}; c=d", first.server(), 3)

    def test_name_and_age(self):
        otto = self.started(config={"cookie": "where", "ttl": "90m"})
        first = self.fetch(otto)
        self.assertRegex(first.get("Set-Cookie"), f"^where={VALUE}; Path=/; Max-Age=5400; "
                                                  "HttpOnly; SameSite=Lax$")
        self.assert_kept(otto, self.cookie_of(first), first.server())

    def test_without_the_setting_there_is_no_cookie(self):
        servers = self.demo(2)
        otto = self.otto(settings(servers))
        otto.wait_healthy(2)
        cookie = f"otto_server={'0' * 16}.{'0' * 32}"
        replies = [self.fetch(otto, cookie) for _ in range(4)]
        self.assertEqual([reply.all("Set-Cookie") for reply in replies], [[]] * 4)
        self.assertEqual(len({reply.server() for reply in replies}), 2)

    def test_the_server_gets_it_and_keeps_its_own(self):
        def script(connection, _):
            self.seen = connection.get("Cookie")
            connection.reply(b"hello", "200 OK", "Set-Cookie: session=1", "Connection: close")

        otto = self.otto(settings([self.scripted(script)], sticky={}))
        otto.wait_healthy(1)
        first = self.fetch(otto, "a=b")
        self.assertEqual(self.seen, "a=b")
        theirs, ours = first.all("Set-Cookie")
        self.assertEqual(theirs, "session=1")
        cookie = "session=1; " + ours.split(";")[0]
        self.assertEqual(self.fetch(otto, cookie).all("Set-Cookie"), ["session=1"])
        self.assertEqual(self.seen, cookie)

    def test_other_replies(self):
        otto = self.started()
        for method, target, headers in (("HEAD", "/", []), ("GET", "/status/304", []),
                                        ("GET", "/chunked/100000", []), ("POST", "/echo", []),
                                        ("GET", "/bytes/1000000", [])):
            with self.subTest(method=method, target=target):
                with self.client(otto) as client:
                    body = b"x" if method == "POST" else None
                    response = client.request(target, method, headers, body)
                    self.assertIsNotNone(self.cookie_of(response))
                    self.assertEqual(client.request().status, 200)
        self.assertEqual(otto.fetch("*", "OPTIONS").all("Set-Cookie"), [], "it is of no server")

    def test_tunnels(self):
        otto = self.otto(settings([self.scripted(websocket.echo) for _ in range(2)], sticky={}))
        otto.wait_healthy(2)
        client = self.client(otto)
        client.send_request(headers=websocket.FIELDS)
        head = client.head()
        self.assertEqual(head.status, 101)
        client = self.client(otto)
        client.send_request(headers=[*websocket.FIELDS, ("Cookie", self.cookie_of(head))])
        self.assertEqual(client.head().all("Set-Cookie"), [])

    # ---- what is not believed ------------------------------------------------------------------

    def test_forged_cookies_are_ignored(self):
        otto = self.started()
        cookie = self.cookie_of(self.fetch(otto))
        name, value = cookie.split("=")
        forged = [value[:-1] + ("0" if value[-1] != "0" else "1"), value[:16] + "." + "0" * 32,
                  value[:16], "", value.upper(), "x" * 4000, value + value, '"' + value + '"']
        for each in forged:
            with self.subTest(value=each[:60]):
                replies = [self.fetch(otto, f"{name}={each}") for _ in range(3)]
                self.assertEqual({reply.server() for reply in replies},
                                 {server.name for server in self.servers}, "they take turns")
                for reply in replies:
                    self.assertRegex(reply.get("Set-Cookie"), VALUE)
        stolen = {self.cookie_of(self.fetch(otto)).split("=")[1] for _ in range(3)}
        swapped = [one[:16] + other[16:] for one in stolen for other in stolen if one != other]
        for each in swapped:
            self.assertIsNotNone(self.cookie_of(self.fetch(otto, f"{name}={each}")))

    def test_the_one_of_ours_among_others(self):
        otto = self.started()
        first = self.fetch(otto)
        cookie = self.cookie_of(first)
        self.assert_kept(otto, f"otto_server=old; {cookie}", first.server())

    # ---- when the server cannot serve ----------------------------------------------------------

    def test_falls_back_when_the_server_is_gone(self):
        otto = self.started()
        first = self.fetch(otto)
        gone = next(each for each in self.servers if each.name == first.server())
        gone.kill()
        second = self.fetch(otto, self.cookie_of(first))
        self.assertEqual(second.status, 200)
        self.assertNotEqual(second.server(), first.server())
        self.assert_kept(otto, self.cookie_of(second), second.server())

        since = otto.log.mark()
        gone.start()
        otto.wait_flip(gone, "healthy", since)
        self.assert_kept(otto, self.cookie_of(second), second.server())
        self.assert_kept(otto, self.cookie_of(first), first.server())

    def test_a_drained_server_loses_its_clients(self):
        otto = self.started()
        first = self.fetch(otto)
        place = next(at for at, each in enumerate(self.servers) if each.name == first.server())
        self.config["servers"][place] = {"url": self.servers[place].url, "state": "drain"}
        otto.reload(self.config)
        second = self.fetch(otto, self.cookie_of(first))
        self.assertNotEqual(second.server(), first.server())
        self.assert_kept(otto, self.cookie_of(second), second.server())

    # ---- how long it holds ---------------------------------------------------------------------

    def test_survives_reloads_in_another_order(self):
        otto = self.started()
        first = self.fetch(otto)
        self.config["servers"].reverse()
        otto.reload(self.config)
        self.assert_kept(otto, self.cookie_of(first), first.server())

    def test_survives_a_restart_by_the_state_directory(self):
        state = self.folder()
        otto = self.started(state=state)
        first = self.fetch(otto)
        otto.stop()
        key = os.path.join(state, "sticky.key")
        self.assertEqual(stat.S_IMODE(os.stat(key).st_mode), 0o600)
        self.assertEqual(os.stat(key).st_size, 32)
        otto = self.again(state)
        self.assert_kept(otto, self.cookie_of(first), first.server())

    def test_a_bad_key_is_replaced(self):
        state = self.folder()
        with open(os.path.join(state, "sticky.key"), "wb") as file:
            file.write(b"short")
        otto = self.started(state=state)
        otto.wait_for_log("key for sticky cookies")
        first = self.fetch(otto)
        otto.stop()
        self.assert_kept(self.again(state), self.cookie_of(first), first.server())

    def test_without_a_state_directory_each_process_has_its_own_key(self):
        otto = self.started()
        first = self.fetch(otto)
        otto.stop()
        otto = self.again()
        self.assertIsNotNone(self.cookie_of(self.fetch(otto, self.cookie_of(first))))

    def test_no_key_is_kept_that_nobody_needs(self):
        state = self.folder()
        otto = self.otto(settings(self.demo(1)), state=state)
        otto.wait_healthy(1)
        self.assertNotIn("sticky.key", os.listdir(state))


if __name__ == "__main__":
    main()
