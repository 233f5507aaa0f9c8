/* Says things to screen readers, and shows them as a toast that leaves by itself. */

export function announce(text: string): void {
  const region = document.getElementById("announcer");
  if (!region) return;
  // The same text twice is not read twice unless the region was empty in between.
  region.textContent = "";
  window.setTimeout(() => (region.textContent = text), 50);
}

export function toast(text: string, tone: "info" | "bad" = "info"): void {
  announce(text);
  const holder = document.getElementById("toasts");
  if (!holder) return;
  const box = document.createElement("div");
  box.className = `toast-line toast-${tone}`;
  box.textContent = text;
  holder.append(box);
  window.setTimeout(() => box.remove(), 6_000);
}
