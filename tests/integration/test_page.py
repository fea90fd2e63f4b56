"""The web page, in a browser, as an operator uses it."""
# labels: browser

import json
import os
import threading
import unittest

from admin import Admin
from browser import Browser
from harness import PATIENCE, RARELY, TestCase, main, settings, tcp_listener

TOKEN = "0123456789abcdef" * 4
BEARER = {"Authorization": "Bearer " + TOKEN}
SCREENSHOTS = os.environ.get("OTTO_SCREENSHOTS")  # a folder to leave some in, for people to look at
HOSTILE = "<img src=x onerror=\"document.title='owned'\">"

browser = None


def setUpModule():
    global browser
    browser = Browser()
    unittest.addModuleCleanup(browser.quit)


class PageCase(TestCase):
    def started(self, config, open_page=True, **options):
        """An Otto with the API over TCP, whose page is open."""
        self.sockets = [tcp_listener(), tcp_listener()]
        self.state = self.folder()
        with open(os.path.join(self.state, "admin-token"), "w", encoding="ascii") as file:
            file.write(TOKEN + "\n")
        self.place = self.sockets[1].getsockname()[:2]
        self.url = "http://127.0.0.1:{}/".format(self.place[1])
        otto = self.run_otto(config, **options)
        if open_page:
            browser.resize(1280, 900)
            browser.prefer("light")
            browser.open(self.url)
            self.live()
        return otto

    def run_otto(self, config, **options):
        """Also again, on the same ports: the sockets stay open meanwhile, as systemd keeps them."""
        return self.otto(config, sockets=[each.dup() for each in self.sockets],
                         names=["http", "admin"], state=self.state, **options)

    def tearDown(self):
        for each in getattr(self, "sockets", ()):
            each.close()
        browser.driver.get("about:blank")

    def live(self):
        browser.wait_text("#stream", "live")

    def sign_in(self, token=TOKEN):
        browser.click("#sign")
        browser.fill("#sign-token", token)
        browser.press("Enter")

    def signed_in(self):
        self.sign_in()
        browser.wait_text("#access", "signed in")

    def closed(self, dialog):
        browser.wait("return !document.querySelector(arguments[0]).open", dialog)

    def row(self, name, *parts):
        """Waits until the row of the server has these texts; all of its text."""
        return browser.wait("""
            for (const row of document.querySelectorAll("#rows .row"))
                if (row.querySelector(".link").textContent === arguments[0]
                    && arguments[1].every((part) => row.innerText.includes(part)))
                    return row.innerText;
            return null;""", name, list(parts), what="a row")

    def value(self, name, column, text):
        """Waits until a cell of the server's row says that."""
        browser.wait("""
            for (const row of document.querySelectorAll("#rows .row"))
                if (row.querySelector(".link").textContent === arguments[0])
                    return row.querySelector(arguments[1]).textContent === arguments[2];
            return false;""", name, f".{column} .value", text, what="a cell")

    def act(self, name, action):
        """Chooses it in the server's menu."""
        self.row(name)
        browser.js("""for (const button of document.querySelectorAll("#rows .more"))
            if (button.ariaLabel === `Actions for ${arguments[0]}`) button.click();""", name)
        browser.wait("return document.querySelector('#menu').matches(':popover-open')")
        browser.js("""for (const item of document.querySelectorAll("#menu [role=menuitem]"))
            if (item.textContent.startsWith(arguments[0])) item.click();""", action)

    def admin(self):
        return Admin(self.place)

    def no_faults(self, *but):
        self.assertEqual(browser.faults(but), [])

    def no_barriers(self, what):
        found = [each for each in browser.barriers() if each[0] in ("serious", "critical")]
        self.assertEqual(found, [], what)

    def shoot(self, name):
        if SCREENSHOTS:
            browser.screenshot(os.path.join(SCREENSHOTS, name + ".png"))


def named(servers):
    return [{"url": server.url, "name": server.name} for server in servers]


