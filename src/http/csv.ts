export interface CsvRow {
  /** Where it begins in the text, from 1: a cell may hold line breaks. */
  readonly line: number;
  readonly cells: readonly string[];
}

/**
 * Rows of cells from CSV (RFC 4180): commas, quotes around cells with commas, quotes or line breaks, either kind of
 * line end, an optional byte order mark. Empty lines are skipped. Null when a quote is left open.
 */
export function readCsv(text: string): CsvRow[] | null {
  const rows: CsvRow[] = [];
  let line = 1;
  let breaks = 0;
  let cells: string[] = [];
  let cell = "";
  let inQuotes = false;
  let wasQuoted = false;
  const endCell = (): void => {
    cells.push(wasQuoted ? cell : cell.trim());
    cell = "";
    wasQuoted = false;
  };
  const endRow = (): void => {
    endCell();
    if (cells.some((each) => each !== "")) rows.push({ line, cells });
    cells = [];
    line = breaks + 1;
  };
  const content = text.startsWith("\uFEFF") ? text.slice(1) : text;
  for (let index = 0; index < content.length; index += 1) {
    const char = content.charAt(index);
    if (char === "\n") breaks += 1;
    if (inQuotes) {
      if (char !== '"') cell += char;
      else if (content.charAt(index + 1) === '"') {
        cell += '"';
        index += 1;
      } else inQuotes = false;
    } else if (char === '"' && cell.trim() === "" && !wasQuoted) {
      cell = "";
      inQuotes = true;
      wasQuoted = true;
    } else if (char === ",") endCell();
    else if (char === "\n") endRow();
    else if (char !== "\r" && !(wasQuoted && char === " ")) cell += char;
  }
  if (inQuotes) return null;
  endRow();
  return rows;
}
