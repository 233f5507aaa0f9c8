/* Small things that forms and menus share: dialogs, copying, upload size, one submit at a time. */
import { toast } from "./announce";
import { t } from "./strings";

export function startForms(): void {
  document.addEventListener("click", (event) => {
    const target = event.target as Element;
    openDialog(target);
    closeMenus(target);
    void copy(target);
  });
  document.addEventListener("change", (event) => {
    const field = event.target as HTMLInputElement;
    if (field.matches("input[type=file][data-max-bytes]")) checkSize(field);
    if (field.matches("[data-submit-on-change]")) field.form?.requestSubmit();
  });
  document.addEventListener("submit", (event) => {
    const form = event.target as HTMLFormElement;
    if (form.method !== "post" || form.hasAttribute("hx-post")) return;
    if (form.dataset["sent"]) event.preventDefault();
    form.dataset["sent"] = "1";
    // A download or a stopped navigation leaves the page standing: let it be sent again.
    window.setTimeout(() => delete form.dataset["sent"], 4_000);
  });
}

function openDialog(target: Element): void {
  const opener = target.closest<HTMLElement>("[data-dialog]");
  if (opener) document.querySelector<HTMLDialogElement>(`#${opener.dataset["dialog"]}`)?.showModal();
  if (target.closest("[data-close]")) target.closest("dialog")?.close();
  // A click on the backdrop has the dialog itself as its target.
  if (target instanceof HTMLDialogElement && target.matches(":modal")) target.close();
}

function closeMenus(target: Element): void {
  for (const menu of document.querySelectorAll<HTMLDetailsElement>("details.menu[open]")) {
    if (!menu.contains(target)) menu.open = false;
  }
}

async function copy(target: Element): Promise<void> {
  const button = target.closest<HTMLElement>("[data-copy]");
  if (!button) return;
  const source = document.getElementById(button.dataset["copy"] ?? "");
  const text = source instanceof HTMLInputElement || source instanceof HTMLTextAreaElement ? source.value : source?.textContent;
  try {
    await navigator.clipboard.writeText((text ?? "").trim());
    toast(t("copied"));
  } catch {
    toast(t("copy_failed"), "bad");
  }
}

/** Refuses a file that the server would refuse, before it is sent. */
export function checkSize(field: HTMLInputElement): boolean {
  const limit = Number(field.dataset["maxBytes"]);
  const file = field.files?.[0];
  const tooLarge = file !== undefined && file.size > limit;
  const text = tooLarge ? t("too_large", { size: mib(file.size), limit: mib(limit) }) : "";
  field.setCustomValidity(text);
  const note = document.getElementById(field.getAttribute("aria-describedby") ?? "");
  if (note) note.textContent = text;
  if (tooLarge) field.value = "";
  return !tooLarge;
}

function mib(bytes: number): string {
  return (bytes / 1_048_576).toFixed(1);
}
