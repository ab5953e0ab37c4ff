/**
 * Lenient reading of what a BMC says. Real services leave properties out, send null, "" or "N/A", numbers as
 * strings, a bare object where a list belongs. None of that may end a read, so every reader answers null or
 * an empty list instead of throwing, and tells `onOddity` when a value had a type that the standard does not
 * allow: it ends up in the inventory, where a person can see it.
 */

/** Told once per value of a wrong type, in a sentence that names the resource and the property. */
export type OnOddity = (sentence: string) => void;

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** What vendors write instead of leaving a property out. */
const nothingSaid = /^(?:n\/?a|unknown|not ?available|not specified|null)$/i;

const typeOf = (value: unknown): string =>
  Array.isArray(value) ? "a list" : isRecord(value) ? "an object" : `a ${typeof value}`;

export class Facts {
  /** Where the facts were read, for messages: a path, with the properties below it after a `#`. */
  readonly path: string;
  readonly raw: Readonly<Record<string, unknown>>;
  readonly #onOddity: OnOddity;

  constructor(path: string, value: unknown, onOddity: OnOddity = () => undefined) {
    this.path = path;
    this.#onOddity = onOddity;
    this.raw = isRecord(value) ? value : {};
    if (value !== undefined && value !== null && !isRecord(value)) {
      onOddity(`${path} is ${typeOf(value)} where an object belongs`);
    }
  }

  /** True when the property is there and not null. */
  has(name: string): boolean {
    return this.raw[name] !== undefined && this.raw[name] !== null;
  }

  /** True when the property is there, even as null: the resource models it. */
  models(name: string): boolean {
    return name in this.raw;
  }

  /** Trimmed text; null for "", "N/A" and the like. A number is taken as its text. */
  text(name: string): string | null {
    const value = this.raw[name];
    if (value === undefined || value === null) return null;
    if (typeof value === "string") {
      const trimmed = value.trim();
      return trimmed === "" || nothingSaid.test(trimmed) ? null : trimmed;
    }
    this.#odd(name, value, "text");
    return typeof value === "number" ? String(value) : null;
  }

  /** A finite number. Digits in a string are taken, and told as an oddity. */
  number(name: string): number | null {
    const value = this.raw[name];
    if (value === undefined || value === null) return null;
    if (typeof value === "number" && Number.isFinite(value)) return value;
    if (typeof value === "string" && (value.trim() === "" || nothingSaid.test(value.trim()))) {
      return null;
    }
    this.#odd(name, value, "a number");
    const parsed = typeof value === "string" ? Number(value) : Number.NaN;
    return Number.isFinite(parsed) ? parsed : null;
  }

  /** A whole number from zero on; others are rounded, negative ones (a vendor's "do not know") are null. */
  count(name: string): number | null {
    const value = this.number(name);
    return value === null || value < 0 ? null : Math.round(value);
  }

  flag(name: string): boolean | null {
    const value = this.raw[name];
    if (value === undefined || value === null) return null;
    if (typeof value === "boolean") return value;
    this.#odd(name, value, "true or false");
    if (value === "true" || value === "True") return true;
    return value === "false" || value === "False" ? false : null;
  }

  /** The object under a property; empty facts when there is none. */
  at(name: string): Facts {
    return new Facts(this.#below(name), this.raw[name], this.#onOddity);
  }

  /** The objects of a list; a single object is taken as a list of one. */
  list(name: string): Facts[] {
    return this.#items(name)
      .filter((item) => item !== null && item !== undefined)
      .map((item, index) => new Facts(`${this.#below(name)}/${index}`, item, this.#onOddity));
  }

  /** The texts of a list; a single text is taken as a list of one. */
  texts(name: string): string[] {
    return this.#items(name).filter((item) => typeof item === "string");
  }

  /** Where a link leads: `{ "@odata.id": path }`, or the bare path that some services write. */
  link(name: string): string | null {
    const value = this.raw[name];
    if (typeof value === "string" && value.startsWith("/")) return value;
    return isRecord(value) ? this.at(name).id() : null;
  }

  /** Where a list of links leads; entries that are no links are left out. */
  links(name: string): string[] {
    return this.#items(name).flatMap((item) => {
      if (typeof item === "string" && item.startsWith("/")) return [item];
      const id = new Facts(this.#below(name), item, this.#onOddity).id();
      return id === null ? [] : [id];
    });
  }

  /** The resource's own path (`@odata.id`). */
  id(): string | null {
    return this.text("@odata.id");
  }

  #below(name: string): string {
    return this.path.includes("#") ? `${this.path}/${name}` : `${this.path}#/${name}`;
  }

  #items(name: string): readonly unknown[] {
    const value = this.raw[name];
    if (value === undefined || value === null || value === "") return [];
    if (Array.isArray(value)) return value;
    this.#odd(name, value, "a list");
    return [value];
  }

  #odd(name: string, value: unknown, wanted: string): void {
    this.#onOddity(`${this.#below(name)} is ${typeOf(value)} where ${wanted} belongs`);
  }
}
