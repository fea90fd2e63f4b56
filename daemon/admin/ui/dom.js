// Building and changing elements. Text never becomes markup: names and reasons come from elsewhere.

export const $ = (id) => document.getElementById(id);

// el("a", { class: "x", href: "#y", onclick: f }, "text", child, …)
export function el(tag, attributes = {}, ...children) {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
        if (value === undefined || value === null || value === false) continue;
        if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
        else node.setAttribute(name, value === true ? "" : value);
    }
    node.append(...children);
    return node;
}

const svg = "http://www.w3.org/2000/svg";
export function drawing(tag, attributes = {}) {
    const node = document.createElementNS(svg, tag);
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    return node;
}

// Both leave alone what is as it should be, which costs the browser nothing.
export function setText(node, text) {
    if (node.textContent !== text) node.textContent = text;
}

export function setAttribute(node, name, value) {
    if (value === null) {
        if (node.hasAttribute(name)) node.removeAttribute(name);
    } else if (node.getAttribute(name) !== value) {
        node.setAttribute(name, value);
    }
}

export function say(text, kind = "good") {
    const toast = el("p", { class: `toast ${kind}` }, text);
    $("toasts").append(toast);
    while ($("toasts").childElementCount > 3) $("toasts").firstChild.remove();
    setTimeout(() => toast.remove(), 8000);
}
