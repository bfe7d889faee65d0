// A page has one theme, whatever it holds: its styles hang on the root element. Each report shows it and may change it.
import { signal } from "@preact/signals";
import type { Signal } from "@preact/signals";

export type Choice = "auto" | "light" | "dark";
export interface Theme {
  readonly choice: Signal<Choice>;
  // Changes whenever colours change, so that canvases redraw.
  readonly tick: Signal<number>;
}

const KEY = "tokenworth-theme";

function known(text: string | null | undefined): Choice {
  return text === "dark" || text === "light" ? text : "auto";
}

// The page's own report opens in the theme that was kept; another one takes the page as it is.
function before(own: boolean): Choice {
  try {
    return known(own ? localStorage.getItem(KEY) : document.documentElement.dataset["theme"]);
  } catch {
    /* sandboxed frames may not */
    return "auto";
  }
}

export function followTheme(own: boolean, stop: AbortSignal): Theme {
  const theme: Theme = { choice: signal<Choice>("auto"), tick: signal(0) };
  const again = () => {
    theme.tick.value++;
  };
  const apply = (next: Choice) => {
    theme.choice.value = next;
    if (next === "auto") delete document.documentElement.dataset["theme"];
    else document.documentElement.dataset["theme"] = next;
    again();
  };
  apply(before(own));
  document.addEventListener(KEY, (e) => apply((e as CustomEvent<Choice>).detail), { signal: stop });
  for (const query of ["(prefers-color-scheme: dark)", "(forced-colors: active)", "(prefers-contrast: more)", "print"]) {
    matchMedia(query).addEventListener("change", again, { signal: stop });
  }
  // Paper is light: style rules see to the text; canvases are drawn again, with the colours of this attribute.
  window.addEventListener("beforeprint", () => {
    document.documentElement.dataset["theme"] = "light";
    again();
  }, { signal: stop });
  window.addEventListener("afterprint", () => apply(theme.choice.value), { signal: stop });
  return theme;
}

export function cycleTheme({ choice }: Theme): void {
  const order: Choice[] = matchMedia("(prefers-color-scheme: dark)").matches ? ["auto", "light", "dark"] : ["auto", "dark", "light"];
  const next = order[(order.indexOf(choice.value) + 1) % 3]!;
  document.dispatchEvent(new CustomEvent(KEY, { detail: next }));
  try {
    localStorage.setItem(KEY, next);
  } catch {
    /* sandboxed frames may not */
  }
}
