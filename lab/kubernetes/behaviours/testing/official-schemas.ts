import { existsSync, readdirSync, readFileSync } from "node:fs";
import type { KubeObject } from "#lab/kubernetes/object.ts";
import { readCrdFolder, readObjects } from "#lab/kubernetes/schema/crd.ts";
import type { StructuralSchema } from "#lab/kubernetes/schema/structural-schema.ts";
import { prune } from "#lab/kubernetes/schema/prune.ts";
import { validate } from "#lab/kubernetes/schema/validate.ts";

const folder = "../shared/crds";

/** False where the official CRDs are not at hand: what needs them is skipped. */
export const hasOfficialSchemas = existsSync(folder);

/** What the official CRDs say against these objects: each wrong or unknown field once. Kinds without a CRD are passed over. */
export function schemaProblems(
  objects: readonly KubeObject[],
  projects: readonly string[],
): readonly string[] {
  const schemas = new Map<string, StructuralSchema>();
  for (const project of projects) {
    for (const { group, kind, versions } of readCrdFolder(`${folder}/${project}`)) {
      for (const { name, schema } of versions) schemas.set(`${group}/${name} ${kind}`, schema);
    }
  }
  const problems = new Set<string>();
  for (const object of objects) {
    const schema = schemas.get(`${object.apiVersion} ${object.kind}`);
    if (schema === undefined) continue;
    for (const unknown of prune(schema, object).unknown) {
      problems.add(`${object.kind}: ${unknown} is unknown`);
    }
    for (const { field, message } of validate(schema, object)) {
      problems.add(`${object.kind}: ${field} ${message}`);
    }
  }
  return [...problems];
}

/** The sample objects of a project. */
export function officialSamples(project: string): readonly KubeObject[] {
  const samples = `${folder}/samples/${project}`;
  return readdirSync(samples)
    .filter((file) => file.endsWith(".yaml"))
    .flatMap((file) => readObjects(readFileSync(`${samples}/${file}`, "utf8")) as KubeObject[]);
}
