// The report that a component is part of.
import { createContext } from "preact";
import { useContext } from "preact/hooks";
import type { State } from "../state";

export const ReportContext = createContext<State | null>(null);

export function useReport(): State {
  return useContext(ReportContext)!;
}
