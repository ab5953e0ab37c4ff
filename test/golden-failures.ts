import { type CodeRow, codes } from "#contract/failures.ts";

/** docs/failures.md: the table of everything that can go wrong, as the sources have it. */

const retries: Readonly<Record<CodeRow["retry"], (attempts: number) => string>> = {
  no: () => "no",
  soon: (attempts) => `up to ${attempts} tries, from 1 s doubling to 30 s`,
  slowly: (attempts) => `up to ${attempts} tries, from 5 s doubling to 2 min`,
};

const movers: Readonly<Record<CodeRow["mover"], string>> = {
  caller: "the caller",
  operator: "an operator",
  millwright: "Millwright's developers",
};

export function failuresPage(): string {
  const rows = Object.entries<CodeRow>(codes).map(
    ([code, { http, retry, attempts, undo, mover, title }]) =>
      [
        "",
        `\`${code}\``,
        http,
        retries[retry](attempts) + (undo === undefined ? "" : "; an undo for a day"),
        movers[mover],
        title,
        "",
      ]
        .join(" | ")
        .trim(),
  );
  return `# Failures

Generated from \`src/contract/failures.ts\` by \`npm run goldens\`.

Every error of the API and every failed run carries one of these codes; what happens next follows from the code alone.
A code is never renamed and never means something else later.

- **HTTP**: the status of a request that ends with this code.
- **Retry**: how a step that fails with it is tried again; a workflow's step may set its own number of tries.
- **Who moves**: who has to act before the same request can succeed.

| Code | HTTP | Retry | Who moves | Meaning |
|---|---|---|---|---|
${rows.join("\n")}
`;
}
