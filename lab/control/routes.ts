import type { Asked, Context } from "./context.ts";
import {
  addBmc,
  bmcDetail,
  bmcEntry,
  listParts,
  listSessions,
  movePart,
  replaceCertificate,
  restartBmc,
} from "./bmcs.ts";
import { addFault } from "./faults.ts";
import { disturbKubernetes, listKubernetesFaults, listKubernetesRequests } from "./kubernetes.ts";
import { fail, ok } from "./reply.ts";
import type { Reply } from "./reply.ts";
import { clusterSnapshot } from "#lab/kubernetes/snapshot.ts";
import { snapshot } from "#lab/world/snapshot.ts";

interface Route {
  readonly method: "GET" | "POST";
  readonly path: readonly string[];
  readonly handle: (context: Context, asked: Asked) => Reply | Promise<Reply>;
}

/** The control API. */
export const routes: readonly Route[] = [
  { method: "GET", path: ["_lab"], handle: describe },
  { method: "GET", path: ["_lab", "effects"], handle: listEffects },
  {
    method: "GET",
    path: ["_lab", "snapshot"],
    handle: takeSnapshot,
  },
  {
    method: "GET",
    path: ["_lab", "faults"],
    handle: ({ faults }) => ok({ faults: faults.list() }),
  },
  { method: "POST", path: ["_lab", "faults"], handle: addFault },
  { method: "GET", path: ["_lab", "kubernetes", "faults"], handle: listKubernetesFaults },
  { method: "POST", path: ["_lab", "kubernetes", "faults"], handle: disturbKubernetes },
  { method: "GET", path: ["_lab", "kubernetes", "requests"], handle: listKubernetesRequests },
  {
    method: "GET",
    path: ["_lab", "bmcs"],
    handle: (context) => ok({ bmcs: context.fleet.list().map((bmc) => bmcEntry(context, bmc)) }),
  },
  { method: "POST", path: ["_lab", "bmcs"], handle: addBmc },
  { method: "GET", path: ["_lab", "bmcs", "{name}"], handle: bmcDetail },
  { method: "POST", path: ["_lab", "bmcs", "{name}", "certificate"], handle: replaceCertificate },
  { method: "POST", path: ["_lab", "bmcs", "{name}", "restart"], handle: restartBmc },
  { method: "GET", path: ["_lab", "bmcs", "{name}", "sessions"], handle: listSessions },
  { method: "GET", path: ["_lab", "bmcs", "{name}", "parts"], handle: listParts },
  { method: "POST", path: ["_lab", "bmcs", "{name}", "parts"], handle: movePart },
];

function describe(context: Context): Reply {
  const { fleet, images, speed, url, kubernetes, kubeconfigFile } = context;
  return ok({
    speed,
    bmcs: fleet.list().map((bmc) => bmcEntry(context, bmc)),
    kubernetes:
      kubernetes === null
        ? null
        : { url: kubernetes.url, kubeconfig: kubernetes.kubeconfig, kubeconfigFile },
    images: images.map(({ name, file, format, checksum }) => ({
      name,
      url: `${url}/images/${file}`,
      format,
      checksum,
      checksumType: "sha256",
    })),
  });
}

/** The world, or of it what has a name that begins as asked. */
function takeSnapshot({ world, kubernetes }: Context, { query }: Asked): Reply {
  const prefix = query.get("prefix") ?? "";
  const machines = [...world.machines()].filter(({ name }) => name.startsWith(prefix));
  const objects = [...(kubernetes?.store.everything() ?? [])].filter(({ metadata }) =>
    metadata.name.startsWith(prefix),
  );
  return ok(snapshot(machines, clusterSnapshot(objects)));
}

function listEffects({ world, fleet }: Context, { query }: Asked): Reply {
  const target = query.get("target");
  const prefix = query.get("prefix");
  // The names of what an operator makes for an object begin with that object's.
  if (prefix !== null)
    return ok(world.effects.all().filter((effect) => nameOf(effect.target).startsWith(prefix)));
  if (target === null) return ok(world.effects.all());
  // Kubernetes objects are told by kind and name; they may be gone by now.
  if (!target.includes("/") && fleet.get(target) === undefined)
    return fail(404, `there is no BMC called ${target}; GET /_lab lists them`);
  return ok(world.effects.of(target));
}

/** The last part of `<Kind>/<namespace>/<name>`; a BMC's name is whole. */
const nameOf = (target: string): string => target.slice(target.lastIndexOf("/") + 1);
