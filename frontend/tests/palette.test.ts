// @vitest-environment happy-dom
import { expect, test } from "vitest";
import { choose, move, options } from "../src/palette";

test("arrows go round, and the input names the choice", () => {
  document.body.innerHTML = `<dialog id="palette"><input>${["a", "b", "c"].map((id) => `<a role="option" id="${id}" href="/${id}">${id}</a>`).join("")}</dialog>`;
  choose(options(), 0);
  move(-1);
  expect(document.querySelector("[aria-selected=true]")?.id).toBe("c");
  move(1);
  expect(document.querySelector("input")?.getAttribute("aria-activedescendant")).toBe("a");
});
