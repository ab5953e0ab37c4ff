import { type CodeRow, codes } from "#contract/failures.ts";
import type { ApiDocument } from "./api-document.ts";
import { type SchemaView, fieldsOf, typeOf } from "./docs-schema.ts";
import { docsStyle } from "./docs-style.ts";
import { type Markup, html, inlineProse, prose } from "./html.ts";

/** The API's description as one page that needs neither network nor script: rendered from the document itself. */

interface Parameter {
  readonly name: string;
  readonly in: string;
  readonly required?: boolean;
  readonly description?: string;
  readonly schema?: SchemaView;
}

interface Media {
  readonly schema?: SchemaView;
  readonly example?: unknown;
}

interface Operation {
  readonly operationId: string;
  readonly tags: readonly string[];
  readonly summary: string;
  readonly description?: string;
  readonly security?: readonly unknown[];
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly content: Readonly<Record<string, Media>> };
  readonly responses: Readonly<
    Record<
      string,
      { readonly description: string; readonly content?: Readonly<Record<string, Media>> }
    >
  >;
}

interface Entry {
  readonly method: string;
  readonly path: string;
  readonly operation: Operation;
}

const verbs = ["get", "post", "patch", "delete"] as const;

const entriesOf = (document: ApiDocument): Entry[] =>
  Object.entries(document.paths ?? {}).flatMap(([path, item]) =>
    verbs.flatMap((method) => {
      const operation = (item as Readonly<Record<string, unknown>>)[method];
      return operation === undefined ? [] : [{ method, path, operation: operation as Operation }];
    }),
  );

const parametersTable = (parameters: readonly Parameter[]): Markup =>
  html`<h4>Parameters</h4>
    <table>
      ${parameters.map(
        (each) =>
          html`<tr>
            <td>
              <code>${each.name}</code>
              ${each.required === true ? html`<span class="required">required</span>` : null}
            </td>
            <td class="type">${each.in}</td>
            <td class="type">${typeOf(each.schema ?? {})}</td>
            <td>${inlineProse(each.description ?? each.schema?.description ?? "")}</td>
          </tr>`,
      )}
    </table>`;

const bodyPart = (content: Readonly<Record<string, Media>>): Markup =>
  html`<h4>Body</h4>
    ${Object.entries(content).map(
      ([type, { schema, example }]) =>
        html`<p><code>${type}</code> ${schema === undefined ? null : typeOf(schema)}</p>
          ${schema === undefined ? null : fieldsOf(schema)}
          ${example === undefined ? null : html`<pre>${JSON.stringify(example, null, 2)}</pre>`}`,
    )}`;

/** Inside the envelope is what differs; the envelope itself is told once. */
const payloadOf = (schema: SchemaView): SchemaView => schema.properties?.["data"] ?? schema;

const answersTable = (responses: Operation["responses"]): Markup =>
  html`<h4>Answers</h4>
    <table>
      ${Object.entries(responses).map(([status, { description, content = {} }]) => {
        const [type, media] = Object.entries(content)[0] ?? [];
        const shape =
          media?.schema === undefined ? html`${type ?? ""}` : typeOf(payloadOf(media.schema));
        return html`<tr>
          <td><code>${status}</code></td>
          <td class="type">${shape}</td>
          <td>${inlineProse(description)}</td>
        </tr>`;
      })}
    </table>`;

const operationPart = ({ method, path, operation }: Entry): Markup =>
  html`<details class="operation">
    <summary>
      <span class="method ${method}">${method.toUpperCase()}</span>
      <span class="path">${path}</span>
      <span class="what">${operation.summary}</span>
    </summary>
    <div id="${operation.operationId}">
      ${operation.description === undefined ? null : prose(operation.description)}
      ${operation.security === undefined ? html`<p class="type">Open: needs no API key.</p>` : null}
      ${operation.parameters === undefined ? null : parametersTable(operation.parameters)}
      ${operation.requestBody === undefined ? null : bodyPart(operation.requestBody.content)}
      ${answersTable(operation.responses)}
    </div>
  </details>`;

const movers: Readonly<Record<CodeRow["mover"], string>> = {
  caller: "whoever sent the request",
  operator: "whoever runs the hardware",
  millwright: "Millwright's developers",
};

const retries: Readonly<Record<CodeRow["retry"], string>> = {
  no: "no",
  soon: "soon",
  slowly: "slowly",
};

const codesPart = (): Markup =>
  html`<h2 id="failure-codes">Failure codes</h2>
    <p>
      A request's <code>error.code</code> and a run's <code>error.code</code> come from one table. A
      code never changes its meaning; retries and the HTTP status follow from it.
    </p>
    <table>
      <tr>
        <th>Code</th>
        <th>HTTP</th>
        <th>A step is tried again</th>
        <th>Who has to move</th>
        <th>Meaning</th>
      </tr>
      ${Object.entries<CodeRow>(codes).map(
        ([code, row]) =>
          html`<tr id="code-${code}">
            <td><code>${code}</code></td>
            <td>${row.http}</td>
            <td>
              ${row.retry === "no" ? retries.no : `${retries[row.retry]}, ${row.attempts} tries`}${
                row.undo === undefined ? "" : "; an undo for a day"
              }
            </td>
            <td>${movers[row.mover]}</td>
            <td>${row.title}</td>
          </tr>`,
      )}
    </table>`;

const schemasPart = (schemas: Readonly<Record<string, SchemaView>>): Markup =>
  html`<h2 id="schemas">Schemas</h2>
    ${Object.entries(schemas).map(
      ([name, schema]) =>
        html`<section id="schema-${name}">
          <h4>${name}</h4>
          ${schema.description === undefined ? null : prose(schema.description)}
          ${fieldsOf(schema) ?? html`<p class="type">${typeOf(schema)}</p>`}
        </section>`,
    )}`;

export function docsPage(document: ApiDocument): string {
  const entries = entriesOf(document);
  const groups = (document.tags ?? []).map(({ name, description }) => ({
    name,
    description: description ?? "",
    entries: entries.filter(({ operation }) => operation.tags.includes(name)),
  }));
  const schemas = (document.components?.schemas ?? {}) as Readonly<Record<string, SchemaView>>;
  const { title, version, description } = document.info;
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${title} API ${version}</title>
        <style>
          ${{ markup: docsStyle }}
        </style>
      </head>
      <body>
        <nav>
          <a href="#top"><b>${title} API</b></a>
          ${groups.map(
            (group) =>
              html`<strong>${group.name}</strong>
                ${group.entries.map(({ method, operation }) => html`<a href="#${operation.operationId}" title="${operation.summary}"><span class="method ${method}">${method.toUpperCase()}</span> ${operation.summary}</a>`)}`,
          )}
          <strong>Reference</strong>
          <a href="#failure-codes">Failure codes</a>
          <a href="#schemas">Schemas</a>
          <a href="/openapi.json">openapi.json</a>
        </nav>
        <main id="top">
          <h1>${title} API</h1>
          <p class="type">Version ${version}, OpenAPI ${document.openapi}</p>
          ${prose(description ?? "")}
          ${groups.map(
            (group) =>
              html`<h2>${group.name}</h2>
                ${prose(group.description)}${group.entries.map(operationPart)}`,
          )}
          ${codesPart()} ${schemasPart(schemas)}
        </main>
      </body>
    </html> `.markup;
}
