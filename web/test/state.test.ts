/// <reference types="vite/client" />
// A page may hold several reports, so no module may hold what one of them changes. This reads every module of the viewer and names what
// could: variables that can be set, values that can be changed and are not declared read-only, code that runs when the module is loaded.
import { parseSync } from "vite";
import { describe, expect, it } from "vitest";

type Node = Record<string, unknown> & { readonly type: string };

const SOURCES = import.meta.glob<string>("../src/**/*.{ts,tsx}", { query: "?raw", import: "default", eager: true });
const WITHOUT_VALUE = ["ImportDeclaration", "TSInterfaceDeclaration", "TSTypeAliasDeclaration", "FunctionDeclaration", "ExportAllDeclaration"];
const READONLY = ["Readonly", "ReadonlyArray", "ReadonlyMap", "ReadonlySet"];
// What a context holds is given by each report that renders.
const CALLS = ["createContext"];

// What wraps a value and does not change it.
function bare(node: Node): Node {
  return ["TSNonNullExpression", "TSSatisfiesExpression", "ParenthesizedExpression"].includes(node.type) ? bare(node["expression"] as Node) : node;
}

function isReadonly(pattern: Node): boolean {
  const type = (pattern["typeAnnotation"] as Node | null)?.["typeAnnotation"] as Node | undefined;
  const name = ((type?.["typeName"] as Node | undefined)?.["name"] ?? "") as string;
  return type?.["operator"] === "readonly" || READONLY.includes(name);
}

// Whether nothing that a name stands for can change.
function isFixed(value: Node | null, pattern: Node): boolean {
  if (!value) return false;
  const node = bare(value);
  switch (node.type) {
    case "Literal":
      // A pattern with the flag g or y remembers where it was.
      return !/[gy]/.test((node["regex"] as { flags: string } | undefined)?.flags ?? "");
    case "TemplateLiteral":
    case "ArrowFunctionExpression":
    case "FunctionExpression":
    case "BinaryExpression":
    case "UnaryExpression":
      return true;
    case "TSAsExpression":
      return ((node["typeAnnotation"] as Node)["typeName"] as Node | undefined)?.["name"] === "const";
    case "CallExpression":
      return isReadonly(pattern) || CALLS.includes((node["callee"] as Node)["name"] as string);
    case "ArrayExpression":
      // Taken apart at once, it is as fixed as its parts.
      return isReadonly(pattern) || (pattern.type === "ArrayPattern" && (node["elements"] as Node[]).every((e) => isFixed(e, e)));
    default:
      return node.type !== "NewExpression" && isReadonly(pattern);
  }
}

function ofStatement(node: Node): string[] {
  if (node.type === "ExportNamedDeclaration") return node["declaration"] ? ofStatement(node["declaration"] as Node) : [];
  if (WITHOUT_VALUE.includes(node.type)) return [];
  if (node.type === "ClassDeclaration") {
    const body = (node["body"] as Node)["body"] as Node[];
    return body.filter((m) => m.type === "StaticBlock" || (m.type === "PropertyDefinition" && m["static"])).map(() => "a static property");
  }
  if (node.type !== "VariableDeclaration") return [`a ${node.type} that runs when the module is loaded`];
  if (node["kind"] !== "const") return [`a ${node["kind"]}`];
  const declared = node["declarations"] as Node[];
  return declared.filter((d) => !isFixed(d["init"] as Node | null, d["id"] as Node)).map((d) => `a const that can change: ${String((d["id"] as Node)["name"])}`);
}

function stateOf(name: string, source: string): string[] {
  const found = parseSync(name, source);
  expect(found.errors).toEqual([]);
  return (found.program.body as unknown as Node[]).flatMap(ofStatement);
}

describe("the modules of the viewer", () => {
  it("hold no state", () => {
    const modules = Object.entries(SOURCES).filter(([name]) => !name.endsWith("/main.tsx") && !name.endsWith(".d.ts"));
    expect(modules.length).toBeGreaterThan(40);
    expect(Object.fromEntries(modules.map(([name, source]) => [name, stateOf(name, source)]).filter(([, found]) => found!.length))).toEqual({});
  });
  it("look for elements inside of their report, and leave the address and the root element to one module each", () => {
    const uses = (pattern: RegExp) => Object.keys(SOURCES).filter((name) => pattern.test(SOURCES[name]!.replace(/^\s*\/\/.*$/gm, ""))).map((name) => name.slice("../src/".length));
    expect(uses(/document\.(getElement|querySelector)/)).toEqual(["main.tsx"]);
    expect(uses(/\b(location|history)\.|"hashchange"/).filter((name) => name !== "mount.tsx")).toEqual(["address.ts"]);
    expect(uses(/document\.documentElement\.dataset|localStorage/)).toEqual(["theme.ts"]);
  });
});

describe("the check", () => {
  const one = (source: string) => stateOf("a.tsx", source).length;
  it.each([
    "let x = 0;", "export let x: number;", "var x = 1;", "export const s = signal(0);", "const c = computed(() => 1);", "const c: ReadonlySignal<number> = computed(() => 1);", "const cache = new Map<string, number>();",
    "const seen = new Set();", "const list = [];", "const all: number[] = [1];", "const o = { n: 0 };", "const o: Record<string, number> = {};", "const r = /x/g;",
    "document.addEventListener('x', () => 0);", "effect(() => 0);", "class A { static n = 0 }", "export class A { static { f(); } }", "const at = document.body;",
    "const [a, b] = [{}, 1];", "const p: Readonly<object> = new Thing();", "if (x) y();",
  ])("finds %s", (source) => expect(one(source)).toBe(1));
  it.each([
    "const N = 3;", "export const NAMES = ['a'] as const;", "const ALL: readonly number[] = [1];", "const O: Readonly<Record<string, number>> = {};", "const r = /x/i;",
    "const f = () => 0;", "export function g() { let x = new Map(); return x; }", "export class A { n = 0; m = new Map(); }", "const [W, H] = [1, 2];",
    "export const C = createContext<State | null>(null);", "export { a } from './b';", "import './x.css';", "export interface I { n: number }", "const B = new Uint8Array(1)[0] === 1;",
  ])("allows %s", (source) => expect(one(source)).toBe(0));
});
