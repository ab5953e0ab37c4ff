import { Failure } from "#contract/failures.ts";
import type { RunId } from "#contract/ids.ts";
import type { ResourceType } from "#contract/run.ts";
import type {
  Admission,
  FactModel,
  ResourceKind,
  ResourceModel,
  RunEnd,
} from "#domain/resource-model.ts";
import type { Append, Commit, NewEvent, RowWrite } from "#journal/journal.ts";
import type { Database, Param } from "#platform/database.ts";

/**
 * The engine's hold on resources of any kind: load one, let its model admit, evolve and settle, and write facts and
 * read model in the run's transaction. The row is a snapshot of the fold: it is written with every append to
 * the stream, and every append names the version it was made from, so deciding from it is deciding from the stream.
 */

type AnyFact = { readonly type: string; readonly data: unknown };

/** How one kind of resource is kept: its model and its table. States are opaque to the engine. */
interface Binding<Model> {
  readonly model: Model;
  readonly table: Exclude<RowWrite["table"], "runs">;
  /** All columns of the row but `id` and `stream_version`; without `inventory` when it has not changed. */
  toColumns(state: unknown, previous: unknown): Readonly<Record<string, Param | object>>;
  /** The state from a row; large columns may be missing when they were not asked for. */
  fromRow(row: Readonly<Record<string, unknown>>): unknown;
  /** Columns that are only read when a step runs. */
  readonly largeColumns: readonly string[];
  readonly smallColumns: readonly string[];
}

export type ResourceBinding = Binding<ResourceModel<unknown, AnyFact>>;
type PoolBinding = Binding<FactModel<unknown, AnyFact>>;

export type ResourceBindings = Readonly<
  Partial<Record<ResourceType, ResourceBinding> & { pool: PoolBinding }>
>;

interface TypedTable<State> extends Omit<ResourceBinding, "model" | "toColumns" | "fromRow"> {
  toColumns(state: State, previous: State | null): Readonly<Record<string, Param | object>>;
  fromRow(row: Readonly<Record<string, unknown>>): State;
}

/** Ties a typed model to the engine, which handles all kinds alike. */
export const bindResource = <State, Fact extends AnyFact>(
  binding: TypedTable<State> & { readonly model: ResourceModel<State, Fact> },
): ResourceBinding => binding;

/** The same for pools, on which no run works. */
export const bindPool = <State, Fact extends AnyFact>(
  binding: TypedTable<State> & { readonly model: FactModel<State, Fact> },
): PoolBinding => binding;

/** A resource as loaded: its state (null: it does not exist), its stream's version, and who holds its lock. */
export interface LoadedResource<Kind extends ResourceKind = ResourceType> {
  readonly type: Kind;
  readonly id: string;
  readonly state: unknown;
  readonly version: number;
  readonly lockHolder: string | null;
}

export class Resources {
  readonly #database: Database;
  readonly #bindings: ResourceBindings;

  constructor(database: Database, bindings: ResourceBindings) {
    this.#database = database;
    this.#bindings = bindings;
  }

