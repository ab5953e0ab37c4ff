import { z } from "zod";
import { Failure } from "#contract/failures.ts";
import type { ReadOptions } from "#drivers/ports.ts";
import { jsonOf, statusOf } from "./answer.ts";
import { type Call, type CallOptions, callThrough, type Way } from "./call.ts";
import type { RawAnswer } from "./exchange.ts";
import { fieldManager } from "./labels.ts";
import {
  apiVersionOf,
  type HasMeta,
  type JsonPatch,
  type Kind,
  type Manifest,
  nameOf,
  type ObjectName,
} from "./object.ts";
import { groupsForMs, maxPages, pageSize } from "./options.ts";
import { LateWrites } from "./late-writes.ts";
import { isRefused, refusal } from "./refusal.ts";
import { invalidAnswer } from "./unavailable.ts";

export interface ClientOptions extends Way {
  readonly random: () => number;
}

const Groups = z.object({ groups: z.array(z.object({ name: z.string() })) });

const Discovery = z.object({ versions: z.array(z.object({ version: z.string() })) });

const List = z.object({
  metadata: z.object({ continue: z.string().optional() }).default({}),
  items: z.array(z.unknown()).default([]),
});

const Named = z.object({ kind: z.string() });

/** How often a list whose pages have gone stale begins anew. */
const listAttempts = 3;

/**
 * One management cluster: its verbs as they are, without any judgement on whose an object is (`ours.ts` has that). Every answer that
 * is not 2xx becomes a failure of `refusal.ts`.
 */
export class KubernetesClient {
  readonly #options: ClientOptions;
  readonly #versions = new Map<string, string>();
  readonly #late: LateWrites;
  #groups: { readonly names: ReadonlySet<string>; readonly seenAt: number } | null = null;

  constructor(options: ClientOptions) {
    this.#options = options;
    this.#late = new LateWrites(options.clock, options.timeouts.lateMs);
  }

  /** Whether a write of ours that makes this object was left unanswered so lately that it may still arrive. */
  mayArrive(kind: Kind<HasMeta>, at: ObjectName): boolean {
    return this.#late.mayArrive(nameOf(kind, at));
  }

  /** Asks for what only a Kubernetes API server answers, with our credentials. */
  async ping(options: ReadOptions): Promise<void> {
    const what = "GET /api";
    const answer = await this.#send({ method: "GET", path: "/api", what }, options);
    if (!z.object({ versions: z.array(z.string()) }).safeParse(jsonOf(answer.text)).success) {
      throw invalidAnswer(`${what} was not answered as Kubernetes does`);
    }
  }

  /**
   * Whether the API server serves anything of the group, that is, whether the operator behind it is installed. Its answer is for all groups, and
   * is remembered for `groupsForMs`.
   */
  async serves(group: string, options: ReadOptions): Promise<boolean> {
    const now = this.#options.clock.now();
    if (this.#groups === null || now - this.#groups.seenAt >= groupsForMs) {
      const what = "GET /apis";
      const answer = await this.#send({ method: "GET", path: "/apis", what }, options);
      const parsed = Groups.safeParse(jsonOf(answer.text));
      if (!parsed.success) throw invalidAnswer(`${what} was not answered as Kubernetes does`);
      const names = new Set(parsed.data.groups.map(({ name }) => name));
      this.#groups = { names, seenAt: now };
    }
    return this.#groups.names.has(group);
  }

  /**
   * The best version of the kind that is served there, such as `v1beta2`; asked once. KUBERNETES_REJECTED with the reason `not-served`
   * when there is none.
   */
  async version(kind: Kind<HasMeta>, options: ReadOptions): Promise<string> {
    const [only, ...others] = kind.versions;
    if (others.length === 0) return only;
    const known = this.#versions.get(kind.group);
    if (known !== undefined) return known;
    const what = `GET /apis/${kind.group}`;
    const answer = await this.#send({ method: "GET", path: `/apis/${kind.group}`, what }, options);
    const parsed = Discovery.safeParse(jsonOf(answer.text));
    if (!parsed.success) throw invalidAnswer(`${what} was not answered as Kubernetes does`);
    const served = new Set(parsed.data.versions.map(({ version }) => version));
    const best = kind.versions.find((version) => served.has(version));
    if (best === undefined) {
      throw new Failure(
        "KUBERNETES_REJECTED",
        `the management cluster serves ${kind.group} only in versions that we do not speak`,
        { details: { reason: "not-served", versions: [...served] } },
      );
    }
    this.#versions.set(kind.group, best);
    return best;
  }

