import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type Applied, serverSideApply } from "#lab/kubernetes/apply/server-side-apply.ts";
import type { KubeObject } from "#lab/kubernetes/object.ts";
import { comparesWithOld, ruleProblem } from "./cel.ts";
import { type CustomResource, readCrdFolder, readCrds, readObjects } from "./crd.ts";
import { applyDefaults } from "./defaults.ts";
import { isObject, type JsonObject } from "./json.ts";
import { prune } from "./prune.ts";
import { structureErrors } from "./structure.ts";
import { additionalSchema, type StructuralSchema } from "./structural-schema.ts";
import { validate } from "./validate.ts";

const widget = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: widgets.example.com }
spec:
  group: example.com
  scope: Namespaced
  names: { kind: Widget, plural: widgets, shortNames: [wd], categories: [all] }
  versions:
    - name: v1
      served: true
      storage: true
      schema: { openAPIV3Schema: { type: object, properties: { spec: { type: object } } } }
      subresources: { status: {}, scale: { specReplicasPath: .spec.n, statusReplicasPath: .status.n } }
      additionalPrinterColumns: [{ name: State, type: string, jsonPath: .status.state }]
      selectableFields: [{ jsonPath: .spec.host }]
`;

describe("a manifest of definitions", () => {
  it("says what each version of the resource can do", () => {
    expect(readCrds(widget)).toEqual([
      {
        group: "example.com",
        kind: "Widget",
        listKind: "WidgetList",
        plural: "widgets",
        singular: "widget",
        shortNames: ["wd"],
        categories: ["all"],
        scope: "Namespaced",
        versions: [
          {
            name: "v1",
            served: true,
            storage: true,
            schema: { type: "object", properties: { spec: { type: "object" } } },
            subresources: {
              status: true,
              scale: { specReplicasPath: ".spec.n", statusReplicasPath: ".status.n" },
            },
            printerColumns: [
              { name: "State", type: "string", jsonPath: ".status.state", priority: 0 },
            ],
            selectableFields: [".spec.host"],
          },
        ],
      },
    ]);
  });

  it("may be several documents, lists and other kinds", () => {
    const secret = "kind: Secret\napiVersion: v1\n";
    const inList = `kind: List\nitems:\n  - ${widget.trim().replaceAll("\n", "\n    ")}\n`;
    expect(readCrds(`${widget}---\n---\n${secret}---\n${inList}`)).toHaveLength(2);
  });

  it("is refused when it is not YAML or not a definition", () => {
    expect(() => readCrds("kind: [")).toThrow();
    expect(() => readCrds("kind: CustomResourceDefinition\nspec: {}")).toThrow();
  });
});

const folder = "../shared/crds";
const isHere = existsSync(folder);

/** Paths of samples that are templates of a generator and mix API versions (README of the folder). */
const generatorTemplates =
  /^cluster-api-provider-metal3\/(cluster|controlplane|machinedeployment|topology-.*)\.yaml$/;

describe.skipIf(!isHere)(
  "the definitions of the operators (../shared/crds; skipped without)",
  () => {
    const resources = isHere
      ? readdirSync(folder, { withFileTypes: true })
          .filter((entry) => entry.isDirectory() && entry.name !== "samples")
          .flatMap((entry) => readCrdFolder(join(folder, entry.name)))
      : [];
    const versions = resources.flatMap((resource) =>
      resource.versions.map((version) => ({ resource, version })),
    );

    it("can all be read, each with one stored version", () => {
      expect(resources.length).toBeGreaterThanOrEqual(104);
      for (const resource of resources)
        expect(resource.versions.filter(({ storage }) => storage)).toHaveLength(1);
      expect(find(resources, "metal3.io/v1alpha1", "BareMetalHost")).toBeDefined();
    });

    it("have patterns that JavaScript reads and defaults that are valid", () => {
      for (const { resource, version } of versions)
        for (const { path, schema } of schemasIn(version.schema, "")) {
          const place = `${resource.kind}.${version.name} ${path}`;
          if (schema.pattern !== undefined)
            expect(() => structureErrors(schema, "any", path), place).not.toThrow();
          if (schema.default !== undefined)
            expect(structureErrors(schema, filledDefault(schema), path), place).toEqual([]);
        }
    });

    it("have rules that CEL can read", () => {
      let rules = 0;
      for (const { version } of versions)
        for (const { schema } of schemasIn(version.schema, ""))
          for (const rule of schema["x-kubernetes-validations"] ?? []) {
            rules += 1;
            const empty = emptyValue(schema);
            const problem = ruleProblem(
              rule,
              schema,
              empty,
              comparesWithOld(rule) ? empty : undefined,
            );
            // An empty object lacks the fields that a rule may rely on; nothing else may be wrong with evaluating it.
            if (problem?.startsWith("rule evaluation error"))
              expect(problem, rule.rule).toMatch(/No such key/);
          }
      expect(rules).toBeGreaterThan(100);
    });

    const samples = isHere
      ? readdirSync(join(folder, "samples"), { recursive: true, encoding: "utf8" })
          .filter((file) => file.endsWith(".yaml") && !generatorTemplates.test(file))
          .toSorted()
      : [];

    it.each(samples)("allow the sample %s", (file) => {
      const objects = readObjects(fillIn(readFileSync(join(folder, "samples", file), "utf8")));
      for (const object of objects) {
        const schema = find(resources, object["apiVersion"], object["kind"]);
        // Secrets, and kinds of projects whose definitions are not in the folder.
        if (schema === undefined) continue;
        const { object: pruned, unknown } = prune(schema, object);
        expect(unknown).toEqual([]);
        const fields = validate(schema, applyDefaults(schema, pruned)).map(({ field }) => field);
        expect(fields).toEqual([]);
      }
    });

    const host = find(resources, "metal3.io/v1alpha1", "BareMetalHost") ?? {};
    const good = {
      apiVersion: "metal3.io/v1alpha1",
      kind: "BareMetalHost",
      metadata: { name: "host-1", namespace: "metal3" },
      spec: { online: true, bmc: { address: "redfish://127.0.0.1/1", credentialsName: "s" } },
    };
    const broken: [string, JsonObject, string, string][] = [
      ["no online", { ...good, spec: {} }, "spec.online", "FieldValueRequired"],
      [
        "online as text",
        { ...good, spec: { online: "yes" } },
        "spec.online",
        "FieldValueTypeInvalid",
      ],
      [
        "an unknown boot mode",
        { ...good, spec: { online: true, bootMode: "floppy" } },
        "spec.bootMode",
        "FieldValueNotSupported",
      ],
      [
        "a MAC address that is none",
        { ...good, spec: { online: true, bootMACAddress: "12:34" } },
        "spec.bootMACAddress",
        "FieldValueInvalid",
      ],
      [
        "a name with capitals",
        { ...good, metadata: { name: "Host" } },
        "metadata.name",
        "FieldValueInvalid",
      ],
      [
        "an operator's error type that its own schema does not know",
        {
          ...good,
          status: {
            errorType: "detach error",
            errorMessage: "",
            errorCount: 0,
            operationalStatus: "error",
            hardwareProfile: "",
            poweredOn: false,
            triedCredentials: {},
            goodCredentials: {},
            provisioning: { state: "available", ID: "", image: { url: "" } },
          },
        },
        "status.errorType",
        "FieldValueNotSupported",
      ],
    ];
    it.each(broken)("refuse a host with %s", (_, object, field, reason) => {
      expect(validate(host, applyDefaults(host, good))).toEqual([]);
      expect(validate(host, applyDefaults(host, object))).toContainEqual(
        expect.objectContaining({ field, reason }),
      );
    });

    it("refuse a host's status that lacks what the operator always says", () => {
      const condition = { type: "Ready", status: "True", reason: "Up", lastTransitionTime: "now" };
      const fields = validate(
        host,
        applyDefaults(host, { ...good, status: { poweredOn: false, conditions: [condition] } }),
      )
        .map(({ field }) => field)
        .filter((field) => field !== "<nil>");
      expect(fields.toSorted()).toEqual([
        "status.conditions[0].lastTransitionTime",
        "status.conditions[0].message",
        "status.errorMessage",
        "status.operationalStatus",
        "status.provisioning",
      ]);
    });

    it("let a cluster's machine deployments be applied one by one", () => {
      const schema = find(resources, "cluster.x-k8s.io/v1beta2", "Cluster") ?? {};
      const apply = (manager: string, live: KubeObject | null, spec: JsonObject): Applied =>
        serverSideApply({
          live,
          applied: {
            apiVersion: "cluster.x-k8s.io/v1beta2",
            kind: "Cluster",
            metadata: { name: "one" },
            spec: { topology: { workers: { machineDeployments: [spec] } } },
          },
          manager,
          force: false,
          schema,
          now: "2026-02-03T04:05:06Z",
        });
      const whole = { name: "a", class: "worker", rollout: { after: "2026-02-03T04:05:06Z" } };
      const first = apply("owner", null, whole);
      const live = first.kind === "applied" ? first.object : null;
      expect(apply("scaler", live, { name: "a", replicas: 3 })).toMatchObject({
        kind: "applied",
        object: {
          spec: { topology: { workers: { machineDeployments: [{ ...whole, replicas: 3 }] } } },
        },
      });
      expect(apply("scaler", live, { name: "a", class: "other" })).toMatchObject({
        kind: "conflict",
        causes: [{ field: '.spec.topology.workers.machineDeployments[name="a"].class' }],
      });
    });

    it("drop the fields of a cluster of another API version", () => {
      const cluster = find(resources, "cluster.x-k8s.io/v1beta2", "Cluster") ?? {};
      const { unknown } = prune(cluster, {
        apiVersion: "cluster.x-k8s.io/v1beta2",
        kind: "Cluster",
        metadata: { name: "one" },
        spec: { topology: { class: "quick", version: "v1.32.0" } },
      });
      expect(unknown).toEqual(["spec.topology.class"]);
    });
  },
);

function find(
  resources: readonly CustomResource[],
  apiVersion: unknown,
  kind: unknown,
): StructuralSchema | undefined {
  return resources
    .filter((resource) => resource.kind === kind)
    .flatMap(({ group, versions }) =>
      versions.filter(({ name }) => `${group}/${name}` === apiVersion).map(({ schema }) => schema),
    )[0];
}

function schemasIn(
  schema: StructuralSchema,
  path: string,
): readonly { readonly path: string; readonly schema: StructuralSchema }[] {
  const additional = additionalSchema(schema);
  return [
    { path, schema },
    ...Object.entries(schema.properties ?? {}).flatMap(([name, one]) =>
      schemasIn(one, `${path}.${name}`),
    ),
    ...(schema.items === undefined ? [] : schemasIn(schema.items, `${path}[]`)),
    ...(additional === undefined ? [] : schemasIn(additional, `${path}.*`)),
  ];
}

function filledDefault(schema: StructuralSchema): unknown {
  return isObject(schema.default) ? applyDefaults(schema, schema.default) : schema.default;
}

function emptyValue(schema: StructuralSchema): unknown {
  if (schema.type === "object") return {};
  if (schema.type === "array") return [];
  if (schema.type === "boolean") return false;
  return schema.type === "integer" || schema.type === "number" ? 0 : "";
}

/** Puts something of the right type where a sample has a variable. */
function fillIn(text: string): string {
  return text.replaceAll(/\$\{(\w+)[^}\n]*\}+/g, (_, name: string) =>
    /COUNT|PORT|REPLICAS|TIMEOUT/.test(name) ? "1" : "x1",
  );
}
