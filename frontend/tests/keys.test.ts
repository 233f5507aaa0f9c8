// @vitest-environment happy-dom
import { expect, test } from "vitest";
import { onKey } from "../src/keys";

const press = (key: string, target: EventTarget = document.body): void => {
  const event = new KeyboardEvent("keydown", { key });
  Object.defineProperty(event, "target", { value: target });
  onKey(event);
};

test("j and k move along the rows and stop at the ends; typing is left alone", () => {
  document.body.innerHTML = `<form id="filters"><input name="q"></form><div id="list"><table><tbody>
    <tr data-id="1"><td><a class="row-link" href="#1">1</a></td></tr><tr data-id="2"><td><a class="row-link" href="#2">2</a></td></tr></tbody></table></div>`;
  const current = (): string | undefined => document.querySelector<HTMLElement>(".row-current")?.dataset["id"];
  press("j");
  press("j");
  press("j");
  expect(current()).toBe("2");
  press("k");
  expect(current()).toBe("1");
  press("j", document.querySelector("input") as HTMLInputElement);
  expect(current()).toBe("1");
  press("/");
  expect(document.activeElement?.getAttribute("name")).toBe("q");
});
