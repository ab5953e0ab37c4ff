import type { KindName } from "#lab/kubernetes/object.ts";
import { nameOfKind } from "./kind.ts";
import type { Kind, KindVersion } from "./kind.ts";
import { byVersionPriority } from "./version-order.ts";

/** A kind at one of its versions: what a path of the API names. */
export interface Served {
  readonly name: KindName;
  readonly kind: Kind;
  readonly version: KindVersion;
}

/** A group with its served versions, the preferred one first. */
export interface Group {
  readonly name: string;
  readonly versions: readonly string[];
}

/** The kinds that are served now. */
export class Kinds {
  readonly #kinds = new Map<KindName, Kind>();
  readonly #served = new Map<string, Served>();

  /** Serves a kind, in place of the one of the same name. */
  set(kind: Kind): void {
    const name = nameOfKind(kind);
    this.remove(name);
    this.#kinds.set(name, kind);
    for (const version of kind.versions) {
      if (!version.served) continue;
      this.#served.set(place(kind.group, version.name, kind.plural), { name, kind, version });
    }
  }

  remove(name: KindName): void {
    const kind = this.#kinds.get(name);
    if (kind === undefined) return;
    this.#kinds.delete(name);
    for (const version of kind.versions)
      this.#served.delete(place(kind.group, version.name, kind.plural));
  }

  get(name: KindName): Kind | undefined {
    return this.#kinds.get(name);
  }

  at(group: string, version: string, plural: string): Served | undefined {
    return this.#served.get(place(group, version, plural));
  }

  all(): readonly Kind[] {
    return [...this.#kinds.values()];
  }

  /** The kinds of one group and version, sorted by plural. */
  of(group: string, version: string): readonly Served[] {
    return [...this.#served.values()]
      .filter((served) => served.kind.group === group && served.version.name === version)
      .toSorted((a, b) => (a.kind.plural < b.kind.plural ? -1 : 1));
  }

  /** All groups, the core one first. */
  groups(): readonly Group[] {
    const versions = new Map<string, Set<string>>();
    for (const { kind, version } of this.#served.values()) {
      const known = versions.get(kind.group);
      if (known === undefined) versions.set(kind.group, new Set([version.name]));
      else known.add(version.name);
    }
    return [...versions]
      .map(([name, names]) => ({ name, versions: [...names].toSorted(byVersionPriority) }))
      .toSorted((a, b) => (a.name < b.name ? -1 : 1));
  }
}

function place(group: string, version: string, plural: string): string {
  return `${group}/${version}/${plural}`;
}