class Serving(PageCase):
    def test_files(self):
        self.started(settings(self.demo(1)), open_page=False)
        page = self.admin().ask("GET", "/")
        self.assertEqual(page.status, 200)
        self.assertEqual(page.headers["Content-Type"], "text/html; charset=utf-8")
        policy = page.headers["Content-Security-Policy"]
        self.assertIn("default-src 'none'", policy)
        self.assertIn("frame-ancestors 'none'", policy)
        self.assertNotIn("unsafe", policy)
        for name, value in (("X-Content-Type-Options", "nosniff"),
                            ("Referrer-Policy", "no-referrer"), ("Cache-Control", "no-cache"),
                            ("Cross-Origin-Opener-Policy", "same-origin"),
                            ("Cross-Origin-Resource-Policy", "same-origin")):
            self.assertEqual(page.headers[name], value)
        again = self.admin().ask("GET", "/", headers={"If-None-Match": page.tag})
        self.assertEqual((again.status, again.text, again.tag), (304, "", page.tag))
        self.assertEqual(self.admin().ask("HEAD", "/").text, "")
        for path, kind in (("/app.js", "text/javascript"), ("/chart.js", "text/javascript"),
                           ("/style.css", "text/css"), ("/icon.svg", "image/svg+xml")):
            answer = self.admin().ask("GET", path)
            self.assertEqual(answer.status, 200, path)
            self.assertTrue(answer.headers["Content-Type"].startswith(kind), path)
        self.assertIn("MIT License", self.admin().ask("GET", "/chart.js").text[:500])
        for path in ("/index.html", "/nothing.js", "/../etc/passwd", "/ui/app.js"):
            self.assertEqual(self.admin().ask("GET", path).status, 404, path)
        self.assertEqual(self.admin().ask("POST", "/", headers=BEARER).status, 405)

    def test_of_another_host_or_origin(self):
        self.started(settings(self.demo(1)), open_page=False)
        for stranger in ({"Host": "otto.example"}, {"Origin": "http://evil.example"}):
            self.assertEqual(self.admin().ask("GET", "/", headers=stranger).status, 403)


