import { describe, expect, it } from "vitest";
import { z } from "zod";
import { Failure } from "#contract/failures.ts";
import type { RunId } from "#contract/ids.ts";
import { noting, toyHead, toyWorkflow, type ToyEngine } from "#test/toy-engine.ts";
import { describeToys } from "#test/toy-suite.ts";
import { nothing, wait, type Workflow } from "./kit.ts";

/** Runs that have to do with each other, or with somebody outside: children, retries, signals. */
describeToys("together", (toys) => {
  const open = (...workflows: Workflow[]): Promise<ToyEngine> => toys.open(workflows);
  const by = { actor: "dana" };
  const locks = (resource: string) =>
    toys.test.database.query<{ run_id: string }>("select run_id from locks where resource = $1", [
      resource,
    ]);
  const childrenOf = async (run: RunId): Promise<RunId[]> => {
    const rows = await toys.test.database.query<{ id: RunId }>(
      "select id from runs where parent = $1 order by id",
      [run],
    );
    return rows.map(({ id }) => id);
  };
  const onLamp = (serverId: string) => ({
    workflow: "server.inspect" as const,
    input: { serverId },
    project: "toy",
    source: "atlas" as const,
    by,
  });

  describe("children", () => {
    /** A parent whose first step starts a child, which goes on when it is told to. */
    const family = () => {
      const child = toyWorkflow("server.inspect", toyHead())
        .step("see", {
          expected: "1s",
          within: "24h",
          run: async ({ ports, signals }) => {
            if (signals["go"] === undefined) return wait("not told to go", { for: "20h" });
            ports.effects.push("seen");
            return undefined;
          },
          undo: async ({ ports }) => void ports.effects.push("undo see"),
        })
        .result(() => "all of it");
      const parent = toyWorkflow("server.register", toyHead())
        .step("delegate", {
          expected: "1s",
          within: "24h",
          output: z.object({ child: z.string(), status: z.string(), output: z.unknown() }),
          run: async ({ child: own, input }) => {
            const state = await own.state();
            if (state === null) {
              // Twice at the same moment, as two runners would that both believe to have the run.
              const started = await Promise.all([
                own.start("server.inspect", { serverId: input.serverId }),
                own.start("server.inspect", { serverId: input.serverId }),
              ]);
              const again = await own.start("server.inspect", { serverId: input.serverId });
              if (new Set([...started, again]).size !== 1) throw new Error("it has two children");
              return wait(`run ${again} is under way`, { for: "20h" });
            }
            if (state.status === "pending" || state.status === "running")
              return wait(`run ${state.run} is under way`, { for: "20h" });
            return { child: state.run, status: state.status, output: state.output };
          },
          undo: async ({ child: own }) => {
            const state = await own.state();
            if (state?.status !== "pending" && state?.status !== "running") return undefined;
            await own.cancel("its parent is undone");
            await own.cancel("its parent is undone");
            return wait(`run ${state.run} has to stop`, { for: "20h" });
          },
        })
        .result(({ prior }) => prior.delegate);
      return [parent, child] as const;
    };

    it("are started once, share their parent's lock, and wake it when they end", async () => {
      const { begin, ended, until, run, engine, ports } = await open(...family());
      const id = await begin("server.register");
      const waiting = await until(id, ({ phase }) => phase === "waiting");
      const [child, ...others] = await childrenOf(id);
      expect(others).toEqual([]);
      const lamp = waiting.requested.resourceId;
      expect(await locks(lamp)).toEqual([{ run_id: id }]);
      await expect(engine.start(onLamp(lamp))).rejects.toMatchObject({
        code: "CONFLICT",
        details: { activeRunId: id },
      });

      await until(child!, ({ phase }) => phase === "waiting");
      await engine.signal(child!, "go", {});
      // It waits for twenty hours unless it is woken.
      expect(await ended(id)).toMatchObject({
        status: "completed",
        output: { child, status: "completed", output: "all of it" },
      });
      expect((await run(child!)).requested).toMatchObject({
        parent: { run: id, step: "delegate" },
        source: "workflow",
      });
      expect(ports.effects).toEqual(["seen"]);
      expect(await locks(lamp)).toEqual([]);
    });

    it("are cancelled by the undo of the step that started them, before their parent ends", async () => {
      const { begin, ended, until, run, engine, ports } = await open(...family());
      const id = await begin("server.register");
      await until(id, ({ phase }) => phase === "waiting");
      const [child] = await childrenOf(id);
      await until(child!, ({ phase }) => phase === "waiting");
      await engine.cancel({ run: id, by });
      const parent = await ended(id);
      expect(parent).toMatchObject({ status: "cancelled", cleanup: "complete" });
      const cancelled = await run(child!);
      expect(cancelled).toMatchObject({ status: "cancelled", cleanup: "complete" });
      expect(cancelled.completedAt).toBeLessThanOrEqual(parent.completedAt!);
      expect(ports.effects).toEqual(["undo see"]);
      expect(await locks(parent.requested.resourceId)).toEqual([]);
    });
  });

  it("does not lose a signal that comes between a look and its wait", async () => {
    const looks: boolean[] = [];
    const { begin, ended, engine, types } = await open(
      toyWorkflow("server.inspect", toyHead())
        .step("listen", {
          expected: "1s",
          within: "24h",
          undo: nothing("waits"),
          run: async ({ signals, run }) => {
            looks.push(signals["bell"] !== undefined);
            if (signals["bell"] !== undefined) return undefined;
            // The bell rings after this look and before its wait is written.
            await engine.signal(run.id, "bell", {});
            return wait("nobody rang", { for: "20h" });
          },
        })
        .result(() => null),
    );
    const run = await ended(await begin("server.inspect"));
    expect(run).toMatchObject({ status: "completed" });
    expect(looks).toEqual([false, true]);
    expect((await types(run.id)).slice(2)).toEqual([
      "step.started",
      "run.signalled",
      "step.waiting",
      "step.completed",
      "run.completed",
    ]);
  });

  describe("retries", () => {
    const breaking = (isBroken: () => boolean) =>
      toyWorkflow("server.inspect", toyHead())
        .step("one", noting("one"))
        .step("two", {
          ...noting("two"),
          run: async ({ ports }) => {
            ports.effects.push("two");
            if (isBroken()) throw new Failure("BMC_REJECTED", "no");
          },
        })
        .result(() => null);

    it("of a held run take its lock and its duty to undo over, one of eight at the same moment", async () => {
      let isBroken = true;
      const { begin, ended, run, engine, ports } = await open(breaking(() => isBroken));
      const held = await ended(await begin("server.inspect", { onFailure: "hold" }));
      const lamp = held.requested.resourceId;
      expect(await locks(lamp)).toEqual([{ run_id: held.id }]);
      isBroken = false;
      const plan = await engine.planAct("retry", { run: held.id, by, retry: { fromStep: "two" } });
      expect(plan.refusals).toEqual([]);
      const onwards = held.requested.plan.slice(1);
      expect(plan.steps.map(({ name }) => name)).toEqual(onwards.map(({ name }) => name));
      expect(plan.estimatedDurationMs).toBe(
        onwards.reduce((sum, { expectedMs }) => sum + expectedMs, 0),
      );
      const retry = () => engine.retry({ run: held.id, by, retry: { fromStep: "two" } });
      const tries = await Promise.allSettled(Array.from({ length: 8 }, retry));
      const won = tries.flatMap((each) => (each.status === "fulfilled" ? each.value.run.id : []));
      expect(won).toHaveLength(1);
      const next = won[0] as RunId;
      for (const lost of tries.filter((each) => each.status === "rejected")) {
        expect(lost.reason).toMatchObject({
          code: "INVALID_STATE_TRANSITION",
          details: { retriedBy: next },
        });
      }
      expect(await run(held.id)).toMatchObject({
        cleanup: "none",
        attention: null,
        retriedBy: next,
      });
      await expect(engine.undo({ run: held.id, by })).rejects.toMatchObject({
        code: "INVALID_STATE_TRANSITION",
      });
      expect(await ended(next)).toMatchObject({ status: "completed" });
      expect(ports.effects).toEqual(["one", "two", "two"]);
      expect(await locks(lamp)).toEqual([]);
      const runs = await toys.test.database.query("select id from runs where retry_of = $1", [
        held.id,
      ]);
      expect(runs).toEqual([{ id: next }]);
    });

    it("of a held run that fail again, undo what the held run did, under its keys", async () => {
      const undone: string[] = [];
      const { begin, ended, engine } = await open(
        toyWorkflow("server.inspect", toyHead())
          .step("one", {
            ...noting("one"),
            undo: async ({ key }) => void undone.push(key),
          })
          .step("two", {
            ...noting("two"),
            run: async () => {
              throw new Failure("BMC_REJECTED", "no");
            },
          })
          .result(() => null),
      );
      const held = await ended(await begin("server.inspect", { onFailure: "hold" }));
      const { run } = await engine.retry({
        run: held.id,
        by,
        retry: { fromStep: "two", input: { onFailure: "undo" } },
      });
      expect(await ended(run.id)).toMatchObject({ status: "failed", cleanup: "complete" });
      expect(undone).toEqual([`${held.id}/one`]);
      expect(await locks(held.requested.resourceId)).toEqual([]);
    });

    describe("and secrets", () => {
      let isBroken = true;
      const keeping = toyWorkflow("server.inspect", {
        ...toyHead(),
        secrets: ({ input }) => [{ name: "password", id: input.note ?? null }],
      })
        .step("one", noting("one"))
        .step("two", {
          ...noting("two"),
          run: async () => {
            if (isBroken) throw new Failure("BMC_REJECTED", "no");
          },
        })
        .result(() => null);
      let made = 0;
      const secret = () => {
        made += 1;
        return { id: `sec_${made}`, sealed: new Uint8Array([1]) };
      };
      /** A failed run whose input refers to a secret. */
      const failing = async ({ ended, engine }: ToyEngine, onFailure: "undo" | "hold") => {
        isBroken = true;
        const { id, sealed } = secret();
        const { run } = await engine.start({
          ...onLamp(`srv_${id}`),
          input: { serverId: `srv_${id}`, note: id, onFailure },
          secrets: [{ id, sealed }],
          facts: [],
        });
        const failed = await ended(run.id);
        isBroken = false;
        return { failed, id };
      };
      const expires = async (id: string): Promise<boolean | null> => {
        const rows = await toys.test.database.query<{ expires: boolean }>(
          "select expires_at is not null as expires from secrets where id = $1",
          [id],
        );
        return rows[0]?.expires ?? null;
      };

      it("are refused when those are gone, unless they come anew", async () => {
        const opened = await open(keeping);
        const { ended, engine } = opened;
        for (const lost of [
          "delete from secrets where id = $1",
          "update secrets set expires_at = now() - interval '1 second' where id = $1",
        ]) {
          const { failed, id } = await failing(opened, "undo");
          expect(await expires(id)).toBe(true);
          await toys.test.database.query(lost, [id]);
          const retry = { run: failed.id, by, retry: {} };
          const refused = { code: "INVALID_STATE_TRANSITION", details: { expired: ["password"] } };
          await expect(engine.retry(retry)).rejects.toMatchObject(refused);
          await expect(engine.retry(retry)).rejects.toThrow(
            "its stored password expired; ask anew",
          );
          expect((await engine.planAct("retry", retry)).refusals).toMatchObject([refused]);
          const fresh = secret();
          const { run } = await engine.retry({
            ...retry,
            retry: { input: { note: fresh.id }, secrets: [fresh] },
          });
          expect(await ended(run.id)).toMatchObject({ status: "completed" });
          expect(await expires(fresh.id)).toBe(true);
        }
      });

      it("keep them while the old run is held, and no longer", async () => {
        const opened = await open(keeping);
        const { ended, engine } = opened;
        const abandoned = await failing(opened, "hold");
        expect(abandoned.failed.cleanup).toBe("held");
        expect(await expires(abandoned.id)).toBe(false);
        await engine.abandon({
          run: abandoned.failed.id,
          by: { ...by, reason: "taken apart by hand" },
        });
        expect(await expires(abandoned.id)).toBe(true);

        const undone = await failing(opened, "hold");
        expect(await expires(undone.id)).toBe(false);
        await engine.undo({ run: undone.failed.id, by });
        expect(await ended(undone.failed.id)).toMatchObject({ cleanup: "complete" });
        expect(await expires(undone.id)).toBe(true);

        const retried = await failing(opened, "hold");
        const { run } = await engine.retry({
          run: retried.failed.id,
          by,
          retry: { fromStep: "two" },
        });
        expect(await ended(run.id)).toMatchObject({ status: "completed" });
        expect(await expires(retried.id)).toBe(true);
      });
    });

    it("from a step are refused once another run has changed what its steps left", async () => {
      let isBroken = true;
      const looking = toyWorkflow("server.inspect", toyHead())
        .step("look", { ...noting("look"), undo: nothing("looks") })
        .result(() => null);
      const other = toyWorkflow("server.lifecycle", toyHead())
        .step("change", noting("change"))
        .result(() => null);
      const writing = toyWorkflow("server.provision", toyHead())
        .step("check", { ...noting("check"), undo: nothing("looks") })
        .pivot("what is written stays")
        .step("write", { expected: "1s", run: async () => undefined })
        .step("verify", {
          expected: "1s",
          run: async () => {
            if (isBroken) throw new Failure("PROVISIONING_FAILED", "unreadable");
          },
        })
        .result(() => null);
      const { begin, ended, engine } = await open(looking, other, writing);
      const failed = await ended(await begin("server.provision"));
      const lamp = failed.requested.resourceId;
      isBroken = false;
      const next = async (workflow: "server.inspect" | "server.lifecycle") =>
        (await ended((await engine.start({ ...onLamp(lamp), workflow })).run.id)).id;
      const retry = (fromStep: string) => ({ run: failed.id, by, retry: { fromStep } });

      await next("server.inspect");
      expect((await engine.planAct("retry", retry("verify"))).refusals).toEqual([]);
      const changed = await next("server.lifecycle");
      await next("server.lifecycle");
      const refused = {
        code: "INVALID_STATE_TRANSITION",
        details: { earliestStep: "check", overtakenBy: changed },
      };
      await expect(engine.retry(retry("verify"))).rejects.toMatchObject(refused);
      expect(await engine.planAct("retry", retry("verify"))).toMatchObject({ refusals: [refused] });

      // From the first step on nothing of the old run is built upon.
      const { run } = await engine.retry(retry("check"));
      expect(await ended(run.id)).toMatchObject({ status: "completed" });
    });

    it("go on with what the run before them heard, also after its end", async () => {
      let isPatient = false;
      const { begin, ended, engine, types } = await open(
        toyWorkflow("server.provision", toyHead())
          .step("ring", noting("ring"))
          .pivot("a bell that rang cannot be made silent")
          .step("hear", {
            expected: "1s",
            run: async ({ signals }) => {
              if (signals["bell"] !== undefined && signals["horn"] !== undefined) return undefined;
              if (!isPatient) throw new Failure("PROVISIONING_FAILED", "nothing is heard");
              return wait("listening");
            },
          })
          .result(() => null),
      );
      const failed = await ended(await begin("server.provision"));
      await engine.signal(failed.id, "bell", {});
      expect((await types(failed.id)).at(-1)).toBe("run.signalled");

      isPatient = true;
      const { run } = await engine.retry({ run: failed.id, by, retry: { fromStep: "hear" } });
      // Whoever knows only the first run's address reaches the second by it.
      await engine.signal(failed.id, "horn", {});
      const retried = await ended(run.id);
      expect(retried).toMatchObject({ status: "completed", signals: { bell: {}, horn: {} } });
      await expect(engine.signal(failed.id, "bell", {})).rejects.toMatchObject({
        code: "INVALID_STATE_TRANSITION",
      });
    });

    it("of a run that made its resource and took it back, make it again", async () => {
      let isBroken = true;
      const { begin, ended, engine, journal } = await open(
        toyWorkflow("server.register", toyHead())
          .step("make", {
            ...noting("make"),
            undo: async ({ fact }) => fact({ type: "lamp.gone", data: {} }),
          })
          .step("use", {
            ...noting("use"),
            run: async () => {
              if (isBroken) throw new Failure("BMC_REJECTED", "no");
            },
          })
          .result(() => null),
      );
      const failed = await ended(await begin("server.register"));
      const lamp = failed.requested.resourceId;
      const rows = () => toys.test.database.query("select id from servers where id = $1", [lamp]);
      const facts = async () => (await journal.read(lamp)).map(({ type }) => type);
      expect(failed.cleanup).toBe("complete");
      expect(await rows()).toEqual([]);
      expect(await facts()).toEqual(["lamp.made", "lamp.began", "lamp.gone"]);
      await expect(engine.start(onLamp(lamp))).rejects.toBeInstanceOf(Failure);

      isBroken = false;
      const { run } = await engine.retry({ run: failed.id, by, retry: {} });
      expect(await ended(run.id)).toMatchObject({ status: "completed" });
      expect(await rows()).toEqual([{ id: lamp }]);
      expect((await facts()).slice(3)).toEqual(["lamp.made", "lamp.began", "lamp.ended"]);
      expect(await locks(lamp)).toEqual([]);
    });

    it("of a held child take a lock of their own", async () => {
      let isBroken = true;
      const parent = toyWorkflow("server.register", toyHead())
        .step("delegate", {
          expected: "1s",
          within: "24h",
          undo: nothing("its child stands for itself"),
          run: async ({ child, input }) => {
            const { serverId } = input;
            const state = await child.state();
            if (state === null)
              await child.start("server.inspect", { serverId, onFailure: "hold" });
            return state?.status === "failed" ? undefined : wait("it is under way");
          },
        })
        .result(() => null);
      const { begin, ended, run, engine } = await open(
        parent,
        breaking(() => isBroken),
      );
      const id = await begin("server.register");
      expect(await ended(id)).toMatchObject({ status: "completed" });
      const [child] = await childrenOf(id);
      const held = await run(child!);
      expect(held.cleanup).toBe("held");
      isBroken = false;
      const again = await engine.retry({ run: child!, by, retry: { fromStep: "two" } });
      expect(await ended(again.run.id)).toMatchObject({ status: "completed" });
      expect(await locks(held.requested.resourceId)).toEqual([]);
    });
  });
});
