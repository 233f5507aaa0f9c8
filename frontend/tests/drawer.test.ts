// @vitest-environment happy-dom
import { expect, test } from "vitest";
import { localPath } from "../src/drawer";

test("only paths of this server open in the drawer", () => {
  expect(localPath("/decisions/1/?x=1")).toBe("/decisions/1/?x=1");
  expect(localPath("https://evil.example/")).toBeNull();
  expect(localPath("//evil.example/")).toBeNull();
  expect(localPath("javascript:alert(1)")).toBeNull();
  expect(localPath(null)).toBeNull();
});