class Watching(PageCase):
    def test_a_server_dies_and_heals(self):
        servers = self.demo(3)
        otto = self.started(settings(named(servers)))
        otto.wait_healthy(3)
        browser.wait_text("#state", "All 3 servers receive requests")
        self.row("server-1", "Healthy", "healthy for", "33 %")
        servers[0].kill()
        self.row("server-1", "Unhealthy", "refused", "0 %")
        browser.wait_text("#state", "2 of 3 servers receive requests")
        browser.wait_text("#flips", "server-1 is unhealthy: connection refused.")
        browser.wait_text("#latest", "server-1 is unhealthy")
        browser.wait("return document.title.startsWith('2/3 healthy')")
        self.shoot("dead")
        servers[0].start()
        self.row("server-1", "Healthy", "healthy for")
        browser.wait_text("#flips", "server-1 is healthy")
        browser.wait_text("#state", "All 3 servers receive requests")
        self.no_faults()

    def test_numbers(self):
        servers = self.demo(2)
        otto = self.started(settings(named(servers)))
        otto.wait_healthy(2)
        load = self.load(otto, 4)
        browser.wait("const shown = document.querySelector('#now-requests').textContent;"
                     "return Number(shown.replaceAll(',', '')) > 10")
        browser.wait("return /\\d (µs|ms)/.test(document.querySelector('#now-p99').textContent)")
        browser.wait("return document.querySelectorAll('#rows .latency path[d^=M]').length === 2")
        browser.wait("return /now \\d/.test(document.querySelector('#chart-requests').ariaLabel)")
        self.shoot("light")
        browser.prefer("dark")
        self.shoot("dark")
        load.finish()
        self.no_faults()

    def test_the_last_minutes_are_there_at_once(self):
        otto = self.started(settings(named(self.demo(1)), healthCheck=RARELY))
        otto.wait_healthy(1)
        count = "Chart.getChart('chart-requests').data.datasets[0].data.length"
        browser.wait(f"return {count} >= 6", what="some seconds in the chart")
        browser.driver.refresh()
        browser.wait(f"return {count} > 0", what="a chart")
        self.assertGreaterEqual(browser.js(f"return {count}"), 5)
        spans = browser.js("return Chart.getChart('chart-requests').data.datasets[0].data"
                           ".map((point) => point.x)")
        self.assertEqual(spans, sorted(spans))
        self.no_faults()

    def test_a_long_reason(self):
        path = os.path.join(self.folder(), "a-path-that-takes-some-room-" * 5)
        otto = self.started(settings([*named(self.demo(1)), {"url": f"unix:{path[:100]}", "name": "b"}],
                                     healthCheck=RARELY))
        otto.wait_healthy(1)
        self.row("b", "Unhealthy", "no such file")
        long = "unhealthy for 3 s: permission denied; " + "and what to do about it " * 8
        # What Otto says about it, in place of a system on which it says that much.
        browser.js("""document.querySelector("#filter").focus();
            import("/state.js").then(({ servers, takeServers }) => {
                const server = [...servers.values()].find((each) => each.name === "b");
                takeServers({ changed: [{ ...server, why: arguments[0] }] });
            });""", long)
        whole = """const row = [...document.querySelectorAll("#rows .row")].find((each) =>
                each.querySelector(".link").textContent === "b");
            const why = row.querySelector(".clamp");
            const box = why.getBoundingClientRect();
            const inside = row.getBoundingClientRect();
            const fits = why.scrollHeight <= why.clientHeight + 1;
            """
        self.row("b", "permission denied")
        browser.wait(whole + "return !fits && why.title.length > 200", what="a reason that is cut")
        browser.js(whole + "row.querySelector('.link').focus()")
        browser.wait(whole + "return fits", what="the whole reason of what has the focus")
        self.shoot("long-reason")
        for width in (360, 800):
            browser.resize(width, 760)
            browser.wait(whole + "return fits && box.top >= inside.top"
                         " && box.bottom <= inside.bottom", what=f"the whole reason at {width}")
            self.shoot(f"long-reason-{width}")
        self.no_faults()

    def test_no_healthy_server(self):
        servers = self.demo(2)
        otto = self.started(settings(named(servers)))
        otto.wait_healthy(2)
        for server in servers:
            server.kill()
        browser.wait_text("#state", "Failing open")
        browser.wait("return document.querySelector('#state').dataset.tone === 'bad'")

    def test_filter_and_sort(self):
        servers = self.demo(3)
        entries = [{"url": server.url, "name": name, "weight": weight} for server, name, weight
                   in zip(servers, ("b", "a10", "a9"), (1, 3, 2))]
        otto = self.started(settings(entries))
        otto.wait_healthy(3)
        self.row("b")

        def order(*names):
            browser.wait("const links = [...document.querySelectorAll('#rows .link')];"
                         "return links.map((each) => each.textContent).join() === arguments[0]",
                         ",".join(names))
        order("b", "a10", "a9")
        browser.click("#head .name button")
        order("a9", "a10", "b")
        browser.click("#head .name button")
        order("b", "a10", "a9")
        self.assertEqual(browser.find("#head .name").get_attribute("aria-sort"), "descending")
        browser.click("#head .weight button")
        order("a10", "a9", "b")
        browser.fill("#filter", "A1")
        order("a10")
        browser.fill("#filter", "nobody")
        browser.wait_text("#empty", "No server matches")
        browser.press(*["Backspace"] * 6)
        servers[0].kill()
        browser.wait_text("#chip-trouble", "1")
        browser.click("[data-group=trouble]")
        order("b")
        self.no_faults()

    def test_names_are_text(self):
        servers = self.demo(2)
        otto = self.started(settings([{"url": servers[0].url, "name": HOSTILE}, servers[1]]))
        otto.wait_healthy(2)
        self.row(HOSTILE, "Healthy")
        servers[0].kill()
        self.row(HOSTILE, "Unhealthy")
        browser.wait_text("#latest", HOSTILE)
        self.act(HOSTILE, "Weight")
        browser.wait_text("#weight-title", HOSTILE)
        browser.press("Escape")
        browser.driver.get(self.url + "#config")
        browser.wait_text("#diff", "same as the file")
        self.assertEqual(browser.js("return document.querySelectorAll('img[src=x]').length"), 0)
        self.assertNotEqual(browser.js("return document.title"), "owned")
        self.no_faults()

    def test_stream_lost_and_found(self):
        servers = self.demo(2)
        otto = self.started(settings(named(servers)))
        otto.wait_healthy(2)
        self.row("server-1", "Healthy")
        otto.stop()
        browser.wait_text("#stream", "lost")
        browser.wait_text("#notice", "Reconnecting")
        self.no_barriers("without a connection")
        otto = self.run_otto(settings(named(servers[:1])))
        self.live()
        browser.wait("return document.querySelectorAll('#rows .row').length === 1")
        browser.wait("return !document.querySelector('#notice').textContent.includes('is lost')")
        otto.wait_healthy(1)
        self.row("server-1", "Healthy")
        browser.driver.get(self.url + "#events")
        browser.wait("return document.querySelectorAll('#events > li').length > 1")


