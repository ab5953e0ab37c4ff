/** How a database that lives elsewhere, in a thread or in another process, is asked: requests by number, and replies. */

export interface DatabaseErrorFields {
  readonly message: string;
  /** SQLSTATE, or null when it is not PostgreSQL that complains. */
  readonly code: string | null;
  readonly constraint: string | null;
  readonly detail: string | null;
}

/** What the database's side says. Id 0 is nobody's request. */
export type DatabaseReply = { readonly id: number } & (
  | { readonly rows: readonly object[] }
  | { readonly error: DatabaseErrorFields }
  | { readonly channel: string; readonly payload: string }
);

/** An error of a database elsewhere, with the same fields as `pg`'s. */
export class DatabaseError extends Error {
  readonly code: string | null;
  readonly constraint: string | null;
  readonly detail: string | null;
  constructor(fields: DatabaseErrorFields) {
    super(fields.message);
    this.name = "DatabaseError";
    this.code = fields.code;
    this.constraint = fields.constraint;
    this.detail = fields.detail;
  }
}

/** What can be told of anything thrown. */
export function errorFields(thrown: unknown): DatabaseErrorFields {
  const fields = (typeof thrown === "object" && thrown !== null ? thrown : {}) as Partial<
    Record<keyof DatabaseErrorFields, unknown>
  >;
  const textOf = (value: unknown): string | null => (typeof value === "string" ? value : null);
  return {
    message: textOf(fields.message) ?? String(thrown),
    code: textOf(fields.code),
    constraint: textOf(fields.constraint),
    detail: textOf(fields.detail),
  };
}

/** A request without its number, which is given when it is sent. */
export type Unsent<T> = T extends unknown ? Omit<T, "id"> : never;

export interface DatabaseLinkOptions<Request> {
  readonly send: (request: Request) => void;
  /** Hears every notification. */
  readonly onNotice: (channel: string, payload: string) => void;
}

/** Our side: a function from request to rows. */
export class DatabaseLink<Request extends { readonly id: number }> {
  readonly #options: DatabaseLinkOptions<Request>;
  readonly #pending = new Map<
    number,
    { resolve: (rows: readonly object[]) => void; reject: (error: Error) => void }
  >();
  #lastId = 0;
  #lost: Error | null = null;

  constructor(options: DatabaseLinkOptions<Request>) {
    this.#options = options;
  }

  get isLost(): boolean {
    return this.#lost !== null;
  }

  /** Rejects with the database's error, or with the one with which the link was lost. */
  ask(request: Unsent<Request>): Promise<readonly object[]> {
    if (this.#lost !== null) return Promise.reject(this.#lost);
    this.#lastId += 1;
    const id = this.#lastId;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      this.#options.send({ ...request, id } as unknown as Request);
    });
  }

  take(reply: DatabaseReply): void {
    if ("channel" in reply) {
      this.#options.onNotice(reply.channel, reply.payload);
      return;
    }
    const waiter = this.#pending.get(reply.id);
    this.#pending.delete(reply.id);
    if ("error" in reply) waiter?.reject(new DatabaseError(reply.error));
    else waiter?.resolve(reply.rows);
  }

  /** There is nobody to answer any more: whatever waits is rejected, and whatever is asked later. */
  lose(error: Error): void {
    this.#lost ??= error;
    for (const waiter of this.#pending.values()) waiter.reject(error);
    this.#pending.clear();
  }
}
