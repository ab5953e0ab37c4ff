/** Markup as a value of its own, so that text can only get in escaped. */
export interface Markup {
  readonly markup: string;
}

const escapes: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

export const escapeText = (text: string): string =>
  text.replaceAll(/[&<>"']/g, (char) => escapes[char] ?? char);

export type Part = Markup | string | number | null | readonly Part[];

function render(part: Part): string {
  if (part === null) return "";
  if (typeof part === "string" || typeof part === "number") return escapeText(String(part));
  return "markup" in part ? part.markup : part.map(render).join("");
}

export const html = (strings: TemplateStringsArray, ...parts: readonly Part[]): Markup => ({
  markup: strings.reduce((text, piece, index) => text + piece + render(parts[index] ?? null), ""),
});

/** The little of Markdown that descriptions use: paragraphs at empty lines, `code` in backticks. */
export const prose = (text: string): Markup => ({
  markup: text
    .split(/\n{2,}/)
    .map((paragraph) => `<p>${inline(paragraph)}</p>`)
    .join(""),
});

export const inlineProse = (text: string): Markup => ({ markup: inline(text) });

const inline = (text: string): string =>
  text
    .split("`")
    .map((piece, index) =>
      index % 2 === 1 ? `<code>${escapeText(piece)}</code>` : escapeText(piece),
    )
    .join("");
