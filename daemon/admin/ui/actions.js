// What can be done to a server, each with the words that say what will happen.

import { change } from "./api.js";
import { confirm, forceable, open } from "./dialogs.js";
import { $, say, setText } from "./dom.js";
import { count, percent } from "./format.js";
import { servers, status } from "./state.js";

const path = (server, query = "") => `/api/v1/servers/${encodeURIComponent(server.id)}${query}`;
const force = (forced) => (forced ? "?force=true" : "");

const inProgress = (server) => {
    if (!server.active) return "It has no requests in progress.";
    if (server.active === 1) return "Its request in progress will finish.";
    return `Its ${count(server.active)} requests in progress will finish.`;
};

const untilRestart = "This lasts until Otto restarts, because Otto has no state directory.";

// The dialog stays open while signing in is, which lies above it. What was called off leaves
// everything as it is.
async function ask(method, target, body, done) {
    const reply = await change(method, target, body);
    if (reply === null) throw new Error("Not signed in: nothing was changed.");
    say(status?.changesOutliveRestart === false ? `${done} ${untilRestart}` : done);
}

export function drain(server) {
    return confirm({
        title: `Drain ${server.name}?`,
        text: `New requests go to other servers. ${inProgress(server)}`,
        more: "Its health is still checked. Enable returns it to rotation.",
        yes: "Drain",
        act: (forced) =>
            ask(
                "PATCH",
                path(server, force(forced)),
                { state: "drain" },
                `${server.name} is being drained.`,
            ),
    });
}

export function disable(server) {
    return confirm({
        title: `Disable ${server.name}?`,
        text: `New requests go to other servers. ${inProgress(server)}`,
        more: "Its health is no longer checked either. Enable returns it to rotation.",
        yes: "Disable",
        act: (forced) =>
            ask(
                "PATCH",
                path(server, force(forced)),
                { state: "disabled" },
                `${server.name} is disabled.`,
            ),
    });
}

export function enable(server) {
    return confirm({
        title: `Enable ${server.name}?`,
        text:
            server.weight === 0
                ? "Its weight is 0, so it receives no requests until that is changed as well."
                : "It receives requests again if it is healthy.",
        yes: "Enable",
        act: () => ask("PATCH", path(server), { state: "active" }, `${server.name} is enabled.`),
    });
}

export function remove(server) {
    return confirm({
        title: `Remove ${server.name}?`,
        text: `It is removed from the active configuration. ${inProgress(server)}`,
        more: "It stays in the file until the changes are applied to the file; dropping the changes restores it.",
        yes: "Remove",
        danger: true,
        act: (forced) =>
            ask("DELETE", path(server, force(forced)), undefined, `${server.name} is removed.`),
    });
}

export function changeWeight(server) {
    const input = $("weight");
    let others = 0;
    for (const each of servers.values()) {
        if (each.id === server.id || each.state !== "active") continue;
        if (each.backup === server.backup) others += each.weight;
    }
    let submit = null;
    const set = (forced) => {
        const weight = input.valueAsNumber;
        const done = `${server.name} has weight ${weight}.`;
        return ask("PATCH", path(server, force(forced)), { weight }, done);
    };
    const tell = () => {
        const weight = input.valueAsNumber;
        const share = percent(weight / (weight + others));
        let text = "";
        if (weight === 0) text = `It will be drained. ${inProgress(server)}`;
        else if (weight > 0) text = `${share} % of the requests while all are healthy.`;
        setText($("weight-share"), text);
        submit = forceable($("weight-ok"), "Set weight", false, set);
    };
    setText($("weight-title"), `Weight of ${server.name}`);
    input.value = server.weight;
    input.oninput = tell;
    tell();
    return open("weight", () => submit());
}

export function add() {
    for (const id of ["add-url", "add-name"]) $(id).value = "";
    $("add-weight").value = 1;
    $("add-max").value = 0;
    $("add-backup").checked = false;
    return open("add", async () => {
        const url = $("add-url").value.trim();
        const name = $("add-name").value.trim();
        const body = { url };
        if (name) body.name = name;
        if ($("add-weight").valueAsNumber !== 1) body.weight = $("add-weight").valueAsNumber;
        if ($("add-max").valueAsNumber > 0) body.maxConnections = $("add-max").valueAsNumber;
        if ($("add-backup").checked) body.backup = true;
        await ask("POST", "/api/v1/servers", body, `${name || url} is added.`);
        return "";
    });
}

export function actionsFor(server) {
    const items = [];
    if (server.state === "active") items.push({ text: "Drain …", act: () => drain(server) });
    else items.push({ text: "Enable …", act: () => enable(server) });
    if (server.state !== "disabled") items.push({ text: "Disable …", act: () => disable(server) });
    items.push({ text: "Weight …", act: () => changeWeight(server) });
    items.push({ text: "Remove …", act: () => remove(server), danger: true });
    return items;
}
