// @vitest-environment happy-dom
import { expect, test } from "vitest";
import { checkSize } from "../src/forms";

test("a file that is too large is refused before it is sent, with its size", () => {
  document.body.innerHTML = `<script id="ui-strings" type="application/json">{"too_large":"%(size)s of %(limit)s"}</script>
    <input type="file" data-max-bytes="1048576" aria-describedby="note"><div id="note"></div>`;
  const field = document.querySelector("input") as HTMLInputElement;
  Object.defineProperty(field, "files", { value: [{ size: 50 * 1_048_576 }] });
  expect(checkSize(field)).toBe(false);
  expect(document.getElementById("note")?.textContent).toBe("50.0 of 1.0");
  expect(field.validationMessage).toBe("50.0 of 1.0");
});
