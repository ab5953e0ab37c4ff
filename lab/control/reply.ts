/** An answer of the control API; always JSON. */
export interface Reply {
  readonly status: number;
  readonly body: unknown;
}

export function ok(body: unknown): Reply {
  return { status: 200, body };
}

/** An error says what was wrong and what is allowed. */
export function fail(status: number, message: string): Reply {
  return { status, body: { error: { message } } };
}
