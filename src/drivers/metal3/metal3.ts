import { Failure } from "#contract/failures.ts";
import type { SecretId } from "#contract/ids.ts";
import type { HostPort, HostRef } from "#drivers/host-ports.ts";
import type { Clients } from "#drivers/kubernetes/clients.ts";
import type { KubernetesClient } from "#drivers/kubernetes/client.ts";
import { ownLabels, resourceLabel } from "#drivers/kubernetes/labels.ts";
import type { JsonPatch, Manifest } from "#drivers/kubernetes/object.ts";
import { edit, ensure, type Ours, readOurs, remove } from "#drivers/kubernetes/ours.ts";
import { secretKind as secrets } from "#drivers/kubernetes/secret.ts";
import type { KubernetesWrite } from "#drivers/cluster-ports.ts";
import { metal3Address } from "./address.ts";
import { annotate, unannotate } from "./annotations.ts";
import type { PowerIntent, ReadOptions } from "#drivers/ports.ts";
import {
  holdAnnotation,
  holdHard,
  hostState,
  imageRunAnnotation,
  inspectAnnotation,
  inspectionRunAnnotation,
} from "./host-state.ts";
import { inventoryOf } from "./inventory.ts";
import { type BareMetalHost, bareMetalHosts, hardwareData } from "./kinds.ts";

export interface Metal3Options {
  readonly clients: Clients;
  /** The text of a sealed secret: of BMC credentials `{ username, password }` as JSON, of configuration the text itself. */
  readonly reveal: (secret: SecretId) => Promise<string>;
}

const at = ({ id, place, name }: HostRef): Ours => ({ id, namespace: place.namespace, name });

const credentialsName = ({ name }: HostRef): string => `${name}-bmc`;

/** Secrets of configuration are each run's own: taking one run's back never takes another's. */
const configName = ({ name }: HostRef, run: string, kind: ConfigKind): string =>
  `${name}-${run.toLowerCase().replace("_", "-")}-${kind}`;

const configKinds = ["user-data", "network-data"] as const;
type ConfigKind = (typeof configKinds)[number];

