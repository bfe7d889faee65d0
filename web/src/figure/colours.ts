// The colours of a light page, whatever the page shows now: figures are for paper.

export interface Colours { readonly ink: string; readonly stroke: string; readonly ground: string; readonly categorical: readonly string[]; readonly ramp: readonly string[] }

export function lightColours(palette: string): Colours {
  const { dataset } = document.documentElement;
  const before = dataset["theme"];
  dataset["theme"] = "light";
  const style = getComputedStyle(document.documentElement);
  const get = (name: string) => style.getPropertyValue(`--${name}`).trim();
  const several = (name: string, n: number) => Array.from({ length: n }, (_, k) => get(`${name}-${k}`));
  const found = { ink: get("ink"), stroke: get("stroke"), ground: get("ground"), categorical: several("cat", 8), ramp: several(palette, 21) };
  if (before === undefined) delete dataset["theme"];
  else dataset["theme"] = before;
  return found;
}
