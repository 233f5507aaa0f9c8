/* The keyboard on list pages, as in Rancher: j k move, Enter opens, e explains, y shows YAML, x picks, / searches. */
import { openPalette } from "./palette";

export function typing(target: EventTarget | null): boolean {
  return target instanceof Element && target.closest("input, textarea, select, [contenteditable], .cm-editor, code-editor") !== null;
}

function rows(): HTMLTableRowElement[] {
  return [...document.querySelectorAll<HTMLTableRowElement>("#list tbody tr[data-id]")];
}

function current(): HTMLTableRowElement | undefined {
  return rows().find((row) => row.classList.contains("row-current"));
}

function step(by: number): void {
  const all = rows();
  const at = all.findIndex((row) => row.classList.contains("row-current"));
  const next = all[Math.min(all.length - 1, Math.max(0, at + by))];
  if (!next) return;
  all[at]?.classList.remove("row-current");
  next.classList.add("row-current");
  next.querySelector<HTMLElement>("a.row-link")?.focus({ preventScroll: true });
  next.scrollIntoView({ block: "nearest" });
}

function search(): void {
  const box = document.querySelector<HTMLInputElement>('#filters input[name="q"]');
  if (box) {
    box.focus();
    box.select();
  } else openPalette();
}

const KEYS: Record<string, () => void> = {
  "/": search,
  j: () => step(1),
  k: () => step(-1),
  e: () => current()?.querySelector<HTMLElement>(".chip-reason, [data-key=e]")?.click(),
  y: () => (current() ?? document).querySelector<HTMLElement>("[data-key=y]")?.click(),
  x: () => current()?.querySelector<HTMLElement>('input[name="ids"]')?.click(),
  "?": () => document.querySelector<HTMLDialogElement>("#shortcuts")?.showModal(),
};

export function onKey(event: KeyboardEvent): void {
  if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target) || document.querySelector("dialog:modal")) return;
  const act = KEYS[event.key];
  if (!act) return;
  event.preventDefault();
  act();
}

export function startKeys(): void {
  document.addEventListener("keydown", onKey);
}
