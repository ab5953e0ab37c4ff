import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { authorityOf, tokenOf, type TryCluster, tryCluster } from "#lab/kubernetes/try-cluster.ts";
import { widgets } from "#lab/kubernetes/try-widgets.ts";
import { differences } from "./twin/compare.ts";
import { type Ask, play } from "./twin/script.ts";
import { scripts } from "./twin/scripts.ts";
import { asker, serverOf, withoutWidgets, withWidgets } from "./twin/server.ts";

/**
 * The lab's API server beside a real one: the same requests, and the answers compared. TEST_KUBECONFIG names the real server
 * (its current context; whoever asks may install a CustomResourceDefinition and write in the namespace `default`). Without it
 * there is nothing to compare with.
 */
const kubeconfig = process.env["TEST_KUBECONFIG"] ?? "";

describe.skipIf(kubeconfig === "")("the lab answers as a real API server does", () => {
  let cluster: TryCluster;
  let lab: Ask;
  let real: Ask;

  beforeAll(async () => {
    cluster = await tryCluster({ crds: [widgets] });
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

  it.each(Object.entries(scripts))("%s", async (_title, script) => {
    const ours = await play(script, lab);
    const theirs = await play(script, real);
    expect(differences(ours, theirs)).toEqual([]);
  });
});
