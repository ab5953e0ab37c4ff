import { applyPatch, del, get, inGo, mergePatch, patch, words } from "./lines.ts";
import type { Line, Script } from "./script.ts";

const strategicPatch = "application/strategic-merge-patch+json";

interface Resource {
  readonly path: string;
  readonly apiVersion: string;
  readonly kind: string;
}

const resource = (apiVersion: string, kind: string, plural: string): Resource => ({
  path: `/apis/${apiVersion}/namespaces/default/${plural}`,
  apiVersion,
  kind,
});
const object = ({ apiVersion, kind }: Resource, name: string, spec: object): object => ({
  apiVersion,
  kind,
  metadata: { name },
  spec,
});
const create = (of: Resource, name: string, spec: object, query = ""): Line => ({
  method: "POST",
  path: `${of.path}${query && `?${query}`}`,
  body: object(of, name, spec),
});
const change = (of: Resource, name: string, body: object): Line =>
  patch(`${of.path}/${name}`, mergePatch, body);
const status = (of: Resource, name: string, body: object): Line =>
  patch(`${of.path}/${name}/status`, mergePatch, { status: body });
const applied = (of: Resource, name: string, spec: object): Line =>
  patch(`${of.path}/${name}?fieldManager=one`, applyPatch, object(of, name, spec));
const remove = (of: Resource, name: string): Line => del(`${of.path}/${name}`);

const clusters = resource("cluster.x-k8s.io/v1beta2", "Cluster", "clusters");
const pools = resource("cluster.x-k8s.io/v1beta2", "MachineDeployment", "machinedeployments");
const hosts = resource("metal3.io/v1alpha1", "BareMetalHost", "baremetalhosts");
const vms = resource("kubevirt.io/v1", "VirtualMachine", "virtualmachines");
const volumes = resource("cdi.kubevirt.io/v1beta1", "DataVolume", "datavolumes");
const deployments = resource(
  "k0rdent.mirantis.com/v1beta1",
  "ClusterDeployment",
  "clusterdeployments",
);
const templates = resource("k0rdent.mirantis.com/v1beta1", "ClusterTemplate", "clustertemplates");
const chains = resource(
  "k0rdent.mirantis.com/v1beta1",
  "ClusterTemplateChain",
  "clustertemplatechains",
);
const credentials = resource("k0rdent.mirantis.com/v1beta1", "Credential", "credentials");
const claims = resource("k0rdent.mirantis.com/v1beta1", "ClusterIPAMClaim", "clusteripamclaims");

const template = {
  spec: {
    clusterName: "a",
    bootstrap: { dataSecretName: "b" },
    infrastructureRef: { apiGroup: "infra.example", kind: "Machine", name: "m" },
  },
};
const pool = { clusterName: "a", selector: { matchLabels: { a: "b" } }, template };
const chart = { helm: { chartRef: { kind: "HelmChart", name: "a", namespace: "default" } } };
const vm = {
  runStrategy: "Always",
  template: { spec: { domain: { devices: {} }, terminationGracePeriodSeconds: 0 } },
};

