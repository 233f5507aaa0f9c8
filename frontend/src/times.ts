/* Keeps "3 min ago" true: the server wrote it, and here it ages in the same words. */
import { t } from "./strings";

const STEPS: [number, string, string][] = [
  [86_400, "d_ago", "in_d"],
  [3_600, "h_ago", "in_h"],
  [60, "min_ago", "in_min"],
  [1, "s_ago", "in_s"],
];

export function relative(at: Date, now: Date): string {
  const seconds = Math.trunc((now.getTime() - at.getTime()) / 1000);
  if (Math.abs(seconds) < 5) return t("just_now");
  for (const [size, past, future] of STEPS) {
    if (Math.abs(seconds) >= size) return t(seconds > 0 ? past : future, { n: Math.floor(Math.abs(seconds) / size) });
  }
  return t("just_now");
}

export function refreshTimes(root: ParentNode = document, now = new Date()): void {
  for (const element of root.querySelectorAll<HTMLTimeElement>("time[data-relative]")) {
    const text = relative(new Date(element.dateTime), now);
    if (element.textContent !== text) element.textContent = text;
  }
}

export function startTimes(): void {
  window.setInterval(() => {
    if (!document.hidden) refreshTimes();
  }, 10_000);
}
