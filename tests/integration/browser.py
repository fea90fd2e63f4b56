"""A headless Chromium that does what an operator does. It waits for changes, in the page.

    browser = Browser()
    browser.open("http://127.0.0.1:8081/")
    browser.wait("return document.title.startsWith('2/2')")
    browser.press("Tab", "Enter")
"""

import os
import sys

from waiting import PATIENCE

# Debian's package is for Debian's Python, which is not everywhere the one that runs this. What is
# used of it has no compiled parts.
sys.path.append("/usr/lib/python3/dist-packages")

from selenium import webdriver  # noqa: E402
from selenium.common.exceptions import JavascriptException, TimeoutException  # noqa: E402
from selenium.webdriver.chrome.service import Service  # noqa: E402
from selenium.webdriver.common.action_chains import ActionChains  # noqa: E402
from selenium.webdriver.common.by import By  # noqa: E402
from selenium.webdriver.common.keys import Keys  # noqa: E402

SWITCHES = ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu",
            "--no-first-run", "--disable-background-networking", "--disable-component-update",
            "--disable-extensions")

# What the browser itself thinks wrong, from the first script on.
WATCH = """
window.faults = [];
const note = (type, say, capture) => addEventListener(type, (e) => faults.push(say(e)), capture);
note("securitypolicyviolation", (e) => `policy: ${e.violatedDirective} ${e.blockedURI}`);
note("error", (e) => `error: ${e.message} ${e.filename}:${e.lineno} ${e.target.src ?? ""}`, true);
note("unhandledrejection", (e) => `rejection: ${e.reason}`);
"""

# Calls back with what the condition gives, once that is true. It is looked at whenever anything in
# the page changes.
WAIT = """
const done = arguments[arguments.length - 1];
const given = [...arguments].slice(0, -1);
const condition = (...arguments) => { %s };
let watch = null;
const look = () => {
    const value = condition(...given);
    if (value) { watch?.disconnect(); done(value); }
    return Boolean(value);
};
if (!look()) {
    watch = new MutationObserver(look);
    const all = { subtree: true, childList: true, attributes: true, characterData: true };
    watch.observe(document, all);
}
"""

AXE = """
const done = arguments[arguments.length - 1];
const nodes = (each) => each.nodes.map((node) => `${node.html} ${node.failureSummary}`);
axe.run(document, { resultTypes: ["violations"], preload: false }).then(
    ({ violations }) => done(violations.map((each) => [each.impact, each.id, nodes(each)])),
    (error) => done([["serious", "axe itself", [String(error)]]]));
"""


class Browser:
    def __init__(self):
        options = webdriver.ChromeOptions()
        for switch in SWITCHES:
            options.add_argument(switch)
        options.binary_location = "/usr/bin/chromium"
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self.driver = webdriver.Chrome(service=Service("/usr/bin/chromedriver"), options=options)
        self.driver.set_script_timeout(PATIENCE)
        self.driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": WATCH})
        self.resize(1280, 900)

    def quit(self):
        self.driver.quit()

    # ---- how it looks --------------------------------------------------------------------------

    def resize(self, width, height):
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500})

    def prefer(self, scheme):
        """"light" or "dark", until a page that goes by it has taken it up."""
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {
            "features": [{"name": "prefers-color-scheme", "value": scheme}]})
        self.wait("const theme = document.documentElement.dataset.theme;"
                  "return !theme || theme === arguments[0] ||"
                  " ['light', 'dark'].includes(localStorage.getItem('otto-theme'));", scheme)

    def screenshot(self, path):
        self.driver.save_screenshot(path)

    # ---- what an operator does -----------------------------------------------------------------

    def open(self, url):
        """A page that knows nothing of earlier ones."""
        self.driver.get("about:blank")
        self.driver.execute_cdp_cmd("Storage.clearDataForOrigin", {
            "origin": url.rstrip("/"), "storageTypes": "all"})
        self.driver.get_log("browser")
        self.driver.get(url)
        self.js("sessionStorage.clear(); localStorage.clear()")

    def find(self, selector):
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def click(self, selector):
        self.wait_for(selector)
        self.find(selector).click()

    def fill(self, selector, text):
        """Types it in the place of what is there."""
        self.wait_for(selector)
        field = self.find(selector)
        field.clear()
        field.send_keys(text)

    def paste(self, selector, text):
        """Puts text in as the clipboard would: in one piece, with one event."""
        self.js("const area = document.querySelector(arguments[0]); area.focus(); area.select();"
                "document.execCommand('insertText', false, arguments[1])", selector, text)

    def press(self, *keys):
        """Keys by their names ("Tab", "Escape"), for what has the focus."""
        actions = ActionChains(self.driver)
        for key in keys:
            actions.send_keys(getattr(Keys, key.upper(), key))
        actions.perform()

    def focus(self, selector):
        """As by Tab, which would take many presses."""
        self.js("document.querySelector(arguments[0]).focus({ focusVisible: true })", selector)

    # ---- what the page has ---------------------------------------------------------------------

    def js(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def text(self, selector):
        return self.js("return document.querySelector(arguments[0])?.textContent ?? ''", selector)

    def wait(self, condition, *arguments, what=None):
        """Until the body of a function that gets the arguments returns something true; that."""
        try:
            return self.driver.execute_async_script(WAIT % condition, *arguments)
        except (TimeoutException, JavascriptException) as error:
            page = self.js("return document.body.innerText").strip()
            raise AssertionError(f"the page has no {what or condition} {arguments}: "
                                 f"{error.msg}\n{page}") from None

    def wait_for(self, selector):
        """Until it is there to be seen."""
        return self.wait("return document.querySelector(arguments[0])?.checkVisibility()", selector)

    def wait_text(self, selector, part):
        return self.wait("const node = document.querySelector(arguments[0]);"
                         "return node?.checkVisibility() && node.textContent.includes(arguments[1])",
                         selector, part)

    def faults(self, but=()):
        """What went wrong since open(): in the console, by the policy, in scripts. The console also
        has Otto's refusals; those whose status is in `but` are meant to be there."""
        refused = [f"status of {status} " for status in but]
        console = [entry["message"] for entry in self.driver.get_log("browser")
                   if entry["level"] in ("SEVERE", "WARNING")]
        found = [line for line in console if not any(text in line for text in refused)]
        return found + self.js("return window.faults")

    def barriers(self):
        """The violations that axe-core finds, as (impact, rule, elements)."""
        path = os.path.join(os.environ["OTTO_SOURCE_DIR"], "build", "axe-core", "axe.min.js")
        if not self.js("return typeof axe === 'object'"):
            with open(path, encoding="utf-8") as file:  # without it: tests/setup.sh fetches it
                self.driver.execute_cdp_cmd("Runtime.evaluate", {"expression": file.read()})
        return self.driver.execute_async_script(AXE)
