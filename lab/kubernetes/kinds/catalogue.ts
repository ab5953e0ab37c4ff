import { clusterApiDevKinds } from "./cluster-api-dev.ts";
import { clusterApiMetal3Kinds } from "./cluster-api-metal3.ts";
import { clusterApiKinds } from "./cluster-api.ts";
import { k0rdentKinds } from "./k0rdent.ts";
import type { Kind } from "./kind.ts";
import { kubevirtKinds } from "./kubevirt.ts";
import { metal3Kinds } from "./metal3.ts";

/** The operators' kinds that the lab's cluster knows from its first start; official CRDs of the same names replace them. */
export const catalogue: readonly Kind[] = [
  ...metal3Kinds,
  ...clusterApiKinds,
  ...clusterApiMetal3Kinds,
  ...clusterApiDevKinds,
  ...k0rdentKinds,
  ...kubevirtKinds,
];
