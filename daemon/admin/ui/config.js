// The active configuration, to be edited, checked, compared and applied; and the file's own.

import { change, read } from "./api.js";
import { confirm, outageText } from "./dialogs.js";
import { $, say, setText } from "./dom.js";
import { showDifference } from "./diff_view.js";
import { clearFaults, edits, setEditorText, showFaults, startEditor, text } from "./editor.js";
import { plural } from "./format.js";
import { news, status } from "./state.js";

const pretty = (json) => JSON.stringify(json, null, 2);

let config = null; // as Otto has it
let tag = "";
let base = ""; // its text, from which the editor's began
let mine = null; // the text that was set aside for a newer one
let newer = null; // came while the text was being edited: {json, tag}
let visible = () => true;

const edited = () => config !== null && text() !== base;

function adopt(reply) {
    config = reply.json;
    tag = reply.tag;
    base = pretty(config.effective);
    newer = null;
    $("conflict").hidden = true;
}

function describe() {
    const changed = Object.keys(config.changes).length > 0;
    const words = [`File ${config.path}`, `generation ${config.generation}`];
    words.push(changed ? "changed at run time" : "as in the file");
    if (!config.changesInForce)
        words.push(`${plural(config.changesLeftOut.length, "run-time change", "run-time changes")} not applied`);
    if (config.hiddenKeys.length > 0)
        words.push(`run-time changes override ${config.hiddenKeys.join(", ")} in the file`);
    setText($("config-state"), words.join(" · "));
    $("config-fold").hidden = !changed;
    setText(
        $("config-last"),
        config.changesOutliveRestart
            ? "These changes last until they are dropped."
            : "These changes last until Otto restarts, because Otto has no state directory.",
    );
    $("config-drop").disabled = !changed;
    $("nav-changed").hidden = !changed;
}

function drawState() {
    const other = edited();
    setText($("editor-state"), other ? "edited" : "");
    $("config-revert").disabled = !other;
    $("config-apply").disabled = !other;
}

function drawDifference() {
    if (!visible() || !config) return;
    const file = $("diff-base").value === "file";
    const none = file ? "None: same as the file." : "None: nothing has been edited.";
    showDifference(file ? pretty(config.file) : base, text(), none);
}

let timer = 0;
function drawSoon() {
    drawState();
    clearTimeout(timer);
    timer = setTimeout(drawDifference, 150);
}

function draw() {
    describe();
    drawState();
    drawDifference();
}

export async function loadConfig() {
    const reply = await read("/api/v1/config");
    if (!edited()) {
        const same = config !== null && pretty(reply.json.effective) === base;
        adopt(reply);
        if (!same) setEditorText(base);
    } else if (reply.tag === tag) {
        config = reply.json;
    } else {
        newer = reply;
        setText(
            $("conflict-text"),
            "The configuration has been changed by someone else: generation " +
                `${reply.json.generation} is now active, but your text is based on ${config.generation}.`,
        );
        $("conflict").hidden = false;
    }
    draw();
}

const notSignedIn = () => say("Not signed in: nothing was changed.", "bad");

// What Otto finds wrong with the text, at its lines; null when it could not be asked.
async function check() {
    try {
        if ((await change("POST", "/api/v1/config/check", text())) !== null) return [];
        notSignedIn();
    } catch (problem) {
        if (problem.errors.length) return problem.errors;
        say(problem.message, "bad");
    }
    return null;
}

async function checkAndShow() {
    const faults = await check();
    if (faults === null) return false;
    if (!faults.length) {
        clearFaults();
        return true;
    }
    showFaults(faults, `${plural(faults.length, "error", "errors")}: the configuration cannot be applied`);
    return false;
}

async function put(forced) {
    let reply = null;
    try {
        reply = await change("PUT", `/api/v1/config${forced ? "?force=true" : ""}`, text(), {
            "If-Match": tag,
        });
    } catch (problem) {
        if (problem.status === 412) return loadConfig();
        if (problem.errors.length) return showFaults(problem.errors, "The configuration cannot be applied");
        throw problem;
    }
    if (reply === null) return notSignedIn();
    adopt(reply.json?.effective ? reply : await read("/api/v1/config"));
    setEditorText(base);
    mine = null;
    $("kept").hidden = true;
    say("The configuration is active.");
    return draw();
}

async function apply() {
    if (!(await checkAndShow())) return;
    try {
        await put(false);
    } catch (problem) {
        if (!problem.outage) {
            say(problem.message, "bad");
            return;
        }
        await confirm({
            title: `Apply without any ${problem.outage} server?`,
            text: outageText(problem),
            yes: "Apply anyway",
            danger: true,
            act: () => put(true),
        });
    }
}

function drop() {
    return confirm({
        title: "Drop all changes?",
        text: "All changes made at run time are discarded, and only the file is active.",
        yes: "Drop changes",
        danger: true,
        act: async (forced) => {
            const query = forced ? "?force=true" : "";
            const reply = await change("DELETE", `/api/v1/config/overlay${query}`);
            if (reply === null) throw new Error("Not signed in: nothing was changed.");
            say("Only the file is active now.");
            await loadConfig();
        },
    });
}

async function reload() {
    try {
        const reply = await change("POST", "/api/v1/reload");
        if (reply === null) return notSignedIn();
        clearFaults();
        say(`The file is active: generation ${reply.json.generation}.`);
        return await loadConfig();
    } catch (problem) {
        if (!problem.errors.length) return say(problem.message, "bad");
        const path = config?.path ?? status?.configFile ?? "The file";
        const errors = plural(problem.errors.length, "error", "errors");
        return showFaults(problem.errors, `${path} has ${errors}; the previous configuration stays active`, false);
    }
}

function startConflict() {
    $("conflict-load").addEventListener("click", () => {
        mine = text();
        adopt(newer);
        setEditorText(base);
        $("kept").hidden = false;
        draw();
    });
    // From now on it is meant to take the place of the newer one, to which the difference is shown.
    $("conflict-keep").addEventListener("click", () => {
        adopt(newer);
        $("diff-base").value = "force";
        draw();
    });
    $("kept-back").addEventListener("click", () => {
        setEditorText(mine);
        mine = null;
        $("kept").hidden = true;
        draw();
    });
}

export function startConfig(isVisible) {
    visible = isVisible;
    startEditor();
    startConflict();
    edits.addEventListener("input", drawSoon);
    $("config-check").addEventListener("click", async () => {
        if (await checkAndShow()) say("No errors.");
    });
    $("config-apply").addEventListener("click", apply);
    $("config-drop").addEventListener("click", drop);
    $("config-reload").addEventListener("click", reload);
    $("config-revert").addEventListener("click", () => {
        setEditorText(base);
        draw();
    });
    $("diff-base").addEventListener("change", drawDifference);
    addEventListener("beforeunload", (event) => {
        if (edited()) event.preventDefault(); // the browser asks
    });
    $("fold-copy").addEventListener("click", async () => {
        try {
            await navigator.clipboard.writeText($("fold-command").textContent);
            say("Copied.");
        } catch {
            say("The browser does not allow this page to copy.", "bad");
        }
    });
    news.addEventListener("status", () => {
        $("nav-changed").hidden = !status.changed;
        $("config-port").hidden = !status.portCommands;
        setText($("port-commands"), status.portCommands);
        if (visible()) loadConfig().catch(() => {});
    });
    return () => loadConfig().catch((problem) => say(problem.message, "bad"));
}
