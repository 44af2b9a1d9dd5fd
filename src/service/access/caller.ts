/** Those who call, and the roles that they have. */

export const roles = ["writer", "reader", "operator", "metrics"] as const;
export type Role = (typeof roles)[number];

export interface Caller {
  /** The name of a token or certificate; "local" for those whom the listener itself lets in. */
  readonly name: string;
  readonly roles: ReadonlySet<Role>;
}

/** A caller over a socket that only the owner of the store can open, or over one that is open to all. */
export const localCaller: Caller = { name: "local", roles: new Set(roles) };

/** The right to call a method: one of these roles. */
export type Allowed = readonly Role[];

export const forReaders: Allowed = ["reader", "writer", "operator"];
export const forWriters: Allowed = ["writer"];
export const forOperators: Allowed = ["operator"];
/** A validator decides this for itself, too. */
export const forDeciders: Allowed = ["operator", "writer"];
