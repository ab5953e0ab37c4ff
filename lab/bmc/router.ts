import type { Answer, Body } from "./answer.ts";
import type { Call } from "./call.ts";

/** What one path offers. A method that is missing is answered 405. */
export interface Resource {
  /** Undefined when there is no such resource (404). */
  readonly get?: (call: Call) => Body | undefined;
  readonly patch?: (call: Call) => Answer;
  readonly post?: (call: Call) => Answer | Promise<Answer>;
  readonly delete?: (call: Call) => Answer;
  /** Asked before any method: an answer here is the answer. */
  readonly gate?: (call: Call) => Answer | undefined;
  /** Answers GET itself instead of `get`, for what is no plain JSON resource. */
  readonly answer?: (call: Call) => Answer;
  /** Needs no credentials. */
  readonly isOpen?: boolean;
}

/** Resources by path; a segment `{name}` matches any one segment. */
export type Routes = Readonly<Record<string, Resource>>;

export interface Match {
  readonly resource: Resource;
  readonly params: Readonly<Record<string, string>>;
}

interface Node {
  readonly children: Map<string, Node>;
  wildcard: { readonly name: string; readonly node: Node } | undefined;
  resource: Resource | undefined;
}

/** Finds the resource of a path. Built once per profile and shared by all its BMCs. */
export class Router {
  readonly #root = emptyNode();
  readonly #ignoresCase: boolean;

  constructor(routes: Routes, options: { readonly ignoresCase: boolean }) {
    this.#ignoresCase = options.ignoresCase;
    for (const [template, resource] of Object.entries(routes)) this.#add(template, resource);
  }

  /** @param path decoded, without query and trailing slash. */
  find(path: string): Match | undefined {
    const params: Record<string, string> = {};
    let node = this.#root;
    for (const segment of segmentsOf(path)) {
      const child = node.children.get(this.#key(segment));
      if (child !== undefined) {
        node = child;
        continue;
      }
      if (node.wildcard === undefined) return undefined;
      params[node.wildcard.name] = segment;
      node = node.wildcard.node;
    }
    return node.resource === undefined ? undefined : { resource: node.resource, params };
  }

  #add(template: string, resource: Resource): void {
    let node = this.#root;
    for (const segment of segmentsOf(template)) {
      if (segment.startsWith("{")) {
        node.wildcard ??= { name: segment.slice(1, -1), node: emptyNode() };
        node = node.wildcard.node;
        continue;
      }
      const key = this.#key(segment);
      const child = node.children.get(key) ?? emptyNode();
      node.children.set(key, child);
      node = child;
    }
    node.resource = resource;
  }

  #key(segment: string): string {
    return this.#ignoresCase ? segment.toLowerCase() : segment;
  }
}

function emptyNode(): Node {
  return { children: new Map(), wildcard: undefined, resource: undefined };
}

function segmentsOf(path: string): readonly string[] {
  return path.split("/").filter((segment) => segment !== "");
}
