// What a page runs. A report on its own opens by itself; a page that holds more puts them into their elements with `mount`.
import "./style.css";
import { besideOr } from "./beside";
import { mount } from "./mount";

export * from "./kit";
export { mount } from "./mount";

const own = document.getElementById("tw-app");
const open = () => void (own && mount(own, besideOr((name) => document.getElementById(`tw-${name}`)?.textContent), true));
// The parts that follow this one on the page have run once it is read.
if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", open, { once: true });
else open();
