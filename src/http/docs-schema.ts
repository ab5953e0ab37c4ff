import { type Markup, html, inlineProse } from "./html.ts";

/** JSON Schemas as nested lists of fields. */

/** What is read of a schema object; everything else is left to `/openapi.json`. */
export interface SchemaView {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly format?: string;
  readonly default?: unknown;
  readonly example?: unknown;
  readonly properties?: Readonly<Record<string, SchemaView>>;
  readonly required?: readonly string[];
  readonly items?: SchemaView;
  readonly additionalProperties?: boolean | SchemaView;
  readonly anyOf?: readonly SchemaView[];
  readonly oneOf?: readonly SchemaView[];
  readonly allOf?: readonly SchemaView[];
}

const refName = (ref: string): string => ref.slice(ref.lastIndexOf("/") + 1);

/** Lists of many allowed values are told where they are defined, not at every use. */
const MOST_VALUES = 14;

const link = (name: string): Markup => html`<a href="#schema-${name}">${name}</a>`;

const joined = (parts: readonly Markup[], by: string): Markup => ({
  markup: parts.map((part) => part.markup).join(by),
});

/** The type in a few words, with links to named schemas. */
export function typeOf(schema: SchemaView): Markup {
  if (schema.$ref !== undefined) return link(refName(schema.$ref));
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices !== undefined) return joined(choices.map(typeOf), " or ");
  if (schema.allOf !== undefined) return joined(schema.allOf.map(typeOf), " with ");
  if (schema.const !== undefined) return html`${JSON.stringify(schema.const)}`;
  if (schema.enum !== undefined && schema.enum.length <= MOST_VALUES)
    return html`${schema.enum.map(String).join(" | ")}`;
  const types = typeof schema.type === "string" ? [schema.type] : (schema.type ?? ["any"]);
  const [main = "any", ...others] = types;
  const nullable = others.length > 0 ? ` or ${others.join(" or ")}` : "";
  if (main === "array" && schema.items !== undefined)
    return html`list of ${typeOf(schema.items)}${nullable}`;
  if (main === "object" && typeof schema.additionalProperties === "object")
    return html`map to ${typeOf(schema.additionalProperties)}${nullable}`;
  return html`${schema.format ?? main}${nullable}`;
}

/** The object whose fields are worth listing under this schema, if any. */
const innerOf = (schema: SchemaView): SchemaView | null => {
  if (schema.properties !== undefined) return schema;
  return schema.items === undefined ? null : innerOf(schema.items);
};

export function fieldsOf(schema: SchemaView): Markup | null {
  const object = innerOf(schema);
  if (object?.properties === undefined) return null;
  const required = new Set(object.required);
  return html`<ul class="fields">
    ${Object.entries(object.properties).map(
      ([name, field]) =>
        html`<li>
          <code>${name}</code> <span class="type">${typeOf(field)}</span>
          ${required.has(name) ? null : html`<span class="type">optional</span>`}
          ${field.default === undefined ? null : html`<span class="type">default ${JSON.stringify(field.default)}</span>`}
          ${field.description === undefined ? null : html` – ${inlineProse(field.description)}`}
          ${fieldsOf(field)}
        </li>`,
    )}
  </ul>`;
}
