import { RealDisk } from "../../disk/real/real.js";
import { identityIn as identityOn, type StoreIdentity } from "../../journal/form/store.js";

/** As `identityIn` of the journal, on the real disk, for a store of whatever chain. */
export async function identityIn(directory: string, evenRetired = false): Promise<StoreIdentity> {
  return await identityOn(new RealDisk(), directory, { evenRetired });
}
