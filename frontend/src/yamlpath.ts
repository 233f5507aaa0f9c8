/* Where in a YAML document a line stands, by indentation alone: the text is rarely whole while somebody types. */

export interface Schema {
  type?: string;
  description?: string;
  properties?: Record<string, Schema>;
  additionalProperties?: Schema | boolean;
  items?: Schema;
  required?: string[];
  enum?: (string | number | boolean)[];
  default?: unknown;
  format?: string;
  pattern?: string;
}

export interface Line {
  /** Column of the key, past any "- ". */
  column: number;
  /** Columns of the dashes before it. */
  dashes: number[];
  key: string | null;
  value: string;
}

export function readLine(text: string): Line {
  const dashes: number[] = [];
  let at = text.length - text.trimStart().length;
  while (text.startsWith("- ", at) || text.slice(at) === "-") {
    dashes.push(at);
    const rest = text.slice(at + 1);
    at += 1 + (rest.length - rest.trimStart().length);
  }
  const match = /^("?)([\w./-]+)\1\s*:(?:\s+(.*)|)$/.exec(text.slice(at));
  return { column: at, dashes, key: match?.[2] ?? null, value: (match?.[3] ?? (match ? "" : text.slice(at))).trim() };
}

/** The path of the mapping that holds `column` of line `index`: keys, and "[]" for each list on the way. */
export function pathOf(lines: string[], index: number, column: number): string[] {
  const path: string[] = [];
  let limit = column;
  const own = readLine(lines[index] ?? "");
  for (const dash of [...own.dashes].reverse()) {
    if (dash < limit) {
      path.unshift("[]");
      limit = dash;
    }
  }
  // A list may stand at its key's own column, so a dash looks for a key at its column too.
  let atDash = path.length > 0;
  for (let n = index - 1; n >= 0 && (limit > 0 || atDash); n--) {
    const text = lines[n] ?? "";
    if (!text.trim() || text.trimStart().startsWith("#")) continue;
    const line = readLine(text);
    if (line.key !== null && (line.column < limit || (atDash && line.column === limit && line.dashes.length === 0))) {
      path.unshift(line.key);
      limit = line.column;
      atDash = false;
    }
    for (const dash of [...line.dashes].reverse()) {
      if (dash < limit) {
        path.unshift("[]");
        limit = dash;
        atDash = true;
      }
    }
  }
  return path;
}

export function schemaAt(root: Schema, path: string[]): Schema | null {
  let here: Schema | undefined = root;
  for (const step of path) {
    if (step === "[]") here = here?.items;
    else {
      const extra: Schema | boolean | undefined = here?.additionalProperties;
      here = here?.properties?.[step] ?? (typeof extra === "object" ? extra : undefined);
    }
    if (!here) return null;
  }
  return here;
}

/** Keys that the mapping at `column` around line `index` has already. */
export function siblings(lines: string[], index: number, column: number): Set<string> {
  const found = new Set<string>();
  const walk = (step: number): void => {
    for (let n = index + step; n >= 0 && n < lines.length; n += step) {
      const text = lines[n] ?? "";
      if (!text.trim()) continue;
      const line = readLine(text);
      if (line.column < column && !(step < 0 && line.dashes.length > 0 && line.column === column)) return;
      if (line.column === column && line.key !== null) {
        if (step > 0 && line.dashes.length > 0) return;
        found.add(line.key);
        if (step < 0 && line.dashes.length > 0) return;
      }
    }
  };
  if (readLine(lines[index] ?? "").dashes.length === 0) walk(-1);
  walk(1);
  return found;
}

export function typeText(schema: Schema): string {
  if (schema.enum) return schema.enum.join(" | ");
  if (schema.type === "array") return `[${schema.items ? typeText(schema.items) : ""}]`;
  return [schema.type ?? "any", schema.format].filter(Boolean).join(", ");
}
