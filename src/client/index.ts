/**
 * The client of a service: `LanekeeperClient` is a `Keeper` whose store lives in another process, behind a
 * UNIX socket or TCP.
 */
export { LanekeeperClient } from "./client.js";
export type { ConnectChoices, TlsChoices } from "./options.js";
