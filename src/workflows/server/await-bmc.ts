import { z } from "zod";
import { Failure, type FailureCode } from "#contract/failures.ts";
import { type Wait, wait } from "#engine/kit.ts";
import { type ServerContext, bmcOf, elapsedMs, reading } from "./kit.ts";

/**
 * Waiting for a BMC that restarts. It goes on answering for a moment, then not at all, then wrongly (401, 503, empty
 * collections), and only then as before; so several good answers in a row are asked for.
 */

const Answers = z.object({ good: z.number(), refused: z.number() });

const goodInARow = 3;
/** A BMC that starts may refuse the right password for a while; asking on would lock the account. */
const refusedAtMost = 3;

/** In declared time: before this it may not have gone down yet. */
const goingDownMs = 30_000;
const longestRestartMs = 900_000;

const stillStarting: readonly FailureCode[] = [
  "BMC_CONNECTION_FAILED",
  "BMC_BUSY",
  "BMC_INVALID_RESPONSE",
];

/** Null once the BMC, restarted at `since`, answers steadily; else what to wait for. */
export async function awaitBmc(context: ServerContext, since: number): Promise<Wait | null> {
  const { ports, resource } = context;
  const { address } = resource.bmc;
  const answers = Answers.safeParse(context.memo).data ?? { good: 0, refused: 0 };
  if (elapsedMs(context, since) < goingDownMs)
    return wait("the BMC was told to restart", { for: "30s", memo: answers });
  try {
    await ports.bmc.connect(bmcOf(resource), reading(context));
  } catch (thrown) {
    if (!(thrown instanceof Failure)) throw thrown;
    if (elapsedMs(context, since) >= longestRestartMs)
      throw new Failure(
        "STEP_TIMEOUT",
        `the BMC ${address} was told to restart and does not answer as it should since (${thrown.code}); it may need to be restarted by hand`,
        { details: { bmcAddress: address, last: thrown.code }, cause: thrown },
      );
    if (stillStarting.includes(thrown.code))
      return wait("the BMC is restarting", {
        for: "10s",
        memo: { good: 0, refused: answers.refused },
      });
    const refused = answers.refused + 1;
    if (thrown.code !== "BMC_AUTH_FAILED" || refused > refusedAtMost) throw thrown;
    return wait("the BMC answers, but does not know the user yet", {
      for: "60s",
      memo: { good: 0, refused },
    });
  }
  const good = answers.good + 1;
  return good >= goodInARow
    ? null
    : wait("the BMC answers again; making sure that it stays", {
        for: "5s",
        memo: { ...answers, good },
      });
}
