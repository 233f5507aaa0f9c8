/* Picking rows: the page's box, shift for a range, and "select all N that match". CSS shows the bar while any is picked;
   without this script single boxes still work. */
import { announce } from "./announce";
import { t } from "./strings";

let last: HTMLInputElement | null = null;

export function boxes(root: ParentNode = document): HTMLInputElement[] {
  return [...root.querySelectorAll<HTMLInputElement>('#list input[name="ids"]')];
}

export function anySelected(): boolean {
  return boxes().some((box) => box.checked);
}

export function onChange(event: Event, shift = false): void {
  const box = event.target as HTMLInputElement;
  if (box.matches("[data-select-page]")) for (const one of boxes()) one.checked = box.checked;
  else if (box.name !== "ids") return;
  else {
    if (shift && last) range(last, box);
    last = box;
  }
  setAll(false);
  showCount();
}

function range(from: HTMLInputElement, to: HTMLInputElement): void {
  const all = boxes();
  const [a, b] = [all.indexOf(from), all.indexOf(to)].sort((x, y) => x - y);
  if (a === undefined || b === undefined || a < 0) return;
  for (const one of all.slice(a, b + 1)) one.checked = to.checked;
}

/** Whether the bulk form means every row of the filter, not only those on the page. */
export function setAll(on: boolean): void {
  const field = document.querySelector<HTMLInputElement>('#bulk input[name="all"]');
  if (field) field.value = on ? "1" : "";
  document.getElementById("bulk")?.classList.toggle("bulk-all", on);
}

export function showCount(): void {
  const all = boxes();
  const picked = all.filter((box) => box.checked).length;
  const head = document.querySelector<HTMLInputElement>("[data-select-page]");
  if (head) {
    head.checked = picked > 0 && picked === all.length;
    head.indeterminate = picked > 0 && picked < all.length;
  }
  const everything = document.querySelector<HTMLInputElement>('#bulk input[name="all"]')?.value === "1";
  const total = document.getElementById("bulk")?.dataset["total"] ?? "";
  const text = everything ? t("all_selected", { n: total }) : t("n_selected", { n: picked });
  const label = document.querySelector("[data-selected-count]");
  if (label) label.textContent = text;
  document.getElementById("bulk")?.classList.toggle("bulk-page-full", picked === all.length && Number(total) > picked);
  if (picked > 0) announce(text);
}

export function clear(): void {
  for (const box of boxes()) box.checked = false;
  setAll(false);
  showCount();
}

export function startSelect(changed: () => void): void {
  let shift = false;
  document.addEventListener("click", (event) => (shift = event.shiftKey), true);
  document.addEventListener("change", (event) => {
    onChange(event, shift);
    changed();
  });
  document.addEventListener("click", (event) => {
    const target = event.target as Element;
    if (target.closest("[data-select-all]")) {
      setAll(true);
      showCount();
    } else if (target.closest("[data-select-none]")) {
      clear();
      changed();
    }
  });
}
