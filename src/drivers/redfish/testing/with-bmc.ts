import { expect } from "vitest";
import { Failure } from "#contract/failures.ts";
import type { BmcRef } from "#drivers/ports.ts";
import { type ScriptedBmc, startScriptedBmc } from "./scripted-bmc.ts";
import { createTestDriver, refTo, type TestDriver, type TestDriverOptions } from "./test-driver.ts";

export interface Bench extends TestDriver {
  readonly bmc: ScriptedBmc;
  readonly ref: BmcRef;
}

/** Runs `work` with a driver and a scripted BMC, both ended afterwards whatever happens. */
export const withBmc = async <T>(
  work: (bench: Bench) => Promise<T>,
  options: TestDriverOptions = {},
): Promise<T> => {
  const bmc = await startScriptedBmc();
  const driver = createTestDriver(options);
  try {
    return await work({ ...driver, bmc, ref: refTo(bmc.address) });
  } finally {
    await driver.bmcs.close();
    await bmc.close();
  }
};

/** The failure that a call throws; a call that succeeds, or throws anything else, fails the test. */
export const failureOf = async (call: Promise<unknown>): Promise<Failure> => {
  const thrown = await call.then(
    () => null,
    (error: unknown) => error,
  );
  expect(thrown).toBeInstanceOf(Failure);
  return thrown as Failure;
};
