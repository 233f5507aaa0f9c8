// @vitest-environment happy-dom
import { beforeEach, expect, test } from "vitest";
import { anySelected, boxes, clear, setAll, startSelect } from "../src/select";
import { forgetStrings } from "../src/strings";

beforeEach(() => {
  forgetStrings();
  document.body.innerHTML = `<script id="ui-strings" type="application/json">{"n_selected":"%(n)s selected","all_selected":"All %(n)s"}</script>
    <form id="bulk" data-total="90"><input type="hidden" name="all" value=""><span data-selected-count></span></form>
    <div id="list"><input type="checkbox" data-select-page>${[1, 2, 3, 4].map((n) => `<input type="checkbox" name="ids" value="${n}">`).join("")}</div>`;
});
startSelect(() => undefined);

const click = (box: HTMLInputElement, shiftKey = false): void => {
  box.dispatchEvent(new MouseEvent("click", { bubbles: true, shiftKey }));
};
const count = (): string => document.querySelector("[data-selected-count]")?.textContent ?? "";

test("shift picks the range", () => {
  const [first, , third] = boxes();
  click(first as HTMLInputElement);
  click(third as HTMLInputElement, true);
  expect(boxes().map((box) => box.checked)).toEqual([true, true, true, false]);
  expect(count()).toBe("3 selected");
});

test("the head picks the page, and offers all that match", () => {
  click(document.querySelector("[data-select-page]") as HTMLInputElement);
  expect(boxes().every((box) => box.checked)).toBe(true);
  expect(document.getElementById("bulk")?.classList.contains("bulk-page-full")).toBe(true);
});

test("all means all until one is changed", () => {
  click(document.querySelector("[data-select-page]") as HTMLInputElement);
  setAll(true);
  expect(document.querySelector<HTMLInputElement>("[name=all]")?.value).toBe("1");
  click(boxes()[0] as HTMLInputElement);
  expect(document.querySelector<HTMLInputElement>("[name=all]")?.value).toBe("");
  clear();
  expect(anySelected()).toBe(false);
});
