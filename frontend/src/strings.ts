/* Words of the islands. Django translates them and puts them on the page as JSON (#ui-strings). */

let words: Record<string, string> | null = null;

export function t(key: string, values: Record<string, string | number> = {}): string {
  if (words === null) {
    const source = document.getElementById("ui-strings")?.textContent;
    words = source ? (JSON.parse(source) as Record<string, string>) : {};
  }
  return (words[key] ?? key).replace(/%\((\w+)\)s/g, (whole, name: string) => String(values[name] ?? whole));
}

export function forgetStrings(): void {
  words = null;
}
