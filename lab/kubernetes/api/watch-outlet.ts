import type http from "node:http";
import type { Outlet } from "./watch.ts";

/** How far a watcher may fall behind. */
const longestBacklogBytes = 8 * 1024 * 1024;

/** How long a watcher that fell behind has to read what it was sent before. */
const lastReadMs = 30_000;

/**
 * A watch's answer on its way to the client. One that does not read as fast as things change is ended, as the real
 * server ends it: the client begins again where it stopped, and the server's memory is not its buffer.
 */
export class WatchOutlet implements Outlet {
  readonly #response: http.ServerResponse;
  /** Infinite until the watch is open: what it begins with is sent at once, however much it is. */
  #mostBytes = Infinity;

  constructor(response: http.ServerResponse) {
    this.#response = response;
  }

  /** From here on only changes are sent. */
  opened(): void {
    this.#mostBytes = this.#response.writableLength + longestBacklogBytes;
  }

  write(text: string): void {
    const response = this.#response;
    if (response.writableEnded) return;
    if (response.writableLength <= this.#mostBytes) {
      response.write(text);
      return;
    }
    response.end();
    const timer = setTimeout(() => response.destroy(), lastReadMs);
    response.once("close", () => clearTimeout(timer));
  }

  end(): void {
    this.#response.end();
  }

  cut(): void {
    // What was written before shall arrive first.
    this.#response.write("", () => this.#response.socket?.destroySoon());
  }

  onClose(listener: () => void): void {
    this.#response.on("close", listener);
  }
}
