import type { Reporter, TestModule } from "vitest/node";

/**
 * Ends a run with one plain line, `N passed, N failed, N skipped`, that people and machines can read. Before it stand the
 * tests that passed only at a further try: a second try keeps a starved machine from deciding, it must not hide a flake.
 */
export default class TallyReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    const count = { passed: 0, failed: unhandledErrors.length, skipped: 0, pending: 0 };
    const flaky: string[] = [];
    for (const module of modules) {
      for (const test of module.children.allTests()) {
        const { state, errors = [] } = test.result();
        count[state] += 1;
        const { flaky: isFlaky = false, retryCount = 0 } = test.diagnostic() ?? {};
        if (!isFlaky) continue;
        const [why = ""] = (errors[0]?.message ?? "").split("\n");
        const name = `${module.relativeModuleId} > ${test.fullName}`;
        flaky.push(`  ${name} (at try ${retryCount + 1}): ${why}`);
      }
      // A file that could not even be loaded has no tests to count; it must not look like success.
      if (module.state() === "failed" && module.children.size === 0) count.failed += 1;
    }
    if (flaky.length > 0)
      process.stdout.write(
        `\n${flaky.length} passed only when tried again:\n${flaky.join("\n")}\n`,
      );
    const skipped = count.skipped + count.pending;
    process.stdout.write(
      `\n${count.passed} passed, ${count.failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}\n`,
    );
  }
}
