import { readFileSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { machineAddresses } from "#doors/config-drive.ts";
import { createCipher, generateSecretKey } from "#platform/cipher.ts";
import { type ProcessWorld, openProcessWorld } from "#test/process-world.ts";
import {
  type Api,
  imageOf,
  registration,
  runPath,
  serverPath,
  serversPath,
} from "#test/processes/api.ts";
import { type ControlPlane, command } from "#test/processes/control-plane.ts";

/** What was told in confidence is found nowhere: not in an answer, an event, a log, a dump, nor on the disk. */

let world: ProcessWorld;
let plane: ControlPlane;
let api: Api;
let dataDir: string;
const secretKey = generateSecretKey();

beforeAll(async () => {
  world = await openProcessWorld({ servers: 4, speed: 150, namedFaults: true });
  dataDir = await world.dataDir();
  plane = await world.start(env());
  api = world.api(plane, dataDir);
}, 180_000);
afterAll(() => world.close());

const env = () =>
  world.env(dataDir, {
    MILLWRIGHT_PACE: "60",
    MILLWRIGHT_LOG_LEVEL: "debug",
    MILLWRIGHT_SECRET_KEY: secretKey,
  });

/** What opens a run's config drive and its call-back. */
const tokenOf = (run: string): string => {
  const url = machineAddresses(createCipher(secretKey), () => "").driveUrl(run);
  return /([^/]+)\/config\.iso$/.exec(url)![1]!;
};

const files = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: "utf8" })
    .map((name) => join(folder, name))
    .filter((name) => statSync(name).isFile());

it("keeps passwords and user data to itself", { timeout: 240_000 }, async () => {
  // The profile xcc has a password that no documentation quotes as an example.
  const bmc = world.lab.bmcs.find(({ name }) => name.endsWith("xcc"))!;
  const wrong = "Wr0ng-and-unmistakable-5d1f";
  const userData = "#cloud-config\n# unmistakable-user-data-77aa\n";
  const networkData = "version: 2 # unmistakable-network-data-33bb\n";
  const secrets = [
    bmc.password,
    wrong,
    "unmistakable-user-data-77aa",
    "unmistakable-network-data-33bb",
  ];

  const good = await api.completed("POST", serversPath, registration(bmc));
  const path = serverPath(good.resourceId);
  const image = imageOf(world.lab.image("iso"));
  const body = { image, completion: "callback", userData, networkData };
  const provisioned = await api.completed("POST", `${path}/provision`, body);
  secrets.push(tokenOf(provisioned.id));
  const refused = await api.follow("POST", serversPath, {
    ...registration(world.lab.bmc("bad-password")),
    password: wrong,
  });
  expect(refused.error?.code).toBe("BMC_AUTH_FAILED");
  // Bodies that are refused must not come back with what was wrong in them either.
  const malformed = await api.ask("POST", serversPath, {
    body: { ...registration(bmc), password: [wrong], bmcAddress: "http://x", colour: wrong },
  });
  expect(malformed.status).toBe(400);

  const said: [string, string][] = [["the malformed request", malformed.text]];
  for (const target of [
    "/v1/workflows/runs?limit=100",
    `${serversPath}?limit=100`,
    path,
    "/metrics",
  ])
    said.push([target, (await api.good("GET", target)).text]);
  for (const target of [`${path}/inventory`, `${path}/events`, `${path}/runs`])
    said.push([target, (await api.good("GET", target)).text]);
  const runs = await api.pages<{ id: string }>("/v1/workflows/runs?limit=100");
  for (const { id } of runs) said.push([id, (await api.good("GET", runPath(id))).text]);
  said.push(["the event log", JSON.stringify(await api.pages("/v1/events?limit=100"))]);
  plane.child.signal("SIGTERM");
  expect((await plane.child.ended).code).toBe(0);
  said.push(["stdout", plane.child.stdout()], ["the log", plane.child.stderr()]);
  const dump = join(world.folder(), "dump.jsonl");
  expect(await command(["dump", dump], env())).toMatchObject({ code: 0 });
  expect(statSync(dump).mode & 0o777).toBe(0o600);
  for (const file of [dump, ...files(dataDir)]) said.push([file, readFileSync(file, "latin1")]);

  // The search would find what is there: a name that was given openly is.
  expect(said.filter(([, text]) => text.includes(bmc.name)).length).toBeGreaterThan(3);
  const found = said.flatMap(([where, text]) =>
    secrets.filter((secret) => text.includes(secret)).map((secret) => `${secret} in ${where}`),
  );
  expect(found).toEqual([]);
});
