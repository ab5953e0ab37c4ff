import type { Behaviour } from "./behaviour.ts";
import { clusterApi } from "./cluster-api/operators.ts";
import { k0rdent } from "./k0rdent/operators.ts";
import { cdi, kubevirt } from "./kubevirt/kubevirt.ts";
import type { Machines } from "./metal3/machines.ts";
import { metal3 } from "./metal3/metal3.ts";

/** The operators that play in the lab's cluster; Metal3's works on these machines. */
export const operatorsOn = (machines: Machines): readonly Behaviour[] => [
  metal3({ machines }),
  ...clusterApi,
  ...k0rdent,
  kubevirt,
  cdi,
];
