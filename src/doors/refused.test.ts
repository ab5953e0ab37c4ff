import { expect, it } from "vitest";
import { databaseRefused, portRefused, reasonOf } from "./refused.ts";

const withCode = (code: string, message: string): Error =>
  Object.assign(new Error(message), { code });

it("tells every reason of an error that has several and no words of its own", () => {
  const several = new AggregateError([new Error("::1 is shut"), new Error("127.0.0.1 is shut")]);
  expect(reasonOf(several)).toBe("::1 is shut; 127.0.0.1 is shut");
  expect(reasonOf("odd")).toBe("odd");
});

it("names the setting of a database that cannot be used", () => {
  expect(databaseRefused(new Error('role "nobody" does not exist')).message).toBe(
    'the database of MILLWRIGHT_DATABASE_URL cannot be used: role "nobody" does not exist; start it, or correct the URL',
  );
});

it("names the setting of a port that is taken, and of one that may not be had", () => {
  const place = { host: "127.0.0.1", port: 80 };
  expect(portRefused(withCode("EADDRINUSE", "listen EADDRINUSE"), place).message).toBe(
    "port 80 is in use; choose another with MILLWRIGHT_PORT (0 = any)",
  );
  expect(portRefused(withCode("EACCES", "permission denied"), place).message).toBe(
    "cannot listen on 127.0.0.1, port 80: permission denied; look at MILLWRIGHT_HOST and MILLWRIGHT_PORT",
  );
});
