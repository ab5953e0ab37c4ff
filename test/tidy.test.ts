import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { failureCodes } from "#contract/failures.ts";
import { workflows } from "#workflows/registry.ts";
import * as tasks from "#tasks.ts";
import { stepListPath } from "./golden-workflows.ts";
import { importsOf, rules, type SourceFile } from "./tidy-rules.ts";

/** The rules of the house that lint does not know. A failure names the file and says what to do. */

const root = fileURLToPath(new URL("../", import.meta.url));

function walk(folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
    if (entry.isDirectory()) return entry.name === "node_modules" ? [] : walk(path);
    return [path];
  });
}
const read = (path: string): string => readFileSync(join(root, path), "utf8");
const tryRead = (path: string): string => {
  try {
    return read(path);
  } catch {
    return "";
  }
};

const rooms = ["src", "lab", "test", "bench", "docs", "web", "client", "cli", ".ci"].filter(
  (name) => readdirSync(root).includes(name),
);
const top = readdirSync(root, { withFileTypes: true })
  .filter((entry) => entry.isFile() && /\.(md|ts)$/.test(entry.name))
  .map((entry) => entry.name);
const files: SourceFile[] = [...rooms.flatMap(walk), ...top]
  .filter((path) => /\.(ts|tsx|md|sql|sh)$|^\.ci\//.test(path))
  .map((path) => ({ path, text: read(path) }));

describe("the tasks of Trigger.dev", () => {
  it("are the workflow types, one each", () => {
    const ids = Object.values(tasks).map(({ id }) => id);
    expect(ids.toSorted()).toEqual(workflows.map(({ type }) => type).toSorted());
  });
});

describe("every file", () => {
  it.each(Object.entries(rules))("keeps the rule %s", (_name, rule) => {
    const complaints = files.flatMap((file) =>
      rule(file).map((complaint) => `${file.path} ${complaint}`),
    );
    expect(complaints).toEqual([]);
  });

  const bad: Readonly<Record<string, SourceFile>> = {
    smallFiles: { path: "src/http/all.ts", text: "x\n".repeat(501) },
    namedForNouns: { path: "src/http/string-utils.ts", text: "" },
    finished: { path: "src/a.ts", text: `// ${"TO"}DO later` },
    workflowsStayPure: {
      path: "src/workflows/server/x.ts",
      text: 'import { a } from "#drivers/redfish/redfish.ts";',
    },
    oneTitle: { path: "docs/x.md", text: "no title\n```\n# in a listing\n```\n" },
    noTestIsForgotten: { path: "src/a.test.ts", text: `${"it"}.only("x", () => {})` },
  };
  it.each(Object.entries(rules))("would be told by %s", (name, rule) => {
    expect(rule(bad[name]!)).toHaveLength(1);
  });

  it("has its imports seen, on one line and on several", () => {
    const text =
      'import type { A } from "one";\nimport {\n  b,\n} from "two";\nimport "three";\nexport { c } from "four";\nconst d = "five";\nexport const e = "six";\n';
    expect(importsOf(text)).toEqual(["one", "two", "three", "four"]);
  });
});

describe("every workflow", () => {
  it.each(workflows.map((workflow) => [workflow.type, workflow] as const))(
    "%s has its saga harness",
    (type) => {
      const path = `test/saga/${type}.saga.test.ts`;
      expect(
        tryRead(path).includes(`"${type}"`) && /\bsagaCases(<\w+>)?\(/.test(tryRead(path)),
        `${path} must run sagaCases on ${type}: fail, die, repeat, cancel and time out at every step`,
      ).toBe(true);
    },
  );

  it("keeps the list of steps of every version that was ever released", () => {
    const known = workflows.map(stepListPath);
    const kept = walk("test/goldens/workflows");
    expect(
      kept.filter((path) => !known.includes(path)),
      "runs of these versions may be under way: their workflows stay in src/workflows/registry.ts",
    ).toEqual([]);
    expect(
      known.filter((path) => !kept.includes(path)),
      "npm run goldens",
    ).toEqual([]);
  });
});

describe("every failure code", () => {
  const page = tryRead("docs/failures.md");
  it.each(failureCodes)("%s has its row in docs/failures.md (npm run goldens)", (code) => {
    expect(page.split("\n").filter((line) => line.startsWith(`| \`${code}\` |`))).toHaveLength(1);
  });
});

describe("the pages", () => {
  it.each(["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"])(
    "have a %s",
    (page) => {
      expect(tryRead(page), `write ${page}`).toMatch(/^# \S/m);
    },
  );

  it("number decisions without gaps, and code cites only those that there are", () => {
    const pages = walk("docs/decisions").toSorted();
    const decisions = pages.map((path) => Number(path.split("/").at(-1)?.slice(0, 4)));
    expect(decisions).toEqual(decisions.map((_, index) => index + 1));
    const cited = files.flatMap(({ path, text }) =>
      [...text.matchAll(/\(decision (\d+)\)/g)].map((match) => ({
        path,
        number: Number(match[1]),
      })),
    );
    expect(cited.filter(({ number }) => !decisions.includes(number))).toEqual([]);
    expect(cited.length).toBeGreaterThan(0);
  });
});
