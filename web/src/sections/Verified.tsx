// The tables of verified traces: every number is a filter over the list beside them.
import type { ComponentChildren } from "preact";
import { EVERYTHING, Head, Made, count, figure, useReport } from "../kit";
import { ANSWERS, LINKS, STATES } from "../formal/model";
import type { Cell, Conditional, FormalHead, FormalTable, Odds } from "../formal/model";
import type { Filter } from "../formal/filter";
import type { Section } from "../model";
import { Compare } from "../ui/Compare";

const STATE_NAMES: Readonly<Record<string, string>> = { valid: "trace valid", invalid: "trace invalid", unparsed: "not parsed", none: "no trace" };
const LINK_NAMES: Readonly<Record<string, string>> = { follows: "follows", differs: "differs", unknown: "not known" };
export const ANSWER_NAMES: Readonly<Record<string, string>> = { correct: "correct", incorrect: "incorrect", unknown: "not known" };

export function Verified({ section }: { section: Section }) {
  const formal = section as unknown as FormalHead;
  const several = formal.documents.length > 1;
  return (
    <>
      <Compare />
      {formal.tables.map((table, k) => {
        const d = formal.documents[table.document]!;
        return <Card table={table} index={k} of={several || k === 0 ? `${d.domain} · ${d.dialect} · ${d.strictness}` : ""} key={k} />;
      })}
      <About />
    </>
  );
}

function About() {
  const { header } = useReport();
  const { documents } = header.formal!;
  const notes = [...new Set(documents.flatMap((d) => d.notes))];
  return (
    <div class="about">
      {notes.length > 0 && (
        <ul class="notes">
          {notes.map((n) => (
            <li>{n}</li>
          ))}
        </ul>
      )}
      <p class="dim">
        <i>follows</i>: the plan is the one that the trace itself found, whether or not the trace is valid. Intervals are score intervals; shares are of the group
        unless they say otherwise. Not parsed is shown, and is not invalid.
      </p>
      {documents.map((d, k) => d.facts.length > 0 && <Made facts={d.facts} key={k} />)}
    </div>
  );
}

function same(a: Filter, b: Filter): boolean {
  return a.table === b.table && a.state === b.state && a.link === b.link && a.answer === b.answer && a.code === b.code;
}

// A number that filters the list; pressed a second time it lists everything again.
function Pick({ to, label, zero, kind = "", children }: { to: Filter; label: string; zero: boolean; kind?: string; children: ComponentChildren }) {
  const report = useReport();
  const on = same(report.filter.value, to);
  return (
    <button type="button" class={`pick ${kind}`} aria-pressed={on} aria-label={label} disabled={zero && !on} onClick={() => (report.filter.value = on ? EVERYTHING : to)}>
      {children}
    </button>
  );
}

function percent(x: number | null): string {
  return x === null ? "–" : `${(100 * x).toFixed(x > 0 && x < 0.0995 ? 1 : 0)} %`;
}

function range(low: number | null, high: number | null): string {
  if (low === null || high === null) return "";
  // No interval may look as if it had no width.
  const digits = high - low < 0.1 ? 1 : 0;
  return `${(100 * low).toFixed(digits)}–${(100 * high).toFixed(digits)} %`;
}

