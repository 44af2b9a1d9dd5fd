/** The author of a decision that nobody names otherwise: the user and the host. */
import { hostname, userInfo } from "node:os";

export function authorHere(): string {
  return `${userInfo().username}@${hostname()}`;
}
