/* Puts live changes on the page: single rows of the list, the whole list, or a panel. */
import htmx from "htmx.org";
import type { Changes } from "./live";
import { refreshTimes } from "./times";

const LIST_PAUSE_MS = 2_000;
let lastWhole = 0;
let later: number | undefined;

export function listRegion(): HTMLElement | null {
  return document.querySelector<HTMLElement>("#list[data-topic]");
}

export function apply(changes: Changes): void {
  for (const panel of document.querySelectorAll<HTMLElement>("[data-topics]")) {
    if (panel.dataset["topics"]?.split(" ").includes(changes.topic) && concerns(panel, changes)) htmx.trigger(panel, "live");
  }
  const list = listRegion();
  if (list?.dataset["topic"] !== changes.topic) return;
  const shown = changes.ids.filter((id) => document.getElementById(`row-${id}`));
  if (changes.everything) return reloadList();
  // The list may have to wait its turn: what is on the page does not wait for it.
  if (shown.length > 0) void reloadRows(shown);
  if (shown.length < changes.ids.length) reloadList();
}

/** Whether a part of the page must be fetched again: one that names its object only when that has changed, and none
    in which somebody is typing, for a swap would take the words away. */
export function concerns(panel: HTMLElement, changes: Changes): boolean {
  const named = panel.dataset["ids"];
  if (named && !changes.everything && !changes.ids.includes(named)) return false;
  const typing = document.activeElement?.matches("input:not([type=checkbox]), textarea") ?? false;
  return !(typing && panel.contains(document.activeElement));
}

/** The list again; at most once in LIST_PAUSE_MS, and never later than that. */
export function reloadList(): void {
  const wait = lastWhole + LIST_PAUSE_MS - Date.now();
  if (wait > 0) {
    later ??= window.setTimeout(reloadList, wait);
    return;
  }
  window.clearTimeout(later);
  later = undefined;
  lastWhole = Date.now();
  void htmx.ajax("get", window.location.pathname + window.location.search, { target: "#list", swap: "outerHTML" });
}

async function reloadRows(ids: string[]): Promise<void> {
  const url = new URL(window.location.href);
  url.searchParams.set("rows", ids.join(","));
  const answer = await fetch(url, { headers: { "HX-Request": "true", "HX-Target": "rows" } });
  if (!answer.ok) return;
  if (!replaceRows(await answer.text(), ids)) reloadList();
}

/** Puts the rows of `html` in place; false when one of `ids` is not among them: it has left the filter. */
export function replaceRows(html: string, ids: string[]): boolean {
  const holder = document.createElement("template");
  holder.innerHTML = html;
  let all = true;
  for (const id of ids) {
    const fresh = holder.content.getElementById(`row-${id}`);
    const old = document.getElementById(`row-${id}`);
    if (!fresh || !old) {
      all = false;
      continue;
    }
    const hadFocus = old.contains(document.activeElement) || old === document.activeElement;
    const href = document.activeElement?.getAttribute("href");
    fresh.classList.add("row-changed");
    if (old.classList.contains("row-current")) fresh.classList.add("row-current");
    old.replaceWith(fresh);
    htmx.process(fresh);
    refreshTimes(fresh);
    if (hadFocus) (fresh.querySelector<HTMLElement>(href ? `a[href="${CSS.escape(href)}"]` : "a") ?? fresh).focus();
  }
  return all;
}
