import { z } from "zod";

/** The lab's control API as the demo uses it: to make something go wrong, and to see what is really there. */

const Snapshot = z.object({ kubernetes: z.record(z.string(), z.unknown()) });

export class LabClient {
  readonly #url: string;

  constructor(url: string) {
    this.#url = url;
  }

  /** Makes something go wrong, or with `{ clear: true }` ends it. */
  async disturb(fault: object): Promise<void> {
    const body = JSON.stringify(fault);
    await this.#ask("/_lab/faults", { method: "POST", body });
  }

  /** The objects of the management cluster that belong to this cluster, or are marked for it: `<kind> <namespace>/<name>`. */
  async objectsOf(cluster: { readonly id: string; readonly name: string }): Promise<string[]> {
    const { kubernetes } = Snapshot.parse(await this.#ask("/_lab/snapshot"));
    return Object.entries(kubernetes)
      .filter(
        ([object, content]) =>
          object.includes(cluster.name) || JSON.stringify(content).includes(cluster.id),
      )
      .map(([object]) => object);
  }

  async #ask(path: string, init?: RequestInit): Promise<unknown> {
    const response = await fetch(new URL(path, this.#url), init);
    if (!response.ok)
      throw new Error(`the lab answers ${response.status}: ${await response.text()}`);
    return response.json();
  }
}
