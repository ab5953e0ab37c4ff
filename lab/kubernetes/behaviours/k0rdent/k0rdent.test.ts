import { describe, expect, it } from "vitest";
import { conditionOf } from "#lab/kubernetes/behaviours/cluster-api/conditions.ts";
import { CapiWorld, minute, namespace } from "#lab/kubernetes/behaviours/testing/capi-world.ts";
import { k0rdentKind, headOf } from "./kinds.ts";
import { k0rdent } from "./operators.ts";
import { labCredential, seedTemplates } from "./seed.ts";

const key = (name: string) => ({ kind: k0rdentKind("ClusterDeployment"), namespace, name });

interface Spec {
  template?: string;
  credential?: string;
  config?: Record<string, unknown>;
  dryRun?: boolean;
  cleanupOnDeletion?: boolean;
}

const config = { controlPlaneNumber: 1, workersNumber: 2 };

class K0rdentWorld extends CapiWorld {
  constructor() {
    super(k0rdent);
    for (const object of seedTemplates(namespace)) this.cluster.create(object);
    this.cluster.settle();
  }

  deploy(name: string, spec: Spec = { config }): void {
    this.cluster.create({
      ...headOf("ClusterDeployment"),
      metadata: { name, namespace },
      spec: { template: "lab-standalone-cp-1-0-0", credential: labCredential, ...spec },
    });
  }

  change(name: string, spec: Spec): void {
    this.cluster.update(key(name), (it) => ({
      ...it,
      spec: { ...(it["spec"] as object), ...spec },
    }));
  }

  says(name: string, type = "Ready") {
    return conditionOf(this.cluster.expect(key(name)), type);
  }

  untilReady(name: string): number {
    return this.cluster.advanceUntil(() => this.says(name)?.status === "True", 60 * minute);
  }
}

describe("templates and credentials", () => {
  it("are valid with values, schema and upgrades, when the lab has their chart", () => {
    const world = new K0rdentWorld();
    const of = (name: string) =>
      world.cluster.expect({ kind: k0rdentKind("ClusterTemplate"), namespace, name })["status"];
    expect(of("lab-standalone-cp-1-0-0")).toMatchObject({
      valid: true,
      k8sVersion: "v1.33.9",
      config: { workersNumber: 1 },
      schemaConfigMapName: "lab-standalone-cp-1-0-0-schema",
    });
    expect(of("lab-machine-pools-1-0-0")).not.toHaveProperty("config.workersNumber");
    const schema = world.cluster.expect({
      kind: "ConfigMap",
      namespace,
      name: "lab-standalone-cp-1-0-0-schema",
    });
    expect(JSON.parse((schema["data"] as { schema: string }).schema)).toHaveProperty(
      "properties.workersNumber",
    );
    world.cluster.create({
      ...headOf("ClusterTemplate"),
      metadata: { name: "strange", namespace },
      spec: { helm: { chartSpec: { chart: "strange", version: "1.0.0" } } },
    });
    world.cluster.settle();
    expect(of("strange")).toMatchObject({ valid: false });
    expect(() => world.deploy("d1", { template: "strange", config })).toThrow(/not valid/);
    expect(() => world.deploy("d1", { template: "nowhere", config })).toThrow(/not found/);
  });

  it("hold a deployment back until the credential is there", () => {
    const world = new K0rdentWorld();
    world.deploy("d1", { credential: "mine", config });
    world.cluster.advance(minute);
    expect(world.says("d1", "CredentialReady")).toMatchObject({
      status: "False",
      reason: "Failed",
    });
    expect(world.says("d1")).toMatchObject({ status: "False", reason: "Failed" });
    world.cluster.create({
      ...headOf("Credential"),
      metadata: { name: "mine", namespace },
      spec: { identityRef: { kind: "Secret", name: "mine", namespace } },
    });
    world.cluster.settle();
    expect(world.says("d1", "CredentialReady")?.status).toBe("False");
    world.cluster.create({ ...headOf("Secret"), metadata: { name: "mine", namespace } });
    world.cluster.settle();
    expect(world.says("d1", "CredentialReady")?.status).toBe("True");
  });
});

