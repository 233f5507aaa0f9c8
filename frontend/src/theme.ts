/* Runs before anything is painted, as a classic script in <head>, so that no page flashes in the wrong theme. */
{
  const root = document.documentElement;
  const system = window.matchMedia("(prefers-color-scheme: dark)");
  const apply = (): void => {
    const chosen = root.dataset["theme"] ?? "auto";
    const dark = chosen === "dark" || (chosen === "auto" && system.matches);
    root.setAttribute("data-bs-theme", dark ? "dark" : "light");
  };
  apply();
  system.addEventListener("change", apply);
}
