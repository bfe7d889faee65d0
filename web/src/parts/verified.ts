// The part of the viewer that draws the tables of verified traces.
import "../verified.css";
import type { Drawings } from "../kit";
import { Verified } from "../sections/Verified";

export const DRAWN: Readonly<Drawings> = { sections: { verified: Verified }, pieces: {} };