  /** Null when there is no such object. */
  async read<T extends HasMeta>(
    kind: Kind<T>,
    at: ObjectName,
    options: ReadOptions,
  ): Promise<T | null> {
    const path = await this.#path(kind, at, options);
    const what = `GET ${nameOf(kind, at)}`;
    try {
      return parsed(kind, await this.#send({ method: "GET", path, what }, options), what);
    } catch (error) {
      if (isRefused(error, "KUBERNETES_REJECTED", "NotFound")) return null;
      throw error;
    }
  }

  /** All objects of the kind in the namespace that have these labels, page by page. */
  async list<T extends HasMeta>(
    kind: Kind<T>,
    from: { readonly namespace: string; readonly labels?: Readonly<Record<string, string>> },
    options: ReadOptions,
  ): Promise<readonly T[]> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#pages(kind, from, options);
      } catch (error) {
        const stale = error instanceof Failure && error.details?.["status"] === 410;
        if (!stale || attempt === listAttempts) throw error;
      }
    }
  }

  async #pages<T extends HasMeta>(
    kind: Kind<T>,
    from: { readonly namespace: string; readonly labels?: Readonly<Record<string, string>> },
    options: ReadOptions,
  ): Promise<readonly T[]> {
    const path = await this.#path(kind, { namespace: from.namespace, name: null }, options);
    const what = `GET ${kind.plural} of ${from.namespace}`;
    const labelSelector = Object.entries(from.labels ?? {})
      .map(([name, value]) => `${name}=${value}`)
      .join(",");
    const found: T[] = [];
    let next = "";
    const before = new Set<string>();
    do {
      if (before.has(next) || before.size === maxPages)
        throw invalidAnswer(`${what} was answered with pages that do not end`);
      before.add(next);
      const query = {
        limit: String(pageSize),
        ...(labelSelector === "" ? {} : { labelSelector }),
        ...(next === "" ? {} : { continue: next }),
      };
      const answer = await this.#send({ method: "GET", path, query, what }, options);
      const page = List.safeParse(jsonOf(answer.text));
      if (!page.success) throw invalidAnswer(`${what} was not answered with a list`);
      for (const item of page.data.items) found.push(objectOf(kind, item, what));
      next = page.data.metadata.continue ?? "";
    } while (next !== "");
    return found;
  }

  /** CONFLICT with the reason `AlreadyExists` when the name is taken. */
  async create<T extends HasMeta>(
    kind: Kind<T>,
    manifest: Manifest,
    options: CallOptions,
  ): Promise<T> {
    const call = await this.#creation(kind, manifest, options);
    const made = this.#late.track(nameOf(kind, manifest.metadata), this.#send(call, options));
    return parsed(kind, await made, call.what);
  }

  /**
   * Asks whether a create would be taken: the server checks it in full and keeps nothing. Its answer is no whole object (it has no
   * resourceVersion), so there is none. Throws as `create` does.
   */
  async tryCreate(kind: Kind<HasMeta>, manifest: Manifest, options: CallOptions): Promise<void> {
    const call = await this.#creation(kind, manifest, options);
    const answer = await this.#send({ ...call, query: { ...writing, dryRun: "All" } }, options);
    const told = Named.safeParse(jsonOf(answer.text));
    if (told.data?.kind !== kind.kind)
      throw invalidAnswer(`${call.what} as a dry run was not answered with a ${kind.kind}`);
  }

  /**
   * Server-side apply of the fields in the manifest. CONFLICT with the reason `FieldManagerConflict` when another manager owns one of them;
   * fields that only our own earlier writes of another form (a create, a patch) own are taken.
   */
  async apply<T extends HasMeta>(
    kind: Kind<T>,
    manifest: Manifest,
    options: CallOptions,
  ): Promise<T> {
    const path = await this.#path(kind, manifest.metadata, options);
    const what = `apply ${nameOf(kind, manifest.metadata)}`;
    const send = async (force: boolean): Promise<T> =>
      parsed(
        kind,
        await this.#late.track(
          nameOf(kind, manifest.metadata),
          this.#send(
            {
              method: "PATCH",
              path,
              query: { ...writing, force: String(force) },
              body: manifest,
              // JSON is YAML, and this type is the one that all supported versions take.
              contentType: "application/apply-patch+yaml",
              what,
            },
            options,
          ),
        ),
        what,
      );
    try {
      return await send(false);
    } catch (error) {
      if (!isRefused(error, "CONFLICT", "FieldManagerConflict") || !onlyOurs(error)) throw error;
      return send(true);
    }
  }

  /** A JSON patch; the server refuses it (422, as it refuses invalid objects) when a `test` fails. */
  async patch<T extends HasMeta>(
    kind: Kind<T>,
    at: ObjectName,
    patch: readonly JsonPatch[],
    options: CallOptions,
  ): Promise<T> {
    const path = await this.#path(kind, at, options);
    const what = `PATCH ${nameOf(kind, at)}`;
    const call: Call = {
      method: "PATCH",
      path,
      query: writing,
      body: patch,
      contentType: "application/json-patch+json",
      what,
    };
    return parsed(kind, await this.#send(call, options), what);
  }

  /** PUT on a subresource that is a command, such as KubeVirt's `restart`. `group` serves it (`subresources.kubevirt.io`). */
  async command(
    to: ObjectName & {
      readonly group: string;
      readonly version: string;
      readonly plural: string;
      readonly command: string;
    },
    body: object,
    options: CallOptions,
  ): Promise<void> {
    const { group, version, plural, command, namespace, name } = to;
    const path = `/apis/${group}/${version}/namespaces/${encodeURIComponent(namespace)}/${plural}/${encodeURIComponent(name)}/${command}`;
    const what = `PUT ${plural}/${command} ${namespace}/${name}`;
    await this.#send({ method: "PUT", path, body, what }, options);
  }

  /** Asks for deletion of the object with this uid. CONFLICT when another one has the name. Nothing there: false. */
  async delete(
    kind: Kind<HasMeta>,
    at: ObjectName & { readonly uid: string },
    options: CallOptions,
  ): Promise<boolean> {
    const path = await this.#path(kind, at, options);
    const what = `DELETE ${nameOf(kind, at)}`;
    const body = {
      kind: "DeleteOptions",
      apiVersion: "v1",
      preconditions: { uid: at.uid },
      propagationPolicy: "Background",
    };
    try {
      const answer = await this.#send({ method: "DELETE", path, body, what }, options);
      // A Status or the object that goes. What some proxy says instead has deleted nothing.
      if (!Named.safeParse(jsonOf(answer.text)).success)
        throw invalidAnswer(`${what} was not answered as Kubernetes does`);
      return true;
    } catch (error) {
      if (isRefused(error, "KUBERNETES_REJECTED", "NotFound")) return false;
      throw error;
    }
  }

  /** A short, jittered pause before something that collided is tried on the newest object. */
  async pause(attempt: number, { signal }: ReadOptions): Promise<void> {
    const { clock, random } = this.#options;
    await clock.sleep(Math.round(50 * 2 ** attempt * (0.5 + random())), signal);
  }

  async #creation(kind: Kind<HasMeta>, manifest: Manifest, options: ReadOptions): Promise<Call> {
    const at = manifest.metadata;
    const path = await this.#path(kind, { namespace: at.namespace, name: null }, options);
    const what = `POST ${nameOf(kind, at)}`;
    return { method: "POST", path, query: writing, body: manifest, what };
  }

  async #path(
    kind: Kind<HasMeta>,
    at: { readonly namespace: string; readonly name: string | null },
    options: ReadOptions,
  ): Promise<string> {
    const version = await this.version(kind, options);
    const root = kind.group === "" ? "/api" : "/apis";
    const base = `${root}/${apiVersionOf(kind.group, version)}/namespaces/${encodeURIComponent(at.namespace)}/${kind.plural}`;
    return at.name === null ? base : `${base}/${encodeURIComponent(at.name)}`;
  }

  /** One call with a 2xx answer. */
  async #send(call: Call, options: CallOptions): Promise<RawAnswer> {
    const answer = await callThrough(this.#options, call, options);
    if (answer.status >= 200 && answer.status < 300) return answer;
    // A path that was served and is not any more: the groups and versions that we know may be of yesterday.
    if (answer.status === 404 && statusOf(answer) === null) {
      this.#groups = null;
      this.#versions.clear();
    }
    throw refusal({ what: call.what, answer, nowMs: this.#options.clock.now() });
  }
}

const writing = { fieldManager, fieldValidation: "Strict" } as const;

const Owned = z.array(z.object({ manager: z.string().nullable() })).min(1);

/** A create and a patch own fields as updates do, apart from what the same manager applies. */
const onlyOurs = (conflict: Failure): boolean => {
  const owned = Owned.safeParse(conflict.details?.["causes"]);
  return owned.success && owned.data.every(({ manager }) => manager === fieldManager);
};

const parsed = <T extends HasMeta>(kind: Kind<T>, answer: RawAnswer, what: string): T =>
  objectOf(kind, jsonOf(answer.text), what);

const objectOf = <T extends HasMeta>(kind: Kind<T>, value: unknown, what: string): T => {
  const result = kind.schema.safeParse(value);
  if (result.success) return result.data;
  const fields = result.error.issues.map(({ path }) => path.join(".")).filter(Boolean);
  throw invalidAnswer(`${what} was not answered with a ${kind.kind}`, {
    ...(fields.length > 0 && { details: { fields: fields.slice(0, 10) } }),
  });
};