/** The operators' own definitions, without the operators: what their schemas and rules alone say. */
export const officialScripts: Readonly<Record<string, Script>> = {
  "objects of Cluster API": [
    create(clusters, "oc", {}),
    create(clusters, "oc", { topology: { version: "1.34" } }),
    create(clusters, "oc", { topology: { classRef: { name: "c" }, version: "v1.34.0" } }),
    create(clusters, "oc", { paused: true, rubbish: 1 }, "fieldValidation=Strict"),
    change(clusters, "oc", { spec: { topology: { version: "" } } }),
    change(clusters, "oc", {
      spec: {
        topology: { workers: { machineDeployments: [{ name: "a", class: "d", replicas: 2 }] } },
      },
    }),
    change(clusters, "oc", {
      spec: {
        topology: {
          workers: {
            machineDeployments: [
              { name: "a", class: "d" },
              { name: "a", class: "d" },
            ],
          },
        },
      },
    }),
    change(clusters, "oc", { spec: { controlPlaneEndpoint: { host: "h", port: 70_000 } } }),
    patch(`${clusters.path}/oc`, strategicPatch, { spec: { paused: true } }),
    status(clusters, "oc", { phase: "Rubbish" }),
    status(clusters, "oc", { phase: "Provisioned", conditions: [{ type: "Ready" }] }),
    status(clusters, "oc", { phase: "Provisioned" }),
    applied(clusters, "oc", { paused: true, topology: { version: "v1.35.0" } }),
    words(inGo, applied(clusters, "oc", { topology: { version: 1 } })),
    get(`${clusters.path}/oc`),
    remove(clusters, "oc"),
    create(pools, "op", pool),
    get(`${pools.path}/op/scale`),
    patch(`${pools.path}/op/scale`, mergePatch, { spec: { replicas: 3 } }),
    change(pools, "op", { spec: { replicas: 1 } }),
    get(`${pools.path}/op/scale`),
    patch(`${pools.path}/op/scale?fieldManager=one`, mergePatch, { spec: { replicas: 5 } }),
    applied(pools, "op", { ...pool, replicas: 2 }),
    get(`${pools.path}/op`),
    remove(pools, "op"),
  ],
  "objects of Metal3": [
    create(hosts, "oh", { online: "yes" }),
    create(hosts, "oh", { online: true, bootMACAddress: "rubbish" }),
    create(hosts, "oh", { bmc: { address: "a" } }),
    create(hosts, "oh", { online: true, bmc: { address: "a", credentialsName: "b", other: 1 } }),
    change(hosts, "oh", { spec: { automatedCleaningMode: "rubbish" } }),
    change(hosts, "oh", { spec: { automatedCleaningMode: null } }),
    change(hosts, "oh", { spec: { image: { checksumType: "md5" } } }),
    change(hosts, "oh", { spec: { image: { url: "u", format: "rubbish" } } }),
    change(hosts, "oh", {
      spec: { raid: { hardwareRAIDVolumes: [{ level: "7" }] }, taints: [{ key: "a" }] },
    }),
    status(hosts, "oh", { operationalStatus: "OK" }),
    status(hosts, "oh", {
      errorCount: 0,
      errorMessage: "",
      operationalStatus: "OK",
      poweredOn: true,
      hardwareProfile: "x",
      provisioning: { state: "available", ID: "", image: { url: "" } },
    }),
    change(hosts, "oh", { spec: { online: false } }),
    get(`${hosts.path}/oh`),
    get(`${hosts.path}?fieldSelector=metadata.name%3Doh`, {
      Accept: "application/json;as=Table;v=v1;g=meta.k8s.io",
    }),
    remove(hosts, "oh"),
  ],
  "objects of KubeVirt and CDI": [
    create(vms, "ov", {}),
    create(vms, "ov", { template: {} }),
    create(vms, "ov", { running: "yes", template: { spec: { domain: { devices: {} } } } }),
    create(vms, "ov", { ...vm, rubbish: { a: 1 } }),
    change(vms, "ov", { spec: { runStrategy: 7 } }),
    change(vms, "ov", {
      spec: {
        template: {
          spec: { domain: { memory: { guest: 1 } }, volumes: [{ name: "a", rubbish: 1 }] },
        },
      },
    }),
    change(vms, "ov", { spec: { dataVolumeTemplates: [{ metadata: { name: "d" } }] } }),
    status(vms, "ov", { ready: true, printableStatus: "Running", rubbish: 1 }),
    get(`${vms.path}/ov`),
    remove(vms, "ov"),
    create(volumes, "od", { source: { http: {} } }),
    create(volumes, "od", { source: { http: { url: "u" } }, storage: { resources: {} } }),
    change(volumes, "od", { spec: { contentType: "rubbish" } }),
    status(volumes, "od", { phase: "Succeeded", progress: "100%" }),
    get(`${volumes.path}/od`),
    remove(volumes, "od"),
  ],
  "objects of k0rdent": [
    create(deployments, "ok", {}),
    create(deployments, "ok", { template: "" }),
    create(deployments, "ok", { template: "t" }),
    change(deployments, "ok", { spec: { config: { any: { thing: [1] } }, rubbish: 1 } }),
    change(deployments, "ok", { spec: { serviceSpec: { services: [{ name: "a" }] } } }),
    change(deployments, "ok", { spec: { serviceSpec: { provider: { name: "a" } } } }),
    change(deployments, "ok", { spec: { serviceSpec: { provider: { name: "b" } } } }),
    status(deployments, "ok", { observedGeneration: 1, conditions: [{ type: "Ready" }] }),
    get(`${deployments.path}/ok`),
    remove(deployments, "ok"),
    create(templates, "ot", {}),
    create(templates, "ot", { helm: {} }),
    create(templates, "ot", chart),
    change(templates, "ot", { spec: { helm: { chartRef: { name: "b" } } } }),
    change(templates, "ot", { metadata: { labels: { a: "b" } } }),
    change(templates, "ot", { spec: { providers: ["a"] } }),
    status(templates, "ot", { valid: true }),
    applied(templates, "ot", { k8sVersion: "v1.34.0" }),
    remove(templates, "ot"),
    create(chains, "on", { supportedTemplates: [{ name: "a" }] }),
    change(chains, "on", { spec: { supportedTemplates: [{ name: "b" }] } }),
    change(chains, "on", { spec: { supportedTemplates: [{ name: "a" }] } }),
    remove(chains, "on"),
    create(credentials, "or", { region: "a", identityRef: { kind: "A", name: "a" } }),
    change(credentials, "or", { spec: { region: "b" } }),
    change(credentials, "or", { spec: { region: null } }),
    remove(credentials, "or"),
    create(claims, "oi", { provider: "a" }),
    change(claims, "oi", { spec: { cluster: "a" } }),
    change(claims, "oi", { spec: { cluster: "b" } }),
    remove(claims, "oi"),
  ],
};
