import { afterAll, afterEach, beforeAll } from "vitest";
import type { Workflow } from "#engine/kit.ts";
import { describeEachBackend, type TestDatabase } from "./backends.ts";
import { openToyEngine, type ToyEngine, type ToyOptions } from "./toy-engine.ts";

export interface Toys {
  /** The suite's own database; there once its tests run. */
  readonly test: TestDatabase;
  /** A toy engine that is stopped when its test has ended. */
  open(workflows: readonly Workflow[], more?: Partial<ToyOptions>): Promise<ToyEngine>;
}

/** Runs a suite of toy engines once per database. */
export function describeToys(name: string, suite: (toys: Toys) => void): void {
  describeEachBackend(name, (backend) => {
    let test: TestDatabase | undefined;
    const opened: ToyEngine[] = [];
    const present = (): TestDatabase => {
      if (test === undefined) throw new Error("the database is opened before the tests run");
      return test;
    };
    beforeAll(async () => {
      test = await backend.open();
    });
    afterEach(async () => {
      for (const toy of opened.splice(0)) await toy.stop();
    });
    afterAll(() => present().drop());
    suite({
      get test() {
        return present();
      },
      async open(workflows, more = {}) {
        const toy = await openToyEngine({ database: present().database, workflows, ...more });
        opened.push(toy);
        return toy;
      },
    });
  });
}