/** Servers under Metal3's baremetal-operator. See `HostPort`. */
export function createMetal3({ clients, reveal }: Metal3Options): HostPort {
  const clientOf = ({ place }: HostRef): KubernetesClient => clients.at(place);

  /** The host's credentials, and what runs have staged. */
  const secretsOf = (host: HostRef, options: ReadOptions) => {
    const { namespace } = host.place;
    const labels = { [resourceLabel]: host.id };
    return clientOf(host).list(secrets, { namespace, labels }, options);
  };

  const secret = (
    host: HostRef,
    what: { readonly name: string; readonly data: Readonly<Record<string, string>> },
    { run }: KubernetesWrite,
  ): Manifest => ({
    apiVersion: "v1",
    kind: "Secret",
    metadata: {
      name: what.name,
      namespace: host.place.namespace,
      labels: ownLabels({ run, id: host.id }),
    },
    type: "Opaque",
    data: Object.fromEntries(
      Object.entries(what.data).map(([key, text]) => [key, Buffer.from(text).toString("base64")]),
    ),
  });

  return {
    async enroll(host, wanted, options) {
      const client = clientOf(host);
      const { username, password } = JSON.parse(await reveal(wanted.bmc.credentials)) as {
        username: string;
        password: string;
      };
      const credentials = secret(
        host,
        { name: credentialsName(host), data: { username, password } },
        options,
      );
      await ensure(client, secrets, credentials, host, options);
      const manifest: Manifest = {
        apiVersion: "metal3.io/v1alpha1",
        kind: "BareMetalHost",
        metadata: {
          name: host.name,
          namespace: host.place.namespace,
          labels: { ...wanted.labels, ...ownLabels({ run: options.run, id: host.id }) },
        },
        spec: {
          bmc: {
            address: metal3Address(wanted),
            credentialsName: credentialsName(host),
            // Metal3 can trust authorities or anything: a pinned certificate is more than it knows how to ask for.
            disableCertificateVerification: wanted.bmc.tls.mode !== "ca",
          },
          bootMode: wanted.bootMode,
          online: wanted.online,
          ...(wanted.bootMacAddress !== null && { bootMACAddress: wanted.bootMacAddress }),
        },
      };
      return ensure(client, bareMetalHosts, manifest, host, options);
    },

    async read(host, options) {
      const found = await readOurs(clientOf(host), bareMetalHosts, at(host), options);
      return found === null ? null : hostState(found);
    },

    async readInventory(host, options) {
      const found = await clientOf(host).read(hardwareData, at(host), options);
      const hardware = found?.spec.hardware;
      return hardware === undefined ? null : inventoryOf(hardware);
    },

    inspect: (host, options) =>
      edit(
        clientOf(host),
        bareMetalHosts,
        at(host),
        ({ metadata }) =>
          metadata.annotations[inspectionRunAnnotation] === options.run
            ? null
            : [
                unchanged(metadata),
                ...annotate(metadata, {
                  [inspectAnnotation]: "",
                  [inspectionRunAnnotation]: options.run,
                }),
              ],
        options,
      ),

    async stageConfig(host, config, options) {
      const client = clientOf(host);
      const kinds = [
        ["user-data", config.userData],
        ["network-data", config.networkData],
      ] as const;
      for (const [kind, id] of kinds) {
        if (id === null) continue;
        // Metal3 looks for the key `value` whatever the secret is for.
        const data = { value: await reveal(id) };
        const manifest = secret(host, { name: configName(host, options.run, kind), data }, options);
        await ensure(client, secrets, manifest, host, options);
      }
    },

    async unstageConfig(host, options) {
      for (const kind of configKinds) {
        const name = configName(host, options.run, kind);
        await remove(clientOf(host), secrets, { ...at(host), name }, options);
      }
    },

    setImage: (host, { image, config }, options) =>
      edit(
        clientOf(host),
        bareMetalHosts,
        at(host),
        ({ metadata, spec }) => {
          refuseConsumed(host, spec);
          if (metadata.annotations[imageRunAnnotation] === options.run) return null;
          const reference = (kind: ConfigKind) => ({
            name: configName(host, config?.run ?? options.run, kind),
            namespace: host.place.namespace,
          });
          return [
            unchanged(metadata),
            ...annotate(metadata, { [imageRunAnnotation]: options.run }),
            {
              op: "add",
              path: "/spec/image",
              value: {
                url: image.url,
                format: image.format,
                ...(image.checksum !== null && { checksum: image.checksum }),
                ...(image.checksumType !== null && { checksumType: image.checksumType }),
              },
            },
            ...(config?.userData === true ? [set("userData", reference("user-data"))] : []),
            ...(config?.networkData === true
              ? [set("networkData", reference("network-data"))]
              : []),
            set("online", true),
            ...unannotate(metadata, holdAnnotation),
          ];
        },
        options,
      ),

    async clearImage(host, keep, options) {
      const client = clientOf(host);
      const done = await edit(
        client,
        bareMetalHosts,
        at(host),
        ({ metadata, spec }) => {
          refuseConsumed(host, spec);
          const fields = ["image", "userData", "networkData"] as const;
          const there = fields.filter((field) => spec[field] !== undefined);
          if (there.length === 0) return null;
          return [
            unchanged(metadata),
            ...there.map((field): JsonPatch => ({ op: "remove", path: `/spec/${field}` })),
            ...unannotate(metadata, imageRunAnnotation),
          ];
        },
        options,
      );
      const kept = keep === null ? [] : configKinds.map((kind) => configName(host, keep, kind));
      const known = [credentialsName(host), ...kept];
      for (const { metadata } of await secretsOf(host, options))
        if (!known.includes(metadata.name))
          await remove(client, secrets, { ...at(host), name: metadata.name }, options);
      return done;
    },

    setPower: (host, intent, options) =>
      edit(
        clientOf(host),
        bareMetalHosts,
        at(host),
        (found) => {
          const changes = powerChanges(intent, found);
          return changes.length === 0 ? null : [unchanged(found.metadata), ...changes];
        },
        options,
      ),

    async unenroll(host, options) {
      const client = clientOf(host);
      if ((await remove(client, bareMetalHosts, at(host), options)) === "asked") return "asked";
      // Metal3 needs the credentials until the host is gone. It then takes its secret along; what it does not know of is ours to take.
      const left = await secretsOf(host, options);
      for (const { metadata } of left)
        await remove(client, secrets, { ...at(host), name: metadata.name }, options);
      return left.length === 0 ? "gone" : "asked";
    },
  };
}

type Metadata = BareMetalHost["metadata"];

/** Only of such a host Metal3 heeds a reboot annotation that does not insist. */
const isProvisioned = ({ status }: BareMetalHost): boolean =>
  /^(?:externally )?provisioned$/.test(status?.provisioning?.state ?? "");

/** What a consumer keeps online can only be held off, and what is to be off at once is held off by force. */
function powerChanges(intent: PowerIntent, host: BareMetalHost): JsonPatch[] {
  const { metadata, spec } = host;
  const held = metadata.annotations[holdAnnotation];
  const isConsumed = spec.consumerRef !== undefined && spec.online;
  const hold = (value: string): JsonPatch[] => annotate(metadata, { [holdAnnotation]: value });
  if (intent === "force-off" && isProvisioned(host)) return held === holdHard ? [] : hold(holdHard);
  if (isConsumed && intent !== "on") return held === undefined ? hold("") : [];
  const online = intent === "on";
  return [
    ...(spec.online === online ? [] : [set("online", online)]),
    ...unannotate(metadata, holdAnnotation),
  ];
}

const set = (field: string, value: unknown): JsonPatch => ({
  op: "add",
  path: `/spec/${field}`,
  value,
});

/** The patch was made for the object as it was read: nobody has taken the host since. */
const unchanged = ({ resourceVersion }: Metadata): JsonPatch => ({
  op: "test",
  path: "/metadata/resourceVersion",
  value: resourceVersion,
});

function refuseConsumed({ name, place }: HostRef, { consumerRef }: BareMetalHost["spec"]): void {
  if (consumerRef === undefined) return;
  const consumer = `${consumerRef.kind}/${consumerRef.name}`;
  throw new Failure(
    "CONFLICT",
    `the BareMetalHost ${place.namespace}/${name} has been taken by ${consumer}, which alone may say what is on it`,
    { details: { reason: "consumed", consumer } },
  );
}
