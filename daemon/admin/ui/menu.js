// A menu of actions at a button, as WAI-ARIA's practices have it: arrows move, Escape closes and
// gives the focus back.

import { $, el } from "./dom.js";

const menu = () => $("menu");
let opener = null;

export const menuOpener = () => (menu().matches(":popover-open") ? opener : null);

function move(step) {
    const items = [...menu().querySelectorAll('[role="menuitem"]')];
    const at = items.indexOf(document.activeElement);
    const next =
        step === "first"
            ? 0
            : step === "last"
              ? items.length - 1
              : (at + step + items.length) % items.length;
    items[next]?.focus();
}

function place(button) {
    const at = button.getBoundingClientRect();
    const box = menu().getBoundingClientRect();
    const below = at.bottom + box.height + 4 < innerHeight;
    const left = Math.min(at.right - box.width, innerWidth - box.width - 4);
    menu().style.left = `${Math.max(4, left)}px`;
    menu().style.top = `${Math.max(4, below ? at.bottom + 4 : at.top - box.height - 4)}px`;
}

// `items`: {text, act, danger}.
export function openMenu(button, label, items) {
    opener = button;
    menu().setAttribute("aria-label", label);
    menu().replaceChildren(
        ...items.map((item) =>
            el(
                "button",
                {
                    type: "button",
                    role: "menuitem",
                    tabindex: "-1",
                    class: item.danger ? "danger" : null,
                    onclick: () => {
                        menu().hidePopover();
                        item.act();
                    },
                },
                item.text,
            ),
        ),
    );
    // A modal dialog is above everything else that is not in it.
    (button.closest("dialog") ?? document.body).append(menu());
    menu().showPopover();
    place(button);
    move("first");
}

export function startMenu() {
    menu().addEventListener("keydown", (event) => {
        const steps = { ArrowDown: 1, ArrowUp: -1, Home: "first", End: "last" };
        if (event.key in steps) {
            event.preventDefault();
            move(steps[event.key]);
        } else if (event.key === "Tab") {
            menu().hidePopover();
        }
    });
    menu().addEventListener("toggle", (event) => {
        const button = opener;
        button?.setAttribute("aria-expanded", String(event.newState === "open"));
        if (
            event.newState !== "open" &&
            (document.activeElement === document.body || menu().contains(document.activeElement))
        )
            button?.focus();
    });
    addEventListener("scroll", () => menu().matches(":popover-open") && menu().hidePopover(), {
        passive: true,
    });
}
