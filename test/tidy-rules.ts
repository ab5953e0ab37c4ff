/**
 * What lint cannot see, as pure rules: each takes a file's path and text and says what is wrong with it and what to do.
 */

export interface SourceFile {
  /** From the repository's root, with `/`. */
  readonly path: string;
  readonly text: string;
}

export type Rule = (file: SourceFile) => readonly string[];

const MOST_LINES = 500;

const isCode = (path: string): boolean => /\.(ts|tsx)$/.test(path);
const isOf = (path: string, ...rooms: readonly string[]): boolean =>
  rooms.some((room) => path.startsWith(`${room}/`));

export const smallFiles: Rule = ({ path, text }) => {
  const lines = text.split("\n").length - 1;
  return isCode(path) && isOf(path, "src", "lab") && lines > MOST_LINES
    ? [`has ${lines} lines, more than ${MOST_LINES}: give one of its jobs a file of its own`]
    : [];
};

export const namedForNouns: Rule = ({ path }) =>
  path
    .split("/")
    .filter((part) => /(^|[-.])(utils?|helpers?|misc|common)([-.]|$)/i.test(part))
    .map((part) => `${part} says nothing: name the file for the noun that it is about`);

/** Spelt in two parts, so that this file does not break its own rule. */
const unfinished = new RegExp(
  String.raw`\b(${["TO" + "DO", "FIX" + "ME", "X" + "XX", "HA" + "CK"].join("|")})\b`,
);

export const finished: Rule = ({ text }) =>
  text
    .split("\n")
    .flatMap((line, index) =>
      unfinished.test(line)
        ? [`line ${index + 1} is a note to oneself: do it, or describe it where work is planned`]
        : [],
    );

/** What a workflow may know of the rest (ARCHITECTURE.md, rooms): never a driver, never the journal, never the clock. */
const allowedInWorkflows = [
  /^\.\//,
  /^#workflows\//,
  /^#contract\//,
  /^#domain\//,
  /^#engine\/kit\.ts$/,
  /^#drivers\/([a-z]+-)?ports\.ts$/,
  /^zod$/,
];

export const importsOf = (text: string): string[] =>
  [
    ...text.matchAll(/^(?:import\b|export\s+(?:type\s+)?[{*])[^"';]*?(?:from\s*)?"([^"]+)";?$/gm),
  ].map((match) => match[1] ?? "");

export const workflowsStayPure: Rule = ({ path, text }) => {
  if (!isOf(path, "src/workflows") || path.endsWith(".test.ts")) return [];
  const imports = importsOf(text)
    .filter((from) => !allowedInWorkflows.some((allowed) => allowed.test(from)))
    .map((from) => `imports ${from}: a workflow reaches the world through its ports only`);
  const ambient = [
    /\bDate\.now\(/,
    /\bnew Date\(\)/,
    /\bMath\.random\(/,
    /\bprocess\./,
    /\bfetch\(/,
  ]
    .filter((pattern) => pattern.test(text))
    .map((pattern) => `uses ${pattern.source}: time, chance and the world come with the context`);
  return [...imports, ...ambient];
};

/** A page has one title, and it comes first. */
export const oneTitle: Rule = ({ path, text }) => {
  if (!path.endsWith(".md")) return [];
  let inFence = false;
  const titles = text.split("\n").filter((line) => {
    if (line.startsWith("```")) inFence = !inFence;
    return !inFence && /^# \S/.test(line);
  });
  return titles.length === 1 ? [] : [`has ${titles.length} titles (# …): give it exactly one`];
};

/** Tests that are switched off must say why; none may switch the others off. */
export const noTestIsForgotten: Rule = ({ path, text }) =>
  path.endsWith(".test.ts") && /\b(?:it|test|describe)\.(?:only|todo)\b/.test(text)
    ? ["leaves tests out (only, todo): remove that before it is committed"]
    : [];

export const rules: Readonly<Record<string, Rule>> = {
  smallFiles,
  namedForNouns,
  finished,
  workflowsStayPure,
  oneTitle,
  noTestIsForgotten,
};
