/**
 * The paths of fields that a JSON text says twice in one object, in the order in which they come again, each once: `spec.size`,
 * `spec.pools[0].name`. JSON's own reader takes the last of them and says nothing. The text is known to be JSON.
 */
export function duplicateFields(text: string): readonly string[] {
  const found = new Set<string>();
  const open: { readonly path: string; readonly seen: Set<string> | null; index: number }[] = [];
  let path = "";
  let isKey = false;
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"|[{}[\],:]/g)) {
    const inside = open.at(-1);
    if (token === "{" || token === "[") {
      open.push({ path, seen: token === "{" ? new Set() : null, index: 0 });
      isKey = token === "{";
      if (token === "[") path = `${path}[0]`;
    } else if (token === "}" || token === "]") {
      open.pop();
      isKey = false;
    } else if (token === "," && inside !== undefined) {
      isKey = inside.seen !== null;
      inside.index += 1;
      if (!isKey) path = `${inside.path}[${inside.index}]`;
    } else if (isKey && token.startsWith('"') && inside?.seen) {
      const name = JSON.parse(token) as string;
      path = inside.path === "" ? name : `${inside.path}.${name}`;
      if (inside.seen.has(name)) found.add(path);
      inside.seen.add(name);
      isKey = false;
    }
  }
  return [...found];
}
