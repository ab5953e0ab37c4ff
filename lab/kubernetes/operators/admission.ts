import type {
  AdmissionWrite,
  Behaviour,
  ClusterView,
} from "#lab/kubernetes/behaviours/behaviour.ts";
import { groupOf } from "#lab/kubernetes/kinds/kind.ts";
import type { Kinds } from "#lab/kubernetes/kinds/registry.ts";
import { kindOfObject } from "#lab/kubernetes/kinds/kind.ts";
import type { KubeObject } from "#lab/kubernetes/object.ts";
import { forbidden, invalid } from "#lab/kubernetes/status.ts";

/** Asks every operator's webhooks in turn: what the write becomes, or the Refusal of the first that refuses it. */
export function admit(
  behaviours: readonly Behaviour[],
  write: AdmissionWrite,
  view: ClusterView,
  kinds: Kinds,
): KubeObject {
  let { object } = write;
  for (const behaviour of behaviours) {
    const verdict = behaviour.admit?.({ ...write, object }, view);
    if (verdict === undefined) continue;
    if (verdict.kind === "allowed") {
      ({ object } = verdict);
      continue;
    }
    const { name } = object.metadata;
    const kind = { group: groupOf(object.apiVersion), kind: object.kind };
    if (verdict.reason === "Invalid") {
      const field = verdict.field === undefined ? {} : { field: verdict.field };
      throw invalid(kind, name, [
        { reason: "FieldValueInvalid", message: verdict.message, ...field },
      ]);
    }
    const plural = kinds.get(kindOfObject(object))?.plural ?? object.kind.toLowerCase();
    throw forbidden({ group: kind.group, plural }, name, verdict.message);
  }
  return object;
}
