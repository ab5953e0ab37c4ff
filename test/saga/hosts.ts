import { z } from "zod";
import { hostName } from "#contract/host-name.ts";
import type { RunId, ServerId } from "#contract/ids.ts";
import type { ServerFact } from "#contract/server.ts";
import type { KubernetesWrite } from "#drivers/cluster-ports.ts";
import type { HostRef } from "#drivers/host-ports.ts";
import { inspectionRunAnnotation } from "#drivers/metal3/host-state.ts";
import { bmcOf } from "#workflows/server/kit.ts";
import type { LabBmc } from "./lab-process.ts";
import { type Site, until } from "./site.ts";
import { type ServerSubject, serverSubject } from "./subject.ts";

/** Servers under Metal3 as the saga harness plays with them: each with its host on the lab's management cluster. */

const nobody = "run_00000000000000000000000000" satisfies RunId;
export const place = { managementCluster: "lab-admin", namespace: "default" } as const;

export const writing = (): KubernetesWrite => ({
  signal: AbortSignal.timeout(120_000),
  key: `${nobody}/arranged`,
  run: nobody,
});

export const hostRef = (id: ServerId): HostRef => ({ id, place, name: hostName(id) });

/** A server that Metal3 manages, available and switched off, on a machine of its own. No run was needed for it. */
export async function managedServer(
  site: Site,
  bmc: LabBmc,
  { facts = [], pool = null }: ManagedOptions = {},
): Promise<ServerId> {
  const more = { provisioner: "metal3", host: place, pool } as const;
  const id = await site.server(bmc, facts, more);
  const server = await site.state(id);
  if (server === null) throw new Error("the server could not be arranged");
  const ref = bmcOf(server);
  const { bmc: redfish, hosts } = site.front.ports;
  const { systemPath } = await redfish.identify(ref, writing());
  await redfish.disconnect(ref);
  const wanted = {
    bmc: ref,
    systemPath,
    vendor: null,
    bootMacAddress: null,
    bootMode: "UEFI" as const,
    online: false,
    labels: {},
  };
  await hosts.enroll(hostRef(id), wanted, writing());
  await untilHost(site, id, ({ state }) => state === "available");
  // Metal3 does not look at the power while it inspects: what the host says of it holds once the machine itself is off.
  await until(async () => {
    const machine = (await site.lab.snapshot(bmc.name)) as { readonly power: string };
    return machine.power === "Off";
  });
  await untilHost(site, id, ({ power }) => power === "off");
  return id;
}

interface ManagedOptions {
  readonly facts?: readonly ServerFact[];
  /** Name of the pool on whose list it is. */
  readonly pool?: string | null;
}

/** Has Metal3 write an image on the server's disk, by no run. */
export async function writeImage(site: Site, id: ServerId): Promise<void> {
  const wanted = { image: site.diskImage, config: null };
  await site.front.ports.hosts.setImage(hostRef(id), wanted, writing());
  await untilHost(site, id, ({ state, power }) => state === "provisioned" && power === "on");
}

/** Wishes the host on or off, by no run, and waits until it is. */
export async function setPower(site: Site, id: ServerId, power: "on" | "off"): Promise<void> {
  await site.front.ports.hosts.setPower(hostRef(id), power, writing());
  await untilHost(site, id, (state) => state.power === power);
}

type HostState = NonNullable<Awaited<ReturnType<Site["front"]["ports"]["hosts"]["read"]>>>;

async function untilHost(
  site: Site,
  id: ServerId,
  isSo: (state: HostState) => boolean,
): Promise<void> {
  await until(async () => {
    const state = await site.front.ports.hosts.read(hostRef(id), writing());
    return state !== null && isSo(state);
  });
}

const Snapshot = z.object({ kubernetes: z.record(z.string(), z.unknown()) });

const Host = z.object({
  metadata: z.object({
    labels: z.record(z.string(), z.string()),
    annotations: z.record(z.string(), z.string()).default({}),
  }),
  spec: z.record(z.string(), z.unknown()),
  status: z.object({
    poweredOn: z.boolean(),
    provisioning: z.object({ state: z.string(), image: z.object({ url: z.string() }) }),
    errorMessage: z.string(),
  }),
});
export type Host = z.infer<typeof Host>;

/** A server's objects on the management cluster: its host, if any, and the names of the others. */
export async function objectsOf(
  site: Site,
  id: ServerId,
): Promise<{ readonly host: Host | null; readonly others: readonly string[] }> {
  const name = hostName(id);
  const { kubernetes } = Snapshot.parse(await site.lab.get(`/snapshot?prefix=${name}`));
  const hostKey = `BareMetalHost.metal3.io ${place.namespace}/${name}`;
  const host = Host.safeParse(kubernetes[hostKey]);
  return {
    host: host.data ?? null,
    others: Object.keys(kubernetes)
      .filter((key) => key !== hostKey)
      .toSorted(),
  };
}

/** A server under Metal3 and everything of it in the world: the machine, the host and what belongs to the host. */
export function managedSubject(site: Site, id: ServerId, bmc: LabBmc): ServerSubject {
  const byBmc = serverSubject(site, id, bmc);
  return {
    ...byBmc,
    subject: {
      ...byBmc.subject,
      async view() {
        const server = await site.view(id);
        if (server === null) return null;
        // Metal3 may have complained of something while the run was under way; that is told, not taken back.
        const { problems: _problems, ...view } = server;
        return view;
      },
      async world() {
        const { host, others } = await objectsOf(site, id);
        return {
          machine: await site.lab.snapshot(bmc.name),
          host: host === null ? null : withoutNote(host),
          others,
        };
      },
      async effects() {
        return [...(await site.lab.effects(bmc.name)), ...(await site.lab.effectsOf(hostName(id)))];
      },
    },
  };
}

/** Who asked for the last inspection is no more taken back than the inspection. */
function withoutNote(host: Host): Host {
  const { [inspectionRunAnnotation]: _note, ...annotations } = host.metadata.annotations;
  return { ...host, metadata: { ...host.metadata, annotations } };
}
