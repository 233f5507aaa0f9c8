// @vitest-environment happy-dom
import { expect, test, vi } from "vitest";
import htmx from "htmx.org";
import { apply, concerns, replaceRows } from "../src/rows";

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

test("what is on the page is fetched at once, though the list has to wait its turn", () => {
  document.body.innerHTML = `<section id="list" data-topic="workloads"><table><tr id="row-a"></tr></table></section>`;
  const list = vi.spyOn(htmx, "ajax").mockResolvedValue(undefined);
  const rows = vi.spyOn(window, "fetch").mockResolvedValue(new Response("", { status: 404 }));
  apply({ topic: "workloads", ids: ["elsewhere"], everything: false });
  expect([list.mock.calls.length, rows.mock.calls.length]).toEqual([1, 0]);
  apply({ topic: "workloads", ids: ["a", "elsewhere"], everything: false });
  expect([list.mock.calls.length, rows.mock.calls.length]).toEqual([1, 1]);
  expect(String(rows.mock.calls[0]?.[0])).toContain("rows=a");
});
