/* Everything that each page needs. The editor is a bundle of its own, loaded where there is one. */
import "./styles/main.css";
import htmx from "htmx.org";
import { announce } from "./announce";
import { startDrawer } from "./drawer";
import { startForms } from "./forms";
import { startKeys } from "./keys";
import { Live } from "./live";
import { startPalette } from "./palette";
import { apply, listRegion } from "./rows";
import { anySelected, showCount, startSelect } from "./select";
import { refreshTimes, startTimes } from "./times";

function topics(): string[] {
  const found = [...document.querySelectorAll<HTMLElement>("[data-topic], [data-topics]")].flatMap((element) =>
    (element.dataset["topic"] ?? element.dataset["topics"] ?? "").split(" "),
  );
  return [...new Set(found.filter(Boolean))];
}

const live = new Live({
  topics: topics(),
  paused: anySelected,
  apply,
  status: (connected) => {
    const mark = document.getElementById("live-state");
    if (mark) mark.dataset["state"] = connected ? "on" : "off";
  },
});

document.addEventListener("htmx:afterSwap", (event) => {
  refreshTimes(event.target as Element);
  const list = listRegion();
  if ((event.target as Element).id === "list" && list) {
    showCount();
    const count = list.dataset["announce"];
    if (count) announce(count);
  }
});
document.addEventListener("htmx:responseError", () => announce(document.body.dataset["failed"] ?? ""));

startTimes();
startForms();
startKeys();
startPalette();
startDrawer();
startSelect(() => live.resume());
if (document.body.dataset["signedIn"]) live.start();
window.htmx = htmx;

declare global {
  interface Window {
    htmx: typeof htmx;
  }
}
