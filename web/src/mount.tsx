// Puts a report into an element. A page may hold several; at most one of them is the page's own.
import { render } from "preact";
import { goTo, keepAddress } from "./address";
import { START, parseHash } from "./hash";
import { openData } from "./load";
import type { Data, Source } from "./load";
import { drawingsOf } from "./sections/index";
import { makeState } from "./state";
import type { State } from "./state";
import { followTheme } from "./theme";
import type { Theme } from "./theme";
import { App } from "./ui/App";
import { ReportContext } from "./ui/context";

function opened(data: Data, theme: Theme, root: HTMLElement, own: boolean): State {
  return makeState(data, drawingsOf(data.header.sections), theme, root, own);
}

// Returns what takes the report away again.
export async function mount(root: HTMLElement, source: Source, own = false): Promise<() => void> {
  const stop = new AbortController();
  const theme = followTheme(own, stop.signal);
  try {
    if (typeof DecompressionStream === "undefined") throw new Error("this browser cannot unpack the data (DecompressionStream is missing); a newer one can");
    const report = opened(await openData(source), theme, root, own);
    await goTo(report, (own && parseHash(location.hash)) || START);
    // A press anywhere in it gives it the keys.
    if (!own) root.tabIndex = -1;
    render(
      <ReportContext.Provider value={report}>
        <App />
      </ReportContext.Provider>,
      root,
    );
    if (own) {
      keepAddress(report, stop.signal);
      // The tables have no text pane that says it is ready.
      if (report.screen.value === "tables") Object.assign(window, { __tw: { ready: performance.now() } });
    }
  } catch (error) {
    const line = document.createElement("p");
    line.className = "fatal";
    line.textContent = `The report could not be opened: ${error instanceof Error ? error.message : String(error)}`;
    root.replaceChildren(line);
  }
  return () => {
    stop.abort();
    render(null, root);
    root.replaceChildren();
  };
}
