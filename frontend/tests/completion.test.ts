import { expect, test } from "vitest";
import { complete, documentation } from "../src/completion";
import { pathOf, siblings, type Schema } from "../src/yamlpath";

const schema: Schema = {
  type: "object",
  properties: {
    kind: { type: "string", enum: ["ResourcePolicy", "ClusterResourcePolicy"] },
    spec: {
      type: "object",
      required: ["targets"],
      properties: {
        mode: { type: "string", enum: ["DryRun", "Enforce"], default: "DryRun", description: "What it does." },
        suspend: { type: "boolean" },
        targets: {
          type: "array",
          items: { type: "object", properties: { kinds: { type: "array", items: { type: "string" } }, selector: { type: "object" } } },
        },
      },
    },
  },
};
const text = ["kind: ResourcePolicy", "spec:", "  mode: DryRun", "  targets:", "  - kinds: [Deployment]", "    ", "  ", ""];
const labels = (line: number, column: number, lines = text): string[] => complete(schema, lines, line, column)?.options.map((one) => one.label) ?? [];

test("the path follows keys and lists, also of lists that are not indented", () => {
  expect(pathOf(text, 4, 4)).toEqual(["spec", "targets", "[]"]);
  expect(pathOf(text, 5, 4)).toEqual(["spec", "targets", "[]"]);
  expect(pathOf(text, 6, 2)).toEqual(["spec"]);
  expect(pathOf(text, 7, 0)).toEqual([]);
});

test("fields that are there are not offered again", () => {
  expect([...siblings(text, 6, 2)].sort()).toEqual(["mode", "targets"]);
  expect(labels(6, 2)).toEqual(["suspend"]);
  expect(labels(5, 4)).toEqual(["selector"]);
});

test("values of an enum and of a boolean are offered after the colon", () => {
  expect(labels(2, 8, ["kind: X", "spec:", "  mode: "])).toEqual(["DryRun", "Enforce"]);
  expect(labels(2, 11, ["kind: X", "spec:", "  suspend: "])).toEqual(["true", "false"]);
  expect(labels(0, 6, ["kind: "])).toEqual(["ResourcePolicy", "ClusterResourcePolicy"]);
});

test("a required field comes first, and comments offer nothing", () => {
  const found = complete(schema, ["spec:", "  t"], 1, 3);
  expect(found?.from).toBe(2);
  expect(found?.options.find((one) => one.label === "targets")?.boost).toBe(10);
  expect(complete(schema, ["spec:", "  # mo"], 1, 6)).toBeNull();
});

test("a field's documentation, type and default are told", () => {
  expect(documentation(schema, text, 2, 3)).toEqual({ name: "mode", type: "DryRun | Enforce", text: "What it does.", fallback: "DryRun" });
  expect(documentation(schema, text, 2, 9)).toBeNull();
});