  #binding<Kind extends ResourceKind>(type: Kind): NonNullable<ResourceBindings[Kind]> {
    const binding = this.#bindings[type];
    if (binding === undefined)
      throw new Failure("VALIDATION_ERROR", `this version has no ${type}s`);
    return binding;
  }

  async load<Kind extends ResourceKind>(
    type: Kind,
    id: string,
    large: boolean,
  ): Promise<LoadedResource<Kind>> {
    const [loaded] = await this.#read(type, { from: "(select $1::text as id)", ids: id }, large);
    return loaded ?? { type, id, state: null, version: 0, lockHolder: null };
  }

  /** Several of one kind in one statement, each once, without their large columns: a pool has thousands of servers. */
  loadAll<Kind extends ResourceKind>(
    type: Kind,
    ids: readonly string[],
  ): Promise<LoadedResource<Kind>[]> {
    return this.#read(type, { from: "(select distinct unnest($1::text[]) as id)", ids }, false);
  }

  async #read<Kind extends ResourceKind>(
    type: Kind,
    wanted: { readonly from: string; readonly ids: Param },
    large: boolean,
  ): Promise<LoadedResource<Kind>[]> {
    const { table, smallColumns, largeColumns, fromRow } = this.#binding(type);
    const columns = [...smallColumns, ...(large ? largeColumns : [])]
      .map((column) => `r.${column}`)
      .join(", ");
    const rows = await this.#database.query<{
      wanted: string;
      lock_holder: string | null;
      version: number | null;
      found: string | null;
    }>(
      `select wanted.id as wanted, s.version, l.run_id as lock_holder, r.id as found, ${columns}
        from ${wanted.from} wanted
        left join streams s on s.stream = wanted.id
        left join ${table} r on r.id = wanted.id collate "C"
        left join locks l on l.resource = wanted.id`,
      [wanted.ids],
    );
    return rows.map(({ wanted: id, version, lock_holder: lockHolder, ...row }) => ({
      type,
      id,
      state: row.found === null ? null : fromRow(row),
      version: version ?? 0,
      lockHolder,
    }));
  }

  admit(
    resource: LoadedResource,
    state: unknown,
    admission: Admission,
  ): readonly AnyFact[] | Failure {
    return this.#binding(resource.type).model.admit(state, admission);
  }

  settle(resource: LoadedResource, state: unknown, end: RunEnd): readonly AnyFact[] {
    return this.#binding(resource.type).model.settle(state, end);
  }

  /** Of a resource that is not there (any more) nothing can be wrong. */
  isSound({ type, state }: LoadedResource): boolean {
    return state === null || this.#binding(type).model.isSound(state);
  }

  evolve(
    resource: LoadedResource<ResourceKind>,
    state: unknown,
    facts: readonly AnyFact[],
    at: number,
    run: RunId | null,
  ): unknown {
    const { model } = this.#binding(resource.type);
    return facts.reduce((folded, fact) => model.evolve(folded, { ...fact, at, run }), state);
  }

  /**
   * The append of some facts, the row that follows from them, and what becomes of the resource's secrets: those of one
   * that is out of use for good are forgotten; those of one that is not there any more can still serve a retry, which
   * makes it anew. Empty when there are no facts.
   */
  write<Kind extends ResourceKind>(
    resource: LoadedResource<Kind>,
    facts: readonly AnyFact[],
    {
      at,
      run,
      actor,
      requestId,
    }: {
      readonly at: number;
      readonly run: RunId | null;
      readonly actor: string;
      readonly requestId?: string | undefined;
    },
  ): {
    readonly appends: readonly Append[];
    readonly rows: readonly RowWrite[];
    readonly secrets: Pick<Commit, "disownSecrets">;
    readonly after: LoadedResource<Kind>;
  } {
    if (facts.length === 0) return { appends: [], rows: [], secrets: {}, after: resource };
    const binding = this.#binding(resource.type);
    const state = this.evolve(resource, resource.state, facts, at, run);
    const version = resource.version + facts.length;
    const events = facts.map(({ type, data }): NewEvent => ({
      type,
      data,
      at,
      meta: {
        actor,
        schema: 1,
        ...(requestId !== undefined && { requestId }),
        ...(run !== null && { causation: run }),
      },
    }));
    const columns =
      state === null
        ? null
        : { ...binding.toColumns(state, resource.state), id: resource.id, stream_version: version };
    return {
      appends: [{ stream: resource.id, expected: resource.version, events }],
      rows:
        state === null && resource.state === null
          ? []
          : [{ table: binding.table, id: resource.id, columns }],
      secrets: disowned(binding.model, resource, state),
      after: { ...resource, state, version },
    };
  }
}

function disowned(
  model: FactModel<unknown, AnyFact>,
  { id, state: before }: LoadedResource<ResourceKind>,
  after: unknown,
): Pick<Commit, "disownSecrets"> {
  if (before === null) return {};
  if (after === null) return { disownSecrets: [{ owner: id, how: "release" }] };
  const hasRetired = model.isRetired?.(after) === true && !model.isRetired(before);
  return hasRetired ? { disownSecrets: [{ owner: id, how: "forget" }] } : {};
}
