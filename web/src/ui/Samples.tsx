// The rollouts' texts: facets, a list that draws only what is seen, and one text in full.
import { useSignal } from "@preact/signals";
import { useEffect, useMemo, useRef } from "preact/hooks";
import type { Texts } from "../codec";
import { count, visible } from "../format";
import type { Facets } from "../state";
import type { Samples as SampleTable, Trace } from "../model";
import { Swatch, Verdict, copyText, falling, outcomeName } from "./parts";
import { useReport } from "./context";

const ROW = 58;

function matching(s: SampleTable, f: Facets, unit: number): number[] {
  const rows: number[] = [];
  const cut = f.cut === "after" ? unit + 1 : f.cut === "instead" ? unit : -1;
  for (let i = 0; i < s.n; i++) {
    if (f.outcome >= 0 && s.outcome[i] !== f.outcome) continue;
    if (f.verdict >= 0 && s.verdict[i] !== f.verdict) continue;
    if (f.branch >= 0 ? s.branch[i] !== f.branch : f.cut !== "all" && s.cut[i] !== cut) continue;
    rows.push(i);
  }
  return rows;
}

export function Samples() {
  const { trace, facets, shown } = useReport();
  const found = trace.value;
  const texts = useSignal<Texts | null>(null);
  const open = useSignal(-1);
  useEffect(() => {
    texts.value = null;
    open.value = -1;
    void found?.samples.texts().then((t) => (texts.value = t));
  }, [found]);
  if (!found) return null;
  const s = found.samples;
  if (!s.n) return <p class="empty">No rollout texts were kept with these results.</p>;
  const f = facets.value;
  const rows = matching(s, f, f.cut === "all" || f.branch >= 0 ? 0 : shown.value);
  return (
    <div class="samples">
      <FacetBar found={found} rows={rows} />
      {s.left_out > 0 && <p class="leftout">{count(s.left_out)} of {count(s.n)} texts were left out of this page to keep it small; their outcomes are counted.</p>}
      {texts.value && open.value >= 0 && rows.includes(open.value) && <Full found={found} texts={texts.value} row={open.value} close={() => (open.value = -1)} />}
      <List found={found} texts={texts.value} rows={rows} open={(row) => (open.value = row)} current={open.value} />
    </div>
  );
}

function FacetBar({ found, rows }: { found: Trace; rows: readonly number[] }) {
  const { facets } = useReport();
  const s = found.samples;
  const f = facets.value;
  const set = (part: Partial<Facets>) => (facets.value = { ...f, ...part });
  const totals = useMemo(() => s.outcomes.map((_, k) => s.outcome.reduce((sum, x) => sum + (x === k ? 1 : 0), 0)), [s]);
  const of = (k: number) => found.head.outcomes.find((o) => o.label === s.outcomes[k]);
  return (
    <div class="facets">
      <div class="chips" role="group" aria-label="outcome">
        {falling(totals).map((k) => (
          <button type="button" class="chip" aria-pressed={f.outcome === k} onClick={() => set({ outcome: f.outcome === k ? -1 : k })}>
            <Swatch colour={of(k)?.colour ?? -1} /> {of(k) ? outcomeName(of(k)!) : s.outcomes[k]} <small>{count(totals[k]!)}</small>
          </button>
        ))}
      </div>
      <div class="selects">
        <select aria-label="verdict" value={f.verdict} onChange={(e) => set({ verdict: Number(e.currentTarget.value) })}>
          <option value={-1}>any verdict</option>
          {s.verdicts.map((v, k) => (
            <option value={k}>{v}</option>
          ))}
        </select>
        <select aria-label="cut" value={f.branch >= 0 ? "branch" : f.cut} onChange={(e) => set({ cut: e.currentTarget.value as Facets["cut"], branch: -1 })}>
          <option value="all">all cuts</option>
          <option value="after">begun after this {found.head.unit}</option>
          <option value="instead">begun in place of it</option>
          {f.branch >= 0 && <option value="branch">branch {visible(found.branches.text.at(f.branch), 16)} at cut {found.branches.cut[f.branch]}</option>}
        </select>
        <span class="dim">
          {count(rows.length)} of {count(s.n)}
        </span>
      </div>
    </div>
  );
}

function List({ found, texts, rows, open, current }: {
  found: Trace; texts: Texts | null; rows: readonly number[]; open: (row: number) => void; current: number;
}) {
  const box = useRef<HTMLDivElement>(null);
  const top = useSignal(0);
  const s = found.samples;
  const height = box.current?.clientHeight || 600;
  const from = Math.max(0, Math.floor(top.value / ROW) - 5);
  const to = Math.min(rows.length, Math.ceil((top.value + height) / ROW) + 5);
  if (!rows.length) return <p class="empty">No rollout matches.</p>;
  return (
    <div class="list" ref={box} onScroll={(e) => (top.value = e.currentTarget.scrollTop)} role="list" aria-label={`${rows.length} rollouts`}>
      <div class="tall" style={{ height: `${rows.length * ROW}px` }}>
        {rows.slice(from, to).map((i, k) => (
          <div role="listitem" class="slot" style={{ transform: `translateY(${(from + k) * ROW}px)` }} key={i}>
            <button type="button" class={i === current ? "sample on" : "sample"} onClick={() => open(i)}>
              <span class="line1">
                <Verdict verdict={s.verdicts[s.verdict[i]!]!} /> <b>{s.outcomes[s.outcome[i]!]}</b>
                <span class="dim">
                  cut {count(s.cut[i]!)} · #{s.index[i]}
                  {s.tokens[i]! > 0 && ` · ${count(s.tokens[i]!)} tokens`}
                  {stopOf(s, i)}
                </span>
              </span>
              <span class="line2">{texts ? (s.kept[i] ? texts.text.slice(texts.offsets[i], texts.offsets[i]! + 160) : "text left out of this page") : ""}</span>
            </button>
          </div>
        ))}
      </div>
    </div>
  );
}

// Why a rollout ended, where it is not the usual stop token.
function stopOf(s: SampleTable, row: number): string {
  const stop = s.stops[s.stop[row]!] ?? "";
  return stop === "" || stop === "stop" ? "" : ` · stopped: ${stop}`;
}

// The shared start is muted; what differs from the base trace begins at the mark.
function Full({ found, texts, row, close }: { found: Trace; texts: Texts; row: number; close: () => void }) {
  const s = found.samples;
  const text = texts.at(row);
  const shared = Math.min(text.length, s.diverges[row]!);
  const copied = useSignal(false);
  return (
    <article class="full">
      <header>
        <Verdict verdict={s.verdicts[s.verdict[row]!]!} /> <b>{s.outcomes[s.outcome[row]!]}</b>
        <span class="dim">
          cut {count(s.cut[row]!)} · #{s.index[row]}
          {stopOf(s, row)}
        </span>
        <span class="grow" />
        <button type="button" class="plain" onClick={() => void copyText(text).then((done) => (copied.value = done))}>
          {copied.value ? "copied" : "copy"}
        </button>
        <button type="button" class="plain" onClick={close} aria-label="close this text">
          ✕
        </button>
      </header>
      {s.kept[row] ? (
        <pre>
          <span class="same">{text.slice(0, shared)}</span>
          {shared < text.length && <mark class="fork" aria-label="differs from here" />}
          <span>{text.slice(shared)}</span>
        </pre>
      ) : (
        <p class="empty">This text was left out of the page.</p>
      )}
    </article>
  );
}
