import { type JsonPatch, type Meta, pointerSegment } from "#drivers/kubernetes/object.ts";

/** Annotations of an object as parts of a JSON patch. */

type Annotated = Pick<Meta, "annotations">;

export const annotate = (
  { annotations }: Annotated,
  added: Readonly<Record<string, string>>,
): JsonPatch[] =>
  Object.keys(annotations).length === 0
    ? [{ op: "add", path: "/metadata/annotations", value: added }]
    : Object.entries(added).map(([name, value]) => ({
        op: "add",
        path: `/metadata/annotations/${pointerSegment(name)}`,
        value,
      }));

/** Nothing, where it is not there: a patch that removes what is not there is refused. */
export const unannotate = ({ annotations }: Annotated, name: string): JsonPatch[] =>
  annotations[name] === undefined
    ? []
    : [{ op: "remove", path: `/metadata/annotations/${pointerSegment(name)}` }];
