import process from "node:process";
import { startLab, StartError } from "./lab.ts";
import type { Lab } from "./lab.ts";
import { parseOptions, usage } from "./options.ts";

/**
 * The lab's door: flags in, a running lab out. It prints for people on stdout; a parent process that opened a channel
 * gets `{ type: "ready", url }` instead of having to read that, and ends the lab by closing the channel.
 */
async function main(): Promise<void> {
  const parsed = parseOptions(process.argv.slice(2), process.env);
  switch (parsed.kind) {
    case "help":
      process.stdout.write(usage);
      return;
    case "error":
      process.stderr.write(`lab: ${parsed.message}\n`);
      process.exitCode = 2;
      return;
    case "options": {
      const lab = await startLab(parsed.options);
      endBySignal(lab);
      announce(lab, parsed.options.speed);
    }
  }
}

function announce(lab: Lab, speed: number): void {
  const [example] = lab.bmcs;
  const lines = [
    `The lab is ready: ${lab.bmcs.length} BMCs, ${speed} times as fast as life.`,
    `  control   ${lab.url}/_lab`,
    ...(example === undefined
      ? []
      : [
          `  a BMC     ${example.address}  (${example.name}, user ${example.username}; passwords are in /_lab)`,
        ]),
    ...(lab.kubernetes === null
      ? []
      : [
          `  cluster   ${lab.kubernetes.url}  (kubectl --kubeconfig ${lab.kubernetes.kubeconfigFile})`,
        ]),
  ];
  process.stdout.write(`${lines.join("\n")}\n`);
  process.send?.({ type: "ready", url: lab.url });
}

function endBySignal(lab: Lab): void {
  let isEnding = false;
  const end = (): void => {
    // A second signal does not wait.
    if (isEnding) process.exit(0);
    isEnding = true;
    void lab.close().finally(() => process.exit(0));
  };
  process.on("SIGTERM", end);
  process.on("SIGINT", end);
  process.on("disconnect", end);
}

try {
  await main();
} catch (error) {
  if (!(error instanceof StartError)) throw error;
  process.stderr.write(`lab: ${error.message}\n`);
  process.exit(1);
}
