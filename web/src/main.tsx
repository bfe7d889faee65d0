// What a page runs. A report on its own opens by itself; a page that holds more puts them into their elements with `mount`.
import "./style.css";
import { besideOr } from "./beside";
import { mount } from "./mount";

export { mount } from "./mount";

const own = document.getElementById("tw-app");
if (own) void mount(own, besideOr((name) => document.getElementById(`tw-${name}`)?.textContent), true);
