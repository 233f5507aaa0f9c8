/* Ctrl-K: finds objects, pages, what was opened lately and what may be done. The answers are links; arrows move. */

export function palette(): HTMLDialogElement | null {
  return document.querySelector<HTMLDialogElement>("#palette");
}

export function openPalette(): void {
  const box = palette();
  const input = box?.querySelector<HTMLInputElement>("input");
  if (!box || !input) return;
  if (!box.open) box.showModal();
  input.select();
  input.dispatchEvent(new Event("palette"));
}

export function options(): HTMLAnchorElement[] {
  return [...(palette()?.querySelectorAll<HTMLAnchorElement>("[role=option]") ?? [])];
}

export function move(step: number): void {
  const all = options();
  if (all.length === 0) return;
  const at = all.findIndex((one) => one.getAttribute("aria-selected") === "true");
  const next = (at + step + all.length) % all.length;
  choose(all, at < 0 && step < 0 ? all.length - 1 : at < 0 ? 0 : next);
}

export function choose(all: HTMLAnchorElement[], index: number): void {
  all.forEach((one, n) => one.setAttribute("aria-selected", n === index ? "true" : "false"));
  const chosen = all[index];
  chosen?.scrollIntoView({ block: "nearest" });
  palette()?.querySelector("input")?.setAttribute("aria-activedescendant", chosen?.id ?? "");
}

export function startPalette(): void {
  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
      event.preventDefault();
      openPalette();
      return;
    }
    if (!palette()?.open) return;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      move(event.key === "ArrowDown" ? 1 : -1);
    } else if (event.key === "Enter") {
      const chosen = options().find((one) => one.getAttribute("aria-selected") === "true");
      if (chosen) {
        event.preventDefault();
        chosen.click();
      }
    }
  });
  document.addEventListener("htmx:afterSwap", (event) => {
    if ((event.target as Element).id === "palette-results" && options().length > 0) choose(options(), 0);
  });
  document.addEventListener("click", (event) => {
    if ((event.target as Element).closest("[data-palette]")) {
      event.preventDefault();
      openPalette();
    }
  });
}
