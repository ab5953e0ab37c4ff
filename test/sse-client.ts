/** A message of an event stream, as a client takes it. */
export interface SseMessage {
  readonly id: string | null;
  readonly event: string | null;
  readonly data: unknown;
  /** A comment line, when the block is nothing else. */
  readonly comment: string | null;
}

const fieldOf = (lines: readonly string[], name: string): string | null =>
  lines.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2) ?? null;

/** Reads an event stream block by block; `close` hangs up like a client that goes away. */
export class SseClient {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #decoder = new TextDecoder();
  #text = "";

  constructor(response: Response) {
    if (response.body === null) throw new Error("the answer has no body");
    this.#reader = response.body.getReader();
  }

  /** The next block that is a message or a comment; null at the end of the stream. */
  async next(): Promise<SseMessage | null> {
    for (;;) {
      const end = this.#text.indexOf("\n\n");
      if (end !== -1) {
        const lines = this.#text.slice(0, end).split("\n");
        this.#text = this.#text.slice(end + 2);
        if (lines[0]?.startsWith("retry: ") === true) continue;
        const data = fieldOf(lines, "data");
        return {
          id: fieldOf(lines, "id"),
          event: fieldOf(lines, "event"),
          data: data === null ? null : (JSON.parse(data) as unknown),
          comment: lines[0]?.startsWith(":") === true ? lines[0].slice(1).trim() : null,
        };
      }
      const { done, value } = await this.#reader.read();
      if (done) return null;
      this.#text += this.#decoder.decode(value, { stream: true });
    }
  }

  /** Messages until one of this type (included), or all of them to the end. */
  async until(event: string | null): Promise<SseMessage[]> {
    const messages: SseMessage[] = [];
    for (let message = await this.next(); message !== null; message = await this.next()) {
      if (message.comment === null) messages.push(message);
      if (event !== null && message.event === event) break;
    }
    return messages;
  }

  close(): Promise<void> {
    return this.#reader.cancel();
  }
}