function Card({ table, index, of }: { table: FormalTable; index: number; of: string }) {
  const at = (part: Partial<Filter>): Filter => ({ ...EVERYTHING, table: index, ...part });
  const total = (test: (c: Cell) => boolean) => table.cells.reduce((sum, c) => sum + (test(c) ? c.n : 0), 0);
  const answers = ANSWERS.filter((a) => a !== "unknown" || table.n_unknown > 0 || total((c) => c.answer === a) > 0);
  const states = STATES.filter((s) => s !== "none" || total((c) => c.trace === s) > 0);
  return (
    <article class="tcard" data-table={index}>
      <header>
        <h2>
          <Pick to={at({})} label={`${table.group || "all traces"}, ${table.n} traces`} zero={table.n === 0} kind="title">
            {table.group || "all traces"}
          </Pick>
        </h2>
        <span>
          {count(table.n)} trace{table.n === 1 ? "" : "s"} · not parsed {count(table.n_unparsed)}
          {table.n_unknown > 0 && ` · answer not known ${count(table.n_unknown)}`}
        </span>
        {of && <span class="dim">{of}</span>}
      </header>
      <div class="wide">
        <table class="confusion">
          <thead>
            <tr>
              <td />
              {answers.map((a) => (
                <th scope="col">
                  <Pick to={at({ answer: ANSWERS.indexOf(a) })} label={`answer ${ANSWER_NAMES[a]}`} zero={total((c) => c.answer === a) === 0}>
                    answer {ANSWER_NAMES[a]} <small>{count(total((c) => c.answer === a))}</small>
                  </Pick>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {states.map((s) => (
              <tr class={`is-${s}`}>
                <th scope="row">
                  <Pick to={at({ state: STATES.indexOf(s) })} label={STATE_NAMES[s]!} zero={total((c) => c.trace === s) === 0}>
                    {STATE_NAMES[s]} <small>{count(total((c) => c.trace === s))}</small>
                  </Pick>
                </th>
                {answers.map((a) => (
                  <JointCell table={table} trace={s} answer={a} at={at} />
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {table.listed !== table.n && <p class="leftout">The table counts {count(table.n)} traces; {count(table.listed)} of them are listed here.</p>}
      <Histogram table={table} at={at} />
      <Shares table={table} />
    </article>
  );
}

function JointCell({ table, trace, answer, at }: { table: FormalTable; trace: string; answer: string; at: (part: Partial<Filter>) => Filter }) {
  const joint = table.joint.find((j) => j.trace === trace && j.answer === answer);
  const place = { state: STATES.indexOf(trace as "valid"), answer: ANSWERS.indexOf(answer as "correct") };
  const n = joint?.n ?? 0;
  const parts = LINKS.map((link) => table.cells.find((c) => c.trace === trace && c.answer === answer && c.link === link)).filter((c) => c !== undefined);
  const known = parts.some((c) => c.link !== "unknown" && c.n > 0);
  return (
    <td style={{ "--share": `${100 * (joint?.share ?? 0)}%` }}>
      <Pick to={at(place)} label={`${STATE_NAMES[trace]}, answer ${ANSWER_NAMES[answer]}: ${n}`} zero={n === 0} kind="cell">
        <b>{count(n)}</b>
        <span>{percent(joint?.share ?? null)}</span>
        <small>{range(joint?.low ?? null, joint?.high ?? null)}</small>
      </Pick>
      {known && (
        <span class="links">
          {parts
            .filter((c) => c.n > 0)
            .map((c) => (
              <Pick
                to={at({ ...place, link: LINKS.indexOf(c.link as "follows") })}
                label={`${STATE_NAMES[trace]}, answer ${ANSWER_NAMES[answer]}, plan ${LINK_NAMES[c.link]}: ${c.n}`}
                zero={false}
                kind="part"
              >
                {LINK_NAMES[c.link]} <b>{count(c.n)}</b>
              </Pick>
            ))}
        </span>
      )}
    </td>
  );
}

function Histogram({ table, at }: { table: FormalTable; at: (part: Partial<Filter>) => Filter }) {
  const { header } = useReport();
  const most = table.first_errors[0]?.[1] ?? 0;
  if (!most) return null;
  const codes = header.formal!.codes;
  return (
    <section class="histogram" aria-label="first errors">
      <h3>first error of a trace</h3>
      <ul>
        {table.first_errors.map(([code, n]) => (
          <li>
            <Pick to={at({ code })} label={`first error ${code}: ${n}`} zero={false} kind="row">
              <span class="code">{code}</span>
              <span class="meter" aria-hidden="true">
                <i style={{ width: `${(100 * n) / most}%` }} />
              </span>
              <b>{count(n)}</b>
              <small>{codes.find((c) => c.name === code)?.text ?? ""}</small>
            </Pick>
          </li>
        ))}
      </ul>
    </section>
  );
}

// Single and joint shares, the answer given the trace, and the trace given a correct answer; the others are folded away.
const SHOWN = 11;

function Shares({ table }: { table: FormalTable }) {
  const first = table.shares.slice(0, SHOWN);
  const rest = table.shares.slice(SHOWN);
  return (
    <>
      <ShareTable title="shares and odds" shares={first} odds={table.odds.slice(0, 1)} level={table.level} open />
      {(rest.length > 0 || table.odds.length > 1) && <ShareTable title="more shares and odds" shares={rest} odds={table.odds.slice(1)} level={table.level} />}
    </>
  );
}

function ShareTable({ title, shares, odds, level, open = false }: { title: string; shares: readonly Conditional[]; odds: readonly Odds[]; level: number; open?: boolean }) {
  return (
    <details class="conditionals" open={open}>
      <summary>{title}</summary>
      <table class="plain-table">
        <Head names={["share of", "among", "k of n", "share", `${Math.round(100 * level)} % interval`]} />
        <tbody>
          {shares.map((s) => (
            <tr>
              <th scope="row">{s.of}</th>
              <td>{s.given || "all"}</td>
              <td>
                {count(s.k)} of {count(s.n)}
              </td>
              <td>{figure(s.value)}</td>
              <td>{s.low === null ? "–" : `${figure(s.low)} – ${figure(s.high)}`}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {odds.map((o) => (
        <OddsLine odds={o} level={level} />
      ))}
    </details>
  );
}

function pValue(p: number | null): string {
  return p === null ? "–" : p < 1e-4 ? p.toExponential(1).replace("e-", " × 10⁻").replace(/\d+$/, (d) => [...d].map((c) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[Number(c)]).join("")) : p.toFixed(4);
}

function OddsLine({ odds, level }: { odds: Odds; level: number }) {
  const limit = (x: number | null) => (x === null ? "∞" : x >= 1000 ? x.toExponential(1) : figure(x, 2));
  return (
    <p class="odds">
      odds ratio, {odds.rows} × {odds.columns}: <b>{odds.p === null ? "not defined" : limit(odds.value)}</b>
      {odds.low !== null && (
        <span class="interval">
          {" "}
          [{limit(odds.low)}, {limit(odds.high)}]
        </span>
      )}{" "}
      <small>
        {Math.round(100 * level)} % exact; p = {pValue(odds.p)} (Fisher, two-sided); counts {odds.counts.map((row) => row.join(", ")).join(" / ")}
      </small>
    </p>
  );
}
