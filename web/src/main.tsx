import { render } from "preact";
import "./style.css";
import { readHeader } from "./model";
import { keepAddress, screen, start } from "./state";
import { startTheme } from "./theme";
import { App } from "./ui/App";

async function boot(): Promise<void> {
  const root = document.getElementById("tw-app");
  if (!root) return;
  try {
    startTheme();
    if (typeof DecompressionStream === "undefined") throw new Error("this browser cannot unpack the data (DecompressionStream is missing); a newer one can");
    await start(readHeader());
    render(<App />, root);
    keepAddress();
    // The tables have no text pane that says it is ready.
    if (screen.value === "tables") Object.assign(window, { __tw: { ready: performance.now() } });
  } catch (error) {
    const line = document.createElement("p");
    line.className = "fatal";
    line.textContent = `The report could not be opened: ${error instanceof Error ? error.message : String(error)}`;
    root.replaceChildren(line);
  }
}

void boot();
