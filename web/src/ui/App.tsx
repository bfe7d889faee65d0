import { Traces } from "../sections/Traces";
import { Figure } from "./Figure";
import { Header } from "./Header";
import { Help } from "./Help";
import { Tables } from "./Tables";
import { useReport } from "./context";

export function App() {
  const { sheet, screen, announce } = useReport();
  return (
    <div class="app" data-sheet={sheet.value}>
      <Header />
      {screen.value === "tables" ? <Tables /> : <Traces />}
      <Help />
      {screen.value === "trace" && <Figure />}
      <div class="sr" role="status" aria-live="polite">
        {announce.value}
      </div>
    </div>
  );
}
