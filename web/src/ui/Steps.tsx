// The controls that step through the events of a trace: buttons, slider, play.
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { count } from "../format";
import type { Grid } from "../formal/model";
import { moveToStep } from "../state";
import { useReport } from "./context";

const MS = 260;

export function Steps({ grid }: { grid: Grid }) {
  const report = useReport();
  const playing = useSignal(false);
  const last = grid.steps.n - 1;
  const at = report.step.value;
  useEffect(() => {
    if (!playing.value) return;
    const timer = setInterval(() => {
      if (report.step.peek() >= last) playing.value = false;
      else moveToStep(report, report.step.peek() + 1);
    }, MS);
    return () => clearInterval(timer);
  }, [playing.value, last]);
  const go = (k: number) => {
    playing.value = false;
    moveToStep(report, k);
  };
  const play = () => {
    if (!playing.value && at >= last) moveToStep(report, -1);
    playing.value = !playing.value;
  };
  return (
    <div class="steps">
      <div class="stepbuttons" role="group" aria-label="events">
        <button type="button" aria-label="before the first event" disabled={at < 0} onClick={() => go(-1)}>
          |‹
        </button>
        <button type="button" aria-label="previous event" disabled={at < 0} onClick={() => go(at - 1)}>
          ‹
        </button>
        <button type="button" class="play" aria-label={playing.value ? "pause" : "play"} disabled={last < 0} onClick={play}>
          {playing.value ? "❚❚" : "▶"}
        </button>
        <button type="button" aria-label="next event" disabled={at >= last} onClick={() => go(at + 1)}>
          ›
        </button>
        <button type="button" aria-label="last event" disabled={at >= last} onClick={() => go(last)}>
          ›|
        </button>
      </div>
      <output class="dim">{at < 0 ? `before the first of ${count(last + 1)} events` : `event ${count(at)} / ${count(last)}`}</output>
      <input
        type="range"
        class="slider"
        aria-label="event"
        min={-1}
        max={last}
        value={at}
        aria-valuetext={at < 0 ? "before the first event" : `event ${at} of ${last}`}
        onInput={(e) => go(Number(e.currentTarget.value))}
      />
    </div>
  );
}
