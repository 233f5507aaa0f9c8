// @vitest-environment happy-dom
import { beforeEach, expect, test } from "vitest";
import { forgetStrings } from "../src/strings";
import { refreshTimes, relative } from "../src/times";

beforeEach(() => {
  forgetStrings();
  document.body.innerHTML = `<script id="ui-strings" type="application/json">${JSON.stringify({
    just_now: "刚刚", min_ago: "%(n)s 分钟前", h_ago: "%(n)s 小时前", in_min: "%(n)s 分钟后",
  })}</script><time data-relative datetime="2026-11-24T10:00:00Z">old</time>`;
});

const at = new Date("2026-11-24T10:00:00Z");

test.each([
  [3, "刚刚"],
  [61, "1 分钟前"],
  [7_199, "1 小时前"],
  [-150, "2 分钟后"],
])("after %i seconds it says %s", (seconds, want) => {
  expect(relative(at, new Date(at.getTime() + seconds * 1000))).toBe(want);
});

test("times on the page age", () => {
  refreshTimes(document, new Date("2026-11-24T10:05:00Z"));
  expect(document.querySelector("time")?.textContent).toBe("5 分钟前");
});
