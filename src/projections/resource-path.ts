import type { ResourceType } from "#contract/run.ts";

const collections = {
  server: "infrastructure/servers",
  cluster: "compute/clusters",
  vm: "compute/vms",
} as const satisfies Record<ResourceType, string>;

/** Where the API serves a resource: a path without host, so that it holds behind any proxy. */
export const resourcePath = (resource: {
  readonly type: ResourceType;
  readonly id: string;
  readonly region: string;
  readonly project: string;
}): string =>
  `/v1/regions/${resource.region}/projects/${resource.project}/${collections[resource.type]}/${resource.id}`;
