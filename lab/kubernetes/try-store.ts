import { setImmediate as turn } from "node:timers/promises";
import type { KubeObject, OwnerReference } from "./object.ts";
import type { Told, TryCluster } from "./try-cluster.ts";
import { widget, widgetsPath } from "./try-widgets.ts";

/** Longer than any chain of what the cleaner does, each link of which takes a turn of the event loop. */
const manyTurns = 30;

/** Waits until the cleaner, which works in the turns after a change, has nothing left to do. */
export async function settled(): Promise<void> {
  for (let count = 0; count < manyTurns; count += 1) await turn();
}

/** The widget of the default namespace as it is stored. */
export function stored({ cluster }: TryCluster, name: string): KubeObject | undefined {
  return cluster.store.get({ kind: "Widget.try.example.org", namespace: "default", name });
}

export async function makeWidget(
  lab: TryCluster,
  name: string,
  metadata: object = {},
): Promise<Told["body"]> {
  const told = await lab.ask("POST", widgetsPath, { body: widget(name, {}, metadata) });
  if (told.status !== 201) throw new Error(`the widget was not made: ${told.text}`);
  return told.body;
}

/** What a widget says of the widget that owns it. */
export function ownedBy({ metadata }: Told["body"], blockOwnerDeletion = false): OwnerReference {
  const { name, uid } = metadata;
  return { apiVersion: "try.example.org/v1", kind: "Widget", name, uid, blockOwnerDeletion };
}
