/**
 * The variable of a ClusterClass, or value of a ClusterTemplate, by which the machines of a group find their hosts: what has one makes
 * its machines of servers.
 */
export const hostSelector = "hostSelector";

/** Whether a selector says anything: one without a label chooses every host that is free. */
export const choosesHosts = (selector: unknown): boolean =>
  typeof selector === "object" && selector !== null
    ? Object.values(selector).some(choosesHosts)
    : selector !== undefined && selector !== null;

/**
 * Why a group must name its pool: its machines would be made of any free host, those of pools included, and no record would know. Hosts
 * that are kept outside of Millwright stay within reach, by a selector of one's own.
 */
export const needsPool = (maker: string, path: readonly string[] = [hostSelector]): string =>
  `${maker} makes its machines of servers: name a pool, or say by config.${path.join(".")} which other hosts are meant`;
