// Which component draws which kind of section: the only place to register one. Tables stand in this order.
import type { ComponentType } from "preact";
import type { Section } from "../model";
import { Gallery } from "./Gallery";
import { Sheets } from "./Sheets";
import { Traces } from "./Traces";
import { Verified } from "./Verified";

export const SECTIONS: Readonly<Record<string, ComponentType<{ section: Section }>>> = { traces: Traces, gallery: Gallery, sheets: Sheets, verified: Verified };
