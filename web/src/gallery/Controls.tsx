// What a reader chooses: order, filters, form of the thumbnails, and the thresholds of the labels.
import { count, percent } from "../kit";
import { countsOf } from "./rules";
import { isFiltered, set } from "./state";
import type { GalleryState } from "./state";
import { KINDS, SORTS } from "./view";
import { CORRECT } from "./words";

export function Controls({ state }: { state: GalleryState }) {
  const { gallery, view, rows, start } = state;
  const v = view.value;
  const choice = (name: "subject" | "correct", any: string, words: readonly string[]) => (
    <select aria-label={name} value={String(v[name])} onChange={(e) => set(state, { [name]: Number(e.currentTarget.value) })}>
      <option value="-1">{any}</option>
      {words.map((word, k) => (
        <option value={String(k)}>{word}</option>
      ))}
    </select>
  );
  return (
    <div class="controls" role="group" aria-label="what is shown">
      <b aria-live="polite">
        {count(rows.value.length)} <small>of {count(gallery.n)} traces</small>
      </b>
      <input type="search" placeholder="find an id or a question" aria-label="find an id or a question" value={v.query} onInput={(e) => set(state, { query: e.currentTarget.value })} />
      <label>
        sort by{" "}
        <select value={String(v.sort)} onChange={(e) => set(state, { sort: Number(e.currentTarget.value) })}>
          {SORTS.filter(([, k]) => k !== -4 || gallery.medoids.length > 0).map(([name, k]) => (
            <option value={String(k)}>{name}</option>
          ))}
          {gallery.features.map((f, k) => (
            <option value={String(k)} title={f.note}>
              {f.name}
            </option>
          ))}
        </select>
      </label>
      <button type="button" class="plain" aria-pressed={v.falling} onClick={() => set(state, { falling: !v.falling })}>
        {v.falling ? "↓ largest first" : "↑ smallest first"}
      </button>
      {gallery.subjects.length > 1 && choice("subject", "all subjects", gallery.subjects)}
      {choice("correct", "any answer", CORRECT.map((word) => `answer ${word}`))}
      <span class="segments" role="group" aria-label="form">
        {KINDS.filter((kind) => kind !== "numbers" || gallery.sheets.length > 0).map((kind) => (
          <button type="button" class={v.kind === kind ? "on" : ""} aria-pressed={v.kind === kind} onClick={() => set(state, { kind })}>
            {kind}
          </button>
        ))}
      </span>
      {v.kind !== "table" && v.kind !== "numbers" && (
        <label class="sizes">
          size <input type="range" min="1" max="4" step="1" value={String(v.size)} onInput={(e) => set(state, { size: Number(e.currentTarget.value) })} />
        </label>
      )}
      {isFiltered(v) && (
        <button type="button" class="plain" onClick={() => set(state, { label: -1, subject: -1, correct: -1, cluster: -1, query: "", box: null })}>
          show all
        </button>
      )}
      {v.thresholds.some((x, k) => x !== start.thresholds[k]) && <span class="dim">labels by moved thresholds</span>}
    </div>
  );
}

// Each label with the number of traces that have it among those the other filters leave.
export function Labels({ state }: { state: GalleryState }) {
  const { gallery, view, labels, open } = state;
  const counts = countsOf(labels.value.filter((_, i) => open.value[i] === 1), gallery.rules.length);
  const total = counts.reduce((a, b) => a + b, 0);
  const chosen = view.value.label;
  return (
    <div class="chips labels" role="group" aria-label="labels">
      {gallery.rules.map((rule, k) => (
        <button type="button" class={chosen === k ? "chip on" : "chip"} aria-pressed={chosen === k} title={rule.note} onClick={() => set(state, { label: chosen === k ? -1 : k })}>
          <i class={`sw cat-${k % 8}`} aria-hidden="true" /> {rule.label} <b>{count(counts[k]!)}</b> {total > 0 && <small>{percent(counts[k]! / total)}</small>}
        </button>
      ))}
    </div>
  );
}

export function Thresholds({ state }: { state: GalleryState }) {
  const { gallery, view, start } = state;
  const now = view.value.thresholds;
  const move = (k: number, x: number) => set(state, { thresholds: now.map((old, i) => (i === k ? x : old)) });
  return (
    <details class="thresholds">
      <summary>thresholds of the labels</summary>
      <div class="sliders">
        {gallery.thresholds.map((t, k) => (
          <label title={t.note}>
            <span>
              {t.note || t.name} <b>{now[k]}</b>
            </span>
            <input type="range" min={t.low} max={t.high} step={t.step} value={String(now[k])} onInput={(e) => move(k, Number(e.currentTarget.value))} />
          </label>
        ))}
        <button type="button" class="plain" disabled={now.every((x, k) => x === start.thresholds[k])} onClick={() => set(state, { thresholds: start.thresholds })}>
          as in the survey
        </button>
      </div>
      <dl class="rules">
        {gallery.rules.map((rule) => (
          <div>
            <dt>{rule.label}</dt>
            <dd>{rule.note}</dd>
          </div>
        ))}
      </dl>
    </details>
  );
}
