import { Traces } from "../sections/Traces";
import { announce, screen, sheet } from "../state";
import { Header } from "./Header";
import { Help } from "./Help";
import { Tables } from "./Tables";

export function App() {
  return (
    <div class="app" data-sheet={sheet.value}>
      <Header />
      {screen.value === "tables" ? <Tables /> : <Traces />}
      <Help />
      <div class="sr" role="status" aria-live="polite">
        {announce.value}
      </div>
    </div>
  );
}