class Steering(PageCase):
    def setUp(self):
        self.servers = self.demo(3)
        self.otto_ = self.started(settings(named(self.servers)))
        self.otto_.wait_healthy(3)

    def server(self, name):
        return self.admin().servers().get(name)

    def test_read_only_without_the_token(self):
        browser.wait_text("#access", "read-only")
        self.act("server-1", "Drain")
        browser.wait_text("#ask-title", "Drain server-1?")
        browser.click("#ask-ok")
        browser.wait_text("#sign-dialog", "ottoctl token")
        browser.wait_text("#sign-path", os.path.join(self.state, "admin-token"))
        browser.fill("#sign-token", "f" * 64)
        browser.press("Enter")
        browser.wait_text("#sign-error", "not the token")
        browser.press("Escape")
        browser.wait_text("#ask-error", "nothing was changed")
        self.assertEqual(self.server("server-1")["state"], "active")
        self.no_faults(401)

    def test_a_token_that_holds_no_more(self):
        browser.js("sessionStorage.setItem('otto-token', 'f'.repeat(64))")
        browser.driver.refresh()
        browser.wait_text("#access", "signed in")
        self.act("server-1", "Drain")
        browser.click("#ask-ok")
        browser.wait_text("#sign-error", "no longer valid")
        browser.fill("#sign-token", TOKEN)
        browser.press("Enter")
        self.row("server-1", "Drained")
        browser.driver.refresh()
        browser.wait_text("#access", "signed in")
        browser.click("#sign")
        browser.wait_text("#access", "read-only")

    def test_drain_and_enable_by_keyboard(self):
        self.signed_in()
        browser.wait_text("#toasts", "Signed in")
        self.row("server-2", "Healthy")
        browser.focus("[aria-label='Actions for server-2']")
        browser.press("Enter")
        browser.wait("return document.activeElement.textContent.startsWith('Drain')")
        browser.press("Escape")
        browser.wait("return document.activeElement.ariaLabel === 'Actions for server-2'")
        browser.press("Enter")
        browser.wait("return document.activeElement.role === 'menuitem'")
        browser.press("ArrowDown", "ArrowUp", "Enter")
        browser.wait_text("#ask-text", "It has no requests in progress")
        browser.press("Tab", "Enter")
        self.row("server-2", "Drained", "drained: no requests left")
        self.assertEqual(self.server("server-2")["state"], "drain")
        browser.wait("return document.activeElement.ariaLabel === 'Actions for server-2'")
        browser.press("Enter")
        browser.wait("return document.activeElement.textContent.startsWith('Enable')")
        browser.press("Enter")
        browser.wait_for("#ask-ok")
        browser.press("Tab", "Enter")
        self.row("server-2", "Healthy")
        self.no_faults()

    def test_weight(self):
        self.signed_in()
        self.act("server-3", "Weight")
        browser.fill("#weight", "2")
        browser.wait_text("#weight-share", "50 %")
        browser.press("Enter")
        self.closed("#weight-dialog")
        self.value("server-3", "weight", "2")
        self.value("server-3", "share", "50 %")
        browser.wait_for("#nav-changed")
        self.act("server-3", "Weight")
        browser.fill("#weight", "1001")
        browser.press("Enter")
        self.assertTrue(browser.js("return document.querySelector('#weight-dialog').open"))
        browser.press("Escape")
        self.no_faults()

    def test_add_and_remove(self):
        self.signed_in()
        new = self.demo(1)[0]
        browser.click("#add")
        browser.fill("#add-url", "ftp://nowhere")
        browser.press("Enter")
        browser.wait("return document.querySelector('#add-error').textContent.length > 5")
        browser.fill("#add-url", new.url)
        browser.fill("#add-name", "newcomer")
        browser.fill("#add-weight", "4")
        browser.press("Enter")
        self.closed("#add-dialog")
        self.row("newcomer", "Healthy", "changed")
        self.assertEqual(self.server("newcomer")["weight"], 4)
        self.act("newcomer", "Remove")
        browser.wait_text("#ask-text", "in progress")
        browser.click("#ask-ok")
        self.closed("#ask-dialog")
        browser.wait("return document.querySelectorAll('#rows .row').length === 3")
        self.assertIsNone(self.server("newcomer"))
        self.no_faults(422)

    def test_what_is_under_way_and_the_last_server(self):
        self.signed_in()
        arrived, go = threading.Semaphore(0), threading.Event()
        self.addCleanup(go.set)

        def script(connection, _number):
            arrived.release()
            go.wait(3 * PATIENCE)
            connection.reply(connection.body())
        slow = self.scripted(script)
        self.otto_.reload(settings([{"url": slow.url, "name": "slow"}]))
        self.otto_.wait_flip("slow", "healthy")
        self.row("slow", "Healthy")
        request = threading.Thread(target=self.otto_.fetch)
        request.start()
        self.assertTrue(arrived.acquire(timeout=PATIENCE))
        self.value("slow", "active", "1")
        self.act("slow", "Drain")
        browser.wait_text("#ask-text", "Its request in progress will finish.")
        browser.click("#ask-ok")
        browser.wait_text("#ask-error", "No active server would be left")
        browser.wait_text("#ask-ok", "anyway")
        browser.click("#ask-ok")
        self.closed("#ask-dialog")
        self.row("slow", "Draining", "draining: 1 request left")
        browser.wait_text("#state", "All servers are drained or disabled")
        go.set()
        self.row("slow", "Drained")
        request.join()
        self.no_faults(409)

    def test_the_last_healthy_server(self):
        self.signed_in()
        self.otto_.reload(settings([*named(self.servers[:1]), "http://127.0.0.1:1"]))
        self.row("http://127.0.0.1:1", "Unhealthy")
        self.act("server-1", "Disable")
        browser.click("#ask-ok")
        browser.wait_text("#ask-error", "No healthy server would be left")
        browser.wait_text("#ask-ok", "anyway")
        self.assertEqual(self.server("server-1")["state"], "active")
        browser.click("#ask-ok")
        self.closed("#ask-dialog")
        self.row("server-1", "Disabled")
        self.no_faults(409)

    def test_who_did_it(self):
        self.signed_in()
        self.act("server-2", "Drain")
        browser.click("#ask-ok")
        self.row("server-2", "Drained")
        browser.wait_text("#latest", "an API client drained server-2")
        self.no_faults()

    def test_details(self):
        self.row("server-1")
        browser.click("#rows .link")
        browser.wait_text("#details-dialog", self.servers[0].url)
        browser.wait_text("#details-why", "healthy for")
        browser.focus("#details-actions")
        browser.press("Enter")
        browser.wait("return document.activeElement.textContent.startsWith('Drain')")
        browser.press("Escape")
        self.assertTrue(browser.js("return document.querySelector('#details-dialog').open"))
        browser.press("Escape")
        self.closed("#details-dialog")
        self.no_faults()


