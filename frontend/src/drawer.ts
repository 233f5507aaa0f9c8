/* A side panel with a URL of its own: `?open=/decisions/ID/` beside whatever the page shows. Without this script the
   same link leads to the object's page. */
import htmx from "htmx.org";
import { refreshTimes } from "./times";

let before: HTMLElement | null = null;

export function localPath(url: string | null): string | null {
  if (!url) return null;
  const at = new URL(url, window.location.origin);
  return at.origin === window.location.origin && url.startsWith("/") && !url.startsWith("//")
    ? at.pathname + at.search
    : null;
}

function drawer(): HTMLDialogElement | null {
  return document.querySelector<HTMLDialogElement>("#drawer");
}

export async function openDrawer(path: string, push = true): Promise<void> {
  const box = drawer();
  if (!box) return;
  if (!box.open) before = document.activeElement as HTMLElement | null;
  if (push) {
    const url = new URL(window.location.href);
    url.searchParams.set("open", path);
    window.history.pushState({ drawer: path }, "", url);
  }
  if (!box.open) box.show();
  box.classList.add("drawer-loading");
  await htmx.ajax("get", path, { target: "#drawer-body", swap: "innerHTML" });
  box.classList.remove("drawer-loading");
  refreshTimes(box);
  box.querySelector<HTMLElement>("h2, h1")?.focus({ preventScroll: true });
}

export function closeDrawer(push = true): void {
  const box = drawer();
  if (!box?.open) return;
  box.close();
  if (push) {
    const url = new URL(window.location.href);
    url.searchParams.delete("open");
    window.history.pushState({}, "", url);
  }
  before?.focus({ preventScroll: true });
}

export function startDrawer(): void {
  document.addEventListener("click", (event) => {
    const target = event.target as Element;
    if (target.closest("[data-drawer-close]")) {
      closeDrawer();
      return;
    }
    const link = target.closest<HTMLAnchorElement>("a[data-drawer]");
    const path = localPath(link?.getAttribute("href") ?? null);
    if (!path || event.defaultPrevented || event.metaKey || event.ctrlKey || event.shiftKey || event.button !== 0) return;
    event.preventDefault();
    void openDrawer(path);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && drawer()?.open && !document.querySelector("dialog:modal")) closeDrawer();
  });
  window.addEventListener("popstate", sync);
  sync();
}

/** Shows what the address says. */
function sync(): void {
  const path = localPath(new URLSearchParams(window.location.search).get("open"));
  if (path) void openDrawer(path, false);
  else closeDrawer(false);
}
