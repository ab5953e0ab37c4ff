/**
 * What the server says it is (`kubectl version`). kubectl warns of a server that is more than one minor version away: this
 * one is next to the kubectl of the stable distributions (1.32) and to newer ones up to 1.34. No answer depends on it.
 */
export const serverVersion = {
  major: "1",
  minor: "33",
  gitVersion: "v1.33.0",
  gitCommit: "0000000000000000000000000000000000000000",
  gitTreeState: "clean",
  buildDate: "2025-04-23T00:00:00Z",
  goVersion: "go1.24.2",
  compiler: "gc",
  platform: "linux/amd64",
};
