// @vitest-environment happy-dom
import { expect, test } from "vitest";
import { concerns, replaceRows } from "../src/rows";

test("rows are put in place, focus stays, and a row that left the filter is told", () => {
  document.body.innerHTML = `<table><tbody>
    <tr id="row-a" class="row-current"><td><a href="/x/">old</a></td></tr><tr id="row-b"><td>b</td></tr></tbody></table>`;
  document.querySelector<HTMLElement>("a")?.focus();
  const whole = replaceRows('<tr id="row-a"><td><a href="/x/">new</a></td></tr>', ["a"]);
  expect(whole).toBe(true);
  expect(document.querySelector("#row-a a")?.textContent).toBe("new");
  expect(document.activeElement?.getAttribute("href")).toBe("/x/");
  expect(document.getElementById("row-a")?.className).toContain("row-current");
  expect(replaceRows("", ["b"])).toBe(false);
  expect(document.getElementById("row-b")).not.toBeNull();
});

test("an object's page follows its own object, and waits while somebody types in it", () => {
  document.body.innerHTML = `<main data-topics="workloads" data-ids="a"><input name="reason"></main>`;
  const panel = document.querySelector("main") as HTMLElement;
  const changes = (ids: string[], everything = false) => ({ topic: "workloads", ids, everything });
  expect(concerns(panel, changes(["b"]))).toBe(false);
  expect(concerns(panel, changes(["a"]))).toBe(true);
  expect(concerns(panel, changes([], true))).toBe(true);
  document.querySelector("input")?.focus();
  expect(concerns(panel, changes(["a"]))).toBe(false);
});
