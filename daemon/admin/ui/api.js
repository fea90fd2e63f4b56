// Asking Otto. Reading needs nothing; what changes something needs the token, which is kept in this
// tab.

const key = "otto-token";
let token = "";
try {
    token = sessionStorage.getItem(key) ?? "";
} catch {
    token = "";
}

// What Otto refused (RFC 9457), or that it could not be reached: then `status` is 0.
export class Problem extends Error {
    constructor(status, detail, document = {}) {
        super(detail);
        this.status = status;
        this.errors = document?.errors ?? [];
        // Of a change after which no server would answer requests: "active" or "healthy" ones are
        // missing. It can be forced.
        this.outage = document?.outage ?? "";
    }
}

export const access = new EventTarget(); // "change": signed in or out
export const signedIn = () => token !== "";

export function setToken(value) {
    token = value;
    try {
        if (value) sessionStorage.setItem(key, value);
        else sessionStorage.removeItem(key);
    } catch {
        // Without storage it lasts until the page is reloaded.
    }
    access.dispatchEvent(new Event("change"));
}

let askForToken = async () => false;
// `ask(why)` has the user sign in; false when that was called off.
export function setSignIn(ask) {
    askForToken = ask;
}

async function send(method, path, body, headers, credential) {
    const fields = { ...headers };
    if (credential) fields.Authorization = `Bearer ${credential}`;
    if (body !== undefined)
        fields["Content-Type"] =
            method === "PATCH" ? "application/merge-patch+json" : "application/json";
    let response;
    let text;
    try {
        response = await fetch(path, {
            method,
            headers: fields,
            body,
            cache: "no-store",
            credentials: "omit",
        });
        text = await response.text();
    } catch {
        throw new Problem(0, "Otto does not respond.");
    }
    let json = null;
    try {
        json = text ? JSON.parse(text) : null;
    } catch {
        json = null;
    }
    if (response.ok) return { status: response.status, json, tag: response.headers.get("ETag") };
    throw new Problem(
        response.status,
        json?.detail ?? `Otto responded with status ${response.status}.`,
        json,
    );
}

export const read = (path) => send("GET", path);

// By a request that needs it and changes nothing.
export const isRightToken = async (candidate) => {
    try {
        await send(
            "POST",
            "/api/v1/config/check",
            '{"servers": ["http://localhost"]}',
            {},
            candidate,
        );
    } catch (problem) {
        if (problem.status === 0) throw problem;
        return problem.status !== 401;
    }
    return true;
};

// `body` is a value, or JSON text. Signs in first where that is needed; null when that was called
// off.
export async function change(method, path, body, headers = {}) {
    const text = body === undefined || typeof body === "string" ? body : JSON.stringify(body);
    let why = "";
    for (;;) {
        if (!token && !(await askForToken(why))) return null;
        try {
            return await send(method, path, text, headers, token);
        } catch (problem) {
            if (problem.status !== 401) throw problem;
            setToken("");
            why = "The token is no longer valid.";
        }
    }
}
