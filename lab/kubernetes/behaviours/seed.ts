import type { NewObject } from "./behaviour.ts";
import { seedClusterClasses } from "./cluster-api/seed.ts";
import { seedTemplates } from "./k0rdent/seed.ts";

/** What a namespace of the lab offers for making clusters: ClusterClasses, and k0rdent's templates with a credential. */
export function seedObjects(namespace: string): readonly NewObject[] {
  return [...seedClusterClasses(namespace), ...seedTemplates(namespace)];
}
