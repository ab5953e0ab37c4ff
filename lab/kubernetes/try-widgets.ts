import type { Kind } from "./kinds/kind.ts";

/** A kind whose schema says everything, to try what a schema does. */
export const widgets: Kind = {
  group: "try.example.org",
  kind: "Widget",
  plural: "widgets",
  singular: "widget",
  shortNames: ["wd"],
  categories: [],
  scope: "Namespaced",
  versions: ["v1", "v1beta1"].map((name) => ({
    name,
    served: true,
    storage: name === "v1",
    schema: {
      type: "object",
      properties: {
        spec: {
          type: "object",
          properties: {
            size: { type: "integer", minimum: 0 },
            replicas: { type: "integer", default: 1 },
            color: { type: "string", default: "red" },
            host: { type: "string" },
            pools: {
              type: "array",
              "x-kubernetes-list-type": "map",
              "x-kubernetes-list-map-keys": ["name"],
              items: {
                type: "object",
                required: ["name"],
                properties: {
                  name: { type: "string" },
                  replicas: { type: "integer" },
                  rollout: { type: "string" },
                },
              },
            },
          },
        },
        status: {
          type: "object",
          required: ["phase"],
          properties: { phase: { type: "string" }, replicas: { type: "integer" } },
        },
      },
    },
    subresources: {
      status: true,
      scale: { specReplicasPath: ".spec.replicas", statusReplicasPath: ".status.replicas" },
    },
    printerColumns: [{ name: "Color", type: "string", jsonPath: ".spec.color" }],
    selectableFields: [".spec.host"],
  })),
};

/** Where widgets are. */
export const widgetsPath = "/apis/try.example.org/v1/namespaces/default/widgets";

export function widget(name: string, spec: object = {}, metadata: object = {}): object {
  return {
    apiVersion: "try.example.org/v1",
    kind: "Widget",
    metadata: { name, ...metadata },
    spec,
  };
}
