/** One request to an API server. */
export interface Line {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** With its query. */
  readonly path: string;
  /** A text is sent as it is, anything else as JSON. */
  readonly body?: unknown;
  /** Media type of the body; JSON when it is not said. */
  readonly type?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Why the two may differ here: in the words of messages only, or in all of the answer. */
  readonly except?: { readonly what: "words" | "all"; readonly why: string };
}

/** What of an answer is compared. */
export interface Answer {
  readonly status: number;
  readonly type: string;
  readonly retryAfter: string | null;
  readonly warning: string | null;
  readonly body: unknown;
}

/** Requests that are made one after the other; a function sees the answers to those before it. */
export type Script = readonly (Line | ((answers: readonly Answer[]) => Line))[];

export type Ask = (line: Line) => Promise<Answer>;

/** A request as a failure names it, and what came of it. */
export interface Played {
  readonly line: string;
  readonly except: "words" | "all" | null;
  readonly answer: Answer;
}

export async function play(script: Script, ask: Ask): Promise<readonly Played[]> {
  const played: Played[] = [];
  for (const each of script) {
    const line = typeof each === "function" ? each(played.map(({ answer }) => answer)) : each;
    const { method, path, body, except } = line;
    const named = `${played.length} ${method} ${path} ${JSON.stringify(body) ?? ""}`.slice(0, 200);
    played.push({ line: named, except: except?.what ?? null, answer: await ask(line) });
  }
  return played;
}
