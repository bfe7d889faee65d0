// Numbers and model text as shown strings.

export function figure(x: number | null | undefined, digits = 3): string {
  return x === null || x === undefined || Number.isNaN(x) ? "–" : x.toFixed(digits);
}

export function signed(x: number | null | undefined, digits = 3): string {
  if (x === null || x === undefined || Number.isNaN(x)) return "–";
  return (x > 0 ? "+" : x < 0 ? "−" : "±") + Math.abs(x).toFixed(digits);
}

export function count(x: number): string {
  return x.toLocaleString("en-US");
}

export function amount(x: number): string {
  return Number.isNaN(x) ? "–" : x >= 100 || Number.isInteger(x) ? count(Math.round(x)) : x.toFixed(1);
}

const NAMED: Readonly<Record<string, string>> = { "\n": "↵", "\t": "⇥", "\r": "␍", " ": "␣" };
// Control, format (direction) and separator characters: they act without being seen.
const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;

// A piece with every character visible, for labels; the text pane itself shows pieces as they are.
export function visible(text: string, most = 60, spaces = true): string {
  let out = "";
  let size = 0;
  for (const char of text) {
    if (++size > most) return out + "…";
    out += (char === " " && !spaces ? char : NAMED[char]) ?? (UNSEEN.test(char) && char !== "\u200d" ? `⟨U+${char.codePointAt(0)!.toString(16).toUpperCase().padStart(4, "0")}⟩` : char);
  }
  return out;
}

export function unseen(text: string): boolean {
  return [...text].some((c) => UNSEEN.test(c) && c !== "\u200d" && c !== "\n" && c !== "\t" && c !== "\r");
}
