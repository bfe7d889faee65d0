import { signal } from "@preact/signals";

export type Theme = "auto" | "light" | "dark";
export const theme = signal<Theme>("auto");
// Changes whenever colours change, so that canvases redraw.
export const themeTick = signal(0);

const KEY = "tokenworth-theme";

function apply(next: Theme): void {
  theme.value = next;
  if (next === "auto") delete document.documentElement.dataset["theme"];
  else document.documentElement.dataset["theme"] = next;
  themeTick.value++;
}

export function startTheme(): void {
  let kept: string | null = null;
  try {
    kept = localStorage.getItem(KEY);
  } catch {
    /* sandboxed frames may not */
  }
  apply(kept === "dark" || kept === "light" ? kept : "auto");
  for (const query of ["(prefers-color-scheme: dark)", "(forced-colors: active)", "(prefers-contrast: more)", "print"]) {
    matchMedia(query).addEventListener("change", () => themeTick.value++);
  }
  // Paper is light: style rules see to the text; canvases are drawn again, with the colours of this attribute.
  window.addEventListener("beforeprint", () => {
    document.documentElement.dataset["theme"] = "light";
    themeTick.value++;
  });
  window.addEventListener("afterprint", () => apply(theme.value));
}

export function cycleTheme(): void {
  const order: Theme[] = matchMedia("(prefers-color-scheme: dark)").matches ? ["auto", "light", "dark"] : ["auto", "dark", "light"];
  const next = order[(order.indexOf(theme.value) + 1) % 3]!;
  apply(next);
  try {
    localStorage.setItem(KEY, next);
  } catch {
    /* sandboxed frames may not */
  }
}
