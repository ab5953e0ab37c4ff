import { type Child, startChild } from "./processes/child.ts";

/**
 * A second process that runs the given module text, with `#room/file.ts` imports; its arguments begin at
 * `process.argv[1]`. It may call the garbage collector, and can be given modules to load before everything else.
 */
export const startScript = (
  script: string,
  args: readonly string[] = [],
  { before = [] }: { readonly before?: readonly string[] } = {},
): Child =>
  startChild({
    door: "--expose-gc",
    args: [
      ...before.map((module) => `--import=data:text/javascript,${encodeURIComponent(module)}`),
      "--eval",
      script,
      "--",
      ...args,
    ],
  });
