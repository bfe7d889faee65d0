import { signal } from "@preact/signals";
import { findText } from "../pane/find";
import type { Hit } from "../pane/find";
import { moveTo, trace } from "../state";

export const hits = signal<readonly Hit[]>([]);
const at = signal(0);
const query = signal("");

function search(text: string): void {
  query.value = text;
  const found = trace.value;
  const number = /^#(\d{1,9})$/.exec(text);
  hits.value = found && !number ? findText(found.pieces, text) : [];
  at.value = 0;
  if (number) moveTo(Number(number[1]));
  else if (hits.value.length) moveTo(hits.value[0]!.from);
}

function step(by: 1 | -1): void {
  const n = hits.value.length;
  if (!n) return;
  at.value = (at.value + by + n) % n;
  moveTo(hits.value[at.value]!.from);
}

export function Find() {
  return (
    <form
      class="find"
      role="search"
      onSubmit={(e) => {
        e.preventDefault();
        step(1);
      }}
    >
      <input
        id="tw-find"
        type="search"
        placeholder="find text or #number"
        aria-label="find text, or # and a number"
        autocomplete="off"
        spellcheck={false}
        onInput={(e) => search(e.currentTarget.value)}
        onKeyDown={(e) => {
          if (e.key === "Enter" && e.shiftKey) {
            e.preventDefault();
            step(-1);
          }
          if (e.key === "Escape") {
            e.currentTarget.value = "";
            search("");
            document.getElementById("tw-pane")?.focus();
          }
        }}
      />
      {query.value && !query.value.startsWith("#") && (
        <output class="found">
          {hits.value.length ? `${at.value + 1} of ${hits.value.length}` : "none"}
        </output>
      )}
    </form>
  );
}