class Configuring(PageCase):
    def setUp(self):
        self.servers = self.demo(2)
        self.config = settings(named(self.servers))
        self.otto_ = self.started(self.config)
        self.signed_in()
        browser.click("#nav-config")
        browser.wait("return document.querySelector('#text').value.includes('server-2')")

    def edited(self, **changes):
        return json.dumps({**self.config, **changes}, indent=2)

    def somebody_else_changes_it(self):
        answer = self.admin().ask("PATCH", "/api/v1/config", {"retries": {"attempts": 3}}, BEARER)
        self.assertEqual(answer.status, 200, answer)

    def test_a_broken_one(self):
        text = self.edited(workers=2).replace('"workers"', '"wrokers"')
        line = 1 + text[:text.index("wrokers")].count("\n")
        browser.paste("#text", text)
        browser.click("#config-check")
        browser.wait_for(f".mark-line[data-line='{line}']")
        browser.wait_text("#faults", f"Line {line}, column 3")
        browser.wait_text("#faults", 'did you mean "workers"?')
        chosen = browser.js("const area = document.querySelector('#text');"
                            "return area.value.slice(area.selectionStart, area.selectionEnd)")
        self.assertEqual(chosen, '"wrokers": 2,')
        self.no_barriers("errors")
        browser.prefer("dark")
        self.no_barriers("errors, dark")
        self.shoot("broken")
        browser.focus("#faults button")
        browser.press("Enter")
        self.assertEqual(browser.js("return document.activeElement.id"), "text")
        browser.js("document.querySelector('#faults').replaceChildren()")
        browser.click("#config-apply")
        browser.wait_text("#faults", f"Line {line}, column 3")
        self.assertEqual(self.admin().get("config").json["changes"], {})
        self.no_faults(422)
        browser.click("#config-revert")
        browser.wait("return document.querySelector('#faults-box').hidden")
        browser.paste("#text", "{\n  nonsense\n}")
        browser.click("#config-check")
        browser.wait_for(".mark-line[data-line='2']")

    def test_apply_difference_and_drop(self):
        browser.wait_text("#diff", "same as the file")
        browser.paste("#text", self.edited(balance="first"))
        browser.wait_text("#diff", '"balance": "first"')
        browser.click("#config-apply")
        browser.wait_text("#toasts", "configuration is active")
        browser.wait_text("#config-fold", "sudo ottoctl apply")
        browser.wait_text("#diff", '"balance": "first"')
        self.assertEqual(self.admin().get("config").json["changes"], {"balance": "first"})
        self.shoot("difference")
        browser.click("#config-drop")
        browser.wait_text("#ask-text", "only the file")
        browser.click("#ask-ok")
        self.closed("#ask-dialog")
        browser.wait_text("#diff", "same as the file")
        browser.wait("return !document.querySelector('#text').value.includes('balance')")
        self.assertEqual(self.admin().get("config").json["changes"], {})
        self.no_faults()

    def test_somebody_else_changes_it(self):
        browser.paste("#text", self.edited(balance="first"))
        self.somebody_else_changes_it()
        browser.wait_text("#conflict", "has been changed by someone else")
        browser.click("#conflict-load")
        browser.wait("return document.querySelector('#text').value.includes('attempts')")
        browser.click("#kept-back")
        browser.wait("return document.querySelector('#text').value.includes('first')")
        browser.click("#config-apply")
        browser.wait_text("#toasts", "configuration is active")
        self.assertEqual(self.admin().get("config").json["changes"], {"balance": "first"})

    def test_a_stale_text_is_not_applied(self):
        browser.paste("#text", self.edited(balance="first"))
        self.somebody_else_changes_it()
        browser.click("#config-apply")
        browser.wait_text("#conflict", "has been changed by someone else")
        self.assertEqual(self.admin().get("config").json["changes"], {"retries": {"attempts": 3}})
        browser.click("#conflict-keep")
        browser.wait_text("#diff", "attempts")
        browser.click("#config-apply")
        browser.wait_text("#toasts", "configuration is active")
        self.assertEqual(self.admin().get("config").json["changes"], {"balance": "first"})
        self.no_faults(412)

    def test_differences_are_right(self):
        """Of random texts: both can be had back, and no fewer lines would do."""
        wrong = browser.driver.execute_async_script("""
            const done = arguments[arguments.length - 1];
            const random = (many) => Math.floor(Math.random() * many);
            const letters = () => Array.from({ length: random(9) }, () => "abc"[random(3)]);
            const common = (a, b) => {
                const best = [...a, 0].map(() => Array(b.length + 1).fill(0));
                for (let i = 1; i <= a.length; ++i)
                    for (let j = 1; j <= b.length; ++j)
                        best[i][j] = a[i - 1] === b[j - 1] ? best[i - 1][j - 1] + 1
                            : Math.max(best[i - 1][j], best[i][j - 1]);
                return best[a.length][b.length];
            };
            import("/diff.js").then(({ difference }) => {
                for (let round = 0; round < 2000; ++round) {
                    const a = ["", ...letters()];
                    const b = ["", ...letters()];
                    const steps = difference(a.join("\\n"), b.join("\\n"));
                    const without = (kind) => steps.filter((step) => step[0] !== kind)
                        .map((step) => step[1]).join();
                    const same = steps.filter((step) => step[0] === " ").length;
                    if (without("+") !== a.join() || without("-") !== b.join()
                        || same !== common(a, b)) return done([a, b, steps]);
                }
                return done(null);
            });""")
        self.assertIsNone(wrong)

    def test_reload_the_file(self):
        self.otto_.write("{\n  \"servers\": 3\n}")
        browser.click("#config-reload")
        browser.wait_text("#faults-title", "the previous configuration stays active")
        browser.wait_text("#faults", "Line 2")
        self.assertEqual(browser.js("return document.querySelectorAll('.mark-line').length"), 0)
        self.otto_.write(settings(named(self.servers[:1])))
        browser.click("#config-reload")
        browser.wait_text("#toasts", "The file is active")
        browser.wait("return !document.querySelector('#text').value.includes('server-2')")
        self.no_faults(422)


