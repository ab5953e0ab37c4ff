import type { Database } from "#platform/database.ts";
import { rounded } from "./figures.ts";

/** What a benchmark hands back: tables for people, and the same figures for programs. */

export interface Table {
  readonly title: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

export interface Report {
  readonly tables: readonly Table[];
  /** What was done and how to read it, a sentence each. */
  readonly notes: readonly string[];
  /** Goes into the JSON line, beside the benchmark's name. */
  readonly figures: Readonly<Record<string, unknown>>;
}

export interface Settings {
  /** A tenth or less of the work: shows that the benchmark runs, says little about speed. */
  readonly quick: boolean;
  /** Says on stderr what is being done; a benchmark may take minutes. */
  readonly progress: (text: string) => void;
}

export interface Benchmark {
  readonly name: string;
  readonly summary: string;
  run(settings: Settings): Promise<Report>;
}

export const databaseName = (kind: Database["kind"]): string =>
  kind === "pglite" ? "PGlite" : "PostgreSQL";

/** A Markdown table, padded so that it reads as well in a terminal: the first column left, the others right. */
export function tableText({ title, columns, rows }: Table): string {
  const widths = columns.map((column, index) =>
    Math.max(3, column.length, ...rows.map((row) => row[index]?.length ?? 0)),
  );
  const line = (cells: readonly string[]): string =>
    `| ${widths.map((width, index) => (index === 0 ? (cells[index] ?? "").padEnd(width) : (cells[index] ?? "").padStart(width))).join(" | ")} |`;
  const rule = `| ${widths.map((width, index) => (index === 0 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`)).join(" | ")} |`;
  return [title, "", line(columns), rule, ...rows.map(line), ""].join("\n");
}

/** Figures as they go into the JSON line: rounded, by their names. */
export const roundedAll = (figures: object): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(figures).map(([name, value]) => [
      name,
      typeof value === "number" ? rounded(value) : (value as unknown),
    ]),
  );
