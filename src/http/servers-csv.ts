import { RegisterServerBody } from "#contract/server-requests.ts";
import { type CsvRow, readCsv } from "./csv.ts";
import { refusal } from "./refusal.ts";

/** An entry from CSV: what is wrong with it is told with its line. */
export class CsvEntry {
  readonly line: number;
  readonly fields: unknown;
  /** Why it is no server, by its form; it is refused by itself, the others are not. */
  readonly problem: string | null;
  constructor(line: number, fields: unknown, problem: string | null = null) {
    this.line = line;
    this.fields = fields;
    this.problem = problem;
  }
}

const plain = Object.keys(RegisterServerBody.shape);

/** `tls.mode`, `tls.fingerprint256`, and any `tags.<key>`. */
const nested = /^(tls\.(?:mode|fingerprint256)|tags\..{1,63})$/;

const truth: Readonly<Record<string, boolean>> = { true: true, false: false };

/** `rack:a12;row:3` as tags; null when it is not of that form. */
function tagsOf(cell: string): Record<string, string> | null {
  const tags: Record<string, string> = {};
  for (const part of cell.split(";").filter((each) => each.trim() !== "")) {
    const colon = part.indexOf(":");
    if (colon < 1) return null;
    tags[part.slice(0, colon).trim()] = part.slice(colon + 1).trim();
  }
  return tags;
}

function entryOf(columns: readonly string[], { line, cells }: CsvRow): CsvEntry {
  const bad = (problem: string): CsvEntry => new CsvEntry(line, null, problem);
  if (cells.length !== columns.length)
    return bad(`must have ${columns.length} cells like the first line, has ${cells.length}`);
  const entry: Record<string, unknown> = {};
  const within = new Map<string, Record<string, string>>();
  for (const [index, column] of columns.entries()) {
    const cell = cells[index] ?? "";
    if (cell === "") continue;
    const [outer = "", inner] = column.split(/\.(.*)/s, 2);
    if (inner !== undefined) within.set(outer, { ...within.get(outer), [inner]: cell });
    else if (column === "tags") within.set("tags", { ...within.get("tags"), ...tagsOf(cell) });
    else if (column === "inspect") entry[column] = truth[cell.toLowerCase()] ?? cell;
    else entry[column] = cell;
    if (column === "tags" && tagsOf(cell) === null)
      return bad("tags must look like rack:a12;row:3");
  }
  for (const [outer, fields] of within) entry[outer] = fields;
  return new CsvEntry(line, entry);
}

/** The body of a batch from CSV: the first line names the columns, empty cells are left out. */
export function readServersCsv(text: string): { servers: CsvEntry[] } {
  const rows = readCsv(text);
  if (rows === null) throw refusal({ body: "has a quote that is never closed" });
  const [first, ...others] = rows;
  if (first === undefined || others.length === 0)
    throw refusal({
      body: "has no rows: the first line names the columns, every further line is a server",
    });
  const columns = first.cells;
  const unknown = columns.filter(
    (column) => !(plain.includes(column) && column !== "tls") && !nested.test(column),
  );
  const twice = columns.filter((column, index) => columns.indexOf(column) !== index);
  if (unknown.length > 0 || twice.length > 0)
    throw refusal({
      ...Object.fromEntries(
        unknown.map((column) => [column || "(empty)", "is not a known column"]),
      ),
      ...Object.fromEntries(twice.map((column) => [column, "is a column twice"])),
    });
  return { servers: others.map((row) => entryOf(columns, row)) };
}
