import { type Socket, connect } from "node:net";

/**
 * One keep-alive connection of one caller, with as little of its own as can be: what is measured is the server, and
 * both share the machine.
 */
export class HttpLine {
  readonly #socket: Socket;
  readonly #head: string;
  #received = "";
  #waiting: {
    readonly resolve: (status: number) => void;
    readonly reject: (error: Error) => void;
  } | null = null;

  private constructor(socket: Socket, head: string) {
    this.#socket = socket;
    this.#head = head;
    socket.setNoDelay(true);
    // Every character is a byte, as Content-Length counts them.
    socket.setEncoding("latin1");
    socket.on("data", (text: string) => this.#take(text));
    const lost = (): void => this.#fail(new Error("the server closed the connection"));
    socket.on("error", (error) => this.#fail(error));
    socket.on("close", lost);
  }

  static open(
    url: string,
    request: { readonly method: string; readonly path: string; readonly key: string },
  ): Promise<HttpLine> {
    const { hostname, port, host } = new URL(url);
    const head = `${request.method} ${request.path} HTTP/1.1\r\nHost: ${host}\r\nAuthorization: Bearer ${request.key}\r\nContent-Type: application/json\r\nContent-Length: `;
    return new Promise((resolve, reject) => {
      const socket = connect(Number(port), hostname);
      socket.once("error", reject);
      socket.once("connect", () => {
        socket.off("error", reject);
        resolve(new HttpLine(socket, head));
      });
    });
  }

  /** Sends a body (ASCII) and resolves with the answer's status once the whole answer is there. */
  send(body: string): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#socket.write(`${this.#head}${body.length}\r\n\r\n${body}`);
    });
  }

  close(): void {
    this.#waiting = null;
    this.#socket.destroy();
  }

  #fail(error: Error): void {
    this.#waiting?.reject(error);
    this.#waiting = null;
  }

  #take(text: string): void {
    this.#received += text;
    const headEnds = this.#received.indexOf("\r\n\r\n");
    if (headEnds === -1) return;
    const head = this.#received.slice(0, headEnds);
    const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
    if (length === undefined) {
      this.#fail(new Error(`an answer without a length: ${head}`));
      return;
    }
    if (this.#received.length < headEnds + 4 + Number(length)) return;
    this.#received = "";
    const waiting = this.#waiting;
    this.#waiting = null;
    waiting?.resolve(Number(head.slice(9, 12)));
  }
}
