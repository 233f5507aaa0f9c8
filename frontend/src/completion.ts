/* What can be written here: fields with their documentation, or the values of a field, out of the CRD's schema. */
import { pathOf, readLine, schemaAt, siblings, typeText, type Schema } from "./yamlpath";

export interface Option {
  label: string;
  type: "property" | "enum";
  detail?: string;
  info?: string;
  apply?: string;
  boost?: number;
}

export interface Answer {
  /** Column where the word that is being typed starts. */
  from: number;
  options: Option[];
}

export function complete(schema: Schema, lines: string[], index: number, column: number): Answer | null {
  const before = (lines[index] ?? "").slice(0, column);
  if (before.trimStart().startsWith("#")) return null;
  const value = /^(\s*(?:- +)*)("?)([\w./-]+)\2:\s+(\S*)$/.exec(before);
  if (value) return values(schema, lines, index, value);
  const word = /[\w./-]*$/.exec(before)?.[0] ?? "";
  const from = column - word.length;
  if (before.slice(0, from).replace(/- /g, "").trim()) return null;
  const here = schemaAt(schema, pathOf(withBlank(lines, index, before), index, from));
  if (here?.items?.enum) return null;
  if (here?.enum) return { from, options: here.enum.map(choice) };
  const taken = siblings(lines, index, from);
  const options = Object.entries(here?.properties ?? {})
    .filter(([name]) => !taken.has(name))
    .map(([name, field]) => property(name, field, here?.required?.includes(name) ?? false));
  return options.length > 0 ? { from, options } : null;
}

function withBlank(lines: string[], index: number, before: string): string[] {
  const copy = [...lines];
  copy[index] = before;
  return copy;
}

function property(name: string, field: Schema, required: boolean): Option {
  const holds = field.type === "object" || field.type === "array" || field.properties !== undefined;
  const option: Option = { label: name, type: "property", detail: typeText(field), apply: holds ? `${name}:` : `${name}: ` };
  if (field.description) option.info = field.description;
  if (required) option.boost = 10;
  return option;
}

/** In the schema's own order: DryRun, Warn, Enforce go from mild to strict. */
const choice = (one: unknown, n: number): Option => ({ label: String(one), type: "enum", boost: -n });

function values(schema: Schema, lines: string[], index: number, match: RegExpExecArray): Answer | null {
  const line = readLine(lines[index] ?? "");
  const field = schemaAt(schema, [...pathOf(lines, index, line.column), match[3] ?? ""]);
  if (!field) return null;
  const words = field.enum ?? (field.type === "boolean" ? [true, false] : field.default !== undefined ? [field.default] : []);
  const from = match[0].length - (match[4] ?? "").length;
  const options = words.filter((one) => typeof one !== "object").map(choice);
  return options.length > 0 ? { from, options } : null;
}

export interface Doc {
  name: string;
  type: string;
  text: string;
  fallback: string;
}

/** What the schema says of the key on this line, when the column is on it. */
export function documentation(schema: Schema, lines: string[], index: number, column: number): Doc | null {
  const line = readLine(lines[index] ?? "");
  if (line.key === null || column < line.column || column > line.column + line.key.length) return null;
  const field = schemaAt(schema, [...pathOf(lines, index, line.column), line.key]);
  if (!field) return null;
  return {
    name: line.key,
    type: typeText(field),
    text: field.description ?? "",
    fallback: field.default === undefined || typeof field.default === "object" ? "" : String(field.default),
  };
}
