// The dialogs. <dialog> keeps the focus inside, closes by Escape, and gives the focus back.

import { isRightToken, setSignIn, setToken } from "./api.js";
import { $, setText } from "./dom.js";
import { status } from "./state.js";

// Opens a dialog. `submit()` does what it is for: it gives a text to show when that failed, or
// nothing, which closes the dialog. Resolves to true when it was done, and to false when it was
// called off.
export function open(name, submit) {
    const dialog = $(`${name}-dialog`);
    const form = dialog.querySelector("form");
    const error = $(`${name}-error`);
    setText(error, "");
    return new Promise((resolve) => {
        let done = false;
        let busy = false;
        const control = new AbortController();
        const on = (node, type, act) =>
            node.addEventListener(type, act, { signal: control.signal });
        on(dialog.querySelector('[value="cancel"]'), "click", () => dialog.close());
        on(dialog, "close", () => {
            control.abort();
            resolve(done);
        });
        on(form, "submit", async (event) => {
            event.preventDefault();
            if (busy) return;
            busy = true;
            setText(error, "");
            let failure;
            try {
                failure = await submit();
            } catch (problem) {
                failure = problem.message;
            }
            busy = false;
            if (failure) {
                setText(error, failure);
                return;
            }
            done = true;
            dialog.close();
        });
        dialog.showModal();
    });
}

// What a change would do that Otto refuses unless it is forced.
export const outageText = (problem) =>
    problem.outage === "active"
        ? "No active server would be left: all requests would be answered with an error."
        : "No healthy server would be left: requests would go to unhealthy servers.";

// What the button of a dialog does: `act(forced)`, which Otto may refuse because of an outage. Then
// the button says so, and its second press forces it.
export function forceable(button, label, danger, act) {
    let forced = false;
    setText(button, label);
    button.classList.toggle("danger", danger);
    return async () => {
        try {
            await act(forced);
        } catch (problem) {
            if (forced || !problem.outage) throw problem;
            forced = true;
            setText(button, "Do it anyway");
            button.classList.add("danger");
            return outageText(problem);
        }
        return "";
    };
}

// Asks for a yes.
export function confirm({ title, text, more = "", yes, danger = false, act }) {
    setText($("ask-title"), title);
    setText($("ask-text"), text);
    setText($("ask-more"), more);
    return open("ask", forceable($("ask-ok"), yes, danger, act));
}

let asking = null; // one at a time; later callers wait for the same answer
export function signIn(why = "") {
    asking ??= askForToken(why).finally(() => {
        asking = null;
    });
    return asking;
}

function askForToken(why) {
    $("sign-token").value = "";
    $("sign-file").hidden = !status?.tokenFile;
    setText($("sign-path"), status?.tokenFile ?? "");
    const answer = open("sign", async () => {
        const token = $("sign-token").value.trim();
        if (!(await isRightToken(token))) return "This is not the token.";
        setToken(token);
        return "";
    });
    setText($("sign-error"), why);
    return answer.finally(() => {
        $("sign-token").value = "";
    });
}
setSignIn(signIn);
