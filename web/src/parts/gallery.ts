// The part of the viewer that draws a gallery.
import "../gallery.css";
import type { Drawings } from "../kit";
import { Gallery } from "../sections/Gallery";

export const DRAWN: Readonly<Drawings> = { sections: { gallery: Gallery }, pieces: {} };