class Events(PageCase):
    def test_list(self):
        servers = self.demo(2)
        otto = self.started(settings(named(servers)))
        otto.wait_healthy(2)
        browser.click("#nav-events")
        browser.wait_text("#events > li:first-child", "server-")
        servers[0].kill()
        browser.wait_text("#events > li:first-child", "server-1 is unhealthy")
        browser.click("#events > li:first-child summary")
        browser.wait_text("#events > li:first-child dl", "connection refused")
        self.shoot("events")
        browser.click("#events-warnings")
        browser.wait("return [...document.querySelectorAll('#events .priority')]"
                     ".every((each) => each.textContent === 'warning')")
        browser.click("#events-warnings")
        browser.click("#events-pause")
        servers[0].start()
        browser.wait_text("#events-count", "1 more record since")
        self.assertNotIn("server-1 is healthy", browser.text("#events > li:first-child"))
        browser.click("#events-pause")
        browser.wait_text("#events > li:first-child", "server-1 is healthy")
        self.no_faults()


class Lasting(PageCase):
    def test_nothing_grows(self):
        """A page that is open for hours, which are made to pass at once."""
        servers = self.demo(2)
        otto = self.started(settings(named(servers)))
        otto.wait_healthy(2)
        self.row("server-2", "Healthy")
        browser.click("#nav-events")
        browser.driver.execute_async_script("""
            const done = arguments[arguments.length - 1];
            Promise.all([import("/state.js"), import("/events.js")]).then(([state, events]) => {
                window.state = state;
                const ids = [...state.servers.keys()];
                for (let round = 1; round <= 3000; ++round) {
                    state.takeCounters({ ...state.counters, requestsPerSecond: round,
                        servers: ids.map((id) => [id, 1, 0, 0, 0, round, round]) });
                    const record = { time: "", priority: "info", text: `record ${round}` };
                    events.takeRecord(record, `x${round}`);
                }
                done();
            });""")
        browser.wait_text("#events > li:first-child", "record 3000")
        self.assertEqual(browser.js("return document.querySelectorAll('#events > li').length"), 200)
        self.assertLessEqual(browser.js("return state.history.length"), 310)
        self.assertEqual(browser.js("return Math.max(...[...state.servers.values()]"
                                    ".map((server) => server.trace.length))"), 60)
        self.no_faults()


