import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { authorityOf, tokenOf, type TryCluster, tryCluster } from "#lab/kubernetes/try-cluster.ts";
import { widgets } from "#lab/kubernetes/try-widgets.ts";
import { officialKinds } from "./kubernetes-world.ts";
import { differences } from "./twin/compare.ts";
import { type Ask, play } from "./twin/script.ts";
import { deleteScripts } from "./twin/delete-scripts.ts";
import { listScripts } from "./twin/list-scripts.ts";
import { officialScripts } from "./twin/official-scripts.ts";
import { scripts } from "./twin/scripts.ts";
import { watchScripts } from "./twin/watch-scripts.ts";
import { writeScripts } from "./twin/write-scripts.ts";
import { asker, serverOf, withoutWidgets, withWidgets } from "./twin/server.ts";

/**
 * The lab's API server beside a real one: the same requests, and the answers compared. TEST_KUBECONFIG names the real server
 * (its current context; whoever asks may install a CustomResourceDefinition and write in the namespace `default`). Without it
 * there is nothing to compare with. The definitions of Cluster API, k0rdent, KubeVirt, CDI and Metal3 must be installed on it.
 */
const kubeconfig = process.env["TEST_KUBECONFIG"] ?? "";

const official = officialKinds();

describe.skipIf(kubeconfig === "")("the lab answers as a real API server does", () => {
  let cluster: TryCluster;
  let lab: Ask;
  let real: Ask;

  beforeAll(async () => {
    cluster = await tryCluster({ crds: [widgets, ...official] });
    const authorization = `Bearer ${tokenOf(cluster.cluster, "lab-admin")}`;
    const tls = { ca: authorityOf(cluster.cluster) };
    lab = asker(new URL(cluster.cluster.url), tls, { authorization });
    real = await serverOf(kubeconfig);
    await withWidgets(real);
  }, 60_000);

  afterAll(async () => {
    await cluster.end();
    await withoutWidgets(real);
  }, 60_000);

  const all = {
    ...scripts,
    ...watchScripts,
    ...listScripts,
    ...writeScripts,
    ...deleteScripts,
    ...(official.length === 0 ? {} : officialScripts),
  };

  it.each(Object.entries(all))(
    "%s",
    async (_title, script) => {
      const [ours, theirs] = await Promise.all([play(script, lab), play(script, real)]);
      expect(differences(ours, theirs)).toEqual([]);
    },
    120_000,
  );
});
