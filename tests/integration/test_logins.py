"""Connections that a client has authenticated (NTLM, Negotiate) serve no other client."""
# labels: threads asan

import threading

from harness import RARELY, TestCase, main, settings
from waiting import Deadline

LOGIN = {"NTLM": ("NTLM", "NTLM TlRMTVNTUAAB", "NTLM TlRMTVNTUAAD"),
         "Negotiate": ("Negotiate", "Negotiate YII=", "negotiate oYI="),
         "of several": ("Basic realm=\"a, b\", NTLM", "ntlm TlRMTVNTUAAB", "NTLM TlRMTVNTUAAD")}


class Server:
    """Knows the user of a connection once that has gone through the three steps of a login."""

    def __init__(self, scheme):
        self.offer, self.first, self.last = LOGIN[scheme]
        self.open = threading.Semaphore(0)

    def __call__(self, connection, _):
        steps, user = [], None
        while True:
            connection.body()
            given = connection.get("Authorization")
            if given == self.first:
                steps = [given]
            elif given == self.last and steps:
                user = "alice"
            if user:
                connection.reply(user.encode())
            else:
                connection.reply(b"who?", "401 Unauthorized",
                                 f"WWW-Authenticate: {self.offer}")
            if not connection.next_request():
                self.open.release()
                return


class Logins(TestCase):
    def otto_over(self, scheme, count=1, **more):
        self.script = Server(scheme)
        self.servers = [self.scripted(self.script) for _ in range(count)]
        otto = self.otto(settings(more.pop("servers", self.servers), workers=1,
                                  healthCheck=RARELY, **more))
        otto.wait_healthy(count)
        return otto

    def log_in(self, client, method="GET"):
        for value, status in ((None, 401), (self.script.first, 401), (self.script.last, 200)):
            fields = [("Authorization", value)] if value else []
            response = client.request(method=method, headers=fields, body=b"x")
            self.assertEqual(response.status, status)

    def test_a_login_belongs_to_its_client(self):
        for scheme in LOGIN:
            with self.subTest(scheme):
                otto = self.otto_over(scheme, count=3)
                alice = self.client(otto)
                self.log_in(alice)
                others = [self.client(otto) for _ in range(5)]
                for _ in range(3):
                    for other in others:
                        self.assertEqual(other.request().status, 401)
                    self.assertEqual(alice.request().body, b"alice")

    def test_it_ends_with_the_client(self):
        otto = self.otto_over("NTLM")
        alice = self.client(otto)
        self.log_in(alice)
        alice.close()
        self.assertTrue(self.script.open.acquire(timeout=Deadline().left()))

    def test_its_place_can_be_wanted(self):
        """Where the server's places are few, others are served all the same."""
        script = Server("NTLM")
        server = self.scripted(script)
        self.script = script
        otto = self.otto(settings([{"url": server.url, "maxConnections": 1}], workers=1,
                                  healthCheck=RARELY))
        otto.wait_healthy(1)
        alice, other = self.client(otto), self.client(otto)
        self.log_in(alice)
        self.assertEqual(other.request().status, 401)
        self.log_in(alice)

    def test_a_connection_that_ended_is_replaced(self):
        otto = self.otto_over("NTLM")
        alice = self.client(otto)
        self.log_in(alice)
        self.servers[0].close_connections()
        self.assertEqual(alice.request().status, 401)
        self.log_in(alice)

    def test_other_schemes_share_connections(self):
        def script(connection, number):
            while True:
                connection.reply(str(number).encode(), "200 OK",
                                 'WWW-Authenticate: Basic realm="NTLMish"')
                if not connection.next_request():
                    return
        otto = self.otto(settings([self.scripted(script)], workers=1, healthCheck=RARELY))
        otto.wait_healthy(1)
        for value in ("Basic YTpi", "Bearer NTLM", "Digest username=\"NTLM\"", "NTLMv3 x"):
            response = self.client(otto).request(headers=[("Authorization", value)])
            self.assertEqual(response.body, b"0", value)


if __name__ == "__main__":
    main()