class Looking(PageCase):
    DIALOGS = (("#add", "#add-dialog"), ("#sign", "#sign-dialog"),
               ("#rows .link", "#details-dialog"))

    def test_barriers(self):
        servers = self.demo(3)
        otto = self.started(settings(named(servers)))
        otto.wait_healthy(3)
        self.row("server-1", "Healthy")
        servers[0].kill()
        self.row("server-1", "Unhealthy")
        for scheme in ("light", "dark"):
            browser.prefer(scheme)
            self.no_barriers(scheme)
            for button, dialog in self.DIALOGS:
                browser.click(button)
                browser.wait_for(dialog)
                self.no_barriers(f"{dialog} {scheme}")
                browser.press("Escape")
                self.closed(dialog)
            for action, dialog in (("Drain", "#ask-dialog"), ("Weight", "#weight-dialog")):
                self.act("server-2", action)
                browser.wait_for(dialog)
                self.no_barriers(f"{dialog} {scheme}")
                browser.press("Escape")
                self.closed(dialog)
            browser.focus("#rows .more")
            browser.press("Enter")
            browser.wait_for("#menu")
            self.no_barriers(f"menu {scheme}")
            browser.press("Escape")
            for view in ("config", "events"):
                browser.click(f"#nav-{view}")
                browser.wait_for(f"#view-{view}")
                browser.wait("return arguments[0] === 'events'"
                             "|| document.querySelector('#text').value", view)
                self.no_barriers(f"{view} {scheme}")
            browser.click("#nav-servers")
            browser.wait_for("#view-servers")
        self.no_faults()

    def test_theme(self):
        self.started(settings(self.demo(1)))
        ground = "return getComputedStyle(document.body).backgroundColor"
        light = browser.js(ground)
        browser.prefer("dark")
        dark = browser.js(ground)
        self.assertNotEqual(light, dark)
        browser.click("#theme")
        self.assertEqual(browser.js(ground), light)
        browser.driver.refresh()
        self.live()
        self.assertEqual(browser.js(ground), light)
        browser.click("#theme")
        browser.prefer("light")
        self.assertEqual(browser.js(ground), dark)

    def test_phone(self):
        servers = self.demo(3)
        long = "a-name-that-is-longer-than-the-screen-is-wide-" * 2
        otto = self.started(settings([{"url": servers[0].url, "name": long}, *servers[1:]]))
        otto.wait_healthy(3)
        self.row(servers[1].url, "Healthy")
        browser.resize(360, 760)
        for view in ("servers", "events", "config"):
            browser.click(f"#nav-{view}")
            browser.wait_for(f"#view-{view}")
            browser.wait("return document.documentElement.scrollWidth <= 360",
                         what=f"room for {view}")
            self.no_barriers(view)
            self.shoot(f"phone-{view}")
        browser.click("#nav-servers")
        browser.wait("const top = (id) => document.querySelector(id).getBoundingClientRect().top;"
                     "return top('#rows') < top('#main') + 130 && top('.charts') > top('#rows')",
                     what="servers before everything else")
        servers[2].kill()  # what is in trouble comes first
        browser.wait("const first = document.querySelector('#rows .row');"
                     "return first.innerText.includes('Unhealthy')"
                     " && first.querySelector('.link').textContent === arguments[0]",
                     servers[2].url, what="trouble first")
        self.shoot("phone-trouble")
        browser.wait("const [a, b] = document.querySelectorAll('#rows .row');"
                     "return b.getBoundingClientRect().top - a.getBoundingClientRect().top > 120")
        for width in (360, 480, 820, 1000, 1100, 1280, 1900):
            browser.resize(width, 800)
            browser.wait("const boxes = document.querySelectorAll('html, .row, .chart');"
                         "return [...boxes].every((each) => each.scrollWidth <= each.clientWidth)",
                         what=f"room at {width}")
        self.no_faults()


class Many(PageCase):
    def test_a_thousand_servers(self):
        server = self.demo(1)[0]
        unix = [f"unix:/nowhere/{number}.sock" for number in range(999)]
        otto = self.started(settings([server, *unix], healthCheck=RARELY), open_page=False)
        otto.wait_healthy(1)
        browser.open(self.url)
        self.live()
        browser.wait_text("#totals", "1,000 servers")
        browser.wait_text("#chip-all", "1,000")
        count = "return document.querySelectorAll('#rows .row').length"
        self.assertLess(browser.js(count), 60)
        self.assertLess(browser.js("return document.querySelectorAll('*').length"), 3000)
        self.shoot("thousand")
        browser.js("scrollTo(0, document.body.scrollHeight)")
        self.row("unix:/nowhere/998.sock")
        self.assertLess(browser.js(count), 60)
        self.assertEqual(browser.find("#table").get_attribute("aria-rowcount"), "1001")
        browser.fill("#filter", "/777.")
        browser.wait("return document.querySelectorAll('#rows .row').length === 1")
        self.no_faults()


if __name__ == "__main__":
    main()