describe("a cluster deployment", () => {
  it("installs a cluster of its name and sums it up", () => {
    const world = new K0rdentWorld();
    world.deploy("d1");
    world.cluster.advance(minute);
    expect(world.says("d1")).toMatchObject({ status: "False", reason: "Progressing" });
    expect(world.says("d1", "CAPIClusterSummary")?.status).toBe("False");
    world.untilReady("d1");
    expect(world.says("d1")?.reason).toBe("Succeeded");
    expect(world.cluster.expect(key("d1"))["status"]).toMatchObject({
      k8sVersion: "v1.33.9",
      availableUpgrades: ["lab-standalone-cp-1-1-0"],
    });
    expect(world.of("d1")["spec"]).not.toHaveProperty("topology");
    expect(world.of("d1")["status"]).toMatchObject({
      phase: "Provisioned",
      workers: { availableReplicas: 2 },
    });
    expect(world.count("release-installed")).toBe(1);
    expect(world.count("node-joined")).toBe(3);
  });

  it("without a config is only a dry run, until the client says otherwise", () => {
    const world = new K0rdentWorld();
    world.deploy("d1", {});
    world.cluster.advance(30 * minute);
    expect(world.cluster.expect(key("d1"))["spec"]).toMatchObject({
      dryRun: true,
      config: { workersNumber: 1 },
    });
    expect(world.says("d1", "TemplateReady")?.status).toBe("True");
    expect(world.says("d1", "HelmReleaseReady")).toBeUndefined();
    expect(world.says("d1")?.status).toBe("Unknown");
    expect(world.cluster.list(k0rdentKind("HelmRelease"))).toEqual([]);
    world.change("d1", { dryRun: false });
    world.untilReady("d1");
  });

  it("scales by the keys of its template", () => {
    const world = new K0rdentWorld();
    world.deploy("d1");
    world.deploy("d2", {
      template: "lab-machine-pools-1-0-0",
      config: { machinePools: { user: { count: 2 }, system: { count: 1 } } },
    });
    world.untilReady("d1");
    world.untilReady("d2");
    world.change("d1", { config: { controlPlaneNumber: 3, workersNumber: 4 } });
    world.change("d2", { config: { machinePools: { user: { count: 1 }, system: { count: 1 } } } });
    world.cluster.advanceUntil(
      () => world.isDone("d1") && world.list("Machine", "d1").length === 7,
      60 * minute,
    );
    world.cluster.advanceUntil(
      () => world.isDone("d2") && world.list("Machine", "d2").length === 3,
      60 * minute,
    );
  });

  it("is upgraded by a template that its own leads to, and by no other", () => {
    const world = new K0rdentWorld();
    world.deploy("d1", { config: { ...config, controlPlaneNumber: 3 } });
    world.untilReady("d1");
    expect(() => world.change("d1", { template: "lab-standalone-cp-1-2-0" })).toThrow(
      /not available/,
    );
    expect(() => world.change("d1", { template: "lab-machine-pools-1-1-0" })).toThrow(
      /not available/,
    );
    world.change("d1", { template: "lab-standalone-cp-1-1-0" });
    const isNew = (part: string): boolean => {
      const status = world.of("d1")["status"] as Record<
        string,
        { versions?: readonly { version: string }[] }
      >;
      return status[part]?.versions?.every(({ version }) => version === "v1.34.5+k0s.0") === true;
    };
    world.cluster.advanceUntil(
      () => isNew("controlPlane") && isNew("workers") && world.isDone("d1"),
      90 * minute,
    );
    const done = world.cluster.effects
      .map(({ action }) => action)
      .filter((action) => action.endsWith("upgraded"));
    expect(done).toEqual(["release-upgraded", "control-plane-upgraded", "workers-upgraded"]);
    expect(world.cluster.expect(key("d1"))["status"]).toMatchObject({
      k8sVersion: "v1.34.5",
      availableUpgrades: ["lab-standalone-cp-1-2-0"],
    });
  });

  it("is removed with everything, and says what it waits for", () => {
    const world = new K0rdentWorld();
    world.deploy("d1", { config, cleanupOnDeletion: true });
    world.untilReady("d1");
    const seeds = world.cluster.all().length;
    world.cluster.delete(key("d1"));
    world.cluster.advanceUntil(() => world.cluster.get(key("d1")) === undefined, 30 * minute);
    const reasons = world.cluster.history
      .filter(({ kind }) => kind === "ClusterDeployment")
      .map((it) => conditionOf(it, "Deleting")?.reason)
      .filter((reason, index, all) => reason !== undefined && reason !== all[index - 1]);
    expect(reasons).toEqual([
      "NotDeleting",
      "WaitingForCloudResourcesDeletion",
      "WaitingForClusterDeletion",
      "WaitingForHelmReleaseDeletion",
      "DeletionCompleted",
    ]);
    expect(world.cluster.all().length).toBeLessThan(seeds);
    const left = world.cluster
      .all()
      .filter(({ metadata }) => metadata.labels?.["cluster.x-k8s.io/cluster-name"] === "d1");
    expect(left).toEqual([]);
  });

  it("says that its cluster is missing when somebody deletes it underneath", () => {
    const world = new K0rdentWorld();
    world.deploy("d1");
    world.untilReady("d1");
    world.cluster.delete(world.key("Cluster", "d1"));
    world.cluster.advance(10 * minute);
    expect(world.says("d1", "CAPIClusterSummary")).toMatchObject({
      status: "False",
      reason: "CAPIClusterMissing",
    });
    expect(world.says("d1")).toMatchObject({ status: "False", reason: "Progressing" });
    world.cluster.advance(30 * minute);
    expect(world.says("d1")).toMatchObject({ status: "False", reason: "Failed" });
  });

  it("counts as failed after half an hour, and never gives up", () => {
    const world = new K0rdentWorld();
    world.deploy("d-quota");
    world.cluster.advance(10 * minute);
    expect(world.says("d-quota")).toMatchObject({ status: "False", reason: "Progressing" });
    world.cluster.advance(30 * minute);
    expect(world.says("d-quota")).toMatchObject({ status: "False", reason: "Failed" });
    expect(world.says("d-quota")?.message).toContain("exceeded quota");
    world.cluster.delete(key("d-quota"));
    world.cluster.advanceUntil(() => world.cluster.get(key("d-quota")) === undefined, 30 * minute);
  });
});
