type Step =
  | { readonly field: string }
  | { readonly index: number }
  | { readonly every: true }
  | { readonly where: readonly string[]; readonly equals: string };

const known = new Map<string, readonly Step[]>();

/**
 * The values that a JSON path of a CRD finds: `.spec.replicas`, `.metadata.labels['a\.b/c']`, `.status.addresses[0].ip`,
 * `.status.conditions[?(@.type=="Ready")].status`. Nothing found is an empty list.
 */
export function findAll(path: string, object: unknown): readonly unknown[] {
  let found: readonly unknown[] = [object];
  for (const step of stepsOf(path)) found = found.flatMap((value) => take(step, value));
  return found;
}

/** The first value found, or undefined. */
export function findFirst(path: string, object: unknown): unknown {
  return findAll(path, object)[0];
}

function take(step: Step, value: unknown): readonly unknown[] {
  if (typeof value !== "object" || value === null) return [];
  if ("field" in step) {
    const inner = (value as Record<string, unknown>)[step.field];
    return inner === undefined ? [] : [inner];
  }
  const items: readonly unknown[] = Array.isArray(value) ? value : Object.values(value);
  if ("every" in step) return items;
  if ("index" in step) return items.slice(step.index, step.index + 1);
  return items.filter((item) => {
    let inner: readonly unknown[] = [item];
    for (const field of step.where) inner = inner.flatMap((each) => take({ field }, each));
    return inner.some((each) => String(each) === step.equals);
  });
}

const token =
  /\.((?:[^.[\]\\]|\\.)+)|\['((?:[^'\\]|\\.)*)'\]|\[(\d+)\]|\[(\*)\]|\[\?\(@\.([^=\s]+)\s*==\s*["']([^"']*)["']\)\]/gy;

/** The steps of a path; a path that cannot be read finds nothing. */
function stepsOf(path: string): readonly Step[] {
  const remembered = known.get(path);
  if (remembered !== undefined) return remembered;
  const steps: Step[] = [];
  token.lastIndex = 0;
  for (let at = 0; at < path.length; at = token.lastIndex) {
    token.lastIndex = at;
    const match = token.exec(path);
    if (match === null) {
      steps.splice(0, steps.length, { field: path });
      break;
    }
    const [, field, quoted, index, every, where, equals] = match;
    if (field !== undefined) steps.push({ field: unescaped(field) });
    else if (quoted !== undefined) steps.push({ field: unescaped(quoted) });
    else if (index !== undefined) steps.push({ index: Number(index) });
    else if (every !== undefined) steps.push({ every: true });
    else steps.push({ where: (where ?? "").split("."), equals: equals ?? "" });
  }
  known.set(path, steps);
  return steps;
}

function unescaped(text: string): string {
  return text.replaceAll(/\\(.)/g, "$1");
}
