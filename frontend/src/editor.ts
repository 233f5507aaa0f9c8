/* The YAML editor over a textarea, which stays the form's field (and is all there is without this script).

   It lives in a shadow root: there CodeMirror uses constructed style sheets, which the content security policy allows,
   where in the document it would add <style> elements, which it does not. */
import { autocompletion, type CompletionContext, type CompletionResult } from "@codemirror/autocomplete";
import { yaml } from "@codemirror/lang-yaml";
import { HighlightStyle, syntaxHighlighting } from "@codemirror/language";
import { lintGutter, linter, type Diagnostic } from "@codemirror/lint";
import { EditorState } from "@codemirror/state";
import { EditorView, hoverTooltip } from "@codemirror/view";
import { tags } from "@lezer/highlight";
import { basicSetup } from "codemirror";
import { complete, documentation } from "./completion";
import { t } from "./strings";
import type { Schema } from "./yamlpath";

interface Problem {
  line: number;
  column: number;
  end_column: number;
  severity: "error" | "warning" | "info";
  message: string;
}

const colours = HighlightStyle.define([
  { tag: [tags.propertyName, tags.definition(tags.propertyName)], color: "var(--ed-key)" },
  { tag: [tags.string, tags.special(tags.string)], color: "var(--ed-text)" },
  { tag: [tags.number, tags.bool, tags.null, tags.atom], color: "var(--ed-value)" },
  { tag: [tags.comment, tags.lineComment], color: "var(--ed-comment)", fontStyle: "italic" },
  { tag: [tags.punctuation, tags.separator, tags.squareBracket, tags.brace], color: "var(--ed-mark)" },
]);

const look = EditorView.theme({
  "&": { fontSize: "13px", backgroundColor: "var(--ed-back)", color: "var(--ed-fore)", height: "100%" },
  "&.cm-focused": { outline: "2px solid var(--tblr-primary)", outlineOffset: "-2px" },
  ".cm-scroller": { fontFamily: "var(--tblr-font-monospace)", lineHeight: "1.6", overflow: "auto" },
  ".cm-content": { caretColor: "var(--ed-fore)", padding: "8px 0" },
  ".cm-cursor": { borderLeftColor: "var(--ed-fore)" },
  ".cm-gutters": { backgroundColor: "var(--ed-gutter)", color: "var(--ed-comment)", border: "none" },
  ".cm-activeLine": { backgroundColor: "var(--ed-line)" },
  ".cm-activeLineGutter": { backgroundColor: "var(--ed-line)", color: "var(--ed-fore)" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": {
    backgroundColor: "var(--ed-select)",
  },
  ".cm-tooltip": {
    backgroundColor: "var(--tblr-bg-surface)", color: "var(--tblr-body-color)", borderRadius: "6px",
    border: "1px solid var(--tblr-border-color)", boxShadow: "0 8px 24px rgb(0 0 0 / 18%)", maxWidth: "28rem",
  },
  ".cm-tooltip.cm-tooltip-autocomplete > ul > li": { padding: "3px 8px" },
  ".cm-tooltip-autocomplete ul li[aria-selected]": { backgroundColor: "var(--tblr-primary)", color: "#fff" },
  ".cm-completionDetail": { color: "inherit", opacity: "0.7", fontStyle: "normal", marginLeft: "12px", fontSize: "11px" },
  ".cm-completionInfo": { padding: "8px 10px", whiteSpace: "pre-wrap", fontFamily: "var(--tblr-font-sans-serif)" },
  ".cm-doc": { padding: "8px 10px", fontFamily: "var(--tblr-font-sans-serif)", whiteSpace: "pre-wrap" },
  ".cm-doc-head": { fontFamily: "var(--tblr-font-monospace)", fontSize: "12px", marginBottom: "4px", fontWeight: "600" },
  ".cm-diagnostic": { fontFamily: "var(--tblr-font-sans-serif)", padding: "6px 10px" },
});

function fieldCompletion(schema: Promise<Schema | null>) {
  return async (context: CompletionContext): Promise<CompletionResult | null> => {
    const root = await schema;
    const line = context.state.doc.lineAt(context.pos);
    if (!root || (!context.explicit && !/[\w:-] ?$/.test(line.text.slice(0, context.pos - line.from)))) return null;
    const found = complete(root, context.state.doc.toString().split("\n"), line.number - 1, context.pos - line.from);
    return found && { from: line.from + found.from, options: found.options, validFor: /^[\w./-]*$/ };
  };
}

function fieldHover(schema: Promise<Schema | null>) {
  return hoverTooltip(async (view, pos) => {
    const root = await schema;
    const line = view.state.doc.lineAt(pos);
    const found = root && documentation(root, view.state.doc.toString().split("\n"), line.number - 1, pos - line.from);
    if (!found) return null;
    return {
      pos: line.from,
      above: true,
      create: () => {
        const box = document.createElement("div");
        box.className = "cm-doc";
        const head = document.createElement("div");
        head.className = "cm-doc-head";
        head.textContent = `${found.name}: ${found.type}${found.fallback ? ` = ${found.fallback}` : ""}`;
        box.append(head, found.text || t("no_doc"));
        return { dom: box };
      },
    };
  });
}

function remoteLint(url: string, extra: () => FormData) {
  return linter(
    async (view): Promise<Diagnostic[]> => {
      const body = extra();
      body.set("manifest", view.state.doc.toString());
      const answer = await fetch(url, { method: "POST", body, headers: { Accept: "application/json" } });
      if (!answer.ok) return [];
      const { problems } = (await answer.json()) as { problems: Problem[] };
      return problems.map((one) => {
        const line = view.state.doc.line(Math.min(Math.max(one.line, 1), view.state.doc.lines));
        const from = Math.min(line.from + Math.max(one.column - 1, 0), line.to);
        const to = one.end_column > one.column ? Math.min(line.from + one.end_column - 1, line.to) : line.to;
        return { from, to: Math.max(from, to), severity: one.severity, message: one.message };
      });
    },
    { delay: 450 },
  );
}

/** Completion waits for it; without one the editor is still an editor. */
async function loadSchema(url: string | undefined): Promise<Schema | null> {
  if (!url) return null;
  const answer = await fetch(url);
  return answer.ok ? ((await answer.json()) as Schema) : null;
}

export function mount(area: HTMLTextAreaElement): EditorView {
  const schema = loadSchema(area.dataset["schema"]);
  const host = document.createElement("div");
  host.className = "code-editor";
  area.after(host);
  area.classList.add("visually-hidden");
  area.tabIndex = -1;
  area.setAttribute("aria-hidden", "true");
  const root = host.attachShadow({ mode: "open" });
  const form = area.form;
  const readOnly = area.readOnly;
  const label = area.labels?.[0]?.textContent?.trim() ?? "YAML";
  const view = new EditorView({
    root,
    parent: root,
    doc: area.value,
    extensions: [
      basicSetup,
      yaml(),
      look,
      syntaxHighlighting(colours),
      EditorView.contentAttributes.of({ "aria-label": label }),
      EditorState.readOnly.of(readOnly),
      EditorState.tabSize.of(2),
      autocompletion({ override: [fieldCompletion(schema)], icons: false, activateOnTypingDelay: 60 }),
      fieldHover(schema),
      readOnly ? [] : [lintGutter(), remoteLint(area.dataset["check"] ?? "", () => new FormData(form ?? undefined))],
      EditorView.updateListener.of((update) => {
        if (!update.docChanged) return;
        area.value = update.state.doc.toString();
        area.dispatchEvent(new Event("input", { bubbles: true }));
      }),
    ],
  });
  return view;
}

function goTo(view: EditorView, line: number): void {
  const at = view.state.doc.line(Math.min(Math.max(line, 1), view.state.doc.lines));
  view.dispatch({ selection: { anchor: at.from }, effects: EditorView.scrollIntoView(at.from, { y: "center" }) });
  view.focus();
}

for (const area of document.querySelectorAll<HTMLTextAreaElement>("textarea[data-editor]")) {
  const view = mount(area);
  document.addEventListener("click", (event) => {
    const link = (event.target as Element).closest<HTMLElement>("[data-line]");
    if (link) {
      event.preventDefault();
      goTo(view, Number(link.dataset["line"]));
    }
  });
  // A template or an upload may fill the textarea from outside.
  area.addEventListener("fill", () => view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: area.value } }));
}
